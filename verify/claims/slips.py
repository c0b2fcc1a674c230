"""Single slips of the pen: a sign, a factor 2, an exponent or a bound off by one, a wrong name.

What a wrong formula most often is; each slip comes with its name.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import sympy
from flint import acb, fmpq

from derive.language.formula import K
from verify.claims.equality import difference, written_out
from verify.running.numbers import BALL, evaluate, precision

Rewrite = Callable[[sympy.Expr], sympy.Expr | None]
Point = tuple[dict[sympy.Basic, sympy.Integer], dict[str, acb]]
"""Whole numbers for what counts, balls for the rest by name."""


@dataclass(frozen=True)
class Mutant:
    """A formula one slip of the pen away from the right one."""

    slip: str
    expr: sympy.Expr


@lru_cache(maxsize=1024)
def mutants(expr: sympy.Expr) -> tuple[Mutant, ...]:
    """The formulas one slip away that are not this one and not one another, decided exactly."""
    points, found = _points(expr), list[Mutant]()
    with precision(30):
        seen = [_Values(expr, points)]
        for slip, wrong in slips(expr):
            values = _Values(wrong, points)
            if not any(
                _overlap(values.first, old.first)
                and all(map(_overlap, values.others, old.others))
                and _equal(wrong, old.expr)
                for old in seen
            ):
                found.append(Mutant(slip, wrong))
                seen.append(values)
    return tuple(found)


class _Values:
    """Balls that hold the values of an expression at some points, None where there is none."""

    def __init__(self, expr: sympy.Expr, points: list[Point]) -> None:
        self.expr = expr
        self.points = points
        self.first = self._at(points[0])

    @cached_property
    def others(self) -> list[acb | None]:
        """At the other points, which are seldom looked at."""
        return [self._at(point) for point in self.points[1:]]

    def _at(self, point: Point) -> acb | None:
        whole, balls = point
        return _ball(sympy.sympify(self.expr.xreplace(whole)), balls)


def _overlap(left: acb | None, right: acb | None) -> bool:
    """Two values may be equal: their balls do not lie apart, nor has one alone a value."""
    return left is right if left is None or right is None else bool(left.overlaps(right))


def _equal(left: sympy.Expr, right: sympy.Expr) -> bool:
    if left == right:
        return True
    if any(s.has(sympy.binomial) for s in (left - right).atoms(sympy.Sum)):
        return False  # to look for its closed form takes long, and seldom finds one
    try:
        return not difference(left, right)
    except ValueError:
        return sympy.expand(left - right) == 0


def _points(expr: sympy.Expr) -> list[Point]:
    """Three rational points, whole numbers where the formula counts."""
    draw, counts = random.Random(0), _counts(expr)
    found: list[Point] = []
    for _ in range(3):
        whole, balls = dict[sympy.Basic, sympy.Integer](), dict[str, acb]()
        for symbol in sorted(expr.free_symbols, key=str):
            if symbol in counts:
                whole[symbol] = sympy.Integer(draw.randint(2, 9))
            else:
                balls[symbol.name] = acb(fmpq(draw.randint(1, 99), 100))
        found.append((whole, balls))
    return found


def _ball(expr: sympy.Expr, balls: dict[str, acb]) -> acb | None:
    sums = expr.atoms(sympy.Sum)
    ends = [str(s) for total in sums for end in total.limits[0][1:] for s in end.free_symbols]
    if not balls.keys().isdisjoint(ends):  # a sum up to 1/3
        return None
    try:
        ball = acb(evaluate(written_out(expr) if sums else expr, balls, BALL))
    except (ValueError, ArithmeticError):
        return None
    return ball if ball.is_finite() else None


def _counts(expr: sympy.Expr) -> set[sympy.Basic]:
    """The symbols that stand for whole numbers: in exponents, binomials and bounds of sums."""
    places = [power.exp for power in expr.atoms(sympy.Pow)]
    places += [part for binomial in expr.atoms(sympy.binomial) for part in binomial.args]
    places += [bound for total in expr.atoms(sympy.Sum) for bound in total.limits[0][1:]]
    return set[sympy.Basic]().union(*(place.free_symbols for place in places)) & expr.free_symbols


def slips(expr: sympy.Expr) -> Iterator[tuple[str, sympy.Expr]]:
    """Wrong versions of an expression, each one slip away, with the slip's name."""
    for name, wrong in _slips(expr):
        if not wrong.has(sympy.zoo, sympy.nan):
            yield name, wrong


