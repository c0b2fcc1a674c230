"""Regression by a diagonal network: the discrete iteration on any number type, and its ratios."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np

from derive.networks.diagonal_networks import Network, boundary, log_loss
from verify.running.numbers import log

Number = Any
Array = np.ndarray
Batch = Sequence[int] | Array | slice

EVERYTHING = slice(None)


@dataclass(frozen=True)
class Regression:
    """X theta = y, and L_B(theta) = |X_B theta - y_B|^2/(2 |B|) on the rows B.

    Args:
        x: of shape (n, d).
        y: of shape (n,).
    """

    x: Array
    y: Array

    def residual(self, theta: Array) -> Array:
        return self.x @ theta - self.y

    def gradient(self, theta: Array, batch: Batch = EVERYTHING) -> Array:
        rows, values = self.x[batch], self.y[batch]
        return rows.T @ (rows @ theta - values) / len(values)


@dataclass(frozen=True)
class NetworkStep:
    """What one step did: x_k of shape (d,); ratios and the new w of shape (2, d), w_+ first."""

    x: Array
    ratios: Array
    w: Array


def theta_of(network: Network, w: Array) -> Array:
    """c (w_+^2 - w_-^2)."""
    c = network.scale
    return (w[0] * w[0] - w[1] * w[1]) * int(c.p) / int(c.q)


def run(
    problem: Regression,
    network: Network,
    start: Array,
    *,
    gammas: Number | Iterable[Number],
    beta: Number = 0,
    batches: Iterable[Batch] = repeat(EVERYTHING),
) -> Iterator[NetworkStep]:
    """Momentum gradient descent from a cold start, a step for every batch; beta = 0 without.

    Args:
        start: w_+ and w_-, of shape (2, d).
        gammas: one step size, or one for every step.
    Raises:
        ZeroDivisionError: a weight became exactly 0.
    """
    sign = np.array([[-1], [1]])
    steps = gammas if isinstance(gammas, Iterable) else repeat(gammas)
    rate = int(network.rate)
    w, last = start, start
    for gamma, batch in zip(steps, batches, strict=False):
        x = rate * gamma * problem.gradient(theta_of(network, w), batch)
        new = w + sign * x * w + beta * (w - last)
        if not np.all(new != 0):
            raise ZeroDivisionError("a weight is exactly 0")
        w, last = new, w
        yield NetworkStep(x, new / last, new)


def log_abs(values: Array) -> Array:
    """ln|.| entry by entry, on floats and on arrays of any other number."""
    if values.dtype != object:
        return np.log(np.abs(values))
    flat = [log(abs(value)) for value in values.ravel()]
    return np.array(flat, dtype=object).reshape(values.shape)


def losses(step: NetworkStep, beta: Number) -> Array:
    """What ln|w_+| and ln|w_-| lose in a step beyond the gradients, of shape (2, d)."""
    return log_loss(step.ratios, log_abs(step.ratios), beta)


def unfinished(step: NetworkStep, beta: Number) -> Array:
    """What the telescoped sum still holds of ln|w_+-| after this step; 0 in the limit."""
    return boundary(step.ratios, beta)


def random_batches(rows: int, size: int, seed: int) -> Iterator[Array]:
    """Batches without repetition inside, drawn independently."""
    rng = np.random.default_rng(seed)
    while True:
        if size == 1:
            yield rng.integers(rows, size=1)
        else:
            yield rng.permutation(rows)[:size]
