"""The flow of mini-batches as text, LaTeX and JSON: sums over the history, or one given step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import sympy

from derive.batches.history_sums import Gaps, HistoryFlow, history_flow
from derive.batches.minibatch_flow import minibatch_loss
from derive.engine.bseries import BSeries
from derive.engine.linear_memory import linear_method
from derive.engine.modified_loss import loss_of_field
from derive.language.coefficients import Coefficient
from derive.language.differentials import (
    latex_differential,
    latex_scalar,
    text_differential,
    text_scalar,
)
from derive.language.formula import K, R
from derive.language.raised import lowered, raised
from derive.language.trees import Tree
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import GREEK, latex, plain, unicode_text
from verify.formulas.asked import Quantity
from verify.report.derivation import parameter_ranges
from verify.running.cells import aligned

S = sympy.Symbol("s")
CHAIN = (K, R, S)


@dataclass(frozen=True)
class ChainTerm:
    """weight h^power times a differential (or a scalar), summed over chains k > r > s."""

    power: int
    weight: sympy.Expr
    tree: Tree
    steps: tuple[sympy.Expr, ...]
    """The step of every level: symbols where it is summed over, else numbers."""

    @property
    def summed(self) -> list[str]:
        return [str(step) for step in self.steps[1:] if step.is_Symbol]


@dataclass(frozen=True)
class MinibatchPage:
    """What an optimizer follows on [t_k, t_(k+1)] for any sequence of batches."""

    flow: HistoryFlow
    quantity: Quantity
    k: int | None
    step: str = "h"

    @cached_property
    def exists_below(self) -> int:
        """The order of the first tree for which no loss exists, for all batch losses."""
        order = len(self.flow.orders)
        # three different steps show what any number of them shows through h^2
        return minibatch_loss(self.flow.optimizer, order=order, k=order).exists_below

    def terms(self) -> list[ChainTerm]:
        """The field, or minus the loss behind it as far as it exists."""
        loss = self.quantity is Quantity.MODIFIED_LOSS
        found = []
        for n, sums in enumerate(self.flow.orders, 1):
            if loss and n >= self.exists_below:
                break
            field = {key: c * key[1].symmetry for key, c in sums.terms.items()}
            rows = _losses(n, field) if loss else _beside(field)
            for gaps, t, c in sorted(
                rows, key=lambda row: (len(row[0]), -row[1].order, str(row[1]))
            ):
                found += [ChainTerm(n - 1, *written) for written in self._chains(gaps, t, c)]
        return found

    def _chains(
        self, gaps: Gaps, t: Tree, c: Coefficient
    ) -> Iterator[tuple[sympy.Expr, Tree, tuple[sympy.Expr, ...]]]:
        chains = [CHAIN[: len(gaps) + 1]]
        if self.k is not None:
            below = combinations(range(self.k - 1, -1, -1), len(gaps))
            chains = [tuple(map(sympy.Integer, (self.k, *steps))) for steps in below]
        for steps in chains:
            gap = zip(gaps, steps, steps[1:], strict=False)
            powers = [(self.flow.rates[i], r - s - 1) for i, r, s in gap]
            yield _with_powers(c, powers), t, steps

    def name(self, term: ChainTerm, mark: Any) -> Any:
        """How the loss of a node's colour is called, by `mark(letter, step)`."""

        def called(colour: int) -> str:
            letter, level = self.flow.place(colour)
            base = self.names[letter]
            return base if base == "W" else mark(base, term.steps[level])

        return called

    @property
    def names(self) -> list[str]:
        """A name for every letter of the flow."""
        rule = self.flow.optimizer
        memory = ["G"] if self.flow.has_force else list(rule.memory)
        return ["E", *memory, *rule.fields[1:]]

    def definitions(self) -> list[tuple[str, list[tuple[sympy.Expr, str]]]]:
        """The history sums: name, and weights beside E_r, the sum over s < r, and E_0."""
        method = linear_method(self.flow.optimizer)
        batch = [i for i, field in enumerate(method.fields) if field == 0]
        found = []
        for i, name in enumerate(self.names[1 : 1 + len(method.w)]):
            rate = method.w[i][i]
            size = method.v[i] if self.flow.has_force else method.ring.number(1)
            own = [method.b[b] for b in batch] if self.flow.has_force else []
            now = sum(own, method.ring.number(0))
            before = size * sum((method.c[i][b] for b in batch), method.ring.number(0))
            start = size * sum(method.start[i], method.ring.number(0))
            parts = [
                (now.as_expr(), "now"),
                (_with_powers(before, [(rate, R - S - 1)]), "past"),
                (_with_powers(start, [(rate, R)]), "start"),
            ]
            found.append((name, [(weight, kind) for weight, kind in parts if weight != 0]))
        return found


