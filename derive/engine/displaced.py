"""Component expressions where the variables are series in h: Taylor's formula for each symbol."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from flint import fmpq

from derive.engine.component_ring import Element, NoExpansion, Polynomial, Symbol
from derive.engine.step_series import (
    Series,
    absolute,
    constant,
    elementary,
    power,
    rational_power,
    sign,
    total,
)
from derive.engine.vectors import Algebra, Argument, schedule

Moved = Sequence[tuple[int, Series]]


def displaced(series: Series, values: Mapping[int, Series]) -> Series:
    """A series in h where symbols, given by their index, are series in h themselves.

    Inside fields, sums, functions and named vectors too.
    """
    algebra, length = series.algebra, series.length
    found, at = constant(algebra, algebra.zero, length), _Displaced(algebra, values, length)
    for n, coefficient in enumerate(series.coefficients):
        if coefficient:
            part = at.of(coefficient).coefficients
            found = found + Series(algebra, [*[algebra.zero] * n, *part][:length])
    return found


def written_out(algebra: Algebra, element: Element) -> Element:
    """The element without names of vectors, also inside fields and functions."""
    return _Displaced(algebra, {}, 1, names=False).of(element).coefficients[0]


class _Displaced:
    def __init__(
        self, algebra: Algebra, values: Mapping[int, Series], length: int, *, names: bool = True
    ) -> None:
        self.algebra = algebra
        self.names = names
        self.length = length
        self.known: dict[int, Series] = dict(values)

    def of(self, element: Element) -> Series:
        if all(self._stays(s) for s in element.symbols):
            return constant(self.algebra, element, self.length)
        top = self._polynomial(element.num)
        return top if element.den.is_one() else top / self._polynomial(element.den)

    def _polynomial(self, polynomial: Polynomial) -> Series:
        """The sum over monomials; what stays where it is makes the coefficients."""
        context = polynomial.context()  # the algebra's own may grow meanwhile
        moves = [
            degree > 0 and not self._stays(self.algebra.symbols[i])
            for i, degree in enumerate(polynomial.degrees())
        ]
        parts: dict[tuple[int, ...], dict[tuple[int, ...], fmpq]] = {}
        for exponents, weight in polynomial.to_dict().items():
            ours = tuple(e if m else 0 for e, m in zip(exponents, moves, strict=True))
            rest = tuple(0 if m else e for e, m in zip(exponents, moves, strict=True))
            parts.setdefault(ours, {})[rest] = weight
        found = constant(self.algebra, self.algebra.zero, self.length)
        for ours, part in parts.items():
            fixed = Element(self.algebra, context.from_dict(part), context.constant(1))
            term = constant(self.algebra, fixed, self.length)
            for i, exponent in enumerate(ours):
                if exponent:
                    term = term * self._symbol(self.algebra.symbols[i]) ** exponent
            found = found + term
        return found

    def _stays(self, s: Symbol) -> bool:
        value = self._symbol(s)
        return not any(value.coefficients[1:]) and value.coefficients[0] == self._itself(s)

    def _itself(self, s: Symbol) -> Element:
        return self.algebra.variable(s)

    def _symbol(self, s: Symbol) -> Series:
        if s.index not in self.known:
            self.known[s.index] = self._found(s)
        return self.known[s.index]

    def _found(self, s: Symbol) -> Series:
        if s.kind in {"slow", "parameter", "tangent", "fading", "step"}:
            there = self.algebra.replaced.get(s.index) or self._itself(s)
            return constant(self.algebra, there, self.length)
        if s.kind == "field":
            name, points, moved = s.data
            places = [self.of(p) for p in points]
            return displaced_field(
                name, s.space or "x", places, [(slot, self.of(v)) for slot, v in moved]
            )
        if s.kind == "name":
            inside, own = self.of(s.data), self.algebra.current(s.data)
            stays = (
                self.names and not any(inside.coefficients[1:]) and inside.coefficients[0] == own
            )
            return constant(self.algebra, self._itself(s), self.length) if stays else inside
        if s.kind == "total":
            return total(self.of(s.data))
        if s.kind == "schedule":
            name, order, argument = s.data
            return clock(self.algebra, name, order)(self.of(argument))
        inside = self.of(s.data[-1])
        if s.kind == "root":
            return rational_power(inside, 1, s.data[0])
        if s.kind == "power":
            return power(inside, self.of(s.data[0]))
        if s.kind in {"abs", "sign"}:
            return absolute(inside) if s.kind == "abs" else sign(inside)
        return elementary(s.kind, inside)


def displaced_field(name: str, space: str, places: Sequence[Series], moved: Moved = ()) -> Series:
    """D^k f at points that are series in h, applied to series, by Taylor's formula."""
    algebra = places[0].algebra
    length = min(p.length for p in (*places, *(v for _, v in moved)))
    # (power of h, weight, directions) of every term of the Taylor series
    terms: list[tuple[int, fmpq, tuple[Argument, ...]]] = [(0, fmpq(1), ())]
    for slot, vector in moved:
        terms = [
            (n + i, weight, (*done, (slot, vector.coefficients[i])))
            for n, weight, done in terms
            for i in range(length - n)
            if vector.coefficients[i]
        ]
    for slot, place in enumerate(places):
        for i in range(1, length):
            if place.coefficients[i]:
                terms = [
                    (
                        n + i * k,
                        weight / math.factorial(k),
                        (*done, *[(slot, place.coefficients[i])] * k),
                    )
                    for n, weight, done in terms
                    for k in range((length - 1 - n) // i + 1)
                ]
    base = tuple(p.coefficients[0] for p in places)
    coefficients = [algebra.zero] * length
    for n, weight, done in terms:
        coefficients[n] = coefficients[n] + weight * algebra.field(name, space, base, done)
    return Series(algebra, coefficients)


def clock(algebra: Algebra, name: str, order: int = 0) -> Callable[[object], Series]:
    """A schedule of time, or its derivative of some order, that may be called at a series."""

    def at(time: object) -> Series:
        if not isinstance(time, Series):
            raise NoExpansion(
                f"the rule takes the schedule {name} at {time!r}; take it at the time t."
            )
        rest = time - time.coefficients[0]
        step = constant(algebra, algebra.number(1), time.length)
        result = step * 0
        for n in range(time.length):
            weight = fmpq(1, math.factorial(n))
            there = schedule(algebra, name, time.coefficients[0], order + n)
            result, step = result + step * (there * weight), step * rest
        return result

    return at
