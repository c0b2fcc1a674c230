"""The momentum flow: its schemes, its slow motion, and heavy ball expanded in it."""

from itertools import pairwise
from math import comb, factorial

import pytest
import sympy
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from derive import gradient_descent, heavy_ball, modified_flow, nesterov, optimizer, tree
from derive.engine.expansion import steady_flow
from derive.engine.modified_loss import loss_of_field
from derive.engine.momentum_flow import (
    BACKWARD,
    CENTRAL,
    EPSILON,
    FORWARD,
    GAMMA,
    LAMBDA,
    RHO,
    Discretization,
    flow_parameter,
    heavy_ball_flow,
    initial_velocity,
    momentum_flow,
    momentum_loss,
)
from derive.language.formula import BETA
from derive.language.trees import LEAF, Tree, grow, trees_up_to
from derive.language.update_rule import BadInput

SCHEMES = [BACKWARD, CENTRAL, FORWARD, Discretization(sympy.Rational(1, 3))]
PARAMETER = (1 + BETA) / (2 * (1 - BETA) ** 2)
INSIDE = {LAMBDA: PARAMETER, EPSILON: 1 / (1 - BETA)}


def same(left: sympy.Expr, right: sympy.Expr) -> bool:
    return sympy.cancel(left - right) == 0


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: str(s.forward))
def test_step_and_momentum_are_lambda_and_epsilon_in_other_letters(scheme):
    grid = {GAMMA: scheme.step_size, BETA: scheme.momentum}
    assert same(scheme.flow_parameter.subs(grid, simultaneous=True), LAMBDA)
    assert same(scheme.time_step.subs(grid, simultaneous=True), EPSILON)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: str(s.forward))
def test_accelerating_twice_is_accelerating_once_by_the_product(scheme):
    step, momentum = scheme.accelerated()
    twice = {GAMMA: step, BETA: momentum, RHO: sympy.Integer(3)}
    once = scheme.accelerated(3 * RHO)
    assert same(step.subs(twice, simultaneous=True), once[0])
    assert same(momentum.subs(twice, simultaneous=True), once[1])


def test_the_exact_pair_keeps_lambda_and_the_printed_one_does_not():
    """(4 gamma, 2 beta - 1) against (4 gamma, beta^2) of a figure's caption."""
    step, momentum = BACKWARD.accelerated(sympy.Integer(2))
    assert same(step, 4 * GAMMA)
    assert same(momentum, 2 * BETA - 1)
    printed = {GAMMA: 4 * GAMMA, BETA: BETA**2}
    ratio = BACKWARD.flow_parameter.subs(printed, simultaneous=True) / BACKWARD.flow_parameter
    speed = BACKWARD.time_step.subs(printed, simultaneous=True) / BACKWARD.time_step
    assert same(ratio, 4 / (1 + BETA) ** 2)
    assert same(speed, 4 / (1 + BETA))


def test_the_central_scheme_has_the_parameter_that_the_modified_flow_asks_for():
    assert same(CENTRAL.flow_parameter, GAMMA * flow_parameter(heavy_ball).as_expr())
    assert same(CENTRAL.flow_parameter, BACKWARD.flow_parameter - BACKWARD.time_step / 2)


def test_gradient_descent_has_half_its_intrinsic_parameter_and_the_speed_of_the_flow():
    assert flow_parameter(gradient_descent) == fmpq(1, 2)
    assert initial_velocity(gradient_descent) == 1
    assert same(initial_velocity(heavy_ball).as_expr(), EPSILON.subs(INSIDE) / (2 * PARAMETER))
    assert same(
        initial_velocity(nesterov).as_expr(),
        (1 - 2 * BETA) * (1 - BETA) / (1 - BETA + 2 * BETA**2),
    )


def test_a_rule_of_second_order_has_no_inertia_to_start():
    @optimizer()
    def midpoint(x, grad, h):
        """The explicit midpoint rule."""
        return x - h * grad(x - h / 2 * grad(x))

    assert flow_parameter(midpoint) == 0
    with pytest.raises(BadInput, match="first-order flow"):
        initial_velocity(midpoint)