def find(rule: Optimizer, quantity: Quantity, *, order: int, k: int | None) -> MinibatchPage:
    """Derive the flow or the loss of mini-batches.

    Raises:
        BadInput: another quantity, an order beyond 3, k below 0, a loss of a game.
    """
    if quantity not in (Quantity.MODIFIED_FLOW, Quantity.MODIFIED_LOSS):
        raise BadInput(
            f"--minibatch has no {quantity}; ask for --quantity modified-flow, modified-loss, "
            "expectation or covariance."
        )
    if quantity is Quantity.MODIFIED_LOSS and rule.game:
        raise BadInput(f"{rule.name} follows any vector field, behind which no loss stands.")
    if k is not None and k < 0:
        raise BadInput(f"k = {k} is before the first step; use k >= 0.")
    return MinibatchPage(history_flow(rule, order=order), quantity, k)


def _beside(field: dict[tuple[Gaps, Tree], Coefficient]) -> list[tuple[Gaps, Tree, Coefficient]]:
    """What stands beside the differentials of the losses: b/sigma and the sign of f = -grad E."""
    return [(g, t, c * (-1) ** t.order / t.symmetry) for (g, t), c in field.items()]


def _losses(
    order: int, field: dict[tuple[Gaps, Tree], Coefficient]
) -> list[tuple[Gaps, Tree, Coefficient]]:
    found = []
    for gaps in {gaps for gaps, _ in field}:
        own = {t: c for (g, t), c in field.items() if g == gaps}
        zero = next(iter(own.values())) * 0
        complete = {u: own.get(u, zero) for t in own for u in t.rootings}
        loss = loss_of_field(BSeries(order, zero, complete), zero + 1)
        found += [(gaps, t, c) for t, c in loss.terms.items() if c]
    return found


def _with_powers(c: Coefficient, powers: list[tuple[Coefficient, sympy.Expr]]) -> sympy.Expr:
    """c times rates to some powers, a factor of c that is a rate joined with its power."""
    factors = list(sympy.Mul.make_args(c.as_expr()))
    exponents: dict[sympy.Expr, sympy.Expr] = {}
    for rate, exponent in powers:
        base = rate.as_expr()
        exponents[base] = exponents.get(base, sympy.Integer(0)) + exponent
    for base in exponents:
        exponents[base] += sum(f.as_base_exp()[1] for f in factors if f.as_base_exp()[0] == base)
        factors = [f for f in factors if f.as_base_exp()[0] != base]
    return sympy.Mul(*factors, *(sympy.Pow(b, e) for b, e in exponents.items()))


def as_json(page: MinibatchPage) -> dict[str, Any]:
    """The JSON object of `undertow derive --minibatch`."""
    rule, loss = page.flow.optimizer, page.quantity is Quantity.MODIFIED_LOSS
    show = text_scalar if loss else text_differential
    return {
        "optimizer": rule.name,
        "quantity": str(page.quantity),
        "minibatch": True,
        "order": len(page.flow.orders),
        "k": page.k,
        "parameters": list(rule.parameters),
        "values": {name: str(value) for name, value in rule.values},
        "convention": (
            f"on [k{page.step}, (k+1){page.step}], {'the loss' if loss else 'x_dot'} is the sum of "
            f"{page.step}^power weight expression, each index of sum_over below the one before"
        ),
        "history_sums": {name: _definition(parts) for name, parts in page.definitions()},
        "terms": [
            {
                "power": term.power,
                "weight": plain(term.weight),
                "sum_over": term.summed,
                "expression": show(term.tree, name=page.name(term, _marked)),
            }
            for term in page.terms()
        ],
    } | ({"exists_through": page.exists_below - 2} if loss else {})


