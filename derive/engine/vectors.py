"""The algebra of component expressions: what does an update rule compute, in component j?

A symbol such as x, g or u stands for component j of a vector, so that elementwise products are
products in a commutative ring. What couples the components is one symbol each: a derivative of a
field, D^k f(point)[v_1, ..., v_k], and a sum over components, sum_j e_j; both are pulled apart by
plain scalars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from flint import fmpq

from derive.engine.component_ring import ComponentRing, Element, Polynomial, Symbol

Argument = tuple[int, Element]
"""The number of the point that moves, and the direction it moves in."""


class Algebra(ComponentRing):
    """A ring with sums over components, derivatives of fields and names for long vectors."""

    def __init__(self, signs: Mapping[str, fmpq] | None = None) -> None:
        super().__init__(signs)
        self._splits: dict[str, list[tuple[Element, Element]]] = {}

    def forget(self) -> None:
        """Drop what was computed before a symbol was eliminated."""
        self._splits.clear()

    def split(self, element: Element) -> list[tuple[Element, Element]]:
        """The element as a sum of plain scalars times vectors."""
        if element.key not in self._splits:
            num, den = self.lifted(element.num, element.den)
            below = self._by_vectors(den)
            content = next(iter(below.values()))
            for part in below.values():
                content = content.gcd(part)
            rest = den // content
            found: dict[str, tuple[Element, Element]] = {}
            for vector, part in self._by_vectors(num).items():
                piece = self.fraction(self.context.from_dict({vector: 1}), rest)
                weight = self.fraction(part, content)
                if piece.key in found:
                    weight = found[piece.key][0] + weight
                found[piece.key] = weight, piece
            self._splits[element.key] = [(w, v) for w, v in found.values() if w]
        return self._splits[element.key]

    def _by_vectors(self, polynomial: Polynomial) -> dict[tuple[int, ...], Polynomial]:
        """The coefficient polynomial of every monomial in the vectors."""
        vector = [s.space is not None for s in self.symbols]
        size = self.context.nvars()
        vector += [False] * (size - len(vector))
        parts: dict[tuple[int, ...], dict[tuple[int, ...], fmpq]] = {}
        for exponents, value in polynomial.to_dict().items():
            ours = tuple(e if v else 0 for e, v in zip(exponents, vector, strict=True))
            rest = tuple(0 if v else e for e, v in zip(exponents, vector, strict=True))
            parts.setdefault(ours, {})[rest] = value
        return {ours: self.context.from_dict(part) for ours, part in parts.items()}

    def field(
        self, name: str, space: str, points: tuple[Element, ...], arguments: Iterable[Argument] = ()
    ) -> Element:
        """D^k f at the points applied to vectors, multilinear in plain scalars."""
        arguments = tuple(arguments)
        total = self.zero
        places = tuple(p.key for p in points)
        for pieces in product(*(self.split(vector) for _, vector in arguments)):
            moved = sorted(
                ((slot, v) for (slot, _), (_, v) in zip(arguments, pieces, strict=True)),
                key=lambda one: (one[0], one[1].key),
            )
            found = self.symbol(
                f"{name}[{', '.join(repr(v) for _, v in moved)}]" if moved else name,
                "field",
                space,
                (name, points, tuple(moved)),
                key=(name, places, tuple((slot, v.key) for slot, v in moved)),
            )
            for weight, _ in pieces:
                found = found * weight
            total = total + found
        return total

    def total(self, element: Element) -> Element:
        """The sum over components."""
        result = self.zero
        for weight, vector in self.split(element):
            even = all(
                degree % 2 == 0
                for polynomial in (vector.num, vector.den)
                for degree in polynomial.degrees()
            )
            found = self.symbol(
                f"sum({vector!r})", "total", None, vector, key=(vector.key,), positive=even
            )
            result = result + weight * found
        return result

    def named(self, element: Element) -> Element:
        """One symbol for a vector of several terms or with a denominator; others as they are."""
        pieces = self.split(element)
        if not element.space or all(_is_symbol(vector) for _, vector in pieces):
            return element
        scale, factors = self.factors(element)
        plain = self.number(scale)
        for factor, power in factors:
            if not factor.space:
                plain = plain * factor**power
        vector = element / plain
        count = sum(s.kind == "name" for s in self.symbols)
        name = "u" if not count else f"u{count + 1}"
        return plain * self.symbol(name, "name", vector.space, vector, key=(vector.key,))

    def unnamed(self, element: Element) -> Element:
        """The element with every named vector written out."""
        while names := [s for s in element.symbols if s.kind == "name"]:
            element = element.at({s.index: self.current(s.data) for s in names})
        return element

    def is_zero(self, element: Element) -> bool:
        """Whether this is 0 once the named vectors are written out."""
        return not element or not self.unnamed(element)


def _is_symbol(vector: Element) -> bool:
    return vector.den.is_one() and vector.num.total_degree() == 1


def direction(
    algebra: Algebra, speeds: Mapping[str, Element], *, fields_held: bool = False
) -> Callable[[Element], Element]:
    """The Lie derivative along a field, given by the speed of every slow variable.

    The chain rule over the symbols: D x = F_x, D f(p)[v] = Df(p)[v, D p] + f(p)[D v],
    D sum(e) = sum(D e), D eta(t) = eta'(t) F_t. Fields that are held have no derivative.
    """
    known: dict[str, Element] = {}
    of_symbol: dict[int, Element] = {}

    def along(element: Element) -> Element:
        if element.key not in known:
            total = algebra.zero
            for s in element.symbols:
                speed = moved(s)
                if speed:
                    total = total + algebra.current(element.derivative(s)) * speed
            known[element.key] = total
        return known[element.key]

    def moved(s: Symbol) -> Element:
        if s.index not in of_symbol:
            of_symbol[s.index] = rate(s)
        return of_symbol[s.index]

    def rate(s: Symbol) -> Element:
        if fields_held and s.kind in {"field", "total"}:
            return algebra.zero
        if s.kind == "slow":
            return speeds.get(s.name, algebra.zero)
        if s.kind == "field":
            return of_field(s)
        if s.kind == "total":
            return algebra.total(along(algebra.current(s.data)))
        if s.kind == "schedule":
            name, order, argument = s.data
            return schedule(algebra, name, argument, order + 1) * along(argument)
        if s.kind in FUNCTIONS:
            base = s.data[-1]
            return algebra.current(FUNCTIONS[s.kind](algebra.variable(s), s.data)) * along(base)
        return along(s.data) if s.kind == "name" else algebra.zero

    def of_field(s: Symbol) -> Element:
        name, points, arguments = s.data
        total = algebra.zero
        for slot, point in enumerate(points):
            speed = along(point)
            if speed:
                moved_on = (*arguments, (slot, speed))
                total = total + algebra.field(name, s.space or "x", points, moved_on)
        for i, (slot, vector) in enumerate(arguments):
            speed = along(vector)
            if speed:
                others = (*arguments[:i], (slot, speed), *arguments[i + 1 :])
                total = total + algebra.field(name, s.space or "x", points, others)
        return total

    return along


def lie_terms(
    row: Sequence[Element], along: Sequence[Callable[[Element], Element]], n: int
) -> Element:
    """What stands beside h^n in exp(h D) row less row itself, D = sum h^i along[i].

    Powers that are missing, of the row or of D, count as 0.
    """
    zero = row[0].algebra.zero
    row, total = [*row[:n], *[zero] * (n - len(row))], zero
    for k in range(1, n + 1):
        # row[m]: the coefficient of h^(m+k-1) in (h D)^(k-1) row
        row = [
            sum(
                (along[m - j](row[j]) for j in range(m + 1) if row[j] and m - j < len(along)),
                zero,
            )
            for m in range(n - k + 1)
        ]
        total = total + row[n - k] * fmpq(1, math.factorial(k))
    return total


def schedule(algebra: Algebra, name: str, argument: Element, order: int = 0) -> Element:
    """A schedule of time, or its derivative of some order, as a symbol."""
    return algebra.symbol(
        f"{name}{chr(39) * order}({argument!r})",
        "schedule",
        argument.space,
        (name, order, argument),
        key=(name, order, argument.key),
    )


FUNCTIONS: dict[str, Callable[[Element, Any], Element]] = {
    "abs": lambda y, data: data[0],
    "sign": lambda y, data: y * 0,
    "root": lambda y, data: (data[0] * y ** (data[0] - 1)).inverse(),
    "power": lambda y, data: data[0] * y / data[1],
    "exp": lambda y, data: y,
    "log": lambda y, data: data[0].inverse(),
    "tanh": lambda y, data: 1 - y * y,
    "sin": lambda y, data: data[0],
    "cos": lambda y, data: -data[0],
}
"""The derivative of a function's symbol y with respect to its argument, the last of its data."""
