"""The exact field the coefficients live in: rational functions of the optimizer's parameters.

Polynomials come from FLINT: `fmpq` without parameters, `fmpq_poly` for one, `fmpq_mpoly` for more.
SymPy is met only at the edge (`as_expr`, `from_expr`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import Any

import sympy
from flint import Ordering, fmpq, fmpq_mpoly_ctx, fmpq_poly, fmpz

from derive.language.bad_input import BadInput
from derive.language.decimals import decimal, root_of
from derive.language.factored import Factored, factors
from derive.language.number_text import read_number
from derive.language.writing import latex, plain

Polynomial = Any
"""An `fmpq`, `fmpq_poly` or `fmpq_mpoly`, always of the ring at hand."""

Exact = int | Fraction | str | fmpq | fmpz | sympy.Rational


def exact(value: Exact | float) -> fmpq:
    """The rational number that a person means: `"9/10"`, `"0.9"` and `0.9` are all 9/10.

    Raises:
        ValueError: the text or number is not rational.
    """
    if isinstance(value, fmpq):
        return value
    if isinstance(value, fmpz | int):
        return fmpq(value)
    if isinstance(value, str):
        fraction = read_number(value)
        return fmpq(fraction.numerator, fraction.denominator)
    try:
        if isinstance(value, float):
            fraction = decimal(value)
        elif isinstance(value, Fraction):
            fraction = value
        else:
            fraction = Fraction(int(value.p), int(value.q))
    except (ValueError, ZeroDivisionError, OverflowError, AttributeError):
        raise ValueError(f"{value!r} is not a rational number; write 9/10 or 0.9.") from None
    return fmpq(fraction.numerator, fraction.denominator)


class RootWanted(Exception):
    """A root of a parameter is taken that the ring does not hold: one with these roots does."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        super().__init__(", ".join(roots))
        self.roots = roots


@dataclass(frozen=True)
class Ring:
    """Rational functions with rational coefficients in the named parameters.

    `roots` lists the parameters, not negative then, of which a root is a generator in their place:
    ("q", 2) stands for functions of sqrt(q).
    """

    parameters: tuple[str, ...] = ()
    roots: tuple[tuple[str, int], ...] = ()

    @cached_property
    def generators(self) -> tuple[Polynomial, ...]:
        if len(self.parameters) == 1:
            return (fmpq_poly([0, 1]),)
        return fmpq_mpoly_ctx.get(self.parameters, Ordering.lex).gens() if self.parameters else ()

    @cached_property
    def unit(self) -> Polynomial:
        """The polynomial 1."""
        return self.generators[0] ** 0 if self.parameters else fmpq(1)

    def number(self, value: Exact | float) -> Coefficient:
        return Coefficient(self, self.unit * exact(value), self.unit)

    @cached_property
    def degrees(self) -> tuple[int, ...]:
        """Which root of each parameter is the generator; 1 where it is the parameter itself."""
        return tuple(dict(self.roots).get(name, 1) for name in self.parameters)

    @cached_property
    def symbols(self) -> tuple[sympy.Expr, ...]:
        """What each generator stands for."""
        pairs = zip(self.parameters, self.degrees, strict=True)
        return tuple(sympy.Symbol(name) ** sympy.Rational(1, d) for name, d in pairs)

    def parameter(self, name: str) -> Coefficient:
        i = self.parameters.index(name)
        return Coefficient(self, self.generators[i] ** self.degrees[i], self.unit)

    def with_parameters(self, *names: str) -> Ring:
        """The ring with more parameters."""
        return Ring((*self.parameters, *names), self.roots)

    def with_roots(self, roots: Mapping[str, int]) -> Ring:
        """The ring that holds these roots as well."""
        known = dict(self.roots)
        joined = {n: lcm(d, known.get(n, 1)) for n, d in {**known, **roots}.items()}
        return Ring(self.parameters, tuple(sorted(joined.items())))

    def from_expr(self, expr: sympy.Expr) -> Coefficient:
        """Read a SymPy rational function of the parameters.

        Raises:
            ValueError: it holds another symbol, or is not a rational function.
        """
        if isinstance(expr, sympy.Rational):
            return self.number(expr)
        if isinstance(expr, sympy.Symbol) and expr.name in self.parameters:
            return self.parameter(expr.name)
        if isinstance(expr, sympy.Pow) and isinstance(expr.exp, sympy.Rational):
            return self._power(expr)
        if isinstance(expr, sympy.Add | sympy.Mul):
            parts = [self.from_expr(part) for part in expr.args]
            result = parts[0]
            for part in parts[1:]:
                result = result + part if isinstance(expr, sympy.Add) else result * part
            return result
        raise self._foreign(expr)

    def _power(self, expr: sympy.Pow) -> Coefficient:
        try:
            return self.from_expr(expr.base) ** Fraction(int(expr.exp.p), int(expr.exp.q))
        except (BadInput, RootWanted):
            raise self._foreign(expr) from None

    def _foreign(self, expr: sympy.Expr) -> ValueError:
        names = ", ".join(map(str, self.symbols)) or "no parameter"
        return ValueError(f"{expr} is not a rational function of {names}.")