def test_heavy_ball_in_lambda_and_epsilon_is_its_modified_flow_through_order_six():
    """Two derivations: the central scheme on trees, and the solver for declared rules."""
    series, engine = heavy_ball_flow(order=6), modified_flow(heavy_ball, order=6)
    for t in trees_up_to(6):
        left = series[t].as_expr().subs(INSIDE, simultaneous=True)
        assert same(left, engine[t].as_expr() * (1 - BETA)), t


def in_one_dimension(t: Tree) -> sympy.Expr:
    """F(t) for f = -E': a product over the nodes of derivatives of E with a sign."""
    own = -sympy.Symbol(f"E{len(t.branches) + 1}")
    return sympy.Mul(own, *(in_one_dimension(branch) for branch in t.branches))


def written_out(series, order: int) -> sympy.Expr:
    return sympy.Add(
        *(series[t].as_expr() / t.symmetry * in_one_dimension(t) for t in trees_up_to(order))
    )


def along(field: sympy.Expr, function: sympy.Expr) -> sympy.Expr:
    """The derivative of a function of E1, E2, ... in direction of a field, in one dimension."""
    letters = [sympy.Symbol(f"E{i}") for i in range(1, 8)]
    return sympy.expand(field * sum(sympy.diff(function, a) * b for a, b in pairwise(letters)))


def up_to(expr: sympy.Expr, power: int) -> sympy.Expr:
    return sum(sympy.expand(expr).coeff(LAMBDA, i) * LAMBDA**i for i in range(power))


def test_the_slow_motion_without_trees():
    """x' = -E1 - lambda x'' iterated by hand, and S with S' = -x', S = E + (lambda/2) S'^2."""
    field = -sympy.Symbol("E1")
    for n in range(2, 5):
        field = up_to(-sympy.Symbol("E1") - LAMBDA * along(field, field), n)
    assert sympy.expand(field - written_out(momentum_flow(order=4), 4)) == 0
    # the derivative of S = E + (lambda/2) S'^2 is S' = E1 + lambda S' S''
    slope = -field
    right = sympy.Symbol("E1") + LAMBDA * along(slope, slope)
    assert up_to(slope - right, 4) == 0


@pytest.mark.parametrize("beta", [0, sympy.Rational(1, 3), sympy.Rational(9, 10)], ids=str)
def test_heavy_ball_in_lambda_and_epsilon_without_trees(beta):
    """The textbook expansion through h^3, in the time of the flow, at h = 1."""
    here = {LAMBDA: PARAMETER.subs(BETA, beta), EPSILON: 1 / (1 - sympy.sympify(beta))}
    by_hand = sum(field.subs(BETA, beta) * (1 - beta) for field in steady_flow(4))
    assert sympy.expand(by_hand - written_out(heavy_ball_flow(order=4), 4).subs(here)) == 0


def test_the_two_pictures_differ_by_multiples_of_epsilon_squared():
    flow, scheme = momentum_flow(order=6), heavy_ball_flow(order=6)
    for t in trees_up_to(6):
        gap = sympy.Poly((scheme[t] - flow[t]).as_expr(), EPSILON)
        assert all(power >= 2 and power % 2 == 0 for (power,) in gap.monoms() if gap != 0), t
        assert (gap == 0) == (t.order < 3), t


def test_the_regularizers_agree_up_to_one_plus_beta_over_two():
    pair = tree("[[]]")
    flow = momentum_loss(order=2).terms[pair].as_expr().subs(LAMBDA, 1 / (1 - BETA) ** 2)
    steady = modified_flow(heavy_ball, order=2)
    heavy = -steady[pair].as_expr() / steady[LEAF].as_expr() / 2
    assert same(heavy / flow, (1 + BETA) / 2)


def test_the_slow_motion_is_a_gradient_and_heavy_ball_is_not():
    assert momentum_loss(order=7).exists_below == 8
    assert loss_of_field(heavy_ball_flow(order=4)).exists_below == 3


@given(st.integers(1, 7))
def test_the_coefficients_count_ways_to_cut(n):
    """Catalan numbers on paths, factorials on stars."""
    flow, scale = momentum_flow(order=7), LAMBDA
    path = LEAF
    for _ in range(n - 1):
        path = grow((path,))
    star = grow([LEAF] * (n - 1))
    catalan = comb(2 * n - 2, n - 1) // n
    assert same(flow[path].as_expr(), (-scale) ** (n - 1) * catalan)
    assert same(flow[star].as_expr(), (-scale) ** (n - 1) * factorial(n - 1))
