"""The checks that many claims share: identities decided exactly or in balls, and orders."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import sympy
from flint import arb, fmpq

from derive.language.writing import plain
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.equality import apart, in_ring
from verify.claims.judging import soonest
from verify.claims.slots import Value
from verify.claims.statement import Statement
from verify.running.numbers import BALL, evaluate, precision
from verify.running.orders import observed_order
from verify.running.recording import JUDGED, recorder

Derived = Callable[[], sympy.Expr]


def identical(name: str, derived: Derived, *, refutes: bool = False) -> Check:
    """The candidate equals what is derived, decided exactly among rational functions."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        wanted = derived()
        if apart(candidate, wanted):
            noted(candidate, wanted, equal=False)
            return Evidence(False, lambda: f"difference {_in_words(candidate - wanted)}")
        difference = in_ring(candidate - wanted)
        equal = noted(candidate, wanted, not difference)
        return Evidence(equal, f"difference {difference}")

    return Check(name, Kind.SYMBOLIC, judge, refutes)


def _in_words(difference: sympy.Expr) -> str:
    try:
        return str(in_ring(difference))
    except ValueError:  # no rational function
        return plain(difference)


def noted(left: sympy.Expr, right: sympy.Expr, equal: bool, **at: sympy.Expr | int) -> bool:
    """Whether two expressions are equal, as a check has found; written down where it is recorded.

    Args:
        left: what is judged, or an expression in the formulas of `marked`; right has none of them.
        at: expressions in the place of symbols.
    """
    if (log := recorder()) is not None:
        log.identity(left, right, equal, **at)
    return equal


def marked(says: Statement) -> Statement:
    """The statement with a symbol in the place of each formula, by which `noted` knows it."""
    formulas = {n: slot for n, slot in says.slots.items() if isinstance(slot, Value)}
    symbols = {n: sympy.Symbol(f"{JUDGED.name}{n}") for n in formulas}
    return says.changed(**{n: replace(formulas[n], expr=symbols[n]) for n in formulas})


def enclosed(
    name: str,
    derived: Derived,
    points: Callable[[random.Random], dict[str, fmpq]],
    *,
    refutes: bool = False,
    count: int = 20,
) -> Check:
    """In balls the candidate minus what is derived encloses 0, narrower than 10^(10-digits).

    A ball that excludes 0 refutes; a ball too wide for the bound does not decide.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        widest = arb(0)
        wanted = derived()
        difference = candidate - wanted
        with precision(settings.digits):
            bound = arb(10) ** (10 - settings.digits)
            for _ in range(count):
                point = points(draw)
                ball = _ball(difference, point)
                if not ball.contains(0):
                    if log := recorder():
                        log.identity(candidate, wanted, holds=False)
                    at = ", ".join(f"{name} = {value}" for name, value in point.items())
                    return Evidence(False, f"off by {ball.str(5, radius=False)} at {at}")
                widest = max(widest, ball.rad(), key=float)
            if widest < bound and (log := recorder()):
                log.identity(candidate, wanted, holds=True)
        figure = f"0 enclosed {count} times, radius {float(widest):.0e}"
        return Evidence(True if widest < bound else None, figure)

    return Check(name, Kind.BALL, judge, refutes)


def meet(pairs: Iterable[tuple[arb, arb]]) -> Evidence:
    """Two computations agree: balls overlap, all narrower than 10^-20 of their size.

    A ball is as wide as cancellation and growth have made it, whatever was drawn.
    """
    widest, count = 0.0, 0
    for one, other in pairs:
        gap, count = one - other, count + 1
        if not gap.contains(0):
            return Evidence(False, f"{gap.str(5, radius=False)} off")
        widest = max(widest, float(gap.rad() / (1 + abs(one))))
    figure = f"0 enclosed {count} times, relative radius {widest:.0e}"
    return Evidence(True if widest < 1e-20 else None, figure)


def _ball(expr: sympy.Expr, point: dict[str, fmpq]) -> arb:
    whole = {sympy.Symbol(n): int(v.p) for n, v in point.items() if n == "k"}
    values = {n: arb(v) for n, v in point.items()}
    return evaluate(sympy.sympify(expr.subs(whole)), values, BALL)


def momentum_points(draw: random.Random) -> dict[str, fmpq]:
    """A random rational beta in (0, 1)."""
    return {"beta": fmpq(draw.randint(1, 99), 100)}


def order_of(
    name: str,
    errors: Callable[[sympy.Expr, Settings], Sequence[float]],
    order: int,
    *,
    digits: int | None = None,
    refutes: bool = False,
) -> Check:
    """The errors at h, h/2, h/4, ... vanish like h^order; two whole orders in reach do not
    decide.

    Args:
        digits: those that the errors are computed with; those of the settings without it.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        found, floor = errors(candidate, settings), 10.0 ** (5 - (digits or settings.digits))
        observed = observed_order(found, floor=floor)
        if (log := recorder()) is not None:
            log.order(found, observed, order)
        passed = observed.supports(order) if observed.decides else None
        return Evidence(passed, f"order {observed}, claimed {order}")

    return Check(name, Kind.ORDER, soonest(judge), refutes)


def exact(
    name: str,
    kind: Kind,
    holds: Callable[[sympy.Expr, Settings], tuple[bool, str]],
    *,
    refutes: bool = False,
) -> Check:
    """Any check in exact arithmetic: it always decides."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        return Evidence(*holds(candidate, settings))

    return Check(name, kind, judge, refutes)


def vanish(name: str, gaps: Callable[[Statement], Iterable[sympy.Expr]]) -> Check:
    """Every one of these expressions in the slots of a statement is 0."""

    def judge(says: Statement, settings: Settings) -> Evidence:
        found = [_reduced(gap) for gap in gaps(says)]
        if recorder() is not None:
            for gap, left in zip(gaps(marked(says)), found, strict=True):
                noted(gap, sympy.Integer(0), left == 0)
        wrong = [str(gap) for gap in found if gap != 0]
        return Evidence(not wrong, "; ".join(wrong) or f"{len(found)} differences are 0")

    return Check(name, Kind.SYMBOLIC, judge)


def _reduced(gap: sympy.Expr) -> sympy.Expr:
    """The expression as simple as it gets, exact where it is a rational function."""
    try:
        return in_ring(gap).as_expr()
    except ValueError:
        return sympy.simplify(gap)
