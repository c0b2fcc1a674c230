"""The second-order equation of a rule, its clock and its starting velocities, as text, LaTeX, JSON.

An inertial rule has one: its velocity is slow, as where 1 - beta is of the order of the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from flint import fmpq

from derive.engine.component_ring import NoExpansion
from derive.engine.second_order import (
    SecondOrder,
    Terms,
    second_order_equation,
    starting_velocity,
    written,
)
from derive.language.bad_input import BadInput
from derive.language.raised import raised
from derive.language.update_rule import Optimizer
from derive.language.writing import GREEK, latex, plain, unicode_text
from verify.formulas.asked import Quantity
from verify.running.cells import aligned
from verify.workbench.beside_motion import STARTS

T = sympy.Symbol("t")


@dataclass(frozen=True)
class Motions:
    """An equation, and x' at the start by what the memory is then.

    Args:
        why: why no start is found, where none is.
    """

    found: SecondOrder
    starts: Mapping[str, tuple[Terms, ...]]
    why: str = ""
    step: str = "h"

    @property
    def clock(self) -> str:
        shift = self.found.clock
        return f"({f'k + {shift}'.replace('+ -', '- ')}){self.step}" if shift else f"k{self.step}"

    @property
    def singular(self) -> bool:
        """Whether a coefficient has no value at t = 0."""
        parts = (sympy.fraction(c)[1] for row in self.found.terms for c in row.values())
        return any(part.subs(T, 0) == 0 for part in parts)


def find(rule: Optimizer, *, order: int, clock: fmpq | None = None) -> Motions:
    """Derive it; BadInput where the rule has no such equation.

    Args:
        order: how many powers of h.
        clock: c of the times (k + c) h at which X passes the iterates; 0 without it.
    """
    if order < 1:
        raise BadInput(f"order {order} leaves nothing of an equation; the least is 1.")
    found = second_order_equation(rule, order=order, clock=clock)
    try:
        starts = {
            name: starting_velocity(rule, order=order, start=memory)
            for name, memory in STARTS.items()
        }
    except NoExpansion as reason:
        return Motions(found, {}, str(reason))
    return Motions(found, starts)


def sum_of(terms: Terms) -> str:
    """Coefficients times vectors on one line."""
    parts = []
    for vector, c in terms.items():
        text = unicode_text(c)
        text = f"({text})" if isinstance(c, sympy.Add) else text
        parts.append({"1": "", "−1": "−"}.get(text, f"{text} ") + written(vector))
    return " + ".join(parts).replace("+ −", "− ") or "0"


def as_json(page: Motions) -> dict[str, Any]:
    """The JSON object of `undertow derive`."""
    found = page.found

    def data(rows: tuple[Terms, ...]) -> list[dict[str, str]]:
        return [{written(v): plain(c) for v, c in row.items()} for row in rows]

    return {
        "optimizer": found.optimizer.name,
        "quantity": str(Quantity.SECOND_ORDER_EQUATION),
        "order": found.order,
        "parameters": [*found.optimizer.parameters],
        "values": {name: str(value) for name, value in found.optimizer.values},
        "convention": "x'' is the sum over n of h^n times coefficient times vector of entry n; "
        "iterate k is met at the time (k + clock) h",
        "clock": str(found.clock),
        "singular_at_0": page.singular,
        "terms": data(found.terms),
        "starts": {name: data(rows) for name, rows in page.starts.items()},
        "no_start": page.why,
    }


def as_text(page: Motions) -> str:
    """One line a power of h, then the starts."""
    step = GREEK.get(page.step, page.step)

    def lines(left: str, rows: tuple[Terms, ...]) -> list[tuple[str, str, str]]:
        found = [(step + raised(n), sum_of(row)) for n, row in enumerate(rows)]
        return [(left if n == 0 else "", *row) for n, row in enumerate(found)]

    head = page.found.optimizer.name.replace("-", " ")
    out = [f"{head}   x_k met at the time {page.clock}", ""]
    out.append(aligned(lines("x''", page.found.terms), indent="  "))
    for name, rows in page.starts.items():
        out += ["", f"at the start, from {name}", "", aligned(lines("x'", rows), indent="  ")]
    if page.why:
        out += ["", f"no start: {page.why}"]
    if page.singular:
        out += ["", "singular at t = 0: it holds from a fixed time t > 0 on"]
    return "\n".join(out)


def as_latex(page: Motions) -> str:
    """An align environment: the equation, and the starting velocities."""
    rows = [_display(r"\ddot X", page.found.terms, page.step)]
    seen: list[tuple[Terms, ...]] = []
    for start in page.starts.values():
        if start not in seen:
            rows.append(_display(r"\dot X(0)", start, page.step))
            seen.append(start)
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def as_sympy(page: Motions) -> str:
    """Refused: the vectors are no SymPy expressions."""
    name = page.found.optimizer.name
    raise BadInput(f"the equation of {name} is written as text, latex or json.")


def _display(left: str, rows: tuple[Terms, ...], step: str) -> str:
    lines: list[str] = []
    for n, row in enumerate(rows):
        if not row:
            continue
        power = "" if n == 0 else step if n == 1 else f"{step}^{{{n}}}"
        inside = "".join(_signed(c) + written(v, tex=True) for v, c in row.items())
        inside = inside.removeprefix("+")
        lines.append(rf"+{power}\Bigl[{inside}\Bigr]" if n else inside)
    lines[:1] = [line.removeprefix("+") for line in lines[:1]]
    return f"{left} &= " + " \\\\\n&\\quad ".join(lines or ["0"]) + f" + O({step}^{{{len(rows)}}})"


def _signed(c: sympy.Expr) -> str:
    text = latex(c)
    if isinstance(c, sympy.Add):
        return rf"+\bigl({text}\bigr)"
    text = {"1": "", "-1": "-"}.get(text, text)
    return text if text.startswith("-") else f"+{text}"
