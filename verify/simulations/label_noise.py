"""Training a two-layer linear network under label noise: how fast, and with which momentum best.

The vector UV model: f(x) = u.v x/sqrt(n) with u, v in R^n and scalar inputs x_1 ... x_P, all labels
0 but for noise epsilon xi_a drawn anew in every step; the loss is scale/(2P) times the sum of
squares. Replicas and momenta run side by side in numpy. `undertow sweep` prints a sweep.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from derive.language.stages import each

Floats = NDArray[np.float64]
DEVIATIONS = 4.0
RESAMPLES = 200
MOMENTA = 39
SETTLED = 0.02


@dataclass(frozen=True)
class Interval:
    """An estimate and four of its standard deviations on either side."""

    value: float
    deviation: float

    @property
    def is_known(self) -> bool:
        """False where a best value lies at an end of what was tried."""
        return math.isfinite(self.value) and math.isfinite(self.deviation)

    def __str__(self) -> str:
        return f"{self.value:.5g} ± {DEVIATIONS * self.deviation:.2g}"

    def contains(self, number: float, slack: float = 0.0) -> bool:
        """Within the interval, widened by `slack` relative to the number."""
        return abs(number - self.value) <= DEVIATIONS * self.deviation + slack * abs(number)


@dataclass(frozen=True)
class NoisyLayers:
    """Width n, inputs x_a, the factor of the loss and the standard deviation of the label noise."""

    width: int
    inputs: tuple[float, ...]
    scale: float
    epsilon: float

    @property
    def variance(self) -> float:
        """mu^2, the mean of x_a^2."""
        return sum(x * x for x in self.inputs) / len(self.inputs)


def drift_rate(
    network: NoisyLayers, *, h: float, beta: float, steps: int, replicas: int, seed: int
) -> Interval:
    """How much log |w| falls in a step along the valley u.v = 0, w = (u, v), |u| = |v| = sqrt(n).

    From rest on the valley `steps` noisy steps of heavy ball are made, then the noise is turned off
    until the replicas have come to rest on the valley again.
    """
    generator = np.random.default_rng(seed)
    n, x = network.width, np.array(network.inputs)
    w = np.zeros((2, replicas, n))
    w[0, :, 0] = w[1, :, 1] = math.sqrt(n)
    velocity, begin = np.zeros_like(w), math.sqrt(2 * n)
    settle = math.ceil(40 / (1 - math.sqrt(beta)))
    for k in range(steps + settle):
        residuals = (w[0] * w[1]).sum(-1)[:, None] * x / math.sqrt(n)
        if k < steps:
            residuals = residuals - network.epsilon * generator.standard_normal((replicas, x.size))
        force = network.scale * (residuals * x).mean(-1) / math.sqrt(n)
        velocity = beta * velocity - h * force[:, None] * w[::-1]
        w = w + velocity
    falls = np.log(begin / np.sqrt((w**2).sum((0, 2)))) / steps
    return Interval(float(falls.mean()), float(falls.std(ddof=1) / math.sqrt(replicas)))


FAR = 1e300
"""What has grown so far has no settling time; a mean of it would overflow."""


def settling_times(
    h: float, dampings: Floats, *, strength: float, replicas: int, generator: np.random.Generator
) -> Floats:
    """The sum over the steps of |w|^2/|w_0|^2, one row a damping 1-beta, one column a replica.

    Width 1, mu = 1, |w_0| = 1 and strength = scale epsilon^2/P: an exponential decay of |w|^2 with
    time constant tau gives tau, and what overshoots or heats up counts until it has settled. All
    momenta run until the quickest has |w|^2 below 2 percent in the mean.
    """
    shape = (dampings.size, replicas)
    u, v, pu, pv = np.ones(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)
    total, beta = np.zeros(shape), (1 - dampings)[:, None]
    noise = math.sqrt(strength)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(1, 10**7):
            force = u * v + noise * generator.standard_normal(replicas)
            pu = beta * pu - h * force * v
            pv = beta * pv - h * force * u
            u += pu
            v += pv
            square = u * u + v * v
            total += square
            if k % 64 == 0 and np.nanmin(square.mean(1)) < SETTLED:
                break
    return np.where(total < FAR, total, np.inf)


def best_damping(dampings: Floats, times: Floats) -> float:
    """The log of the 1-beta of least mean time: the vertex of a parabola in logarithms through the
    five grid points around the smallest; nan where the smallest is at an end.
    """
    logs, means = np.log(dampings), times.mean(1)
    least = int(np.argmin(means))
    if not 2 <= least < dampings.size - 2:
        return math.nan
    near = slice(least - 2, least + 3)
    square, linear, _ = np.polyfit(logs[near] - logs[least], np.log(means[near]), 2)
    return float(logs[least] - linear / (2 * square))


def seconds_of(steps: Sequence[float], *, strength: float, replicas: int) -> float:
    """About how long a sweep takes: each momentum runs 4 times the time that matches the noise."""
    counts = [4 / ((strength / 2) ** (1 / 3) * h ** (2 / 3)) for h in steps]
    return 14e-9 * MOMENTA * replicas * sum(counts)


@dataclass(frozen=True)
class Sweep:
    """The best 1-beta and its time for every step size, and the exponents of both in h."""

    steps: tuple[float, ...]
    dampings: tuple[Interval, ...]
    times: tuple[float, ...]
    exponent: Interval
    time_exponent: float


def sweep(steps: Sequence[float], *, strength: float = 1e-4, replicas: int, seed: int = 0) -> Sweep:
    """1-beta that settles best at each step size, from a grid that is the same for all of them.

    The interval of the exponent is four bootstrap deviations over the replicas.
    """
    generator = np.random.default_rng(seed)
    dampings = 2.0 ** (np.arange(-9, -9 - MOMENTA, -1) / 3)
    runs = []
    for h in each(steps, len(steps), "step size"):
        times = settling_times(
            h, dampings, strength=strength, replicas=replicas, generator=generator
        )
        runs.append(times)
    logs = np.log(np.array(steps))

    def fit(chosen: NDArray[np.intp]) -> list[float]:
        best = [best_damping(dampings, times[:, chosen]) for times in runs]
        return [*best, float(np.polyfit(logs, np.array(best), 1)[0])]

    center = fit(np.arange(replicas))
    again = np.array([fit(generator.integers(0, replicas, replicas)) for _ in range(RESAMPLES)])
    deviations = again.std(0, ddof=1)
    least = [float(times.mean(1).min()) for times in runs]
    return Sweep(
        tuple(steps),
        tuple(
            Interval(math.exp(log), math.exp(log) * float(d))
            for log, d in zip(center[:-1], deviations[:-1], strict=True)
        ),
        tuple(least),
        Interval(center[-1], float(deviations[-1])),
        float(np.polyfit(logs, np.log(least), 1)[0]),
    )
