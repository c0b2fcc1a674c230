"""Which values of an interval are tried: simple ones first, then its ends, then any."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

SIMPLE = 4
"""How many points are made of simple values."""
_INSIDE = tuple(
    Fraction(p, q)
    for p, q in ((1, 2), (1, 3), (3, 5), (1, 5), (3, 4), (1, 100), (99, 100), (1, 10**6), (6, 7))
)
_ABOVE = tuple(map(Fraction, ("1/2", "1/3", "2", "1", "3/5", "7", "1/100", "40", "1/1000000")))
_ABOVE += (Fraction(1000), Fraction(10**6), Fraction(11, 7))
COUNTS = (2, 1, 3, 0, 4, 5, 6, 7, 10, 23, 51, 104)


def between(low: Any, high: Any, closed_low: bool, closed_high: bool) -> Iterator[Fraction]:
    """Values of an interval: inside, close to the ends, at the ends, and large ones."""
    if low == high:
        yield Fraction(low)
        return
    if low > -math.inf and high < math.inf:
        yield from (low + (high - low) * t for t in _INSIDE)
    elif low > -math.inf:
        yield from (low + t for t in _ABOVE)
    elif high < math.inf:
        yield from (high - t for t in _ABOVE)
    else:
        yield from (sign * t for t in _ABOVE for sign in (1, -1))
        yield Fraction(0)
    if closed_low and low > -math.inf:
        yield Fraction(low)
    if closed_high and high < math.inf:
        yield Fraction(high)


def cycled(values: list[Any], i: int, place: int, name: str) -> Any:
    """The values one after the other: simple ones first, then all, mixed for each name."""
    if i < SIMPLE:
        return values[(i + place) % len(values)]
    mixed = values[:]
    random.Random(name).shuffle(mixed)
    return mixed[i % len(mixed)]


def between_any(low: Any, high: Any, draw: random.Random) -> Fraction:
    """Any value of an interval."""
    t = Fraction(draw.randint(1, 9999), 10_000)
    if low > -math.inf and high < math.inf:
        return low + (high - low) * t
    size = t * Fraction(10) ** draw.randint(-2, 3)
    if low > -math.inf:
        return low + size
    return high - size if high < math.inf else size * draw.choice((1, -1))
