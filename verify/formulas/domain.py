"""Where two formulas are compared: the ranges of their symbols, what is assumed, exact points.

A relation is a SymPy inequality. Bounds that a relation sets for one symbol, the others being
known, are obeyed as they are drawn; every other relation is decided in balls at the drawn point.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy
from flint import fmpq

from derive.language.formula import MEANINGS, H, K
from derive.language.parameter import Parameter
from derive.language.update_rule import BadInput
from derive.language.writing import plain
from verify.formulas.drawing import COUNTS, between, between_any, cycled
from verify.formulas.values import Point, ball
from verify.running.numbers import precision

TRIES = 40
"""Draws for each wanted point."""
_WHOLE = ("number", "position")


@dataclass(frozen=True)
class ComparisonDomain:
    """The values for which formulas are compared.

    Args:
        relations: inequalities between the symbols.
        equations: symbols with what is put in their place, one after the other.
        whole: the names of the symbols that are whole numbers, 0 or more.
    """

    relations: tuple[Any, ...] = ()
    equations: tuple[tuple[sympy.Symbol, sympy.Expr], ...] = ()
    whole: frozenset[str] = frozenset()

    @staticmethod
    def of(
        ranges: Sequence[sympy.Basic],
        assumed: Sequence[sympy.Basic] = (),
        whole: Iterable[str] = (),
    ) -> ComparisonDomain:
        """The domain of a formula's ranges and of what a user assumes beside.

        Raises:
            BadInput: they contradict each other, or an equation gives no symbol its value.
        """
        stated = [part for condition in assumed for part in _parts(condition)]
        equations: list[tuple[sympy.Symbol, sympy.Expr]] = []
        for equation in stated:
            if isinstance(equation, sympy.Eq):
                sides = [_put(side, equations) for side in equation.args]
                if found := _solved(equation, sides[0] - sides[1]):
                    equations.append(found)
        relations: list[Any] = []
        for relation in [*ranges, *stated]:
            if relation == sympy.true or isinstance(relation, sympy.Eq):
                continue
            put = relation
            if relation != sympy.false:
                put = relation.func(*(_put(side, equations) for side in relation.args))
            if put == sympy.false:
                said = ", ".join(f"{plain(s)} = {plain(e)}" for s, e in equations)
                raise BadInput(
                    f"the assumptions contradict each other: {_said(relation)} does not hold"
                    + (f" for {said}." if said else ".")
                )
            if put != sympy.true:
                relations.append(put)
        domain = ComparisonDomain(tuple(relations), tuple(equations), frozenset(whole))
        domain._consistent()
        return domain

    def put(self, expr: sympy.Expr) -> sympy.Expr:
        """The expression under the equations.

        Raises:
            BadInput: it divides by zero under them.
        """
        found = _put(expr, self.equations)
        if found.has(sympy.zoo, sympy.nan, sympy.oo) and not expr.has(sympy.oo):
            said = ", ".join(f"{plain(s)} = {plain(e)}" for s, e in self.equations)
            raise BadInput(f"the formula {plain(expr)} divides by zero for {said}.")
        return found

    def counts(self, *exprs: sympy.Expr) -> ComparisonDomain:
        """The same, where symbols that bound a sum or stand in a factorial are whole numbers."""
        found = set(self.whole)
        for expr in exprs:
            found |= {s.name for s in expr.free_symbols if _is_count(s.name)}
            for part in sympy.preorder_traversal(expr):
                if isinstance(part, sympy.Sum):
                    found |= {s.name for limits in part.limits for s in _free(limits)}
                elif isinstance(part, sympy.factorial | sympy.binomial):
                    found |= {s.name for s in part.free_symbols}
        return ComparisonDomain(self.relations, self.equations, frozenset(found))

    @cached_property
    def _limits(self) -> dict[str, tuple[Any, Any, bool, bool]]:
        """What numbers bound each symbol: below, above, and whether they are allowed."""
        found: dict[str, tuple[Any, Any, bool, bool]] = {}
        for name in self.whole:
            found[name] = 0, math.inf, True, True
        for relation, symbol in self._single:
            known = found.get(symbol.name, (-math.inf, math.inf, True, True))
            found[symbol.name] = _narrowed(known, _bound(relation, symbol))
        return found

    @cached_property
    def _single(self) -> list[tuple[Any, sympy.Symbol]]:
        """The relations that bound one symbol by a number."""
        alone = [
            (r, next(iter(r.free_symbols))) for r in self.relations if len(r.free_symbols) == 1
        ]
        return [(relation, symbol) for relation, symbol in alone if _bound(relation, symbol)]

    @cached_property
    def _others(self) -> list[Any]:
        single = [relation for relation, _ in self._single]
        return [relation for relation in self.relations if relation not in single]

    def bounds(self, symbol: sympy.Symbol) -> tuple[Any, Any]:
        """The least and the largest value, infinite where none is known."""
        return self._limits.get(symbol.name, (-math.inf, math.inf))[:2]

    def sign(self, polynomial: sympy.Expr) -> int:
        """1 where it is known to be 0 or more, -1 where 0 or less, else 0."""
        low, high = self._range(polynomial)
        if low >= 0 or high <= 0:
            return 1 if low >= 0 else -1
        for relation in self.relations:
            above = relation.lhs - relation.rhs
            if isinstance(relation, sympy.Lt | sympy.Le):
                above = -above
            for sign in (1, -1):
                ratio = sympy.expand(polynomial) - sign * sympy.expand(above)
                if ratio == 0 or _is_positive_multiple(polynomial, sign * above):
                    return sign
        return 0

    def _range(self, expr: sympy.Expr) -> tuple[Any, Any]:
        """Bounds by interval arithmetic; infinite for what is no polynomial."""
        if isinstance(expr, sympy.Rational):
            value = Fraction(int(expr.p), int(expr.q))
            return value, value
        if isinstance(expr, sympy.Symbol):
            return self.bounds(expr)
        if isinstance(expr, sympy.Add):
            lows, highs = zip(*map(self._range, expr.args), strict=True)
            return sum(lows), sum(highs)
        if isinstance(expr, sympy.Mul):
            low, high = Fraction(1), Fraction(1)
            for factor in expr.args:
                a, b = self._range(factor)
                corners = [_times(x, y) for x in (low, high) for y in (a, b)]
                low, high = min(corners), max(corners)
            return low, high
        if isinstance(expr, sympy.Pow) and isinstance(expr.exp, sympy.Integer):
            low, high = self._range(expr.base)
            n = int(expr.exp)
            if n % 2 == 0 and 0 < n < 40:
                least = 0 if low <= 0 <= high else min(abs(low), abs(high)) ** n
                return least, max(abs(low), abs(high)) ** n
            if 0 < n < 40:
                return low**n, high**n
            return (0, math.inf) if n % 2 == 0 or low >= 0 else (-math.inf, math.inf)
        if isinstance(expr, sympy.Abs | sympy.exp):
            return 0, math.inf
        if isinstance(expr, sympy.Pow) and self._range(expr.base)[0] >= 0:
            return 0, math.inf
        return -math.inf, math.inf

    def _consistent(self) -> None:
        """Refuse bounds of one symbol between which nothing lies."""
        symbols = {s for relation in self.relations for s in relation.free_symbols}
        for symbol in sorted(symbols, key=str):
            found = [
                (bound, relation)
                for relation in self.relations
                if relation.free_symbols == {symbol} and (bound := _bound(relation, symbol))
            ]
            lows = [(v, strict, r) for (below, v, strict), r in found if below]
            highs = [(v, strict, r) for (below, v, strict), r in found if not below]
            for low, low_strict, one in lows:
                for high, high_strict, other in highs:
                    if low > high or (low == high and (low_strict or high_strict)):
                        raise BadInput(
                            "the assumptions contradict each other: "
                            f"{_said(one)} and {_said(other)}."
                        )

    def points(self, names: Sequence[str], wanted: int, seed: int = 0) -> Iterator[Point]:
        """At most so many exact points that obey all relations, simple ones first.

        The relations' own symbols are drawn too, as their values bound the others.
        """
        draw = random.Random(seed)
        beside = {s.name for relation in self.relations for s in relation.free_symbols}
        order = sorted({*names, *beside}, key=self._dependence)
        found: set[tuple[fmpq, ...]] = set()
        for i in range(TRIES * wanted):
            if i > TRIES * (len(found) + 3):
                return
            point: Point = {}
            for place, name in enumerate(order):
                value = self._value(name, point, draw, i, place)
                if value is None:
                    break
                point[name] = value
            else:
                key = tuple(point[name] for name in sorted(names))
                if key not in found and self._holds(point):
                    found.add(key)
                    yield {name: point[name] for name in sorted(names)}
                if len(found) >= wanted or not names:
                    return

    def _dependence(self, name: str) -> tuple[int, str]:
        """A symbol whose bounds hold others comes after them."""
        symbol = sympy.Symbol(name)
        isolated = (r for r in self.relations if symbol in (r.lhs, r.rhs))
        return max((len(r.free_symbols) for r in isolated), default=0), name

    def _value(
        self, name: str, point: Point, draw: random.Random, i: int, place: int
    ) -> fmpq | None:
        symbol = sympy.Symbol(name)
        limits = self._limits.get(name, (-math.inf, math.inf, True, True))
        known = {sympy.Symbol(n): sympy.Rational(int(v.p), int(v.q)) for n, v in point.items()}
        for relation in self._others:
            if symbol not in relation.free_symbols or relation.free_symbols - {symbol, *known}:
                continue
            put = relation.func(*(side.xreplace(known) for side in relation.args))
            if put == sympy.false:
                return None
            if put != sympy.true:
                limits = _narrowed(limits, _bound(put, symbol))
        low, high, closed_low, closed_high = limits
        if low > high:
            return None
        if name in self.whole:
            counts = [c + max(0, math.ceil(low)) for c in COUNTS]
            counts = [c for c in counts if low <= c <= high and (c != low or closed_low)]
            counts = [c for c in counts if c != high or closed_high]
            return fmpq(cycled(counts, i, place, name)) if counts else None
        values = list(between(low, high, closed_low, closed_high))
        chosen = cycled(values, i, place, name)
        if i > 3 * len(values):
            chosen = between_any(low, high, draw)
        return fmpq(chosen.numerator, chosen.denominator)

    def _holds(self, point: Point) -> bool:
        """Whether every relation certainly holds."""
        with precision(50):
            for relation in self._others:
                difference = relation.lhs - relation.rhs
                try:
                    value = ball(difference, point)
                except (ValueError, ZeroDivisionError):
                    return False
                if not value.imag.contains(0) or not value.is_finite():
                    return False
                above = value.real
                if isinstance(relation, sympy.Ne):
                    sure = not above.contains(0)
                elif isinstance(relation, sympy.Gt | sympy.Ge):
                    sure = above > 0 or (isinstance(relation, sympy.Ge) and above == 0)
                else:
                    sure = above < 0 or (isinstance(relation, sympy.Le) and above == 0)
                if not sure:
                    return False
        return True


def ranges_of(parameters: Iterable[Parameter]) -> list[sympy.Basic]:
    """The declared ranges of a rule's parameters, of h > 0 and of k >= 0."""
    found: list[sympy.Basic] = [sympy.Gt(H, 0), sympy.Ge(K, 0)]
    for parameter in parameters:
        symbol = sympy.Symbol(parameter.name)
        if parameter.lower is not None:
            bound = sympy.Rational(int(parameter.lower.p), int(parameter.lower.q))
            found.append((sympy.Ge if parameter.includes_lower else sympy.Gt)(symbol, bound))
        if parameter.upper is not None:
            bound = sympy.Rational(int(parameter.upper.p), int(parameter.upper.q))
            found.append((sympy.Le if parameter.includes_upper else sympy.Lt)(symbol, bound))
    return found


