"""Is a formula the right one? Equal or different, with a counterexample and where they agree."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy
from flint import acb, fmpq
from flint.utils.flint_exceptions import DomainError

from derive.coefficients import Coefficient
from derive.formula import BETA, H, K
from derive.writing import plain
from verify.checks import QPOWER, in_ring
from verify.numbers import RATIONAL, Arithmetic, evaluate, precision
from verify.slips import slips
from verify.targets import Target, siblings

SAMPLES = 40
BALL_DIGITS = 60
COMPLEX = Arithmetic("acb", acb)
LONGEST = 60


@dataclass(frozen=True)
class Answer:
    """What comparing a formula with a target says.

    Args:
        right: the right formula.
        ratio, difference: what was given over, and minus, the right formula, in simplest form.
        counterexample: values of the symbols with the two numbers.
        agree: values of one parameter for which the two are the same, as text.
        slip: the single slip that explains the difference, if one does.
        elsewhere: the target for which the formula would be right.
    """

    equal: bool
    right: sympy.Expr
    ratio: str = ""
    difference: str = ""
    counterexample: str = ""
    agree: tuple[str, ...] = ()
    slip: str = ""
    elsewhere: str = ""


def compare_with(given: sympy.Expr, target: Target, where: Sequence[sympy.Basic] = ()) -> Answer:
    """Decide whether a formula equals the target, under extra conditions.

    Args:
        where: equations, which are substituted, and inequalities, which counterexamples obey.
    """
    left, right = _substitute(given, where), _substitute(target.expr, where)
    difference = _decide(left - right)
    example = counterexample(left, right, where) if difference is None or difference else ""
    if not (difference if difference is not None else example):
        return Answer(True, target.expr)
    return Answer(
        False,
        target.expr,
        ratio=_ratio(left, right),
        difference=_written(difference) if difference else "",
        counterexample=example,
        agree=tuple(_agreeing(difference)) if difference else (),
        slip=next(
            (name for name, e in slips(target.expr) if same(_substitute(e, where), left)), ""
        ),
        elsewhere=next(
            (s.name for s in siblings(target.name) if same(_substitute(s.expr, where), left)), ""
        ),
    )


def same(left: sympy.Expr, right: sympy.Expr) -> bool:
    """Whether two formulas are equal: exactly where they are rational, else at many points."""
    difference = _decide(left - right)
    return not counterexample(left, right) if difference is None else not difference


def _substitute(expr: sympy.Expr, where: Sequence[sympy.Basic]) -> sympy.Expr:
    for condition in where:
        if isinstance(condition, sympy.Eq):
            expr = expr.subs(condition.lhs, condition.rhs)
    return expr


def _decide(difference: sympy.Expr) -> Coefficient | None:
    """The difference as an exact fraction; None where it is not rational."""
    try:
        return in_ring(sympy.expand_power_base(_summed(difference)))
    except ValueError:
        return None


def _summed(expr: sympy.Expr) -> sympy.Expr:
    """Sums in closed form, at generic parameters."""

    def close(total: sympy.Sum) -> sympy.Expr:
        closed = total.doit()
        return closed.replace(lambda e: isinstance(e, sympy.Piecewise), lambda e: e.args[-1][0])

    return expr.replace(lambda e: isinstance(e, sympy.Sum), close)


def _ratio(left: sympy.Expr, right: sympy.Expr) -> str:
    try:
        text = _written(in_ring(_summed(left / right)))
    except (ValueError, ZeroDivisionError):
        return ""
    return text if len(text) <= LONGEST else ""


def _written(coefficient: Coefficient) -> str:
    """As an author writes it, beta^k put back."""
    return plain(coefficient.as_expr().subs(QPOWER, BETA**K))


def _points(
    expr: sympy.Expr, where: Sequence[sympy.Basic], seed: int = 0
) -> Iterator[dict[str, fmpq]]:
    """Small rational values of the symbols: k a whole number, the others in (0, 1)."""
    draw = random.Random(seed)
    names = sorted(symbol.name for symbol in expr.free_symbols)
    bounds = [c for c in where if not isinstance(c, sympy.Eq)]
    for i in range(50 * SAMPLES):
        point = {
            name: fmpq(i % 7 if name == K.name else draw.randint(1, 9), 1 if name == K.name else 10)
            for name in names
        }
        exact = {name: sympy.Rational(int(v.p), int(v.q)) for name, v in point.items()}
        if all(bound.subs(exact) != sympy.false for bound in bounds):
            yield point


def counterexample(left: sympy.Expr, right: sympy.Expr, where: Sequence[sympy.Basic] = ()) -> str:
    """Values of the symbols at which the two formulas give different numbers, with these."""
    for point in _points(left - right, where):
        values = _two_numbers(left, right, point)
        if values is not None:
            at = ", ".join(f"{name} = {value}" for name, value in point.items()) or "any values"
            return f"at {at} it gives {values[0]}, the right formula {values[1]}"
    return ""


def _two_numbers(
    left: sympy.Expr, right: sympy.Expr, point: Mapping[str, fmpq]
) -> tuple[str, str] | None:
    """The two values where they differ: exact, or balls that do not meet where roots are left."""
    whole = {K: int(point[K.name].p)} if K.name in point else {}
    fixed = [_finite(expr.subs(whole)) for expr in (left, right)]
    try:
        a, b = (evaluate(expr, point, RATIONAL) for expr in fixed)
        return (str(a), str(b)) if a != b else None
    except ZeroDivisionError:
        return None
    except (ValueError, DomainError):
        with precision(BALL_DIGITS):
            balls = {name: acb(v) for name, v in point.items()}
            a, b = (evaluate(expr, balls, COMPLEX) for expr in fixed)
            shown = (a.str(8, radius=False), b.str(8, radius=False))
            return shown if not (a - b).contains(0) else None


def _finite(expr: sympy.Expr) -> sympy.Expr:
    """Sums between numbers, term by term."""

    def terms(total: sympy.Sum) -> sympy.Expr:
        (index, low, high), *rest = total.limits
        if rest or not (low.is_Integer and high.is_Integer):
            raise ValueError(f"{total} is not a sum between whole numbers.")
        return sympy.Add(*(total.function.subs(index, i) for i in range(int(low), int(high) + 1)))

    return expr.replace(lambda e: isinstance(e, sympy.Sum), terms)


def _agreeing(difference: Coefficient) -> Iterator[str]:
    """The roots of the difference's factors in one symbol, as `beta = 0`, inside [0, 1)."""
    top = sympy.numer(sympy.together(difference.as_expr()))
    for factor, _ in sympy.factor_list(top)[1]:
        symbols = sorted(factor.free_symbols, key=str)
        if len(symbols) != 1 or symbols[0] in (QPOWER, H):
            continue
        for root in sympy.roots(sympy.Poly(factor, symbols[0])):
            if root.is_real and 0 <= root < 1:
                yield f"{symbols[0]} = {plain(root)}"
