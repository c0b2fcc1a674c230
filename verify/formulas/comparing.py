"""Is a formula the right one? Equal or different, with a counterexample and where they agree."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sympy
from flint import acb, fmpq
from flint.utils.flint_exceptions import DomainError

from derive.language.formula import H, K
from derive.language.writing import plain
from verify.claims.equality import difference
from verify.claims.slips import slips
from verify.formulas.targets import Target, siblings
from verify.running.numbers import RATIONAL, Arithmetic, evaluate, precision

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
    found = _decide(left, right)
    example = counterexample(left, right, where) if found != 0 else ""
    if found == 0 or (found is None and not example):
        return Answer(True, target.expr)
    return Answer(
        False,
        target.expr,
        ratio=_ratio(left, right),
        difference=plain(found) if found is not None else "",
        counterexample=example,
        agree=tuple(_agreeing(found)) if found is not None else (),
        slip=next(
            (name for name, e in slips(target.expr) if same(_substitute(e, where), left)), ""
        ),
        elsewhere=next(
            (s.name for s in siblings(target.name) if same(_substitute(s.expr, where), left)), ""
        ),
    )


def same(left: sympy.Expr, right: sympy.Expr) -> bool:
    """Whether two formulas are equal: exactly where they are rational, else at many points."""
    found = _decide(left, right)
    return not counterexample(left, right) if found is None else found == 0


def _substitute(expr: sympy.Expr, where: Sequence[sympy.Basic]) -> sympy.Expr:
    for condition in where:
        if isinstance(condition, sympy.Eq):
            expr = expr.subs(condition.lhs, condition.rhs)
    return expr


def _decide(left: sympy.Expr, right: sympy.Expr) -> sympy.Expr | None:
    """The exact difference; None where it is not rational."""
    try:
        return difference(left, right)
    except ValueError:
        return None


def _ratio(left: sympy.Expr, right: sympy.Expr) -> str:
    try:
        text = plain(difference(left / right, sympy.Integer(0)))
    except (ValueError, ZeroDivisionError):
        return ""
    return text if len(text) <= LONGEST else ""


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


def counterexample(
    left: sympy.Expr,
    right: sympy.Expr,
    where: Sequence[sympy.Basic] = (),
    other: str = "the right formula",
) -> str:
    """Values of the symbols at which the two formulas give different numbers, with these."""
    for point in _points(left - right, where):
        values = _two_numbers(left, right, point)
        if values is not None:
            at = ", ".join(f"{name} = {value}" for name, value in point.items()) or "any values"
            return f"at {at} it gives {values[0]}, {other} {values[1]}"
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


def _agreeing(found: sympy.Expr) -> Iterator[str]:
    """The roots of the difference's factors in one parameter, as `beta = 0`, inside [0, 1)."""
    top = sympy.numer(sympy.together(found))
    for factor in sympy.Mul.make_args(sympy.factor(top)):
        base = factor.as_base_exp()[0]
        symbols = base.free_symbols - {H, K}
        if len(base.free_symbols) != 1 or not symbols or not base.is_polynomial():
            continue
        (symbol,) = symbols
        for root in sympy.roots(sympy.Poly(base, symbol)):
            if root.is_real and 0 <= root < 1:
                yield f"{symbol} = {plain(root)}"
