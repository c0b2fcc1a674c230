"""Losses that fall along straight lines, their gradients and starts far from where they are 0."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from flint import arb, fmpq

from verify.running.numbers import BALL, RATIONAL, Arithmetic

Number = Any
Point = Sequence[Number]
STRAIGHT = ((3, 4, 0), (2, 3, 6), (1, 4, 8), (4, 4, 7))
"""Directions of whole length, so that a distance along them is rational."""


@dataclass(frozen=True)
class Corridor:
    """A loss with nabla^2 E nabla E = 0 and a start far from where it is 0."""

    start: Point
    value: Number
    slope: Number
    """The length of the gradient."""
    square: Callable[[Point], Number]
    """The squared loss."""
    gradient: Callable[[Point], list[Number]]


def far_from_a_point(draw: random.Random) -> Corridor:
    """slope |x - a| on a line through a, in rationals."""
    centre = [fmpq(draw.randint(-9, 9), 4) for _ in range(3)]
    direction = draw.choice(STRAIGHT)
    length, far, slope = _norm(direction), fmpq(draw.randint(60, 80)), fmpq(draw.randint(2, 9), 3)
    start = [c + far * d / length for c, d in zip(centre, direction, strict=True)]

    def gradient(x: Point) -> list[Number]:
        along = sum((a - c) * d for a, c, d in zip(x, centre, direction, strict=True))
        sign = 1 if along > 0 else -1
        return [sign * slope * d / length for d in direction]

    def square(x: Point) -> Number:
        return slope**2 * sum((a - c) ** 2 for a, c in zip(x, centre, strict=True))

    return Corridor(start, slope * far, slope, square, gradient)


def far_from_a_circle(draw: random.Random) -> Corridor:
    """slope times the distance from a circle in space, in balls."""
    radius, slope = arb(draw.randint(150, 180)), arb(draw.randint(2, 9)) / 3
    start = [arb(draw.randint(11, 40)), arb(draw.randint(11, 40)), arb(draw.randint(5, 30))]

    def distance(x: Point) -> tuple[Number, Number, Number]:
        across = (x[0] ** 2 + x[1] ** 2).sqrt()
        return across, across - radius, (across - radius) ** 2 + x[2] ** 2

    def gradient(x: Point) -> list[Number]:
        across, inwards, squared = distance(x)
        length = squared.sqrt()
        return [slope * p * inwards / (across * length) for p in x[:2]] + [slope * x[2] / length]

    def square(x: Point) -> Number:
        return slope**2 * distance(x)[2]

    return Corridor(start, square(start).sqrt(), slope, square, gradient)


def _norm(direction: Sequence[int]) -> fmpq:
    return fmpq(round(sum(d * d for d in direction) ** 0.5))


Draw = Callable[[random.Random], Corridor]
KINDS: tuple[tuple[Draw, Arithmetic], ...] = (
    (far_from_a_point, RATIONAL),
    (far_from_a_circle, BALL),
)


def vanishes(number: Number) -> bool:
    """0 itself, or a ball around it."""
    return number.contains(0) if isinstance(number, arb) else number == 0
