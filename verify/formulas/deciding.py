"""Are two formulas equal on a domain? Proved, refuted by a point, or not decided.

A proof is a normal form of the difference that is 0. A refutation is an exact point of the domain
at which the two values differ: rational numbers, balls that do not meet, or a ball of the normal
form that does not hold 0. Where the normal form
is not 0 but may hide a relation between functions, many points at which balls of many digits meet
are taken for equality, and said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import sympy
from flint import acb, arb, ctx, fmpq
from flint.utils.flint_exceptions import DomainError

from derive.language.writing import plain
from verify.formulas.domain import ComparisonDomain
from verify.formulas.normal_form import NormalForm
from verify.formulas.values import Point, ball, whole_number
from verify.running.budget import OverBudget, within_budget
from verify.running.numbers import RATIONAL, evaluate, precision

POINTS = 60
LEAST_POINTS = 20
FIRST = 6
DIGITS = (60, 400, 3000)
SECONDS_OF_A_SUM = 3.0
SHOWN = 8
LONGEST = 40
LARGEST_SHOWN = arb(10) ** 10**9

Value = fmpq | acb


class Outcome(StrEnum):
    """What a comparison says."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Decision:
    """An outcome, and what it rests on.

    Args:
        why: for what is undecided, the reason; for what is equal without proof, at how many points.
        example: a point of the domain at which the two differ, with both values.
    """

    outcome: Outcome
    why: str = ""
    example: str = ""


def decide(
    left: sympy.Expr, right: sympy.Expr, domain: ComparisonDomain, other: str = "the right formula"
) -> Decision:
    """Whether two formulas have the same value at every point of the domain where both have one.

    Raises:
        BadInput: an equation of the domain makes one of them divide by zero.
    """
    left, right = domain.put(left), domain.put(right)
    domain = domain.counts(left, right)
    names = _names(left, right)
    drawn = domain.points(names, POINTS)
    first = list(islice(drawn, FIRST))
    if not first:
        return Decision(Outcome.UNDECIDED, "no values were found that obey the assumptions")
    if text := _told_apart(left, right, first, other):
        return Decision(Outcome.DIFFERENT, example=text)
    as_written = normal_difference(left, right, domain)
    if as_written is not None and as_written.value == 0:
        return Decision(Outcome.EQUAL)
    closed = [without_sums(side, domain, first) for side in (left, right)]
    found = normal_difference(closed[0], closed[1], domain)
    if found is not None and found.value == 0:
        return Decision(Outcome.EQUAL)
    sides = (left, right) if _is_finite_sum(left, right) else (closed[0], closed[1])
    usable, digits = 0, 0
    for point in (*first, *drawn):
        meeting = _meet(*sides, point)
        if isinstance(meeting, tuple):
            return Decision(Outcome.DIFFERENT, example=_told(point, meeting, other))
        if meeting and found is not None and (gap := _gap(found, point)) is not None:
            example = f"at {_at(point)} it gives {_shown(gap)} more than {other}"
            return Decision(Outcome.DIFFERENT, example=example)
        usable += meeting > 0
        digits = max(digits, meeting)
    if found is not None and found.is_rational:
        why = f"no point was found where they differ, though {plain(found.value)} is left over"
        return Decision(Outcome.UNDECIDED, why)
    if usable >= (LEAST_POINTS if names else 1):
        where = f"at {usable} points" if names else "as numbers"
        return Decision(Outcome.EQUAL, f"{where}, to {digits} digits; not proved")
    if not usable:
        return Decision(Outcome.UNDECIDED, "one of them has no value at the points tried")
    return Decision(Outcome.UNDECIDED, f"they agree at the {usable} points where both have a value")


def differ_at_once(left: sympy.Expr, right: sympy.Expr, points: Sequence[Point]) -> bool:
    """Whether one of the points tells the two formulas apart."""
    return bool(_told_apart(left, right, points, ""))


def _told_apart(left: sympy.Expr, right: sympy.Expr, points: Sequence[Point], other: str) -> str:
    if not _is_finite_sum(left, right):
        return ""
    for point in points:
        meeting = _meet(left, right, point, DIGITS[:1])
        if isinstance(meeting, tuple):
            return _told(point, meeting, other)
    return ""


def _told(point: Point, values: tuple[Value, Value], other: str) -> str:
    a, b = values
    at = _at(point)
    if isinstance(a, fmpq) and max(map(_length, values)) <= LONGEST:
        return f"at {at} it gives {a}, {other} {b}"
    with precision(DIGITS[-1]):
        one, two, gap = (_shown(acb(value)) for value in (a, b, a - b))
    if one == two:
        return f"at {at} it gives {gap} more than {other}"
    return f"at {at} it gives {one}, {other} {two}"


def _at(point: Point) -> str:
    return ", ".join(f"{name} = {value}" for name, value in point.items()) or "any values"


def _gap(found: NormalForm, point: Point) -> acb | None:
    """What is left of the difference once all that cancels is gone, where a ball tells it from 0:
    the two sides may agree to more digits than any ladder has."""
    with precision(DIGITS[0]):
        try:
            gap = ball(found.value, point)
        except (ValueError, ZeroDivisionError, OverflowError):
            return None
    return gap if gap.is_finite() and not gap.contains(0) else None


