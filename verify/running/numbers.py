"""The number types of the verifier, their precision, and how an expression is evaluated on them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, reduce, total_ordering
from operator import add, mul
from typing import Any

import gmpy2
import mpmath
import numpy as np
import sympy
from flint import acb, arb, fmpq, fmpq_poly
from flint import ctx as flint_context
from flint.utils.flint_exceptions import DomainError

from derive.language.bad_input import BadInput
from derive.language.decimals import root_of
from verify.running.recording import recorder

Number = Any

GUARD_DIGITS = 10


@dataclass(frozen=True)
class Arithmetic:
    """A number type.

    Args:
        convert: how an exact rational enters it.
        total: the sum of some of its numbers.
        bits: the precision at present, where numbers that were converted at it may be kept.
    """

    name: str
    convert: Callable[[fmpq], Number]
    total: Callable[[Iterable[Number]], Number] = sum
    bits: Callable[[], int] | None = None


def _float(value: fmpq) -> float:
    try:
        return int(value.p) / int(value.q)
    except OverflowError:
        raise BadInput(
            f"a number of about {arb(value).str(3, radius=False)} is no float, which ends at "
            "1.8e308; write a smaller one."
        ) from None


def _mpfr(value: fmpq) -> gmpy2.mpfr:
    if value.q == 1:
        return gmpy2.mpfr(int(value.p))
    return gmpy2.mpfr(gmpy2.mpq(int(value.p), int(value.q)))


FLOAT = Arithmetic("float", _float)
MPFR = Arithmetic("mpfr", _mpfr, gmpy2.fsum, lambda: gmpy2.get_context().precision)
MPMATH = Arithmetic("mpf", lambda q: mpmath.mpf(int(q.p)) / int(q.q))
BALL = Arithmetic("arb", arb)
COMPLEX = Arithmetic("acb", acb)
RATIONAL = Arithmetic("fmpq", fmpq, bits=lambda: 0)


@contextmanager
def precision(digits: int) -> Iterator[None]:
    """Work with this many decimal digits, and some more to guard them, in every number type."""
    guarded = digits + GUARD_DIGITS
    bits = math.ceil(guarded * math.log2(10))
    with (
        gmpy2.context(gmpy2.get_context(), precision=bits),
        mpmath.workdps(guarded),
        flint_context.workdps(guarded),
    ):
        yield


_EXACT = (int, fmpq, Fraction)
"""The exact numbers that are no series; as a tuple they are told fastest."""


def rational(value: int | fmpq | Fraction) -> int | fmpq:
    """A number as FLINT takes it."""
    return value if isinstance(value, int | fmpq) else fmpq(*value.as_integer_ratio())


@total_ordering
class PowerSeries:
    """A power series in the step size h with rational coefficients, cut after h**(length-1).

    Two are compared as they lie for small h > 0.
    """

    __slots__ = ("length", "polynomial")

    def __init__(self, polynomial: fmpq_poly, length: int) -> None:
        self.polynomial = polynomial.truncate(length)
        self.length = length

    @classmethod
    def step(cls, length: int) -> PowerSeries:
        """h itself."""
        return cls(fmpq_poly([0, 1]), length)

    def __getitem__(self, power: int) -> fmpq:
        return self.polynomial[power]

    def __len__(self) -> int:
        raise TypeError("a power series is a number, not a sequence")

    def _with(self, polynomial: fmpq_poly) -> PowerSeries:
        """A series of the same length, of a polynomial that is no longer."""
        series = PowerSeries.__new__(PowerSeries)
        series.polynomial, series.length = polynomial, self.length
        return series

    def __add__(self, other: object) -> PowerSeries:
        if isinstance(other, PowerSeries):
            if self.length == other.length:
                return self._with(self.polynomial + other.polynomial)
            return PowerSeries(self.polynomial + other.polynomial, min(self.length, other.length))
        if isinstance(other, _EXACT):
            return self._with(self.polynomial + rational(other))
        return NotImplemented

    def __mul__(self, other: object) -> PowerSeries:
        if isinstance(other, PowerSeries):
            shorter = self if self.length <= other.length else other
            return shorter._with(self.polynomial.mul_low(other.polynomial, shorter.length))
        if isinstance(other, _EXACT):
            return self._with(self.polynomial * rational(other))
        return NotImplemented

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> PowerSeries:
        return self._with(-self.polynomial)

    def __sub__(self, other: object) -> PowerSeries:
        return self + -other  # pyright: ignore[reportOperatorIssue]

    def __rsub__(self, other: object) -> PowerSeries:
        return -self + other

    def __truediv__(self, other: object) -> PowerSeries:
        if isinstance(other, _EXACT):
            return self._with(self.polynomial / rational(other))
        if isinstance(other, PowerSeries):
            return self._quotient(other)
        return NotImplemented

    def _quotient(self, other: PowerSeries) -> PowerSeries:
        """Long division, after a common power of h; ZeroDivisionError where the divisor's is
        higher."""
        length, lead = min(self.length, other.length), other[0]
        if lead == self[0] == 0 and length > 1:
            h = fmpq_poly([0, 1])
            one, two = (PowerSeries(s.polynomial // h, length - 1) for s in (self, other))
            return one._quotient(two)
        terms: list[fmpq] = []
        for n in range(length):
            known = sum((terms[i] * other[n - i] for i in range(n)), fmpq(0))
            terms.append((self[n] - known) / lead)
        return PowerSeries(fmpq_poly(terms), length)

    def __rtruediv__(self, other: object) -> PowerSeries:
        return (self * 0 + other) / self  # pyright: ignore[reportOperatorIssue]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PowerSeries):
            return self.polynomial == other.polynomial
        return self.polynomial == other if isinstance(other, int | fmpq) else NotImplemented

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __lt__(self, other: object) -> bool:
        gap = self - other
        if not isinstance(gap, PowerSeries):
            return NotImplemented
        return next((c < 0 for c in gap.polynomial.coeffs() if c), False)

    def __abs__(self) -> PowerSeries:
        return -self if self < 0 else self

    def __pow__(self, exponent: int | Fraction) -> PowerSeries:
        if isinstance(exponent, Fraction):
            return self._root(exponent.denominator) ** exponent.numerator
        if exponent < 0:
            return 1 / self**-exponent
        return PowerSeries(self.polynomial.pow_trunc(exponent, self.length), self.length)

    def sqrt(self) -> PowerSeries:
        return self._root(2)

    def exp(self) -> PowerSeries:
        """ValueError where there is a constant term, whose exponential is not rational."""
        if self[0] != 0:
            raise ValueError(f"the exponential of {self} is not rational.")
        terms = [fmpq(1)]
        for n in range(1, self.length):
            terms.append(sum((self[i] * i * terms[n - i] for i in range(1, n + 1)), fmpq(0)) / n)
        return PowerSeries(fmpq_poly(terms), self.length)

    def _root(self, degree: int) -> PowerSeries:
        """y with y^degree = a: degree a y' = a' y; a has a constant term with a rational root."""
        if degree == 1:
            return self
        lead, terms = self[0], [root_of(self[0], degree)]
        for n in range(1, self.length):
            known = sum(
                (terms[n - i] * self[i] * (i - degree * (n - i)) for i in range(1, n + 1)), fmpq(0)
            )
            terms.append(known / (lead * n * degree))
        return PowerSeries(fmpq_poly(terms), self.length)

    def __bool__(self) -> bool:
        return self.polynomial != 0

    def __repr__(self) -> str:
        return f"PowerSeries({self.polynomial}, length={self.length})"


@lru_cache(maxsize=64)
def power_series(length: int) -> Arithmetic:
    """Power series in h cut to this many terms; rationals enter as constants."""
    return Arithmetic("series", lambda q: PowerSeries(fmpq_poly([q]), length), bits=lambda: 0)


_MODULES: tuple[tuple[type, Any], ...] = (
    (float, math),
    (gmpy2.mpfr, gmpy2),
    (mpmath.mpf, mpmath),
    (np.ndarray, np),
)


def _elementary(name: str) -> Callable[[Number], Number]:
    def function(x: Number) -> Number:
        for kind, module in _MODULES:
            if isinstance(x, kind):
                return getattr(module, name)(x)
        if hasattr(x, name):
            return getattr(x, name)()
        raise TypeError(f"{name} is not defined on {type(x).__name__}")

    function.__doc__ = f"{name} of any number type that has it."
    return function


exp, log, sin, cos, sqrt, asinh = map(_elementary, ("exp", "log", "sin", "cos", "sqrt", "asinh"))


def tanh(x: Number) -> Number:
    """tanh of any number type that has exp."""
    return 1 - 2 / (exp(2 * x) + 1)


def evaluate(
    expr: sympy.Expr, values: Mapping[str, Number], arithmetic: Arithmetic = RATIONAL
) -> Number:
    """The value of a SymPy expression on a number type.

    Args:
        values: a number for every symbol, by name.
    Raises:
        ValueError: a symbol without value, or a function that the verifier does not know.
    """
    found = _compiled(expr)(values, arithmetic)
    if arithmetic is RATIONAL and isinstance(found, fmpq) and (log := recorder()) is not None:
        log.value(expr, values, found)
    return found


_Evaluation = Callable[[Mapping[str, Number], Arithmetic], Number]
_ON_NUMBERS = {sympy.log: log, sympy.exp: exp, sympy.asinh: asinh, sympy.Abs: abs}


@lru_cache(maxsize=16384)
def _compiled(expr: sympy.Basic) -> _Evaluation:
    """The evaluation of an expression, read once; formulas that differ little share their parts."""
    parts = [_compiled(arg) for arg in expr.args]
    if isinstance(expr, sympy.Rational):
        constant = fmpq(int(expr.p), int(expr.q))
        return lambda values, arithmetic: arithmetic.convert(constant)
    if isinstance(expr, sympy.Add):
        return lambda values, arithmetic: reduce(add, [part(values, arithmetic) for part in parts])
    if isinstance(expr, sympy.Mul):
        return lambda values, arithmetic: reduce(mul, [part(values, arithmetic) for part in parts])
    if isinstance(expr, sympy.Pow):
        (base, exponent), written = parts, expr.exp
        whole = int(written) if isinstance(written, sympy.Integer) else None
        return lambda values, arithmetic: _power(
            base(values, arithmetic),
            exponent(values, arithmetic) if whole is None else whole,
            written,
        )
    if (function := _ON_NUMBERS.get(expr.func)) is not None:
        (inner,) = parts
        return lambda values, arithmetic: function(inner(values, arithmetic))
    name = expr.name if isinstance(expr, sympy.Symbol) else ""

    def given(values: Mapping[str, Number], _: Arithmetic) -> Number:
        if name not in values:
            raise ValueError(f"{expr} has no value: give one for each of its symbols.")
        return values[name]

    return given


MOST_BITS = 10_000_000
"""Of an exact power; longer ones are left to balls."""


def _power(base: Number, exponent: Number, written: sympy.Expr) -> Number:
    if isinstance(written, sympy.Rational) and written.q == 2:
        try:
            base, whole = sqrt(base), int(written.p)
        except DomainError:
            raise ValueError(f"the square root of {base} is not rational.") from None
    elif isinstance(exponent, int):
        whole = exponent
    elif isinstance(exponent, fmpq) and exponent.q == 1:
        whole = int(exponent.p)
    elif isinstance(base, arb | acb | gmpy2.mpfr):
        return base**exponent
    else:
        raise ValueError(f"the exponent {written} is not a whole number here.")
    bits = base.height_bits() if isinstance(base, fmpq) else 1
    if bits > 1 and abs(whole) * bits > MOST_BITS:  # FLINT aborts where memory ends
        raise ValueError(f"{base} to the power {whole} has too many digits to be exact.")
    return base**whole if whole >= 0 else 1 / base ** (-whole)
