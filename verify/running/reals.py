"""Multiprecision numbers that NumPy's functions accept, for rules written with np.sqrt and friends.

NumPy asks the entries of an object array for their own sqrt, exp, ...; gmpy2's numbers have none.
Floats enter as the decimals they print as, so that 0.9 in a rule is 9/10 at every precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import total_ordering
from typing import Any

import gmpy2
import numpy as np
from flint import fmpq, fmpz

from derive.language.coefficients import exact
from verify.running.numbers import MPFR, Arithmetic


@total_ordering
class Real:
    """A gmpy2.mpfr with the functions of NumPy as methods."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return str(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __add__(self, other: object) -> Real:
        return _combined(self, other, lambda a, b: a + b)

    def __sub__(self, other: object) -> Real:
        return _combined(self, other, lambda a, b: a - b)

    def __rsub__(self, other: object) -> Real:
        return _combined(self, other, lambda a, b: b - a)

    def __mul__(self, other: object) -> Real:
        return _combined(self, other, lambda a, b: a * b)

    def __truediv__(self, other: object) -> Real:
        return _combined(self, other, lambda a, b: a / b)

    def __rtruediv__(self, other: object) -> Real:
        return _combined(self, other, lambda a, b: b / a)

    def __pow__(self, other: object) -> Real:
        if isinstance(other, int):
            return Real(self.value**other)
        return _combined(self, other, lambda a, b: a**b)

    def __rpow__(self, other: object) -> Real:
        return _combined(self, other, lambda a, b: b**a)

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Real:
        return Real(-self.value)

    def __pos__(self) -> Real:
        return self

    def __abs__(self) -> Real:
        return Real(abs(self.value))

    def __bool__(self) -> bool:
        return self.value != 0

    def __eq__(self, other: object) -> bool:
        right = _value(other)
        return right is not None and self.value == right

    def __lt__(self, other: object) -> bool:
        return self.value < _value(other)

    def __hash__(self) -> int:
        return hash(self.value)

    def conjugate(self) -> Real:
        return self

    def sqrt(self) -> Real:
        return Real(gmpy2.sqrt(self.value))

    def cbrt(self) -> Real:
        return Real(gmpy2.cbrt(self.value))

    def exp(self) -> Real:
        return Real(gmpy2.exp(self.value))

    def expm1(self) -> Real:
        return Real(gmpy2.expm1(self.value))

    def log(self) -> Real:
        return Real(gmpy2.log(self.value))

    def log1p(self) -> Real:
        return Real(gmpy2.log1p(self.value))

    def tanh(self) -> Real:
        return Real(gmpy2.tanh(self.value))

    def sin(self) -> Real:
        return Real(gmpy2.sin(self.value))

    def cos(self) -> Real:
        return Real(gmpy2.cos(self.value))


def _value(other: object) -> Any:
    if isinstance(other, Real):
        return other.value
    if isinstance(other, int | type(gmpy2.mpfr(0))):
        return other
    if isinstance(other, float | fmpq | fmpz | Fraction):
        return MPFR.convert(exact(other))
    return None


def _combined(left: Real, other: object, operation: Callable[[Any, Any], Any]) -> Real:
    right = _value(other)
    return NotImplemented if right is None else Real(operation(left.value, right))


REAL = Arithmetic("real", lambda q: Real(MPFR.convert(q)))


class Reals(np.ndarray):
    """An array of numbers whose norm keeps its digits; NumPy's own turns entries into floats."""

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if func is np.linalg.norm:
            return _norm(*args, **kwargs)
        if func in {np.vdot, np.dot, np.inner}:
            return _sum(args[0] * args[1])
        found = super().__array_function__(func, types, args, kwargs)
        return found.item() if isinstance(found, np.ndarray) and not found.ndim else found


def _sum(entries: Any) -> Any:
    first, *others = entries
    return sum(others, start=first)


def _norm(x: Reals, ord: object = None) -> Any:
    total = _sum(abs(x) if ord == 1 else x * x)
    return total if ord == 1 else total.sqrt()


def vector(numbers: Sequence[Any]) -> Reals:
    """A vector of balls, power series or other numbers, as they are, with a norm of their kind."""
    return np.array([*numbers, None], dtype=object)[:-1].view(Reals)


def reals(numbers: Sequence[Any]) -> Reals:
    """A vector of Real; gmpy2 numbers and rationals are taken in."""
    entries = [n if isinstance(n, Real) else Real(_value(n)) for n in numbers]
    return vector(entries)
