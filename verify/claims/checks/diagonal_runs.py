"""Runs that the claims on diagonal networks share: exact ones, long ones, and flows."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

import numpy as np
import sympy
from flint import arb, fmpq

from derive.networks.diagonal_networks import Network
from verify.claims.claim import Candidate, Evidence, Settings
from verify.models.diagonal_regression import Array, Batch, NetworkStep, Regression, run, theta_of
from verify.models.interpolators import constrained_minimum
from verify.running.numbers import BALL, evaluate, precision

CLOSE = 1e-10
"""Between the limit of an iteration on floats and the minimizer."""
FLOW_CLOSE = 1e-5
"""For flows by the Runge-Kutta method, whose own error is below 2e-6."""


@dataclass(frozen=True)
class ExactRun:
    """A few rational steps: w_+ and w_- at the start, then every step."""

    beta: fmpq
    start: Array
    steps: list[NetworkStep]


def exact_runs(
    network: Network, settings: Settings, *, momentum: bool, count: int = 6, length: int = 4
) -> Iterator[ExactRun]:
    """Rational runs on random batches with step sizes of all kinds; weights cross zero in some."""
    draw = random.Random(settings.seed)
    made = 0
    while made < count:
        x = np.array([[fmpq(draw.randint(-9, 9), 4) for _ in range(3)] for _ in range(2)])
        y = np.array([fmpq(draw.randint(1, 9), 2) for _ in range(2)])
        start = np.array([[fmpq(draw.randint(1, 9), 7) for _ in range(3)] for _ in "+-"])
        beta = fmpq(draw.randint(1, 9), 10) if momentum else fmpq(0)
        batches: list[Batch] = [[draw.randrange(2)] for _ in range(length)]
        gammas = [fmpq(draw.randint(1, 12), 20) for _ in range(length)]
        try:
            steps = list(
                run(Regression(x, y), network, start, gammas=gammas, beta=beta, batches=batches)
            )
        except ZeroDivisionError:
            continue
        crosses = any(ratio < 0 for step in steps for ratio in step.ratios.ravel())
        if crosses or made % 3 == 0:
            made += 1
            yield ExactRun(beta, start, steps)


def encloses_zero(differences: Iterator[arb], digits: int, said: str) -> Evidence:
    """Every ball contains 0 and is narrow."""
    count = 0
    for ball in differences:
        if not (ball.is_finite() and ball.contains(0)):
            return Evidence(False, f"off by {ball.str(5, radius=False)}")
        if not ball.rad() < arb(10) ** (10 - digits):
            return Evidence(None, "a ball is too wide")
        count += 1
    return Evidence(True, f"0 enclosed {count} times: {said}")


def over_exact_runs(
    network: Network,
    *,
    momentum: bool,
    differences: Callable[[Candidate, ExactRun], Iterator[arb]],
) -> Callable[[Candidate, Settings], Evidence]:
    """A check: what the candidate leaves of an identity on every exact run encloses 0."""

    def judge(candidate: Candidate, settings: Settings) -> Evidence:
        with precision(settings.digits):
            found = (
                difference
                for path in exact_runs(network, settings, momentum=momentum)
                for difference in differences(candidate, path)
            )
            return encloses_zero(found, settings.digits, "rational runs, any batches, crossings")

    return judge


def at(candidate: sympy.Expr, **values: fmpq | arb) -> arb:
    """The candidate in balls."""
    return arb(evaluate(candidate, {name: arb(v) for name, v in values.items()}, BALL))


def real(candidate: sympy.Expr, **values: float) -> float:
    """The candidate on floats; nan where it has no real value."""
    found = sympy.N(candidate.subs({sympy.Symbol(name): v for name, v in values.items()}))
    return float(found) if found.is_real else float("nan")


def on_arrays(candidate: sympy.Expr, *names: str) -> Callable[..., Array]:
    """The candidate as a function of numpy arrays."""
    # the module itself: of its name SymPy imports every part of NumPy
    function = sympy.lambdify([sympy.Symbol(name) for name in names], candidate, [np])
    return lambda *arrays: function(*arrays) + arrays[0] * 0.0


def random_problem(seed: int, rows: int = 2, columns: int = 4) -> Regression:
    """Orthogonal rows of length 2 in a random direction, and the values of a sparse theta."""
    rng = np.random.default_rng(seed)
    x = 2 * np.linalg.qr(rng.normal(size=(columns, rows)))[0].T
    return Regression(x, x[:, 0] * 1.0 - 0.5 * x[:, 1])


def random_start(seed: int, columns: int = 4) -> Array:
    """Weights in (1/5, 4/5), those of w_+ and w_- different."""
    return np.random.default_rng(seed + 1).uniform(0.2, 0.8, size=(2, columns))


@dataclass(frozen=True)
class LongRun:
    """A converged run on floats; the steps as arrays of shape (K, d) and (K, 2, d)."""

    problem: Regression
    network: Network
    start: Array
    beta: float
    x: Array
    ratios: Array
    found: Array


@cache
def long_run(seed: int, network: Network, beta: float, first: float) -> LongRun:
    """Batches of one row; |x| is at most `first` in the first step, a weight crosses above 1."""
    problem, start = random_problem(seed), random_start(seed)
    rows = np.random.default_rng(seed)
    scale = float(np.max(np.sum(problem.x**2, axis=1)))
    length = 4000
    gammas = np.full(length, 0.15 * (1 - beta) / (scale * int(network.rate)))
    batches = [[int(i)] for i in rows.integers(2, size=length)]
    pull = int(network.rate) * problem.gradient(theta_of(network, start), batches[0])
    gammas[0] = first / float(np.max(np.abs(pull)))
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = list(
            islice(run(problem, network, start, gammas=gammas, beta=beta, batches=batches), length)
        )
    return LongRun(
        problem,
        network,
        start,
        beta,
        np.array([step.x for step in steps]),
        np.array([step.ratios for step in steps]),
        theta_of(network, steps[-1].w),
    )


def minimizer_distance(
    problem: Regression, network: Network, start: Array, loss: Array, found: Array
) -> float:
    """Between what was found and the minimizer from |start| exp(-loss); nan where it has none."""
    c = network.scale
    with np.errstate(over="ignore"):
        weights = (start * np.exp(-loss)) ** 2 * int(c.p) / int(c.q)
    if not (np.all(np.isfinite(weights)) and np.all(weights > 0)):
        return float("nan")
    solved = constrained_minimum(problem, weights).astype(float)
    return float(np.max(np.abs(solved - found)))


@dataclass(frozen=True)
class FlowEnd:
    """A flow at its end: theta, w, and integrals over time (of grad L, L and (w'/w)^2)."""

    theta: Array
    w: Array
    gradient: Array
    square: Array
    loss: float
    speeds: Array


@cache
def flow(
    seed: int, network: Network, inertia: float = 0.0, time: float = 40.0, step: float = 0.02
) -> FlowEnd:
    """lambda w'' + w' +- s grad L w = 0 from rest, by the classical Runge-Kutta method.

    inertia = 0 is gradient flow. `random_start` and `random_problem` of the seed.
    """
    return integrate_flow(random_problem(seed), random_start(seed), network, inertia, time, step)


def integrate_flow(
    problem: Regression,
    start: Array,
    network: Network,
    inertia: float,
    time: float,
    step: float,
    velocity: Array | None = None,
) -> FlowEnd:
    """Momentum flow (gradient flow without inertia) of w_+-, with what claims integrate; from
    rest, if no velocity is given."""
    turn, rows = int(network.rate) * np.array([[-1.0], [1.0]]), len(problem.y)

    def slope(state: Array) -> Array:
        w, v = state[0:2], state[2:4]
        left = problem.residual(theta_of(network, w))
        g = left @ problem.x / rows
        push, moved = turn * g * w, np.zeros_like(state)
        if inertia:
            moved[0:2], moved[2:4] = v, (push - v) / inertia
        else:
            moved[0:2] = push
        moved[4], moved[5], moved[6:8] = g, g * g, (moved[0:2] / w) ** 2
        moved[8] = left @ left / (2 * rows)
        return moved

    begin = start * 0 if velocity is None else velocity
    state = np.concatenate([start, begin, np.zeros((5, start.shape[1]))])
    for _ in range(round(time / step)):
        a = slope(state)
        b = slope(state + step / 2 * a)
        c = slope(state + step / 2 * b)
        state = state + step / 6 * (a + 2 * b + 2 * c + slope(state + step * c))
    w = state[0:2]
    return FlowEnd(theta_of(network, w), w, state[4], state[5], float(state[8, 0]), state[6:8])
