"""What is a coefficient once it is factored? A number times powers of symbols and of sums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import sympy
from flint import fmpq, fmpq_poly, fmpz_poly

Monomials = tuple[tuple[tuple[int, ...], int], ...]
"""The exponents of the symbols in each monomial, and the integer before it."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A power of a sum of monomials in these symbols without common factor, or of one symbol."""

    symbols: tuple[sympy.Expr, ...]
    terms: Monomials
    power: int

    @property
    def base(self) -> sympy.Expr:
        """What is raised to the power."""
        monomials = (
            sympy.Mul(value, *map(sympy.Pow, self.symbols, exponents))
            for exponents, value in self.terms
        )
        return sympy.Add(*monomials)


@dataclass(frozen=True, slots=True)
class Factored:
    """The product of a number and of factors."""

    number: fmpq
    factors: tuple[Factor, ...]

    def times(self, symbol: sympy.Symbol, power: int) -> Factored:
        """The product with a power of a symbol that is not in it."""
        if not power:
            return self
        return replace(self, factors=(Factor((symbol,), (((1,), 1),), power), *self.factors))

    def as_expr(self) -> sympy.Expr:
        """The SymPy expression with the factors in this order."""
        number = sympy.Rational(int(self.number.p), int(self.number.q))
        if not self.factors or number == 0:
            return number
        powers = [sympy.Pow(factor.base, factor.power) for factor in self.factors]
        return sympy.Mul(*([] if number == 1 else [number]), *powers, evaluate=False)


def factors(
    symbols: tuple[sympy.Expr, ...], polynomial: Any, side: int
) -> tuple[fmpq, list[Factor]]:
    """The constant, and the primitive factors, whose powers `side` multiplies.

    Args:
        polynomial: an `fmpq` where there is no symbol, else an `fmpq_poly` or `fmpq_mpoly`.
    """
    if not symbols or polynomial == 0:
        return fmpq(0 if symbols else polynomial), []
    split = _split if isinstance(polynomial, fmpq_poly) else type(polynomial).factor
    constant, parts = split(polynomial)
    constant, found = fmpq(constant), list[Factor]()
    for part, power in parts:
        terms = _lowest_first(part)
        if terms[0][1] < 0:
            constant *= (-1) ** power
            terms = [(exponents, -value) for exponents, value in terms]
        found.append(Factor(symbols, tuple(terms), side * power))
    return constant, found


def _lowest_first(primitive: Any) -> list[tuple[tuple[int, ...], int]]:
    """The exponents and integer coefficients of its terms."""
    if isinstance(primitive, fmpq_poly):
        return [((i,), int(c)) for i, c in enumerate(primitive.numer().coeffs()) if c]
    terms = [(exponents, int(value.p)) for exponents, value in primitive.to_dict().items()]
    return sorted(terms, key=lambda term: (sum(term[0]), [-e for e in term[0]]))


def _split(polynomial: fmpq_poly) -> tuple[fmpq, list[tuple[fmpq_poly, int]]]:
    """What `factor` says, in half the time where it is one palindrome, as heavy ball's mostly are.

    It is f(x) = x^n g((x + 1/x)/2), times x + 1 where the degree is odd. If g is irreducible, so
    is f; or f is c p(x) x^n p(1/x), and then (-1)^n f(1) f(-1) is the square of c p(1) p(-1).
    """
    n, odd = divmod(polynomial.degree(), 2)
    whole = polynomial.numer()
    if n < 2 or whole.coeffs() != whole.coeffs()[::-1]:
        return polynomial.factor()
    f = whole // _LINEAR if odd else whole
    half = [fmpz_poly.chebyshev_t(j) * (2 * f[n + j]) for j in range(1, n + 1)]
    _, parts = sum(half, fmpz_poly([f[n]])).factor()
    norm = (-1) ** n * int(f(1) * f(-1))
    if len(parts) > 1 or parts[0][1] > 1 or (norm >= 0 and isqrt(norm) ** 2 == norm):
        return polynomial.factor()
    content = f.content() if f[2 * n] > 0 else -f.content()
    linear = [(fmpq_poly(_LINEAR), 1)] * odd
    return fmpq(content, polynomial.denom()), [*linear, (fmpq_poly(f // content), 1)]


_LINEAR = fmpz_poly([1, 1])
