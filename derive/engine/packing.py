"""Which numbers a derivation calculates with: one large integer for a whole polynomial if possible.

A polynomial with integer coefficients smaller than 2^(B-1) is known from its one value at 2^B: the
coefficients are the digits, from -2^(B-1) to 2^(B-1) - 1, of that integer. So a derivation with
one symbol is run once, with the number 2^B for the symbol. Without a symbol it runs on integers or
fractions, with several on polynomials.

Source: Kronecker substitution, von zur Gathen and Gerhard, Modern Computer Algebra (2013), 8.4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from operator import floordiv, truediv
from typing import Any

import gmpy2
from flint import fmpq, fmpq_poly, fmpz_poly
from gmpy2 import mpq, mpz

from derive.language.coefficients import Polynomial, Ring

Packed = Any
"""An element of the arithmetic at hand: `mpz`, `mpq` or a polynomial of the ring."""


@dataclass(frozen=True)
class Packing:
    """`pack` and `unpack` are inverse to each other; `divide` is for quotients that are exact."""

    pack: Callable[[Polynomial], Packed]
    unpack: Callable[[Packed], Polynomial]
    divide: Callable[[Packed, Packed], Packed]


def arithmetic(ring: Ring, givens: Iterable[Polynomial], largest: Callable[[], fmpq]) -> Packing:
    """The fastest arithmetic that is exact.

    Args:
        givens: every polynomial that enters the derivation.
        largest: a bound on the coefficients of whatever is unpacked; asked for only if needed.
    """
    if not ring.parameters:
        integral = all(value.q == 1 for value in givens)
        return Packing(_integer if integral else _fraction, _rational, truediv)
    if len(ring.parameters) > 1 or any(value.denom() != 1 for value in givens):
        return Packing(_same, _same, floordiv)
    bound = largest()
    bits = (int(bound.p) // int(bound.q)).bit_length() + 2
    half = 1 << (bits - 1)

    def pack(polynomial: fmpq_poly) -> mpz:
        return mpz(int(polynomial(1 << bits).p))

    @cache
    def halves(digits: int) -> mpz:
        return mpz(half * (((1 << bits * digits) - 1) // ((1 << bits) - 1)))

    def unpack(value: mpz) -> fmpq_poly:
        lifted = value + halves(value.bit_length() // bits + 2)
        digits = [int(digit) - half for digit in gmpy2.unpack(lifted, bits)]
        return fmpq_poly(fmpz_poly(digits))  # half the time of integers as rational numbers

    return Packing(pack, unpack, gmpy2.divexact)


def _integer(value: fmpq) -> mpz:
    return mpz(int(value.p))


def _fraction(value: fmpq) -> mpq:
    return mpq(int(value.p), int(value.q))


def _rational(value: mpz | mpq) -> fmpq:
    return fmpq(int(value.numerator), int(value.denominator))


def _same(value: Polynomial) -> Polynomial:
    return value
