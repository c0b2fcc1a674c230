"""Batches of cubic losses on a line, and heavy ball on a sequence of them in powers of h."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flint import fmpq

from derive import heavy_ball
from verify.running.families import Draw, rational
from verify.running.numbers import PowerSeries, power_series

Number = Any


@dataclass(frozen=True)
class CubicBatches:
    """The gradient of a cubic and its slope at a point, for each of M batches."""

    slopes: tuple[tuple[fmpq, ...], ...]

    def gradient(self, n: int, x: Number) -> Number:
        """The gradient of batch n, a quadratic in x."""
        constant, linear, bent = self.slopes[n]
        return x * x * bent + x * linear + constant

    @cached_property
    def mean(self) -> CubicBatches:
        """The one batch that is the mean of all."""
        columns = zip(*self.slopes, strict=True)
        return CubicBatches((tuple(sum(c, fmpq(0)) / len(self.slopes) for c in columns),))

    @property
    def spread_slope(self) -> fmpq:
        """grad F at x = 0: twice the mean of (g_n - g)(H_n - H)."""
        g, curvature, _ = self.mean.slopes[0]
        products = [(row[0] - g) * (row[1] - curvature) for row in self.slopes]
        return 2 * sum(products, fmpq(0)) / len(products)


def draw_line(draw: Draw, batches: int) -> CubicBatches:
    """Random batches, whose gradients and curvatures grow together."""
    rows = [(rational(draw, 0, 1) + 2 * n, rational(draw, 0, 1) + 2 * n) for n in range(batches)]
    return CubicBatches(tuple((*row, rational(draw, -1, 1)) for row in rows))


def path(
    line: CubicBatches, sequence: tuple[int, ...], beta: fmpq, length: int = 3
) -> list[PowerSeries]:
    """Heavy ball from x = 0 along a sequence of batches, in power series in h."""
    h = PowerSeries.step(length)
    values = {"beta": power_series(length).convert(beta)}
    x, memory, found = h * 0, (h * 0,), [h * 0]
    for n in sequence:
        x, memory = heavy_ball.step(x, memory, lambda y, n=n: line.gradient(n, y), h, values)
        found.append(x)
    return found
