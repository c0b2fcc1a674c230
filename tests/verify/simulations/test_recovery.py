"""The vectorized runs are the iterations of the network, and the simulations show what they say."""

from itertools import islice, repeat

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.networks.diagonal_networks import ROTATED
from tests.verify.commands.test_cli import undertow
from verify.models.diagonal_regression import Regression, run, theta_of
from verify.simulations.diagonal_recovery import sparse_problems, train
from verify.simulations.recovery import (
    EXPONENTS,
    SIMULATIONS,
    limit_of_flow,
    measure,
    unexplained,
)
from verify.simulations.relu import forward


@given(seed=st.integers(0, 1000), beta=st.floats(0, 0.95))
def test_many_runs_at_once_are_the_single_runs(seed, beta):
    problems = sparse_problems(2, rows=3, columns=5, nonzeros=2, seed=seed)
    gammas = np.array([0.01, 0.05])
    together = train(problems, gammas, np.full(2, beta), alpha=0.3, steps=30, seed=seed)
    for i in range(2):
        problem = Regression(problems.x[i], problems.y[i])
        for j, gamma in enumerate(gammas):
            start = np.full((2, 5), 0.3)
            path = run(
                problem, ROTATED, start, gammas=float(gamma), beta=beta, batches=repeat(slice(None))
            )
            steps = list(islice(path, 30))
            before = theta_of(ROTATED, steps[-2].w)
            assert np.allclose(together.theta[i, j], before, rtol=1e-9, atol=1e-12)
            gain = np.log(0.09 / np.abs(steps[-1].w[0] * steps[-1].w[1]))
            assert np.allclose(together.gain[i, j], gain, rtol=1e-7, atol=1e-9)


def test_gradient_descent_with_small_steps_ends_where_the_dual_of_the_flow_says():
    problems = sparse_problems(2, rows=3, columns=5, nonzeros=2, seed=4)
    end = train(problems, np.array([2e-3]), np.zeros(1), alpha=0.5, steps=40_000, tolerance=1e-9)
    assert np.all(end.converged)
    assert np.max(np.abs(end.theta[:, 0] - limit_of_flow(problems, 0.5))) < 0.02


def test_the_students_gradient_is_the_derivative_of_its_loss():
    """One small step of the update in `train_students` against central differences."""
    rng = np.random.default_rng(0)
    x, hidden, outer = rng.normal(size=(6, 3)), rng.normal(size=(4, 3)), rng.normal(size=4)
    y = rng.normal(size=6)

    def loss(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean((forward(a, b, x)[0] - y) ** 2) / 2)

    told, active = forward(hidden, outer, x)
    left = (told - y) / 6
    slope = np.swapaxes(left[..., None] * (active > 0) * outer, -1, -2) @ x
    for i in range(4):
        for j in range(3):
            nudge = np.zeros((4, 3))
            nudge[i, j] = 1e-6
            numeric = (loss(hidden + nudge, outer) - loss(hidden - nudge, outer)) / 2e-6
            assert abs(numeric - slope[i, j]) < 1e-6


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0, 3.0])
def test_the_exponent_of_made_up_level_lines_is_found(power):
    gamma, beta = (grid.ravel() for grid in np.meshgrid([0.01, 0.03, 0.1, 0.3], [0.5, 0.7, 0.9]))
    outcome = np.sin(np.log(gamma / (1 - beta) ** power) / 3)
    found = EXPONENTS[np.argmin(unexplained(gamma, beta, outcome))]
    assert abs(found - power) < 0.06


def test_an_interval_that_reaches_outside_does_not_hold():
    assert measure("", "", np.array([1.0, 1.1, 0.9]), (0, 2), 0).holds
    assert not measure("", "", np.array([1.0, 1.1, 0.9]), (1, 2), 0).holds
    assert not measure("", "", np.array([np.nan]), (-np.inf, np.inf), 0).holds


@pytest.mark.parametrize("name", ["small-inertia", "large-steps"])
def test_a_small_simulation_shows_what_it_says(name):
    for found in SIMULATIONS[name](3, 0):
        assert found.holds, found


def test_the_command_names_what_it_cannot_simulate(capsys):
    code, _, err = undertow(capsys, "recovery", "everything")
    assert code == 2
    assert "large-steps" in err
    code, _, err = undertow(capsys, "recovery", "large-steps", "--seeds", "1")
    assert code == 2
    assert "--seeds 1" in err


def test_the_command_says_whether_a_statement_shows(capsys, monkeypatch):
    def one(seeds: int, seed: int):
        return [measure("a number", "a statement", np.ones(seeds), (0.0, 2.0), seed)]

    monkeypatch.setitem(SIMULATIONS, "large-steps", one)
    code, out, _ = undertow(capsys, "recovery", "large-steps")
    assert code == 0
    assert "shows: a statement" in out
    code, out, _ = undertow(capsys, "recovery", "large-steps", "--format", "json")
    assert code == 0
    assert '"interval"' in out