def _is_count(name: str) -> bool:
    return MEANINGS.get(name, "").startswith(_WHOLE)


def _parts(condition: sympy.Basic) -> list[Any]:
    return list(condition.args) if isinstance(condition, sympy.And) else [condition]


def _said(relation: Any) -> str:
    if relation in (sympy.true, sympy.false):
        return "one of them"
    return f"{plain(relation.lhs)} {relation.rel_op} {plain(relation.rhs)}"


def _put(expr: Any, equations: Iterable[tuple[sympy.Symbol, sympy.Expr]]) -> Any:
    for symbol, value in equations:
        expr = expr.xreplace({symbol: value})
    return expr


def _solved(equation: Any, zero: sympy.Expr) -> tuple[sympy.Symbol, sympy.Expr] | None:
    """The symbol that the equation gives a value; None where the equation says nothing."""
    zero = sympy.expand(zero)
    if zero == 0:
        return None
    for side, other in (equation.args, equation.args[::-1]):
        if side.is_Symbol and side in zero.free_symbols and side not in other.free_symbols:
            symbols = [side]
            break
    else:
        symbols = sorted(zero.free_symbols, key=str)
    if not symbols:
        raise BadInput(f"the assumptions contradict each other: {_said(equation)} does not hold.")
    for symbol in symbols:
        slope = zero.coeff(symbol, 1)
        rest = sympy.expand(zero - slope * symbol)
        if slope != 0 and slope.is_Rational and symbol not in rest.free_symbols:
            return symbol, -rest / slope
    raise BadInput(
        f"the equation {_said(equation)} gives no symbol its value; write one such as nu = beta."
    )


