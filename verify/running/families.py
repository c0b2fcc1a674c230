"""Families of losses with rational coefficients, and points of them drawn from a seeded source.

`Draw` is the only source of choice: a seeded `random.Random` in a check, Hypothesis in a test.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Protocol

from flint import fmpq

from verify.running.losses import Loss, polynomial
from verify.running.numbers import cos, exp, log, tanh

Number = Any


class Draw(Protocol):
    """A source of integers."""

    def randint(self, a: int, b: int) -> int:
        """An integer between a and b, both included."""
        ...


def rational(draw: Draw, low: int, high: int, denominator: int = 8) -> fmpq:
    """A multiple of 1/denominator in [low, high]."""
    return fmpq(draw.randint(low * denominator, high * denominator), denominator)


def starting_point(draw: Draw, dimension: int) -> list[fmpq]:
    """A point of [-1, 1]^dimension, no coordinate 0."""
    return [
        (rational(draw, 0, 1) + fmpq(1, 7)) * (-1) ** draw.randint(0, 1) for _ in range(dimension)
    ]


def bounded_polynomial(draw: Draw, dimension: int) -> Loss:
    """A random quartic, bounded below, with every monomial up to degree 3."""
    terms: list[tuple[tuple[int, ...], Any]] = []
    for i in range(dimension):
        exponents = [0] * dimension
        exponents[i] = 4
        terms.append((tuple(exponents), fmpq(1, 4)))
    for exponents in product(range(4), repeat=dimension):
        if 1 <= sum(exponents) <= 3:
            size = 8 if sum(exponents) < 3 else 24
            terms.append((exponents, fmpq(draw.randint(-4, 4), size)))
    text = " + ".join(
        f"{c}*" + "*".join(f"x{i}**{e}" for i, e in enumerate(exponents) if e)
        for exponents, c in terms
        if c != 0
    )
    return polynomial(dimension, tuple(terms), text)


def quadratic(draw: Draw, dimension: int) -> Loss:
    """A random quadratic, bounded below, whose axes are not the coordinates'."""
    rows = [[rational(draw, 0, 1) + fmpq(1, 5) for _ in range(dimension)] for _ in range(dimension)]
    terms: list[tuple[tuple[int, ...], Any]] = []
    for i, j in product(range(dimension), repeat=2):
        exponents = [0] * dimension
        exponents[i] += 1
        exponents[j] += 1
        shared = sum((row[i] * row[j] for row in rows), start=fmpq(0))
        terms.append((tuple(exponents), (shared + (1 if i == j else 0)) / 4))
    return polynomial(dimension, tuple(terms), f"|Ax|^2/4 + |x|^2/4, A = {_show(rows)}")


def logistic(draw: Draw, dimension: int) -> Loss:
    """Logistic regression on four random points with a small ridge."""
    rows = [[rational(draw, -1, 1) for _ in range(dimension)] for _ in range(4)]

    def value(x: Sequence[Number]) -> Number:
        total = sum((c * c for c in x[1:]), start=x[0] * x[0]) / 8
        for row in rows:
            total = total + log(1 + exp(_dot(row, x)))
        return total

    return Loss(dimension, value, f"logistic regression, rows {_show(rows)}")


def waves(draw: Draw, dimension: int) -> Loss:
    """A sum of an exponential and a cosine along random directions, with a quadratic bowl."""
    up = [rational(draw, -1, 1) for _ in range(dimension)]
    along = [rational(draw, -1, 1) for _ in range(dimension)]

    def value(x: Sequence[Number]) -> Number:
        bowl = sum((c * c for c in x[1:]), start=x[0] * x[0]) / 2
        return bowl + exp(_dot(up, x)) / 2 + cos(_dot(along, x)) / 2

    return Loss(dimension, value, f"|x|^2/2 + exp({_show([up])}.x)/2 + cos({_show([along])}.x)/2")


def two_layer(draw: Draw, dimension: int) -> Loss:
    """Least squares of a network a tanh(w s) on three samples; coordinates alternate w and a."""
    samples = [(rational(draw, -1, 1) + fmpq(1, 9), rational(draw, -1, 1)) for _ in range(3)]

    def value(x: Sequence[Number]) -> Number:
        total = sum((c * c for c in x[1:]), start=x[0] * x[0]) / 16
        for s, target in samples:
            prediction = x[0] * 0
            for i in range(0, len(x), 2):
                outer = x[i + 1] if i + 1 < len(x) else 1
                prediction = prediction + tanh(x[i] * s) * outer
            total = total + (prediction - target) ** 2 / 6
        return total

    return Loss(dimension, value, f"two-layer network on {_show(samples)}")


FAMILIES = (bounded_polynomial, logistic, waves, two_layer)

MOMENTA = (fmpq(0), fmpq(1, 100), *(fmpq(n, 20) for n in range(1, 20)), fmpq(99, 100))
"""Values for a parameter of [0, 1), those near its ends included."""


def _dot(row: Sequence[fmpq], x: Sequence[Number]) -> Number:
    total = x[0] * 0
    for weight, coordinate in zip(row, x, strict=True):
        total = total + coordinate * weight
    return total


def _show(rows: Sequence[Sequence[fmpq]]) -> str:
    return "; ".join(",".join(str(q) for q in row) for row in rows)
