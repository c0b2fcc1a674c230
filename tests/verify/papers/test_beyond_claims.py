"""What surrounds the formulas beyond Ghosh et al."""

import pytest
import sympy
from flint import fmpq

from derive import discrete_modified_loss, modified_loss, nesterov
from derive.language.formula import BETA, H, K
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import PAIR, QUARTIC, value
from verify.claims.checks.memory_rules import (
    CHAIN,
    FAMILY,
    FORK,
    HEAVY_BALL,
    A,
    at,
    curl,
    on_plane,
    plane_gradient,
    slow_displacement,
)
from verify.claims.checks.one_step_maps import MEMORY_LOSS, map_path
from verify.claims.checks.three_orders import H2_TERMS, SPEED
from verify.claims.claim import REGISTRY
from verify.claims.equality import in_ring
from verify.models.written_fields import second_order
from verify.papers.kovachki2021 import INERTIA
from verify.papers.undertow.modified_loss import AVERAGE_LOSS, NESTEROV_LOSS, NU
from verify.running.convergence import ConvergenceStudy
from verify.running.losses import polynomial
from verify.running.numbers import PowerSeries, power_series
from verify.running.orders import observed_order
from verify.running.trajectories import vector

QUADRATIC_AND_MORE = polynomial(
    2,
    (((2, 0), fmpq(1, 2)), ((1, 1), fmpq(1, 3)), ((1, 2), fmpq(1)), ((0, 4), fmpq(1, 4))),
    "plane",
)
b, h, k, a, nu = BETA, H, K, A, NU
PAST = b - b ** (2 * k + 2) - (2 * k + 1) * (1 - b) * b ** (k + 1)
"""2(1-beta)^3/h times the memory's term at step k."""


def test_the_family_has_heavy_ball_and_nesterov_as_members():
    nesterov_inertia = (1 - b + 2 * b**2) / 2
    assert not in_ring(INERTIA.subs(a, 0) - (1 + b) / 2)
    assert not in_ring(INERTIA.subs(a, b) - nesterov_inertia)
    assert not in_ring(SPEED.subs(a, 0) - 1 / (1 + b))
    assert not in_ring(SPEED.subs(a, b) - (1 - 2 * b) / (1 - b + 2 * b**2))


def test_quasi_hyperbolic_momentum_ends_in_heavy_ball_and_nesterov():
    step = h / (1 - b)
    heavy_ball = h * (1 + b) / (4 * (1 - b) ** 2)
    assert not in_ring(AVERAGE_LOSS.subs(nu, 1).subs(h, step) - heavy_ball)
    assert not in_ring(AVERAGE_LOSS.subs(nu, b).subs(h, step) - NESTEROV_LOSS)
    assert not in_ring(AVERAGE_LOSS.subs(nu, 0) - h / 4)


def test_gradient_descent_is_heavy_ball_without_momentum():
    terms = REGISTRY.claims["miyagawa2022.counter-term-third-derivative"].candidate.formulas()
    assert H2_TERMS[CHAIN].subs(b, 0) == terms["chain"]
    assert H2_TERMS[FORK].subs(b, 0) == terms["fork"]


def test_one_step_of_nesterov_is_no_gradient_beyond_the_first_correction():
    assert discrete_modified_loss(nesterov, order=3).exists_below == 3
    assert modified_loss(nesterov, order=3).exists_below == 3


@pytest.mark.parametrize("speed", [0, 1, "steady", "second order"])
@pytest.mark.parametrize("look_ahead", [fmpq(0), fmpq(1, 2), fmpq(1, 5)], ids=str)
def test_over_all_steps_the_modified_equation_is_first_order_from_every_velocity(speed, look_ahead):
    run = ConvergenceStudy(
        FAMILY.optimizer,
        QUARTIC,
        [fmpq(1)],
        {"alpha": fmpq(1), "beta": fmpq(1, 2), "gamma": look_ahead},
        time=1,
        halvings=range(9, 14),
    )
    chosen = {"steady": 1 / (1 - b), "second order": SPEED}.get(speed, speed)

    def follow(flow):
        inertia, c = (at(sympy.sympify(e), flow.h, flow.values) for e in (INERTIA, chosen))
        return second_order(flow, flow.h * inertia, 1 - flow.values["beta"], c)

    order = observed_order(run.errors(follow, digits=20))
    assert order.supports(1), str(order)


def memoryless(*, limit_of_force: bool, limit_of_memory: bool, at_end: bool = False):
    """The observed order of the memoryless iteration of heavy ball from the same start."""
    past = h * PAST / (2 * (1 - b) ** 3)

    def follow(run):
        beta = run.values["beta"]
        steady = value(MEMORY_LOSS, h=run.h, beta=beta) / (1 - beta)

        def weights(k):
            force = 1 / (1 - beta) if limit_of_force else (1 - beta ** (k + 1)) / (1 - beta)
            memory = steady if limit_of_memory else value(past, k=k, h=run.h, beta=beta)
            return {LEAF: run.h * force, PAIR: -(2 * run.h * memory)}

        return map_path(run, weights, run.x0)

    run = ConvergenceStudy(
        HEAVY_BALL.optimizer,
        QUARTIC,
        [fmpq(1)],
        {"beta": fmpq(1, 2)},
        time=1,
        halvings=range(5, 11),
    )
    return observed_order(run.errors(follow, digits=20, at_end=at_end))


def test_the_memoryless_iteration_needs_the_first_forces_but_not_the_first_corrections():
    assert memoryless(limit_of_force=False, limit_of_memory=False).supports(2)
    assert memoryless(limit_of_force=False, limit_of_memory=True).supports(2)
    assert memoryless(limit_of_force=True, limit_of_memory=False).supports(1)
    assert memoryless(limit_of_force=True, limit_of_memory=True).supports(1)
    assert memoryless(limit_of_force=True, limit_of_memory=True, at_end=True).supports(1)


def test_the_slow_manifold_on_the_plane_is_invariant():
    """The declared heavy ball, started on it at rational h, stays on it to the order kept."""
    gradient = plane_gradient(on_plane(QUADRATIC_AND_MORE))
    beta, length = fmpq(2, 5), 6
    steps = slow_displacement(gradient, beta, fmpq(0), length - 1)
    arithmetic, h = power_series(length), PowerSeries.step(length)

    def displacement(x):
        return vector(
            [sum((evaluated(n[i], x) * h**j for j, n in enumerate(steps)), h * 0) for i in (0, 1)]
        )

    def evaluated(p, x):
        terms = (x[0] ** i * x[1] ** j * c for (i, j), c in p.to_dict().items())
        return sum(terms, h * 0)

    here = vector([arithmetic.convert(fmpq(1, 3)), arithmetic.convert(fmpq(-1, 2))])
    grad = QUADRATIC_AND_MORE.gradient_function(arithmetic)
    velocity = displacement(here)
    there = here + velocity
    after, _ = HEAVY_BALL.optimizer.step(there, [velocity], grad, h, {"beta": beta})
    left = after - there - displacement(there)
    assert all(entry[n] == 0 for entry in left for n in range(length))
    assert not any(map(curl, steps))