def as_latex(page: MinibatchPage) -> str:
    """An align environment: the flow or the loss, and the history sums."""
    loss = page.quantity is Quantity.MODIFIED_LOSS
    k = "k" if page.k is None else str(page.k)
    rows: dict[int, str] = {}
    for term in page.terms():
        name = page.name(term, lambda base, step: f"{base}_{{{latex(step)}}}")
        if loss:
            body = latex_scalar(term.tree, name=name)
        else:
            body = latex_differential(term.tree, name=name)
        sums = r"\sum_{" + "<".join([*reversed(term.summed), "k"]) + "}" if term.summed else ""
        step = sympy.Symbol(page.step) ** term.power
        sign, size = _split(sympy.Mul(step, term.weight), latex)
        rows[term.power] = rows.get(term.power, "") + f"{sign or '+'}{sums}{size}{body}"
    left = rf"\hat E_{{{k}}}" if loss else "x'"
    order = page.exists_below - 1 if loss else len(page.flow.orders)
    body = " \\\\\n&\\quad ".join(rows.values()).removeprefix("+")
    lines = [f"{left} &= {body} + O({latex(sympy.Symbol(page.step) ** order)})"]
    shown = {"now": ("", "E_r"), "past": (r"\sum_{s<r}", "E_s"), "start": ("", "E_0")}
    for name, parts in page.definitions():
        row = ""
        for weight, kind in parts:
            sign, size = _split(weight, latex)
            sums, batch = shown[kind]
            row += f"{sign or '+'}{sums}{size}{batch}"
        lines.append(f"{name}_r &= {row.removeprefix('+')}")
    return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def as_text(page: MinibatchPage) -> str:
    """Aligned lines for a terminal."""
    rule, loss = page.flow.optimizer, page.quantity is Quantity.MODIFIED_LOSS
    k, h = ("k" if page.k is None else str(page.k)), GREEK.get(page.step, page.step)
    where = f"on [k{h}, (k+1){h}]" if page.k is None else f"on [{k}{h}, {page.k + 1}{h}]"
    left = f"x' = −∇Ê{lowered(k)}" if loss else "x'"
    head = [f"{rule.name.replace('-', ' ')}   {left}", where, *parameter_ranges(rule)]
    lines = [",   ".join(head), ""]
    lines += [f"  {_marked(n, R)} = {_definition(p)}" for n, p in page.definitions()]
    lines += [""] if page.definitions() else []
    rows: list[tuple[str, str, str]] = []
    shown = None
    for term in page.terms():
        name = page.name(term, _marked)
        body = text_scalar(term.tree, name) if loss else text_differential(term.tree, name=name)
        sign, size = _split(term.weight, unicode_text)
        sums = f"Σ_({'<'.join([*reversed(term.summed), 'k'])}) " if term.summed else ""
        power = h + raised(term.power)
        rows.append(("" if power == shown else power, f"{sign}{sums}{size or '1'}", body))
        shown = power
    lines.append(aligned(rows, indent="  "))
    if loss:
        through = page.exists_below - 2
        fails = page.exists_below <= len(page.flow.orders)
        end = f"; at {h}{raised(through + 1)} the flow is not a gradient" if fails else ""
        lines += ["", f"Ê is the sum of these; it exists through {h}{raised(through)}{end}"]
    return "\n".join(lines)


def _marked(base: str, step: sympy.Expr) -> str:
    return base + lowered(step)


def _definition(parts: list[tuple[sympy.Expr, str]]) -> str:
    """A history sum for a terminal, Eᵣ + Σ_(s<r) β^(r−s) Eₛ."""
    shown = {"now": ("", "Eᵣ"), "past": ("Σ_(s<r) ", "Eₛ"), "start": ("", "E₀")}
    row = ""
    for weight, kind in parts:
        sign, size = _split(weight, unicode_text)
        sums, batch = shown[kind]
        row += f" {sign or '+'} {sums}{size}{' ' if size else ''}{batch}"
    return row.removeprefix(" + ")


def _split(weight: sympy.Expr, write: Callable[[sympy.Expr], str]) -> tuple[str, str]:
    """The sign and the size of a factor; the size is empty for 1."""
    text = write(weight)
    if weight.is_Add:
        return "", f"({text})"
    sign = text[0] if text[0] in "-−" else ""
    size = text.removeprefix(sign)
    return sign, "" if size == "1" else size