def _bound(relation: Any, symbol: sympy.Symbol) -> tuple[bool, Fraction, bool] | None:
    """Whether the relation, linear in the symbol alone, bounds it from below; the bound, and
    whether it is left out."""
    if isinstance(relation, sympy.Ne | sympy.Eq):
        return None
    zero = sympy.expand(relation.lhs - relation.rhs)
    slope = zero.coeff(symbol, 1)
    rest = sympy.expand(zero - slope * symbol)
    if not slope.is_Rational or slope == 0 or rest.free_symbols:
        return None
    value = -rest / slope
    if not value.is_Rational:
        try:
            value = sympy.Rational(str(value.evalf(20)))
        except (TypeError, ValueError):
            return None
    upward = isinstance(relation, sympy.Gt | sympy.Ge)
    strict = isinstance(relation, sympy.Gt | sympy.Lt)
    return upward == (slope > 0), Fraction(int(value.p), int(value.q)), strict


def _narrowed(
    limits: tuple[Any, Any, bool, bool], bound: tuple[bool, Fraction, bool] | None
) -> tuple[Any, Any, bool, bool]:
    low, high, closed_low, closed_high = limits
    if bound is None:
        return limits
    below, value, strict = bound
    if below and value >= low:
        return value, high, not strict and (closed_low or value > low), closed_high
    if not below and value <= high:
        return low, value, closed_low, not strict and (closed_high or value < high)
    return limits


def _times(a: Any, b: Any) -> Any:
    return 0 if a == 0 or b == 0 else a * b


def _is_positive_multiple(a: sympy.Expr, b: sympy.Expr) -> bool:
    one, other = (sympy.expand(e).as_coeff_Mul() for e in (a, b))
    scaled = [sympy.expand(e).primitive() for e in (a, b)]
    if one[1] == other[1]:
        return bool(one[0] * other[0] > 0)
    return scaled[0][1] == scaled[1][1] and bool(scaled[0][0] * scaled[1][0] > 0)


def _free(limits: Any) -> set[sympy.Symbol]:
    return {s for bound in limits[1:] for s in bound.free_symbols if isinstance(s, sympy.Symbol)}
