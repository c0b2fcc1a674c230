"""Where a drafted statement on formulas is tried: exact points of what its symbols obey."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from flint import arb, fmpq

from derive.language.update_rule import BadInput
from verify.claims.slots import Domain, Point
from verify.running.numbers import BALL, evaluate, precision

Number = Any
DIGITS = 120
TRIES = 100
NEAR = fmpq(1, 1000)


@dataclass(frozen=True)
class Bounds:
    """What the symbols obey.

    Args:
        bounds: one symbol on the left of each, every symbol before those whose bounds it stands in.
    """

    bounds: tuple[sympy.Basic, ...]

    @staticmethod
    def of(
        given: Sequence[sympy.Basic], names: Sequence[str], ranges: Sequence[sympy.Basic]
    ) -> Bounds:
        """The given bounds, and the range of each name on the side where none is given.

        Raises:
            BadInput: a bound is none of one symbol, a symbol has none, or nothing obeys them all.
        """
        found = list(given)
        for bound in given:
            if not isinstance(bound.args[0], sympy.Symbol):
                raise BadInput(f"'{bound}' bounds no single symbol; write one such as beta < 1.")
        for bound in ranges:
            side = (bound.args[0], _lower(bound))
            if all((other.args[0], _lower(other)) != side for other in given):
                found.append(bound)
        bounded = {str(bound.args[0]) for bound in found}
        for name in names:
            if name not in bounded:
                raise BadInput(f"nothing bounds {name}; write what it obeys, such as {name} > 0.")
        ground = Bounds(tuple(found))
        try:
            point = ground.draw(random.Random(0))
        except (ValueError, ZeroDivisionError):
            raise BadInput(
                "a bound stands before those of a symbol in it; write them the other way round."
            ) from None
        if not ground.holds_at(point):
            raise BadInput("no values were found that obey all of them.")
        return ground

    def holds_at(self, point: Mapping[str, fmpq]) -> bool:
        """Whether a point obeys every bound on its symbols."""
        written = {name: sympy.Rational(int(v.p), int(v.q)) for name, v in point.items()}
        return all(bound.subs(written) != sympy.false for bound in self.bounds)

    def draw(
        self,
        draw: random.Random,
        fixed: Mapping[str, fmpq] | None = None,
        exact: Sequence[sympy.Expr] = (),
    ) -> Point:
        """A random point, every other one close to a bound; squares where roots are taken.

        Args:
            fixed: what some coordinates are, whether or not the bounds allow it.
            exact: formulas that have a rational value there, if such a point is found.
        """
        domain, rooted = Domain(self.bounds), any(_roots(expr) for expr in exact)
        point: Point = {}
        for _ in range(TRIES):
            point = domain.inside(draw, fixed)
            if self.bounds and draw.random() < 0.5:
                point = self._near(draw, point, fixed or {})
            if rooted:
                point = {n: v if n in (fixed or {}) else _square(v) for n, v in point.items()}
            if self.holds_at({n: v for n, v in point.items() if n not in (fixed or {})}) and all(
                isinstance(number(expr, point), fmpq) for expr in exact
            ):
                return point
        return point

    def _near(self, draw: random.Random, point: Point, fixed: Mapping[str, fmpq]) -> Point:
        bound = draw.choice(self.bounds)
        symbol = str(bound.args[0])
        if symbol in fixed:
            return point
        end = evaluate(bound.args[1], point)
        return point | {symbol: end + (point[symbol] - end) * NEAR}


def number(expr: sympy.Expr, point: Mapping[str, fmpq]) -> Number:
    """The exact value, or a ball that holds it where it is not rational.

    Raises:
        ValueError: it has no real value there.
    """
    try:
        return evaluate(expr, point)
    except ZeroDivisionError:
        raise
    except (ValueError, TypeError):
        with precision(DIGITS):
            ball = arb(evaluate(expr, {n: arb(v) for n, v in point.items()}, BALL))
    if not ball.is_finite():
        raise ValueError(f"{expr} is not real or not finite.")
    return ball


def both(left: Number, right: Number) -> tuple[Number, Number]:
    """Two numbers as they can be compared.

    Raises:
        ArithmeticError: they are too close to be told apart.
    """
    if isinstance(left, fmpq) and isinstance(right, fmpq):
        return left, right
    with precision(DIGITS):
        left, right = arb(left), arb(right)
        if left.overlaps(right):
            raise ArithmeticError("the two sides are too close to be told apart.")
    return left, right


def _lower(bound: sympy.Basic) -> bool:
    return isinstance(bound, sympy.Ge | sympy.Gt)


def _roots(expr: sympy.Expr) -> bool:
    return any(not power.exp.is_Integer for power in expr.atoms(sympy.Pow))


def _square(value: fmpq) -> fmpq:
    """A square of a rational close to a positive number."""
    if value <= 0:
        return value
    return fmpq(round(math.sqrt(int(value.p) / int(value.q)) * 2000), 2000) ** 2
