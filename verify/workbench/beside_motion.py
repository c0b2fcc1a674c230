"""Somebody's second-order equation beside the one that a rule follows, order by order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from flint import fmpq

from derive.engine.invariant_manifold import general_flow
from derive.engine.second_order import (
    SecondOrder,
    Terms,
    Vector,
    second_order_equation,
    starting_velocity,
)
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer
from verify.formulas.deciding import Outcome

ORDERS = 3
CLOCKS = (fmpq(0), fmpq(1, 2), fmpq(1), fmpq(3, 2), fmpq(2))
"""Where iterate k may be met: at the time (k + c) h for one of these c."""
H, K, S, MU = sympy.symbols("h k s mu")
_POSITIVE = {name: sympy.Symbol(name, positive=True) for name in ("h", "k", "c", "t", "s", "mu")}


@dataclass(frozen=True)
class Difference:
    """A coefficient that is not right: its power of h, its vector, and both."""

    power: int
    vector: Vector
    yours: sympy.Expr
    right: sympy.Expr


@dataclass(frozen=True)
class Side:
    """The equation, or its start: through which power of h it goes, and what differs by then."""

    through: int
    differences: tuple[Difference, ...]
    right: tuple[Terms, ...]
    name: str = ""

    @property
    def agrees(self) -> int:
        """How many orders agree from h^0 on."""
        wrong = [d.power for d in self.differences]
        return min(wrong, default=ORDERS)

    @property
    def off(self) -> int:
        """How many terms are off as far as the equation goes."""
        return sum(d.power <= self.through for d in self.differences)

    @property
    def outcome(self) -> Outcome:
        return Outcome.DIFFERENT if self.agrees <= self.through else Outcome.EQUAL


@dataclass(frozen=True)
class MotionReport:
    """An equation and perhaps a start, beside those of a rule."""

    name: str
    clock: fmpq
    equation: Side
    other_clock: Side | None
    starts: tuple[Side, ...]

    @property
    def outcome(self) -> Outcome:
        if self.equation.outcome is Outcome.DIFFERENT:
            return Outcome.DIFFERENT
        if self.starts and all(s.outcome is Outcome.DIFFERENT for s in self.starts):
            return Outcome.DIFFERENT
        return Outcome.EQUAL


def names_of(rule: Optimizer) -> set[str]:
    """What may stand in an equation: the rule's parameters, h, s = h^2, t, and mu = k^2."""
    return {*rule.parameters, "h", "s", "t"} | ({"mu"} if "k" in rule.parameters else set())


def compare_motion(
    rule: Optimizer, given: Terms, start: Terms | None = None, clock: fmpq | None = None
) -> MotionReport:
    """Which orders of an equation agree with those that the rule follows, and which term is off.

    Args:
        given: the coefficients of X''.
        start: those of the starting velocity.
        clock: c of the times (k + c) h; the best one without it, where the rule depends on time.
    Raises:
        BadInput: the rule has no second-order equation, or no start that can be judged.
    """
    rows = by_powers(given)
    timed = "t" in general_flow(rule, order=1).slow
    clocks = (clock,) if clock is not None else CLOCKS if timed else CLOCKS[:1]
    sides = {c: side_of(rows, second_order_equation(rule, order=ORDERS, clock=c)) for c in clocks}
    best = max(sides, key=lambda c: (sides[c].agrees, -sides[c].off, -c))
    other = sides.get(fmpq(0)) if best else None
    return MotionReport(
        rule.name, best, sides[best], other, starts_of(rule, start, sides[best].through)
    )


def by_powers(terms: Mapping[Vector, sympy.Expr]) -> tuple[dict[Vector, sympy.Expr], ...]:
    """The coefficients as powers of h, with h = sqrt(s) and k = sqrt(mu)."""
    rows: tuple[dict[Vector, sympy.Expr], ...] = tuple({} for _ in range(ORDERS))
    h, k = _POSITIVE["h"], _POSITIVE["k"]
    for vector, coefficient in terms.items():
        names = {sympy.Symbol(n): p for n, p in _POSITIVE.items() if n not in ("s", "mu")}
        named = coefficient.subs({S: h**2, MU: k**2} | names)
        series = sympy.expand(
            sympy.series(sympy.powdenest(named, force=True), h, 0, ORDERS).removeO()
        )
        if any(part.as_coeff_exponent(h)[1] < 0 for part in sympy.Add.make_args(series)):
            raise BadInput(f"the coefficient {coefficient} grows without bound as h tends to 0.")
        parts = [series.coeff(h, n) for n in range(ORDERS)]
        whole = sum(part * h**n for n, part in enumerate(parts))
        if any(part.has(h) for part in parts) or sympy.expand(series - whole) != 0:
            raise BadInput(f"the coefficient {coefficient} is no series in whole powers of h.")
        for row, part in zip(rows, parts, strict=True):
            if part != 0:
                row[vector] = sympy.factor(part.subs({p: s for s, p in names.items()}))
    return rows


def side_of(
    rows: tuple[dict[Vector, sympy.Expr], ...], right: SecondOrder | tuple[Terms, ...]
) -> Side:
    """The differences by power of h."""
    wanted = right.terms if isinstance(right, SecondOrder) else right
    through = max((n for n, row in enumerate(rows) if row), default=0)
    found = []
    for n, (ours, theirs) in enumerate(zip(wanted, rows, strict=True)):
        for vector in dict.fromkeys([*theirs, *ours]):
            yours, own = (row.get(vector, sympy.S.Zero) for row in (theirs, ours))
            if sympy.cancel(yours - own) != 0:
                found.append(Difference(n, vector, yours, own))
    return Side(through, tuple(found), tuple(wanted))


STARTS: Mapping[str, Callable[..., Any] | None] = {
    "the memory as declared": None,
    "the memory -h times the gradient": lambda x, grad, h, **_: (-h * grad(x),),
}


def starts_of(rule: Optimizer, start: Terms | None, through: int) -> tuple[Side, ...]:
    """A starting velocity beside those of the usual starts, as far as the equation goes."""
    if start is None:
        return ()
    rows = by_powers(start)
    found = []
    for name, memory in STARTS.items():
        right = starting_velocity(rule, order=ORDERS, start=memory)
        side = side_of(rows, right)
        found.append(Side(min(side.through, through), side.differences, side.right, name))
    return tuple(found)
