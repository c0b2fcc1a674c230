"""What is a coefficient once it is factored? A number times powers of symbols and of sums."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sympy
from flint import fmpq

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
