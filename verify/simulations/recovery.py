"""What large steps, momentum and small starts do to sparse recovery, as seeded simulations.

Qualitative statements of Even et al. (2023) and Papazov et al. (2024), each turned into one number
with an interval over the seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from verify.models.diagonal_regression import Regression
from verify.models.interpolators import dual_on_floats
from verify.simulations.diagonal_recovery import Array, Problems, sparse_problems, train
from verify.simulations.relu import train_students

ALPHA = 0.1
TOLERANCE = 5e-3
"""The largest residual at which a run counts as converged; the targets are of size 1."""
RESAMPLES = 2000
LEAST_LOG_ALPHA = -14.0
"""Below it the dual problem is too ill-conditioned for floats."""


@dataclass(frozen=True)
class Measurement:
    """A mean over the seeds with its 95 % bootstrap interval.

    Args:
        says: the statement that the number is about.
        wanted: the open interval in which the statement wants the number.
        spread: how many seeds entered.
    """

    name: str
    says: str
    mean: float
    low: float
    high: float
    wanted: tuple[float, float]
    spread: int

    @property
    def holds(self) -> bool:
        """Whether the whole interval lies where the statement wants it."""
        return bool(self.wanted[0] < self.low and self.high < self.wanted[1])


def measure(
    name: str, says: str, values: Array, wanted: tuple[float, float], seed: int
) -> Measurement:
    """The mean of one value a seed, with its interval."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Measurement(name, says, np.nan, -np.inf, np.inf, wanted, 0)
    rng = np.random.default_rng(seed)
    means = np.mean(rng.choice(known, size=(RESAMPLES, len(known))), axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Measurement(
        name, says, float(np.mean(known)), float(low), float(high), wanted, len(known)
    )


def sharpness(problems: Problems) -> Array:
    """The largest eigenvalue of X^T X/n, of shape (seeds, 1)."""
    squares = problems.x @ problems.x.transpose(0, 2, 1) / problems.x.shape[1]
    return np.linalg.eigvalsh(squares)[:, -1:]


def _largest_stable(converged: Array) -> Array:
    """The index of the last run before the first that does not converge; -1 if there is none."""
    fails = ~converged
    return np.where(fails.any(axis=1), fails.argmax(axis=1) - 1, converged.shape[1] - 1)


def large_steps(seeds: int, seed: int) -> list[Measurement]:
    """Errors and gains at the largest stable step over those at a small one, of GD and SGD."""
    problems = sparse_problems(seeds, rows=20, columns=30, nonzeros=3, seed=seed)
    inside = problems.truth[0] > 0
    unit = 1 / sharpness(problems)
    found: list[Measurement] = []
    shapes: dict[str, Array] = {}
    grids = {
        "GD": np.r_[0.5, np.arange(2.4, 4.6, 0.1)],
        "SGD": np.r_[0.1, np.arange(0.2, 0.8, 0.05)],
    }
    for name, grid in grids.items():
        stochastic = name == "SGD"
        end = train(
            problems,
            unit * grid,
            grid * 0,
            alpha=ALPHA,
            stochastic=stochastic,
            steps=60_000 if stochastic else 15_000,
            tolerance=TOLERANCE,
            seed=seed,
        )
        last = _largest_stable(end.converged)
        usable, which = last > 0, np.arange(seeds)
        error = end.error(problems)
        change = np.where(usable, np.log(error[which, last] / error[:, 0]), np.nan)
        gain = end.gain[which, last]
        shapes[name] = np.where(
            usable, np.log(gain[:, inside].mean(axis=1) / gain[:, ~inside].mean(axis=1)), np.nan
        )
        found.append(
            measure(
                f"{name}: ln(error at the largest stable step / error at a small step)",
                "large steps help SGD" if stochastic else "the edge of stability hurts GD",
                change,
                (-np.inf, 0.0) if stochastic else (0.0, np.inf),
                seed,
            )
        )
    for name, shape in shapes.items():
        found.append(
            measure(
                f"{name}: ln(mean gain on the support / off it), largest stable step",
                "the gain of SGD is spread out"
                if name == "SGD"
                else "the gain of GD is on the support",
                shape,
                (-np.inf, np.log(2)) if name == "SGD" else (np.log(4), np.inf),
                seed,
            )
        )
    return found


def limit_of_flow(problems: Problems, alpha: float) -> Array:
    """Where gradient flow ends, from the dual problem; of shape (seeds, d)."""
    ends = []
    for x, y in zip(problems.x, problems.y, strict=True):
        weights = np.full((2, x.shape[1]), alpha**2 / 2)
        s = x.T @ dual_on_floats(Regression(x, y), weights)
        ends.append(alpha**2 * np.sinh(2 * s))
    return np.array(ends)


def small_inertia(seeds: int, seed: int) -> list[Measurement]:
    """Error and l1 norm of momentum at small and large lambda beside those of gradient flow."""
    problems = sparse_problems(seeds, rows=20, columns=30, nonzeros=3, mean=1.0, seed=seed)
    flow = limit_of_flow(problems, ALPHA)
    inertia, beta = np.array([2.0, 4.0, 60.0]), np.full(3, 0.8)
    gamma = inertia * (1 - beta) ** 2 / sharpness(problems)
    end = train(problems, gamma, beta, alpha=ALPHA, steps=60_000, tolerance=TOLERANCE)
    of_flow = np.linalg.norm(flow - problems.truth, axis=1)
    change = np.where(end.converged, np.log(end.error(problems) / of_flow[:, None]), np.nan)
    excess = np.abs(end.theta).sum(axis=2) - np.abs(flow).sum(axis=1)[:, None]
    helps, hurts = (-np.inf, 0.0), (0.0, np.inf)
    return [
        measure(
            f"ln(error of momentum / error of gradient flow), lambda {value:.0f}/sharpness",
            "small lambda helps recovery" if helped else "large lambda hurts recovery",
            change[:, i],
            helps if helped else hurts,
            seed,
        )
        for i, (value, helped) in enumerate(zip(inertia, (True, True, False), strict=True))
    ] + [
        measure(
            f"l1 norm less that of gradient flow, lambda {inertia[1]:.0f}/sharpness",
            "small lambda lowers the l1 norm",
            np.where(end.converged, excess, np.nan)[:, 1],
            helps,
            seed,
        )
    ]


def _grid(low: float, high: float, count: int) -> tuple[Array, Array]:
    """(gamma, beta) with lambda = gamma/(1-beta)^2 on a geometric grid, for three beta."""
    inertia, beta = np.meshgrid(np.geomspace(low, high, count), [0.7, 0.8, 0.9], indexing="ij")
    return (inertia * (1 - beta) ** 2).ravel(), beta.ravel()


EXPONENTS = np.linspace(0, 4, 161)


def unexplained(gamma: Array, beta: Array, outcome: Array) -> Array:
    """The share of an outcome's variance that gamma/(1-beta)^p leaves, for every p of EXPONENTS.

    The outcome is fitted by a polynomial of degree 4 in ln of it; runs with nan are left out.
    """
    known = np.isfinite(outcome)
    if np.sum(known) < 10:
        return EXPONENTS * np.nan
    shares = []
    for p in EXPONENTS:
        key = np.log(gamma[known]) - p * np.log(1 - beta[known])
        key = (key - key.mean()) / key.std()
        powers = np.vander(key, 5)
        left = outcome[known] - powers @ np.linalg.lstsq(powers, outcome[known], rcond=None)[0]
        shares.append(np.var(left) / np.var(outcome[known]))
    return np.array(shares)


def exponent(name: str, gamma: Array, beta: Array, outcomes: Array, seed: int) -> Measurement:
    """The p that leaves least over all seeds together, resampled over the seeds."""
    shares = np.array([unexplained(gamma, beta, row) for row in outcomes])
    shares = shares[np.isfinite(shares[:, 0])]
    if not len(shares):
        return measure(name, LEVELS, np.array([]), LEVEL_RANGE, seed)
    rng = np.random.default_rng(seed)
    chosen = rng.integers(len(shares), size=(RESAMPLES, len(shares)))
    resampled = EXPONENTS[np.argmin(shares[chosen].mean(axis=1), axis=1)]
    low, high = np.percentile(resampled, [2.5, 97.5])
    best = float(EXPONENTS[np.argmin(shares.mean(axis=0))])
    return Measurement(name, LEVELS, best, float(low), float(high), LEVEL_RANGE, len(shares))


LEVELS = "level lines of the outcome follow gamma/(1-beta)^2"
LEVEL_RANGE = (1.6, 2.4)


def level_lines(seeds: int, seed: int) -> list[Measurement]:
    """The exponent p of 1 - beta in the level lines of the error, on a diagonal network."""
    problems = sparse_problems(seeds, rows=20, columns=30, nonzeros=3, mean=1.0, seed=seed)
    gamma, beta = _grid(2.0, 60.0, 7)
    end = train(
        problems, gamma / sharpness(problems), beta, alpha=ALPHA, steps=60_000, tolerance=TOLERANCE
    )
    errors = np.log(np.where(end.converged, end.error(problems), np.nan))
    return [exponent("exponent of 1/(1-beta), recovery error", gamma, beta, errors, seed)]


def level_lines_relu(seeds: int, seed: int) -> list[Measurement]:
    """The same on a ReLU student of a ReLU teacher, from its test loss."""
    gamma, beta = _grid(0.3, 4.0, 6)
    loss, trained = train_students(gamma, beta, seeds=seeds, steps=12_000, seed=seed)
    outcome = np.log(np.where(trained, loss, np.nan))
    return [exponent("exponent of 1/(1-beta), test loss", gamma, beta, outcome, seed)]


def needed_start(seeds: int, seed: int) -> list[Measurement]:
    """How small alpha must be for an error below 0.025, by the number of measurements."""
    columns, few, many = 200, 40, 60
    needed = {rows: np.zeros(seeds) for rows in (few, many)}
    for rows, values in needed.items():
        problems = sparse_problems(seeds, rows=rows, columns=columns, nonzeros=4, seed=seed)
        for i in range(seeds):
            one = Problems(problems.x[i : i + 1], problems.truth[i : i + 1])
            low, high = LEAST_LOG_ALPHA, 0.0
            for _ in range(9):
                middle = (low + high) / 2
                error = np.linalg.norm(limit_of_flow(one, float(np.exp(middle))) - one.truth)
                low, high = (middle, high) if error < 0.025 else (low, middle)
            values[i] = low
    return [
        measure(
            f"ln(alpha needed with {many} rows / with {few} rows), d = {columns}, 4 nonzeros",
            "more measurements allow a larger alpha",
            needed[many] - needed[few],
            (0.0, np.inf),
            seed,
        )
    ]


SIMULATIONS: dict[str, Callable[[int, int], list[Measurement]]] = {
    "large-steps": large_steps,
    "small-inertia": small_inertia,
    "level-lines": level_lines,
    "level-lines-relu": level_lines_relu,
    "needed-start": needed_start,
}
"""By name: (number of seeds, seed) -> measurements."""
