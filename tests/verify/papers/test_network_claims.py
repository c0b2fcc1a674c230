"""Claims on diagonal networks: the bounds withstand a search."""

import functools
import math

import numpy as np
from flint import fmpq
from hypothesis import assume, given, target
from hypothesis import strategies as st

from derive.networks.diagonal_networks import ROTATED, SUMS, log_loss
from tests.verify.models.test_interpolators import instance
from verify.claims.checks.diagonal_runs import on_arrays, real
from verify.claims.checks.mean_gain import GAIN, expected_gain
from verify.models.diagonal_regression import Regression, losses, run
from verify.models.interpolators import constrained_minimum, interpolate, least_l1, least_l2
from verify.papers.even2023.shifted_start import SHIFT
from verify.papers.gunasekar2023.shifted_start import THRESHOLD
from verify.papers.woodworth2020.initialization import LARGE, LOG_SMALL


def problem_of(seed: int, n: int, d: int) -> Regression:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return Regression(x, rng.normal(size=n))


problems = st.builds(problem_of, st.integers(0, 10**6), st.integers(1, 3), st.integers(3, 7))
epsilons = st.floats(0.02, 1.5)


def limit(problem: Regression, alpha: float) -> np.ndarray:
    """Of gradient flow on theta = w_+^2 - w_-^2 from alpha."""
    weights = np.full((2, problem.x.shape[1]), alpha**2)
    return constrained_minimum(problem, weights, digits=30).astype(float)


@given(problem=problems, eps=epsilons)
def test_a_small_start_finds_nearly_the_least_l1_norm(problem, eps):
    """The bound without units, searched for violations, and the printed one."""
    least, d = least_l1(problem), problem.x.shape[1]
    assert least is not None
    sharp = real(LOG_SMALL, d=d, epsilon=eps, M=least)
    printed = min(-(2 + eps) / (2 * eps) * math.log(2 * (1 + eps) * least), -d / (eps * least))
    assert printed <= sharp
    assume(sharp > -60)
    used = (float(np.sum(np.abs(limit(problem, math.exp(sharp))))) / least - 1) / eps
    target(used, label="share of epsilon that is used")
    assert used <= 1


@given(problem=problems, eps=epsilons)
def test_a_large_start_finds_nearly_the_least_euclidean_norm(problem, eps):
    least = least_l2(problem)
    sharp = real(LARGE, epsilon=eps, M=least)
    assert sharp <= 2 * (1 + eps) * (1 + 2 / eps) * least
    square = float(np.sum(limit(problem, math.sqrt(sharp)) ** 2))
    used = (square / least**2 - 1) / eps
    target(used, label="share of epsilon that is used")
    assert used <= 1


@given(
    beta=st.floats(1e-6, 0.99),
    parts=st.lists(st.floats(-1, 1), min_size=1, max_size=60),
)
def test_no_ratio_falls_below_the_root_of_beta_within_the_bound(beta, parts):
    r, lowest = 1.0, 1.0
    for part in parts:
        r = 1 - part * (1 - math.sqrt(beta)) ** 2 + beta * (1 - 1 / r)
        lowest = min(lowest, r)
    target(math.sqrt(beta) - lowest, label="how far below")
    assert lowest >= math.sqrt(beta) - 1e-9


@given(steps=st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_the_start_of_the_divergence_stays_within_half_of_the_square(steps):
    """|theta_0| <= alpha^2/2 for |x| <= 1 + W(1/e); at sqrt(2), as printed, it does not."""
    reach, shift = real(THRESHOLD), on_arrays(SHIFT, "x")
    x = np.clip(np.array(steps), -0.9999, 0.9999) * reach
    assume(np.min(np.abs(np.abs(x) - 1)) > 1e-9)
    plus, minus = np.exp(-shift(x).sum()), np.exp(-shift(-x).sum())
    target(abs(plus - minus) / 2, label="start over alpha^2")
    assert abs(plus - minus) / 2 <= 0.5
    one = np.array([math.sqrt(2)])
    assert abs(np.exp(-shift(one).sum()) - np.exp(-shift(-one).sum())) / 2 > 1.27


@given(
    rows=st.lists(st.lists(st.integers(-4, 4), min_size=2, max_size=2), min_size=2, max_size=2),
    inverse=st.integers(2, 400),
)
def test_the_mean_gain_lies_between_the_bounds(rows, inverse):
    """Any two rows: lambda_b and Lambda_b from E[H_B^2] against H on the row space, b = 1."""
    x = np.array(rows, dtype=float)
    assume(abs(np.linalg.det(x)) > 0.5)
    squares = np.einsum("ij,ik->ijk", x, x)
    hessian, second = squares.mean(axis=0), np.mean([s @ s for s in squares], axis=0)
    bounds = np.linalg.eigvals(np.linalg.solve(hessian, second)).real
    exact_rows = [[fmpq(v) for v in row] for row in rows]
    gamma = fmpq(1, inverse) / 32
    theta = [fmpq(2), fmpq(-1)]
    gain, total, reach = expected_gain(exact_rows, theta, gamma, 2)
    assume(reach < 1)
    scale = float(int(gamma.p) / int(gamma.q)) ** 2 * float(int(total.p) / int(total.q))
    c = float(int(reach.p) / int(reach.q))
    found, low = float(gain.mid()) / scale, 2 * bounds.min()
    high = -2 * math.log(1 - c**2) / c**2 * bounds.max()
    target(low / found, label="tightness below")
    assert low * (1 - 1e-9) <= found <= high * (1 + 1e-9)


@functools.cache
def crossed() -> tuple[np.ndarray, int]:
    x, y = instance(7)
    start = [[fmpq(1, 5)] * 6] * 2
    found = interpolate(x, y, start, network=SUMS, gamma=fmpq(1, 20), beta=fmpq(9, 10))
    return found.gain, found.crossings


def test_with_crossings_the_balance_may_grow():
    gain, crossings = crossed()
    assert crossings > 0
    assert np.min(gain) < 0


@given(seed=st.integers(0, 10**6), beta=st.floats(0, 0.9))
def test_without_crossings_every_balance_falls(seed, beta):
    problem = problem_of(seed, 2, 4)
    start = np.full((2, 4), 0.4)
    step = 0.1 * (1 - beta) ** 2 / float(np.max(np.sum(problem.x**2, axis=1)))
    total = np.zeros((2, 4))
    for count, done in enumerate(
        run(problem, SUMS, start, gammas=step, beta=beta, batches=[[0], [1]] * 200)
    ):
        if np.any(done.ratios <= 0):
            assume(False)
        total += losses(done, beta)
        assert np.all(total >= -1e-12), count


def test_the_printed_conventions_are_told_apart():
    """q of C10 belongs to x = gamma grad L; with x twice as large, as for squares, it is wrong."""
    path = list(
        run(
            problem_of(1, 2, 3),
            ROTATED,
            np.full((2, 3), 0.5),
            gammas=0.05,
            batches=[slice(None)] * 5,
        )
    )
    end = path[-1].w
    true = np.log(0.25 / np.abs(end[0] * end[1]))
    gain = on_arrays(GAIN, "x")
    x = np.array([step.x for step in path])
    assert np.allclose(gain(x).sum(axis=0), true, rtol=1e-9)
    assert not np.allclose(gain(2 * x).sum(axis=0), true, rtol=0.5)
    ratios = np.array([step.ratios for step in path])
    assert np.allclose(log_loss(ratios, np.log(ratios), 0).sum(axis=(0, 1)), true, rtol=1e-9)