def _slips(expr: sympy.Expr) -> Iterator[tuple[str, sympy.Expr]]:
    yield "the sign", -expr
    yield "a factor 2", 2 * expr
    yield "a factor 1/2", expr / 2
    for place, part in _parts(expr):
        for name, changed in _changes(part):
            yield name, place(changed)
    if expr.is_Integer:
        yield "the number, one too many", expr + 1
        yield "the number, one too few", expr - 1
    if expr.has(K):
        yield "the index k, one too many", expr.subs(K, K + 1)
        yield "the index k, one too few", expr.subs(K, K - 1)
    yield from _exchanges(expr)


def _exchanges(expr: sympy.Expr) -> Iterator[tuple[str, sympy.Expr]]:
    """A symbol in the place of its neighbour, and 1 + s for 1 - s."""
    symbols = sorted(expr.free_symbols, key=str)
    for symbol, neighbour in pairwise([*symbols, *symbols[:1]]):
        yield f"{neighbour} for {symbol}", expr.xreplace({symbol: neighbour})
        turned = {1 + symbol: 1 - symbol, 1 - symbol: 1 + symbol}
        yield f"1 + {symbol} for 1 - {symbol}, and back", expr.xreplace(turned)


def _parts(expr: sympy.Expr) -> Iterator[tuple[Rewrite, sympy.Expr]]:
    """Every sub-expression with the function that puts another in its place."""
    yield (lambda new: new), expr
    for i, arg in enumerate(expr.args):
        for place, part in _parts(arg):

            def put(new: sympy.Expr, i: int = i, place: Rewrite = place) -> sympy.Expr:
                return expr.func(*expr.args[:i], place(new), *expr.args[i + 1 :])

            yield put, part


def _changes(part: sympy.Expr) -> Iterator[tuple[str, sympy.Expr]]:
    if isinstance(part, sympy.Pow):
        for step, said in ((1, "one too many"), (-1, "one too few")):
            yield f"the exponent of {part.base}, {said}", part.base ** (part.exp + step)
    if isinstance(part, sympy.Mul):
        whole = str(part)
        for factor in part.args:
            if factor.is_Symbol or factor.is_Add:
                name = str(factor)
                yield f"the exponent of {name}, one too many", part * factor
                yield f"the factor {name} of {whole}, left out", part / factor
    if isinstance(part, sympy.Sum):
        yield from _bounds(part)
    if isinstance(part, sympy.Add):
        whole = str(part)
        for i, term in enumerate(part.args):
            rest, name = sympy.Add(*part.args[:i], *part.args[i + 1 :]), str(term)
            yield f"the sign of {name} in {whole}", rest - term
            yield f"the term {name} of {whole}, left out", rest
            yield f"a factor 2 at {name}", rest + 2 * term
            yield f"a factor 1/2 at {name}", rest + term / 2


def _bounds(total: sympy.Sum) -> Iterator[tuple[str, sympy.Expr]]:
    """A bound off by one, where the term that comes or goes is not 0."""
    index, low, high = total.limits[0]
    whole = {s: sympy.Dummy(s.name, integer=True, positive=True) for s in total.free_symbols}
    for name, said, edge, bounds in (
        ("lower", "high", low, (low + 1, high)),
        ("lower", "low", low - 1, (low - 1, high)),
        ("upper", "high", high + 1, (low, high + 1)),
        ("upper", "low", high, (low, high - 1)),
    ):
        if total.function.xreplace(whole).subs(index, edge.xreplace(whole)) != 0:
            changed = total.func(total.function, (index, *bounds), *total.limits[1:])
            yield f"the {name} bound of the sum over {index}, one too {said}", changed
