"""Component expressions on a concrete loss: what number, or formula, is each component?

`Components` walks an expression on any number type; a `World` knows the fields and the functions
of that type. `SympyWorld` writes formulas in the coordinates of a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flint import fmpq

from derive.engine.component_ring import Element, Symbol

Number = Any
Vector = list[Number]
"""The components of a vector; a plain scalar is a single number."""


class World(Protocol):
    """The fields and functions of one number type."""

    def convert(self, value: fmpq) -> Number: ...

    def field(
        self, name: str, points: Sequence[Vector], moved: Sequence[tuple[int, Vector]]
    ) -> Vector:
        """D^k of a field at the players' points, applied to vectors of the players."""
        ...

    def schedule(self, name: str, order: int, time: Number) -> Number: ...

    def function(self, name: str, value: Number) -> Number:
        """abs, sign, exp, log, tanh, sin or cos."""
        ...

    def root(self, value: Number, q: int) -> Number: ...

    def power(self, base: Number, exponent: Number) -> Number: ...


@dataclass(frozen=True)
class Components:
    """Values of expressions where slow variables and parameters are given.

    Args:
        values: of every slow variable and parameter, by name; a vector as a list.
        sizes: the dimension of every vector space.
    """

    world: World
    values: Mapping[str, Any]
    sizes: Mapping[str, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {})

    def of(self, element: Element) -> Any:
        """The value: a list of components, or one number for a plain scalar."""
        terms, space = factored_terms(element), element.space
        used = {s.index: s for _, factors in terms for f, _ in factors for s in f.symbols}
        columns = {i: self._symbol(s) for i, s in used.items()}
        if space is None:
            return self._value(terms, columns)
        return [
            self._value(terms, {i: v[j] if isinstance(v, list) else v for i, v in columns.items()})
            for j in range(self.sizes[space])
        ]

    def vector(self, element: Element, space: str) -> Vector:
        """The components, a plain scalar as often as the space has dimensions."""
        found = self.of(element)
        return found if isinstance(found, list) else [found] * self.sizes[space]

    def _value(self, terms: list[Term], columns: Mapping[int, Number]) -> Number:
        total: Number = None
        for weight, factors in terms:
            term = self.world.convert(weight)
            for factor, power in factors:
                base = self._polynomial(factor, columns)
                term = term * base**power if power > 0 else term / base**-power
            total = term if total is None else total + term
        return self.world.convert(fmpq(0)) if total is None else total

    def _polynomial(self, factor: Element, columns: Mapping[int, Number]) -> Number:
        total: Number = None
        for exponents, weight in factor.num.to_dict().items():
            term = None if weight == 1 else self.world.convert(fmpq(weight))
            for i, power in enumerate(map(int, exponents)):
                if power:
                    part = columns[i] ** power if power > 1 else columns[i]
                    term = part if term is None else term * part
            term = self.world.convert(fmpq(weight)) if term is None else term
            total = term if total is None else total + term
        return total

    def _symbol(self, s: Symbol) -> Any:
        known: dict[int, Any] = self.__dict__["_known"]
        if s.index not in known:
            known[s.index] = self._found(s)
        return known[s.index]

    def _found(self, s: Symbol) -> Any:
        world = self.world
        if s.kind in {"slow", "parameter"}:
            return self.values[s.name]
        if s.kind == "field":
            name, points, moved = s.data
            places = [self.vector(p, p.space or "x") for p in points]
            directions = [(slot, self.vector(v, points[slot].space or "x")) for slot, v in moved]
            return world.field(name, places, directions)
        if s.kind == "total":
            parts = self.of(s.data)
            parts = parts if isinstance(parts, list) else [parts] * self.sizes["x"]
            return sum(parts[1:], start=parts[0])
        if s.kind == "name":
            return self.of(s.data)
        if s.kind == "schedule":
            name, order, time = s.data
            return _each(self.of(time), lambda t: world.schedule(name, order, t))
        value = self.of(s.data[-1])
        if s.kind == "root":
            return _each(value, lambda v: world.root(v, s.data[0]))
        if s.kind == "power":
            return _each(value, lambda v: world.power(v, self.of(s.data[0])))
        return _each(value, lambda v: world.function(s.kind, v))


def _each(value: Any, function: Callable[[Number], Number]) -> Any:
    return [function(v) for v in value] if isinstance(value, list) else function(value)


Term = tuple[fmpq, list[tuple[Element, int]]]


def factored_terms(element: Element) -> list[Term]:
    """The element as a sum of products: a rational number and polynomials with their powers.

    Terms are gathered by what they hold of the fields, their derivatives and sums.
    """
    algebra = element.algebra
    if not element:
        return []
    num, den = algebra.lifted(element.num, element.den)
    gathered = [s.kind in {"field", "total", "name", "schedule"} for s in algebra.symbols]
    gathered += [False] * (algebra.context.nvars() - len(gathered))
    parts: dict[tuple[int, ...], dict[tuple[int, ...], fmpq]] = {}
    for exponents, weight in num.to_dict().items():
        ours = tuple(e if g else 0 for e, g in zip(exponents, gathered, strict=True))
        rest = tuple(0 if g else e for e, g in zip(exponents, gathered, strict=True))
        parts.setdefault(ours, {})[rest] = weight
    found: list[Term] = []
    for ours, part in parts.items():
        weight = algebra.fraction(algebra.context.from_dict(part), den)
        scale, factors = algebra.factors(weight)
        own = [
            (algebra.variable(algebra.symbols[i]), int(power))
            for i, power in enumerate(ours)
            if power
        ]
        found.append((scale, _unsigned([*factors, *own])))
    return found


def _unsigned(factors: list[tuple[Element, int]]) -> list[tuple[Element, int]]:
    """sign(g)|g| written as g."""
    if not factors:
        return factors
    algebra = factors[0][0].algebra
    powers = {factor.key: (factor, power) for factor, power in factors}
    for index, value in algebra.replaced.items():
        symbols = sorted(value.symbols, key=lambda one: one.positive)
        if len(symbols) != 2:
            continue
        s, size = (algebra.variable(one) for one in symbols)
        held = s.key in powers and powers.get(size.key, (size, 0))[1] > 0
        if held and value == s * size:
            factor, power = powers.pop(size.key)
            del powers[s.key]
            powers |= {size.key: (factor, power - 1)} if power > 1 else {}
            symbol = algebra.variable(algebra.symbols[index])
            powers[symbol.key] = symbol, 1
    return list(powers.values())
