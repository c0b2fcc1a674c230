"""The interpolator that is found is the minimizer of the potential read off the trajectory."""

import json
import random
from itertools import combinations

import numpy as np
import pytest
from flint import fmpq
from hypothesis import assume, event, given
from hypothesis import strategies as st

from derive.language.update_rule import BadInput
from derive.networks.diagonal_networks import NETWORKS, ROTATED, SUMS
from tests.verify.commands.test_cli import undertow
from verify.models.diagonal_regression import Regression
from verify.models.interpolators import constrained_minimum, interpolate, least_l1

TENTH = fmpq(1, 10)


def instance(seed: int, n: int = 3, d: int = 6) -> tuple[list[list[fmpq]], list[fmpq]]:
    """X and y = X (1, -1, 0, ...), entries in tenths."""
    draw = random.Random(seed)
    x = [[fmpq(draw.randint(-20, 20), 10) for _ in range(d)] for _ in range(n)]
    return x, [row[0] - row[1] for row in x]


def some_start(draw: random.Random, d: int = 6) -> list[list[fmpq]]:
    """Weights of either sign: the network sees their squares only."""
    return [[fmpq(draw.choice([-1, 1]) * draw.randint(1, 9), 10) for _ in range(d)] for _ in "+-"]


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@given(
    seed=st.integers(0, 10**6),
    momentum=st.sampled_from([fmpq(0), fmpq(1, 2), fmpq(9, 10)]),
    batch=st.sampled_from([None, 1, 2]),
    uniform=st.booleans(),
)
def test_the_limit_minimizes_the_potential_of_its_trajectory(
    network, seed, momentum, batch, uniform
):
    x, y = instance(seed)
    start = [[TENTH * 3] * 6] * 2 if uniform else some_start(random.Random(seed))
    gamma = (1 - momentum) / 8
    try:
        found = interpolate(
            x, y, start, network=network, gamma=gamma, beta=momentum, batch=batch, seed=seed
        )
    except BadInput:
        assume(False)
        raise
    event(f"crossings: {found.crossings > 0}")
    size = max(1.0, float(np.max(np.abs(found.found))))
    assert found.distance < 1e-10 * size


def test_with_crossings_fifty_digits_agree_to_forty():
    x, y = instance(7)
    start = [[TENTH * 2] * 6] * 2
    found = interpolate(
        x, y, start, network=SUMS, gamma=TENTH / 2, beta=fmpq(9, 10), steps=20_000, digits=50
    )
    assert found.crossings > 0
    assert found.distance < 1e-40


def as_floats(x: list[list[fmpq]], y: list[fmpq]) -> Regression:
    return Regression(
        np.array([[int(q.p) / int(q.q) for q in row] for row in x]),
        np.array([int(q.p) / int(q.q) for q in y]),
    )


def test_other_starts_and_the_scale_of_another_network_are_rejected():
    x, y = instance(3)
    found = interpolate(x, y, [[TENTH * 3] * 6] * 2, network=ROTATED, gamma=fmpq(1, 8))
    squares = found.effective_start**2
    right = constrained_minimum(as_floats(x, y), squares / 2)
    assert np.max(np.abs(right - found.found)) < 1e-10
    for weights in (np.full((2, 6), 0.3**2 / 2), squares, squares / 4, squares[::-1] / 2):
        other = constrained_minimum(as_floats(x, y), weights)
        assert np.max(np.abs(other - found.found)) > 1e-4


def test_the_dual_solution_interpolates_and_is_stationary_to_its_digits():
    x, y = instance(11)
    problem = as_floats(x, y)
    theta = constrained_minimum(problem, np.full((2, 6), 1e-9), digits=60)
    exact_x = np.array([[fmpq(*float(v).as_integer_ratio()) for v in row] for row in problem.x])
    fit = [sum(float(q.p) / float(q.q) * t for q, t in zip(r, theta, strict=True)) for r in exact_x]
    assert np.max(np.abs(np.array(fit, dtype=float) - problem.y)) < 1e-13
    mirror = np.arcsinh(theta.astype(float) / 2e-9)
    solved = np.linalg.lstsq(problem.x.T, mirror, rcond=None)[0]
    assert np.max(np.abs(problem.x.T @ solved - mirror)) < 1e-9


def test_the_least_l1_norm_is_the_smallest_over_all_basic_solutions():
    x, y = instance(5)
    problem = as_floats(x, y)
    norms = []
    for columns in combinations(range(6), 3):
        block = problem.x[:, columns]
        if abs(np.linalg.det(block)) > 1e-9:
            norms.append(np.sum(np.abs(np.linalg.solve(block, problem.y))))
    least = least_l1(problem)
    assert least is not None
    assert abs(least - min(norms)) < 1e-9


ARGUMENTS = ("interpolator", "--x", "1,2,0,1; 0,1,1,-1", "--y", "1,2", "--set", "beta=9/10")


def test_the_command_writes_text_and_json(capsys, tmp_path):
    code, out, _ = undertow(capsys, *ARGUMENTS, "--lr", "1/10", "--start", "1/5")
    assert code == 0
    assert "crossings of zero" in out
    path = tmp_path / "x.txt"
    path.write_text("1 2 0 1\n0 1 1 -1\n", encoding="utf-8")
    rest = ("--y", "1,2", "--set", "beta=9/10", "--lr", "1/10", "--start", "1/5")
    code, out, _ = undertow(capsys, "interpolator", "--x", str(path), *rest, "--format", "json")
    told = json.loads(out)
    assert code == 0
    assert told["distance"] < 1e-10
    assert told["l1"]["found"] >= told["l1"]["least"]
    assert told["l2"]["found"] >= told["l2"]["least"]
    assert len(told["gain"]) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--lr", "3"), "runs away"),
        (("--lr", "1/100", "--steps", "100"), "no interpolator after 100 steps"),
        (("--lr", "1/100", "--start", "0"), "alpha = 0"),
        (("--lr", "1/100", "--start", "1,2"), "the start has 2 numbers"),
        (("--lr", "-1"), "--lr -1"),
        (("--lr", "1/10", "--set", "beta=1"), "beta = 1"),
        (("--lr", "1/10", "--batch", "3"), "--batch 3"),
        (("--lr", "1/10", "--y", "1"), "y has 1 numbers"),
        (("--lr", "1/10", "--y", "0,0"), "theta = 0"),
        (("--lr", "1/10", "--x", "1,2,3,4; 2,4,6,8"), "rank 1"),
        (("--lr", "1/10", "--x", "1,2; 3"), "different lengths"),
        (("--lr", "1/10", "--x", "open('x')"), "neither numbers"),
        (("--lr", "1/10", "--x", "1e999999999"), "no number"),
        (("--lr", "1/10", "--network", "cubes"), "--network cubes"),
        (("--lr", "1/10", "--digits", "3"), "--digits 3"),
        (("--lr", "1/10", "--steps", "0"), "--steps 0"),
    ],
)
def test_what_cannot_be_used_or_does_not_converge_is_one_sentence(capsys, arguments, said):
    given = ARGUMENTS[:-2] if "--set" in arguments else ARGUMENTS
    code, out, err = undertow(capsys, *given, *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_weight_that_becomes_exactly_0_is_named(capsys):
    words = ("--x", "1", "--y", "1", "--lr", "1", "--start", "1", "--network", "sums")
    code, _, err = undertow(capsys, "interpolator", *words)
    assert code == 2
    assert "exactly 0 after step 1" in err
