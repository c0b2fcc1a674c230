"""The ring of component expressions: fractions of polynomials in symbols that may have relations.

Expressions are fractions of FLINT polynomials in lowest terms; equal ones are equal polynomials, up
to the relations between a root, a sign and what they were taken of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from flint import Ordering, fmpq, fmpq_mpoly_ctx, fmpz

from derive.language.bad_input import BadInput
from derive.language.coefficients import exact

Polynomial = Any
SPARE = 24


class NoExpansion(BadInput):
    """A rule has no expansion in powers of h there."""


class Restart(Exception):
    """A symbol was eliminated in favour of a root or a sign: what was computed is out of date."""


@dataclass
class Symbol:
    """One variable of the ring. `space` names the vector space; None for a plain scalar."""

    index: int
    name: str
    kind: str
    space: str | None
    data: Any = None
    positive: bool = False


class Element:
    """A fraction of two polynomials in the symbols of an algebra, in lowest terms."""

    __slots__ = ("_key", "algebra", "den", "num")

    def __init__(self, algebra: ComponentRing, num: Polynomial, den: Polynomial) -> None:
        self.algebra = algebra
        self.num = num
        self.den = den
        self._key: str | None = None

    @property
    def key(self) -> str:
        if self._key is None:
            self._key = str(self.num) if self.den.is_one() else f"({self.num})/({self.den})"
        return self._key

    def __repr__(self) -> str:
        text = self.key
        for symbol in reversed(self.algebra.symbols):
            text = text.replace(f"z{symbol.index}_", symbol.name)
        return text

    def __bool__(self) -> bool:
        return not self.num.is_zero()

    def __eq__(self, other: object) -> bool:
        right = self.algebra.coerce(other)
        return NotImplemented if right is None else not (self - right)

    def __hash__(self) -> int:
        return hash(self.key)

    def __neg__(self) -> Element:
        return Element(self.algebra, -self.num, self.den)

    def __add__(self, other: object) -> Element:
        right = self.algebra.coerce(other)
        if right is None:
            return NotImplemented
        if not right or not self:
            return self if self else right
        a, b, c, d = self.algebra.lifted(self.num, self.den, right.num, right.den)
        if b == d:
            return self.algebra.fraction(a + c, b)
        common = b.gcd(d)
        rest = d // common
        return self.algebra.fraction(a * rest + c * (b // common), b * rest)

    def __sub__(self, other: object) -> Element:
        right = self.algebra.coerce(other)
        return NotImplemented if right is None else self + -right

    def __rsub__(self, other: object) -> Element:
        return -self + other

    def __mul__(self, other: object) -> Element:
        right = self.algebra.coerce(other)
        if right is None:
            return NotImplemented
        a, b, c, d = self.algebra.lifted(self.num, self.den, right.num, right.den)
        return self.algebra.fraction(a * c, b * d)

    def inverse(self) -> Element:
        """1 over this; ZeroDivisionError where it is 0."""
        if not self:
            raise ZeroDivisionError("division by an expression that is 0")
        return self.algebra.fraction(self.den, self.num)

    def __truediv__(self, other: object) -> Element:
        right = self.algebra.coerce(other)
        return NotImplemented if right is None else self * right.inverse()

    def __rtruediv__(self, other: object) -> Element:
        return self.inverse() * other

    def __pow__(self, exponent: int) -> Element:
        base = self if exponent >= 0 else self.inverse()
        return self.algebra.fraction(base.num ** abs(exponent), base.den ** abs(exponent))

    __radd__ = __add__
    __rmul__ = __mul__

    @property
    def symbols(self) -> list[Symbol]:
        """The symbols that occur."""
        a, b = self.algebra.lifted(self.num, self.den)
        degrees = map(max, a.degrees(), b.degrees()) if self else ()
        return [self.algebra.symbols[i] for i, degree in enumerate(degrees) if degree > 0]

    @property
    def space(self) -> str | None:
        """The vector space this is a component of; None for a plain scalar."""
        return next((s.space for s in self.symbols if s.space), None)

    def derivative(self, symbol: Symbol) -> Element:
        """The partial derivative."""
        num, den = self.algebra.lifted(self.num, self.den)
        i = symbol.index
        top = self.algebra.fraction(num.derivative(i), den)
        if den.degrees()[i] <= 0:
            return top
        return top - self * self.algebra.fraction(den.derivative(i), den)

    def at(self, values: Mapping[int, Element]) -> Element:
        """The value where the symbols of these indices are replaced."""
        found = self
        for index, value in values.items():
            top, bottom = (self.algebra.powers(p, index) for p in (found.num, found.den))
            if len(top) > 1 or len(bottom) > 1:
                found = _horner(top, value) / _horner(bottom, value)
        return found


def _horner(coefficients: Sequence[Element], value: Element) -> Element:
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = total * value + coefficient
    return total


class ComponentRing:
    """The symbols, and what is known of them.

    Args:
        signs: values of the parameters at which the sign of an expression in them is read.
    """

    def __init__(self, signs: Mapping[str, fmpq] | None = None) -> None:
        self.symbols: list[Symbol] = []
        self.signs = dict(signs or {})
        self.replaced: dict[int, Element] = {}
        """Symbols that are written through a root or a sign."""
        self.relations: dict[int, tuple[int, Element]] = {}
        """Symbols with a power that is an expression in the others."""
        self.assumed: dict[str, Element] = {}
        """Expressions in the parameters whose sign was read at `signs`, written to be positive."""
        self.holding = False
        """While the slow variables are sought, gradients are data and functions are unknowns."""
        self._known: dict[tuple[object, ...], Symbol] = {}
        self._factorings: dict[str, tuple[fmpq, list[tuple[Element, int]]]] = {}
        self._grow(SPARE)

    def _grow(self, size: int) -> None:
        names = [f"z{i}_" for i in range(size)]
        self.context = fmpq_mpoly_ctx.get(names, Ordering.lex)
        self.one = self.context.constant(1)

    def lifted(self, *polynomials: Polynomial) -> tuple[Polynomial, ...]:
        """The polynomials in the ring of all the symbols there are by now."""
        context = self.context
        return tuple(
            p if p.context() is context else p.project_to_context(context) for p in polynomials
        )

    def coerce(self, value: object) -> Element | None:
        if isinstance(value, Element):
            return value
        if isinstance(value, int | float | Fraction | fmpq | fmpz):
            return self.number(value)
        return None

    def number(self, value: Any) -> Element:
        return Element(self, self.context.constant(exact(value)), self.one)

    @cached_property
    def zero(self) -> Element:
        return self.number(0)

    def symbol(
        self,
        name: str,
        kind: str,
        space: str | None = None,
        data: Any = None,
        *,
        key: tuple[object, ...] = (),
        positive: bool = False,
    ) -> Element:
        """The symbol of this kind and key (its name, where no key is given), new or known."""
        place = (kind, *(key or (name,)))
        if place not in self._known:
            if len(self.symbols) == self.context.nvars():
                self._grow(2 * len(self.symbols))
            found = Symbol(len(self.symbols), name, kind, space, data, positive)
            self.symbols.append(found)
            self._known[place] = found
        found = self._known[place]
        return self.replaced.get(found.index) or self.variable(found)

    def variable(self, symbol: Symbol) -> Element:
        """The symbol itself, even where it is written through others."""
        return Element(self, self.context.gen(symbol.index), self.one)

    def fraction(self, num: Polynomial, den: Polynomial) -> Element:
        """num/den in lowest terms, the relations used up and the denominator monic."""
        num, den = self.lifted(num, den)
        if self.relations:
            above, below = num.degrees(), den.degrees()
            for index, (power, value) in self.relations.items():
                if above[index] >= power or below[index] > 0:
                    return self._related(num, den, index, power, value)
        if num.is_zero():
            return Element(self, num, self.one)
        if not den.is_constant():
            common = num.gcd(den)
            if not common.is_one():
                num, den = num // common, den // common
        leading = den.leading_coefficient()
        if leading != 1:
            num, den = num / leading, den / leading
        return Element(self, num, den)

    def _related(
        self, num: Polynomial, den: Polynomial, index: int, power: int, value: Element
    ) -> Element:
        """The fraction with powers of a symbol replaced, and a square root out of below."""

        def low(polynomial: Polynomial) -> list[Element]:
            parts = [self.zero] * power
            for k, part in enumerate(self.powers(polynomial, index)):
                parts[k % power] = parts[k % power] + part * value ** (k // power)
            return parts

        def whole(parts: list[Element]) -> Element:
            return sum(
                (part * self.monomial(index, k) for k, part in enumerate(parts[1:], 1) if part),
                parts[0],
            )

        top, bottom = low(num), low(den)
        plain = {s.kind for s in value.symbols}
        # a root such as sqrt(1 - beta^k) stays below: its conjugate may be 0 where it is not
        if power == 2 and bottom[1] and not (plain and plain <= {"parameter", "fading"}):
            conjugate = [bottom[0], -bottom[1]]
            a, b = top
            c, d = conjugate
            top = [a * c + b * d * value, a * d + b * c]
            bottom = [c * c - d * d * value, self.zero]
        if not any(bottom[1:]):
            return whole([part / bottom[0] for part in top])
        upper, lower = whole(top), whole(bottom)
        a, b, c, d = self.lifted(upper.num, upper.den, lower.num, lower.den)
        num, den = a * d, b * c
        common = num.gcd(den)
        return Element(self, num // common, den // common)

    def monomial(self, index: int, power: int) -> Element:
        return Element(self, self.context.gen(index) ** power, self.one)

    def powers(self, polynomial: Polynomial, index: int) -> list[Element]:
        """The coefficients of the powers of one symbol."""
        (polynomial,) = self.lifted(polynomial)
        parts: list[dict[tuple[int, ...], fmpq]] = [
            {} for _ in range(max(0, polynomial.degrees()[index]) + 1)
        ]
        for exponents, value in polynomial.to_dict().items():
            rest = (*exponents[:index], 0, *exponents[index + 1 :])
            parts[exponents[index]][rest] = value
        return [Element(self, self.context.from_dict(part), self.one) for part in parts]

    def current(self, element: Element) -> Element:
        """The element without the symbols that are written through others."""
        while any(s.index in self.replaced for s in element.symbols):
            stale = [s.index for s in element.symbols if s.index in self.replaced]
            element = element.at({i: self.replaced[i] for i in stale})
        return element

    def factors(self, element: Element) -> tuple[fmpq, list[tuple[Element, int]]]:
        """A rational number and the irreducible factors with their powers."""
        above, top = self._factored(element.num)
        below, bottom = self._factored(element.den)
        return above / below, [*top, *((factor, -power) for factor, power in bottom)]

    def _factored(self, polynomial: Polynomial) -> tuple[fmpq, list[tuple[Element, int]]]:
        """Remembered, for the terms of a sum share their denominators."""
        text = str(polynomial)
        if text not in self._factorings:
            constant, parts = self.lifted(polynomial)[0].factor()
            scale, found = fmpq(constant), list[tuple[Element, int]]()
            for part, power in parts:
                sign = -1 if min(part.to_dict().items())[1] < 0 else 1
                scale *= fmpq(sign) ** power
                found.append((Element(self, part * sign, self.one), power))
            self._factorings[text] = scale, found
        return self._factorings[text]

    def unknowns(self, element: Element) -> set[int]:
        """The unknowns in an element, also those inside held gradients, functions and sums."""
        found: set[int] = set()
        for s in element.symbols:
            if s.kind == "unknown":
                found.add(s.index)
            elif s.kind in {"held", "function"}:
                found.update(*(self.unknowns(part) for part in s.data))
            elif s.kind == "total":
                found |= self.unknowns(s.data)
        return found

    def sign_of_plain(self, element: Element) -> int:
        """The sign of an expression in parameters, at the values where signs are read."""
        values = dict[int, Element]()
        for s in element.symbols:
            value = self.signs.get(s.name, fmpq(1, 2))
            values[s.index] = self.number(value)
        found = element.at(values)
        if not found:
            raise NoExpansion(
                f"the rule takes the size or the sign of {element!r}, which depends on the "
                "parameters; give values to those in it."
            )
        sign = 1 if found.num.leading_coefficient() > 0 else -1
        if len(element.num.coeffs()) > 1 or not element.den.is_constant():
            self.assumed[element.key] = element * sign
        return sign
