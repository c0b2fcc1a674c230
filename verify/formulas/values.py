"""The value of a formula at an exact point, in complex balls: of every function that is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sympy
from flint import acb, arb, fmpq

Point = dict[str, fmpq]

MOST_SUMMANDS = 10_000
LARGEST_WHOLE = arb(10) ** 40


def ball(expr: Any, point: Mapping[str, fmpq]) -> acb:
    """The formula's value at the precision of FLINT's context; principal branches.

    Raises:
        ValueError: a symbol without value, a function that has none, or a sum between bounds that
            are no whole numbers.
    """
    if isinstance(expr, sympy.Rational):
        return acb(fmpq(int(expr.p), int(expr.q)))
    if isinstance(expr, sympy.Symbol):
        if expr.name not in point:
            raise ValueError(f"{expr} has no value.")
        return acb(point[expr.name])
    if expr is sympy.pi:
        return acb.pi()
    if expr is sympy.E:
        return acb(1).exp()
    if isinstance(expr, sympy.Sum):
        return _sum(expr, point)
    arguments = [ball(argument, point) for argument in expr.args]
    if isinstance(expr, sympy.Add):
        return sum(arguments, start=acb(0))
    if isinstance(expr, sympy.Mul):
        result = acb(1)
        for argument in arguments:
            result *= argument
        return result
    if isinstance(expr, sympy.Pow):
        return _power(arguments[0], arguments[1], expr.exp, point)
    for kind, function in _FUNCTIONS.items():
        if isinstance(expr, kind):
            return function(*arguments)
    raise ValueError(f"{expr} has no value.")


def whole_number(value: acb) -> int | None:
    """The one whole number that a ball holds; None for beyond 10^40, at which FLINT would abort."""
    whole = value.unique_fmpz() if value.abs_upper() < LARGEST_WHOLE else None
    return None if whole is None else int(whole)


def _power(base: acb, exponent: acb, written: Any, point: Mapping[str, fmpq]) -> acb:
    if isinstance(written, sympy.Integer):
        return base ** int(written)
    if written == sympy.Rational(1, 2):
        return base.sqrt()
    whole = whole_number(exponent)
    if whole is not None and abs(whole) < 10**6:
        return base**whole
    return base**exponent


def _sum(total: sympy.Sum, point: Mapping[str, fmpq]) -> acb:
    (index, low, high), *rest = total.limits
    if rest:
        raise ValueError(f"{total} runs over more than one index.")
    first, last = (whole_number(ball(bound, point)) for bound in (low, high))
    if first is None or last is None or last - first > MOST_SUMMANDS:
        raise ValueError(f"{total} is no sum between whole numbers.")
    inside = dict(point)
    result = acb(0)
    for i in range(first, last + 1):
        inside[index.name] = fmpq(i)
        result += ball(total.function, inside)
    return result


def _absolute(x: acb) -> acb:
    return acb(abs(x))


def _binomial(n: acb, k: acb) -> acb:
    """n over k for a whole k, 0 for a negative one."""
    whole = whole_number(k)
    if whole is None or whole > MOST_SUMMANDS:
        raise ValueError(f"a binomial coefficient takes whole numbers up to {MOST_SUMMANDS}.")
    result = acb(1 if whole >= 0 else 0)
    for i in range(whole):
        result *= (n - i) / (i + 1)
    return result


def _factorial(n: acb) -> acb:
    return (n + 1).gamma()


_FUNCTIONS: Mapping[type, Callable[..., acb]] = {
    sympy.exp: acb.exp,
    sympy.log: acb.log,
    sympy.sin: acb.sin,
    sympy.cos: acb.cos,
    sympy.tan: acb.tan,
    sympy.cot: acb.cot,
    sympy.sinh: acb.sinh,
    sympy.cosh: acb.cosh,
    sympy.tanh: acb.tanh,
    sympy.coth: acb.coth,
    sympy.asinh: acb.asinh,
    sympy.atan: acb.atan,
    sympy.LambertW: acb.lambertw,
    sympy.Abs: _absolute,
    sympy.factorial: _factorial,
    sympy.binomial: _binomial,
}