def _length(value: Any) -> int:
    """How many characters a rational number has; more than it takes where there are many."""
    return len(str(value)) if value.height_bits() < 8 * LONGEST else 2 * LONGEST


def _names(*exprs: sympy.Expr) -> list[str]:
    return sorted({s.name for expr in exprs for s in expr.free_symbols})


def normal_difference(
    left: sympy.Expr, right: sympy.Expr, domain: ComparisonDomain
) -> NormalForm | None:
    """The normal form of left - right, where it has one."""
    try:
        return NormalForm(left - right, domain)
    except (ValueError, ZeroDivisionError):
        return None


def _meet(
    left: sympy.Expr, right: sympy.Expr, point: Point, ladder: Sequence[int] = DIGITS
) -> tuple[Value, Value] | int:
    """The two values where they differ; else to how many digits they agree, 0 for no value."""
    try:
        a, b = (evaluate(side, point, RATIONAL) for side in (left, right))
    except (ValueError, TypeError, ZeroDivisionError, DomainError):
        return _meet_in_balls(left, right, point, ladder)
    return (fmpq(a), fmpq(b)) if a != b else DIGITS[-1]


def _meet_in_balls(
    left: sympy.Expr, right: sympy.Expr, point: Point, ladder: Sequence[int]
) -> tuple[acb, acb] | int:
    agreed = 0
    for digits in ladder:
        with precision(digits):
            try:
                a, b = ball(left, point), ball(right, point)
            except (ValueError, ZeroDivisionError, OverflowError):
                return agreed
            if not (a.is_finite() and b.is_finite()):
                return agreed
            if not (a - b).contains(0):
                return a, b
            if _is_sharp(a) and _is_sharp(b):
                agreed = digits
    return agreed


def _is_sharp(value: acb) -> bool:
    """Whether the ball tells the value to half the digits worked with."""
    return value.rel_accuracy_bits() > ctx.prec // 2 or value == 0


def _shown(value: acb) -> str:
    if value.abs_lower() > LARGEST_SHOWN:
        return "a number too large to print"
    if 0 < value.abs_upper() < 1 / LARGEST_SHOWN:
        return "a number too small to print"
    exact = whole_number(value)
    if exact is not None:
        return str(exact)
    return value.str(SHOWN, radius=value.rel_accuracy_bits() < 4 * SHOWN)


def _is_finite_sum(*exprs: sympy.Expr) -> bool:
    """Whether all sums end, so that they are added term by term rather than in closed form."""
    return not any(
        limits[2].has(sympy.oo)
        for expr in exprs
        for total in expr.atoms(sympy.Sum)
        for limits in total.limits
    )


def without_sums(expr: sympy.Expr, domain: ComparisonDomain, points: Sequence[Point]) -> sympy.Expr:
    """The sums in a closed form that holds at all of some points, where one is soon found."""

    def close(total: sympy.Sum) -> sympy.Expr:
        if (geometric := _geometric(total, points)) is not None:
            return geometric
        try:
            done = within_budget(total.doit, "adding up", seconds=SECONDS_OF_A_SUM)
        except (OverBudget, ValueError, TypeError, RuntimeError, NotImplementedError):
            return total
        return done.replace(
            lambda e: isinstance(e, sympy.Piecewise), lambda e: _branch(e, total, points)
        )

    return expr.replace(lambda e: isinstance(e, sympy.Sum), close)


def _geometric(total: sympy.Sum, points: Sequence[Point]) -> sympy.Expr | None:
    """The sum of powers of one ratio, below 1 in size at all points where the sum has no end."""
    (index, low, high), *rest = total.limits
    ratio = sympy.powsimp(total.function.xreplace({index: index + 1}) / total.function)
    if rest or ratio == 1 or ratio.has(index, sympy.Sum) or not ratio.free_symbols:
        return None
    first = total.function.xreplace({index: low})
    if high is not sympy.oo:
        return first * (1 - ratio ** (high - low + 1)) / (1 - ratio)
    with precision(DIGITS[0]):
        if all(_is_below_one(ratio, point) for point in points):
            return first / (1 - ratio)
    return None


def _is_below_one(ratio: sympy.Expr, point: Point) -> bool:
    try:
        return bool(abs(ball(ratio, point)) < 1)
    except (ValueError, ZeroDivisionError):
        return False


def _branch(cases: sympy.Piecewise, total: sympy.Sum, points: Sequence[Point]) -> sympy.Expr:
    """The case that holds wherever no parameter has a special value, as in beta = 1."""
    special = [condition for _, condition in cases.args if isinstance(condition, sympy.Eq)]
    generic = [p for p in points if not any(_is_true(condition, p) for condition in special)]
    for value, condition in cases.args:
        if condition not in special and (held := [_is_true(condition, p) for p in generic]):
            if all(held):
                return value
            if any(held):
                return total
    return total


def _is_true(condition: sympy.Basic, point: Point) -> bool:
    if condition == sympy.true:
        return True
    values = {sympy.Symbol(n): sympy.Rational(int(v.p), int(v.q)) for n, v in point.items()}
    return condition.xreplace(values) == sympy.true
