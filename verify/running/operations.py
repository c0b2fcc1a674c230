"""What a recorded program is made of: its operations, and the n-th Taylor coefficient of each.

Source: Griewank, Walther, Evaluating Derivatives (2008), chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import mul
from typing import Any

from verify.running.numbers import cos, exp, log, sin

Number = Any

ADD, MUL, DIV, EXP, LOG, SIN, COS, INPUT, CONST = range(9)
COPY, SCALE, SQUARE = range(9, 12)
"""Sums and products of which one argument does not move, and products of equal factors."""
ELEMENTARY = {EXP: exp, LOG: log, SIN: sin, COS: cos}


def square(n: int, x: list[Number], total: Callable[[Iterable[Number]], Number]) -> Number:
    """The n-th Taylor coefficient of x**2, n > 0, every product of two different ones once."""
    half = n // 2
    twice = total(map(mul, x, x[n:half:-1])) * 2
    return twice if n % 2 else twice + x[half] * x[half]


def quotient(
    n: int, target: list[Number], top: list[Number], bottom: list[Number], zero: Number
) -> Number:
    """The n-th Taylor coefficient of top / bottom, n > 0, whose earlier ones are in `target`; one
    that does not move has its first coefficient alone."""
    rest = top[n] if len(top) > 1 else zero
    if len(bottom) > 1:
        rest = rest - sum(map(mul, target, bottom[n:0:-1]), start=zero)
    return rest / bottom[0]


def elementary(
    n: int, operation: int, y: list[Number], x: list[Number], twin: list[Number], zero: Number
) -> Number:
    """The n-th Taylor coefficient of a function of x, n > 0, from y' = (function of y, x) x'."""
    if operation == LOG:
        inner = sum((y[i] * x[n - i] * i for i in range(1, n)), start=zero)
        return (x[n] - inner / n) / x[0]
    factor = y if operation == EXP else twin
    total = sum((x[i] * factor[n - i] * i for i in range(1, n + 1)), start=zero)
    return -total / n if operation == COS else total / n