class Coefficient:
    """A fraction of two polynomials of one ring; prints as an author would write it."""

    __slots__ = ("_reduced", "denominator", "numerator", "ring")

    def __init__(self, ring: Ring, numerator: Polynomial, denominator: Polynomial) -> None:
        self.ring = ring
        self.numerator = numerator
        self.denominator = denominator
        self._reduced: Coefficient | None = None

    @property
    def reduced(self) -> Coefficient:
        """The same fraction in lowest terms, the denominator with leading coefficient 1."""
        if self._reduced is None:
            top, bottom = self.numerator, self.denominator
            if not self.ring.parameters:
                top, bottom = top / bottom, self.ring.unit
            elif bottom != self.ring.unit:
                common = top.gcd(bottom)
                top, bottom = top // common, bottom // common
                leading = bottom.leading_coefficient()
                top, bottom = top / leading, bottom / leading
            self._reduced = Coefficient(self.ring, top, bottom)
            self._reduced._reduced = self._reduced
        return self._reduced

    def _coerce(self, other: object) -> Coefficient | None:
        if isinstance(other, Coefficient):
            return other if other.ring == self.ring else None
        if isinstance(other, int | Fraction | fmpq | fmpz | float):
            return self.ring.number(other)
        return None

    def __add__(self, other: object) -> Coefficient:
        if (right := self._coerce(other)) is None:
            return NotImplemented
        return Coefficient(
            self.ring,
            self.numerator * right.denominator + right.numerator * self.denominator,
            self.denominator * right.denominator,
        ).reduced

    def __mul__(self, other: object) -> Coefficient:
        if (right := self._coerce(other)) is None:
            return NotImplemented
        return Coefficient(
            self.ring,
            self.numerator * right.numerator,
            self.denominator * right.denominator,
        ).reduced

    def __truediv__(self, other: object) -> Coefficient:
        if (right := self._coerce(other)) is None:
            return NotImplemented
        return self * right.inverse()

    def inverse(self) -> Coefficient:
        """1 over this coefficient; ZeroDivisionError where it is 0."""
        if not self:
            raise ZeroDivisionError("division by a coefficient that is 0")
        return Coefficient(self.ring, self.denominator, self.numerator)

    def __neg__(self) -> Coefficient:
        return self * -1

    def __sub__(self, other: object) -> Coefficient:
        return NotImplemented if (right := self._coerce(other)) is None else self + -right

    def __rsub__(self, other: object) -> Coefficient:
        return -self + other

    def __rtruediv__(self, other: object) -> Coefficient:
        return self.inverse() * other

    __radd__ = __add__
    __rmul__ = __mul__

    def __pow__(self, exponent: int | Fraction | float) -> Coefficient:
        if not isinstance(exponent, int):
            if not isinstance(exponent, float | Fraction | fmpq):
                return NotImplemented
            whole = exact(exponent)
            return self._root(int(whole.q)) ** int(whole.p)
        base = self if exponent >= 0 else self.inverse()
        return Coefficient(
            self.ring, base.numerator ** abs(exponent), base.denominator ** abs(exponent)
        )

    def sqrt(self) -> Coefficient:
        """What NumPy's sqrt asks for."""
        return self._root(2)

    def _root(self, degree: int) -> Coefficient:
        """The positive root of a product of powers of parameters, which are then not negative.

        Raises:
            RootWanted: the ring lacks the root of a parameter.
            BadInput: this is a sum, or its number has no rational root.
        """
        if degree == 1:
            return self
        ring = self.ring
        if not ring.parameters:
            return ring.number(root_of(self.at({}), degree))
        sides = [_terms(side) for side in (self.reduced.numerator, self.reduced.denominator)]
        if any(len(side) != 1 for side in sides):
            raise BadInput(
                f"the rule takes a root of {self}: make the root a parameter of its own, "
                f"such as r, and write r**{degree} where {self} stands."
            )
        (above, top), (below, bottom) = (side[0] for side in sides)
        powers = [a - b for a, b in zip(above, below, strict=True)]
        wanted = {
            name: degree * d
            for name, d, p in zip(ring.parameters, ring.degrees, powers, strict=True)
            if p % degree
        }
        if wanted:
            raise RootWanted(wanted)
        found = ring.number(root_of(top / bottom, degree))
        for generator, power in zip(ring.generators, powers, strict=True):
            found = found * Coefficient(ring, generator, ring.unit) ** int(power // degree)
        return found

    def __bool__(self) -> bool:
        return self.numerator != 0

    def __eq__(self, other: object) -> bool:
        if (right := self._coerce(other)) is None:
            return NotImplemented
        return self.numerator * right.denominator == right.numerator * self.denominator

    def __hash__(self) -> int:
        return hash(str(self))

    def _sign(self, other: object, asked: str) -> int:
        """Of the difference to a number or coefficient, where it is a number."""
        if (right := self._coerce(other)) is None:
            raise TypeError(f"{self} cannot be compared with a {type(other).__name__}.")
        number = (self - right)._number()
        if number is None:
            raise BadInput(
                f"the rule asks whether {self} {asked} {right}; a formula cannot take both ways. "
                "Give the parameter a number, or declare a switch."
            )
        return (number > 0) - (number < 0)

    def _number(self) -> fmpq | None:
        """The value where no parameter is in it."""
        sides = (self.reduced.numerator, self.reduced.denominator)
        terms = [_terms(side) if self.ring.parameters else [((), side)] for side in sides]
        if any(len(side) > 1 or any(e for e, _ in side if any(e)) for side in terms):
            return None
        top, bottom = (side[0][1] if side else fmpq(0) for side in terms)
        return top / bottom

    def __lt__(self, other: object) -> bool:
        return self._sign(other, "<") < 0

    def __le__(self, other: object) -> bool:
        return self._sign(other, "<=") <= 0

    def __gt__(self, other: object) -> bool:
        return self._sign(other, ">") > 0

    def __ge__(self, other: object) -> bool:
        return self._sign(other, ">=") >= 0

    def __float__(self) -> float:
        number = self._number()
        if number is None:
            raise BadInput(
                f"the rule makes a float of {self}, as Python's math does: write {self} ** 0.5 for "
                "a root, or give the parameter a number."
            )
        return int(number.p) / int(number.q)

    def at(self, values: Mapping[str, Exact | float]) -> fmpq:
        """The exact value where every parameter is given."""
        names = zip(self.ring.parameters, self.ring.degrees, strict=True)
        point = [root_of(exact(values[name]), degree) for name, degree in names]
        if not point:
            return self.reduced.numerator
        return self.reduced.numerator(*point) / self.reduced.denominator(*point)

    @property
    def factored(self) -> Factored:
        """Numerator before denominator; each factor starts with its positive lowest term."""
        top_number, top = factors(self.ring.symbols, self.reduced.numerator, 1)
        bottom_number, bottom = factors(self.ring.symbols, self.reduced.denominator, -1)
        return Factored(top_number / bottom_number, (*top, *bottom))

    def as_expr(self) -> sympy.Expr:
        """The factored SymPy expression."""
        return self.factored.as_expr()

    def __repr__(self) -> str:
        return plain(self.factored)

    def _sympy_(self) -> sympy.Expr:
        """What SymPy asks for in arithmetic, `sympy.diff` and the like."""
        return self.as_expr()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {latex(self.factored)}$"


def _terms(polynomial: Polynomial) -> list[tuple[tuple[int, ...], fmpq]]:
    if isinstance(polynomial, fmpq_poly):
        return [((i,), c) for i, c in enumerate(polynomial.coeffs()) if c != 0]
    return [(exponents, fmpq(value)) for exponents, value in polynomial.to_dict().items()]
