"""Sparse recovery by a diagonal network: many runs at once, on floats.

theta = (w_+^2 - w_-^2)/2, w_+- = alpha at the start, L = |X theta - y|^2/(2n), cold start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Problems:
    """Sparse regressions, one a seed.

    Args:
        x: of shape (seeds, n, d).
        truth: of shape (seeds, d), the sparse theta with y = X theta.
    """

    x: Array
    truth: Array

    @property
    def y(self) -> Array:
        return np.einsum("snd,sd->sn", self.x, self.truth)


def sparse_problems(
    seeds: int, *, rows: int, columns: int, nonzeros: int, mean: float = 0.0, seed: int = 0
) -> Problems:
    """Gaussian rows of unit variance and this mean; ones at the nonzeros."""
    rng = np.random.default_rng(seed)
    x = mean + rng.normal(size=(seeds, rows, columns))
    truth = np.zeros((seeds, columns))
    truth[:, :nonzeros] = 1.0
    return Problems(x, truth)


@dataclass(frozen=True)
class RunEnds:
    """The ends of many runs, of shape (seeds, runs, ...).

    Args:
        theta: the last theta, d numbers a run.
        gain: ln of |w_+ w_-| at the start over the end, d numbers a run.
        converged: whether the residual is below the tolerance.
    """

    theta: Array
    gain: Array
    converged: Array

    def error(self, problems: Problems) -> Array:
        """|theta - truth|_2 of every run."""
        return np.linalg.norm(self.theta - problems.truth[:, None], axis=-1)


def train(
    problems: Problems,
    gammas: Array,
    betas: Array,
    *,
    alpha: float,
    stochastic: bool = False,
    steps: int,
    tolerance: float = 1e-4,
    seed: int = 0,
) -> RunEnds:
    """Runs of (stochastic) momentum gradient descent, all at once; a batch is one row.

    Args:
        gammas, betas: of shape (runs,) or (seeds, runs).
    """
    x, y = problems.x, problems.y
    seeds, rows, columns = x.shape
    gamma = np.broadcast_to(gammas, (seeds, gammas.shape[-1]))[..., None]
    beta = np.broadcast_to(betas, gamma.shape[:2])[..., None]
    runs = gamma.shape[1]
    rng = np.random.default_rng(seed)
    plus = np.full((seeds, runs, columns), alpha)
    minus, last_plus, last_minus = plus, plus, plus
    which = np.arange(seeds)[:, None]
    theta, residual = plus * 0, np.broadcast_to(-y[:, None], (seeds, runs, rows))
    with np.errstate(all="ignore"):
        for k in range(steps):
            theta = (plus**2 - minus**2) / 2
            if stochastic:
                row = rng.integers(rows, size=(seeds, runs))
                chosen = x[which, row]
                left = np.sum(chosen * theta, axis=-1) - y[which, row]
                pull = gamma * left[..., None] * chosen
            else:
                residual = theta @ x.transpose(0, 2, 1) - y[:, None]
                pull = gamma / rows * (residual @ x)
            plus, last_plus = (1 - pull) * plus + beta * (plus - last_plus), plus
            minus, last_minus = (1 + pull) * minus + beta * (minus - last_minus), minus
            if k % 200 == 199:
                residual = theta @ x.transpose(0, 2, 1) - y[:, None]
                largest = np.max(np.abs(residual), axis=-1)
                if not np.any((largest > tolerance) & (largest < 1e6)):
                    break
        residual = theta @ x.transpose(0, 2, 1) - y[:, None]
        largest = np.max(np.abs(residual), axis=-1)
        gain = np.log(alpha**2 / np.abs(plus * minus))
    return RunEnds(theta, gain, largest <= tolerance)
