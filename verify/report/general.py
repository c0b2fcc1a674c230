"""The modified flow or slow manifold of any rule as text, LaTeX, JSON and SymPy code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from derive.engine.component_ring import Element
from derive.engine.edges import Edge, EdgeKind, edges
from derive.engine.invariant_manifold import SlowManifold, general_flow
from derive.engine.observed import step_of_flow
from derive.engine.settling import past_a_kink, settled_start, start_up
from derive.language.bad_input import BadInput
from derive.language.raised import raised
from derive.language.update_rule import Optimizer
from derive.language.writing import GREEK
from verify.formulas.asked import Quantity
from verify.report.component_writing import Writer, joined, lines_of
from verify.running.cells import aligned

COLUMN = 60
"""How wide a line of LaTeX may be, in visible characters."""

AFTER = {
    Quantity.MODIFIED_FLOW: ("'", "'"),
    Quantity.SLOW_MANIFOLD: ("", ""),
    Quantity.ONE_STEP_MAP: ("ₖ₊₁", "_{k+1}"),
    Quantity.TRANSIENT: ("'", "'"),
    Quantity.INITIAL_SHIFT: ("(0)", "(0)"),
    Quantity.PAST_A_KINK: ("₊", "_{+}"),
}
"""What stands behind the name of a variable on the left, in text and in LaTeX."""
QUANTITIES = tuple(AFTER)
SAYS = {
    Quantity.MODIFIED_FLOW: "its speed",
    Quantity.SLOW_MANIFOLD: "it",
    Quantity.ONE_STEP_MAP: "its value after a step, written in those before it,",
    Quantity.TRANSIENT: "its speed on [kh, (k+1)h] after the declared start",
    Quantity.INITIAL_SHIFT: "the start of the lasting flow, written in that of the iterates,",
    Quantity.PAST_A_KINK: "where the flow goes on behind a kink of a schedule",
}


@dataclass(frozen=True)
class General:
    """What was asked of a rule that is not linear in its memory."""

    flow: SlowManifold
    quantity: Quantity
    step: str = "h"

    @property
    def rows(self) -> dict[str, tuple[Element, ...]]:
        if self.quantity is Quantity.SLOW_MANIFOLD:
            return dict(self.flow.manifold)
        rows = self.flow.flow
        if self.quantity is Quantity.ONE_STEP_MAP:
            rows = step_of_flow(self.flow)
        if self.quantity is Quantity.INITIAL_SHIFT:
            rows = settled_start(self.flow.optimizer, order=self.flow.order)
        if self.quantity is Quantity.PAST_A_KINK:
            rows = past_a_kink(self.flow.optimizer, order=self.flow.order)
        return {n: row for n, row in rows.items() if not self.flow.is_time(n)}


def find(
    rule: Optimizer,
    quantity: Quantity,
    *,
    order: int,
    k: int | None = None,
    flow: SlowManifold | None = None,
) -> General:
    """Derive a quantity of any rule.

    Args:
        k: the step of a transient.
        flow: of an observed variable, where one was asked for.
    Raises:
        BadInput: the quantity is made for linear memories.
    """
    if quantity not in QUANTITIES:
        known = f"{', '.join(QUANTITIES[:-1])} and {QUANTITIES[-1]}"
        raise BadInput(
            f"{quantity} is derived of rules that are linear in their memory; {rule.name} is not. "
            f"Of it there are {known}, and perhaps a modified-loss."
        )
    if quantity is Quantity.TRANSIENT:
        return General(start_up(rule, order=order, k=k), quantity)
    if k is not None:
        raise BadInput(f"k is the step of a transient; {quantity} has none.")
    found = flow or general_flow(rule, order=order)
    if quantity is Quantity.SLOW_MANIFOLD and not found.fast:
        raise BadInput(f"every state of {rule.name} is slow, so there is no slow manifold to find.")
    return General(found, quantity)


SENTENCES = {
    EdgeKind.SIGN: "no component of {} is 0 or changes sign",
    EdgeKind.ZERO: "{} is not 0",
    EdgeKind.SCALE: "a step changes {} by much less than itself",
    EdgeKind.MEMORY: "h is much smaller than {}",
    EdgeKind.ASSUMED: "{} is positive",
}


def sentence(flow: SlowManifold, edge: Edge) -> str:
    """Where the expansion holds, in words."""
    return SENTENCES[edge.kind].format(Writer(flow).text(edge.of))


def holds_where(flow: SlowManifold) -> dict[str, Any]:
    """The range of the expansion for programs: sentences, and the same as data."""
    writer, found = Writer(flow), edges(flow)
    return {
        "holds_where": [sentence(flow, edge) for edge in found],
        "range": [{"kind": str(edge.kind), "of": writer.text(edge.of)} for edge in found],
    }


def as_json(page: General) -> dict[str, Any]:
    """The JSON object of `undertow derive` for such a rule."""
    flow, writer = page.flow, Writer(page.flow)
    rows = {name: [writer.terms(element) for element in row] for name, row in page.rows.items()}
    left = SAYS[page.quantity]
    return {
        "optimizer": flow.optimizer.name,
        "quantity": str(page.quantity),
        "order": flow.order,
        "parameters": [*flow.optimizer.parameters, *flow.optimizer.schedules],
        "values": {name: str(value) for name, value in flow.optimizer.values},
        "slow": [name for name in flow.slow if not flow.is_time(name)],
        "fast": list(flow.fast),
        "convention": f"of each variable, {left} is the sum over n of h^n times the terms of entry "
        "n; products and quotients of vectors are taken component by component",
        "terms": rows,
        "where": writer.used,
        **holds_where(flow),
    }


def as_text(page: General) -> str:
    """One line a term, the names explained beneath."""
    flow, writer = page.flow, Writer(page.flow)
    step = GREEK.get(page.step, page.step)
    prime = AFTER[page.quantity][0]
    head = [f"{flow.optimizer.name.replace('-', ' ')}", f"slow {', '.join(flow.slow)}"]
    head += [f"fast {', '.join(flow.fast)}"] if flow.fast else []
    lines = ["   ".join(head), ""]
    rows: list[tuple[str, str, str]] = []
    for name, row in page.rows.items():
        label = f"{name}{prime}"
        for n, element in enumerate(row):
            power = step + raised(n)
            for term in writer.terms(element):
                rows.append((label, power, term))
                label = power = ""
        if label:
            rows.append((label, "0", ""))
    lines.append(aligned(rows, indent="  "))
    named = [f"{name} = {text}" for name, text in writer.used.items() if text]
    lines += ["", f"with {',   '.join(named)}"] if named else []
    if holds := [sentence(flow, edge) for edge in edges(flow)]:
        lines += ["", f"holds where {'; '.join(holds)}"]
    return "\n".join(lines)


def as_latex(page: General) -> str:
    """An align environment in lines that fit a column, and what the names mean."""
    writer = Writer(page.flow, tex=True)
    prime = AFTER[page.quantity][1]
    blocks = []
    for name, row in page.rows.items():
        left = rf"\mathrm{{{name}}}" if len(name) > 1 else name
        lines: list[str] = []
        for n, element in enumerate(row):
            written = [joined(part) for part in lines_of(writer.terms(element), COLUMN, _visible)]
            if not written:
                continue
            power = "" if n == 0 else page.step if n == 1 else f"{page.step}^{{{n}}}"
            if n:
                written[0] = rf"+{power}\Bigl[{written[0]}"
                written[-1] += r"\Bigr]"
            lines += [written[0], *(part if part[0] == "-" else f"+{part}" for part in written[1:])]
        body = " \\\\\n&\\quad ".join(lines or ["0"])
        blocks.append(f"{left}{prime} &= {body} + O({page.step}^{{{len(row)}}})")
    named = ", \\quad ".join(f"{name} = {text}" for name, text in writer.used.items() if text)
    blocks += [rf"&\text{{with }} {named}"] if named else []
    return "\\begin{align*}\n" + " \\\\\n".join(blocks) + "\n\\end{align*}"


def _visible(term: str) -> int:
    return len(re.sub(r"\\[a-zA-Z]+|[{}^_\\]", "", term))


def as_sympy(page: General) -> str:
    """Refused: there are no coefficients by tree to write as code."""
    raise BadInput(
        f"{page.flow.optimizer.name} has no coefficients by tree; on a loss, --loss writes its "
        "field as SymPy code."
    )
