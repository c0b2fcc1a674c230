"""The statement from which every effective start follows, in exact arithmetic."""

import math

import pytest
import sympy
from flint import fmpq
from hypothesis import assume, given
from hypothesis import strategies as st

from derive.language.formula import BETA
from derive.networks.diagonal_networks import (
    EPSILON,
    LAMBDA,
    NETWORKS,
    RHO,
    ROTATED,
    SQUARES,
    SUMS,
    X,
    boundary,
    flow_loss_rate,
    log_loss,
    momentum_step_loss,
    ratio,
    step_gain,
    step_loss,
)
from derive.networks.potentials import Potential, mirror_map

steps = st.lists(st.fractions(-3, 3, max_denominator=20), min_size=1, max_size=8)
signs = st.sampled_from([1, -1])


@given(steps=steps, beta=st.integers(0, 9), sign=signs, moving=st.integers(1, 9))
def test_the_sum_telescopes_exactly_through_crossings(steps, beta, sign, moving):
    """Without its logarithms log_loss sums to minus the gradients plus the ends; r_(-1) is free."""
    b, first = fmpq(beta, 10), fmpq(moving, 5)
    total, pull, r = fmpq(0), fmpq(0), first
    for step in steps:
        x = fmpq(step.numerator, step.denominator)
        r = ratio(x, r, b, sign)
        assume(r != 0)
        total += log_loss(r, fmpq(0), b)
        pull += sign * x
    assert total == -pull / (1 - b) + boundary(r, b) - boundary(first, b)


@given(steps=steps, beta=st.integers(0, 9), sign=signs, start=st.integers(1, 9))
def test_the_ratios_are_those_of_the_two_step_rule(steps, beta, sign, start):
    b, r, w, last = fmpq(beta, 10), fmpq(1), fmpq(start), fmpq(start)
    for step in steps:
        x = fmpq(step.numerator, step.denominator)
        w, last = (1 - sign * x) * w + b * (w - last), w
        assume(w != 0)
        r = ratio(x, r, b, sign)
        assert w == r * last


@given(r=st.floats(-5, 5).filter(lambda r: abs(r) > 1e-3), beta=st.floats(0, 0.99))
def test_a_step_without_crossing_never_gains(r, beta):
    loss = log_loss(r, math.log(abs(r)), beta)
    if r > 0:
        assert loss >= -1e-12


def test_a_crossing_can_gain():
    assert log_loss(-2.0, math.log(2.0), 0.5) < 0


def test_gradient_descent_is_momentum_without_memory():
    both = sum(momentum_step_loss().subs({"r": 1 - sign * X, BETA: 0}) for sign in (1, -1))
    for x in (sympy.Rational(1, 3), sympy.Rational(-7, 2)):
        assert sympy.N((both - step_gain()).subs(X, x), 40) == pytest.approx(0, abs=1e-30)
        shift = momentum_step_loss().subs({"r": 1 - X, BETA: 0}) - step_loss(1)
        assert sympy.N(shift.subs(X, x), 40) == pytest.approx(0, abs=1e-30)


def test_the_flow_is_the_limit_of_the_iteration():
    assert flow_loss_rate() == LAMBDA * RHO**2
    small = {EPSILON: sympy.Rational(1, 10**9)}
    step = log_loss(1 + EPSILON * 2, sympy.log(1 + EPSILON * 2), 1 - EPSILON / 3) / EPSILON
    assert sympy.N(step.subs(small), 30) == pytest.approx(3 * 4, rel=1e-7)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_the_mirror_map_is_the_quotient_of_the_weights(network):
    plus, minus = sympy.Rational(7, 5), sympy.Rational(1, 3)
    c, s = (sympy.Rational(int(v.p), int(v.q)) for v in (network.scale, network.rate))
    theta = c * (plus**2 - minus**2)
    found = sympy.N(mirror_map(theta, plus * minus, Potential(network)), 40)
    assert abs(found - sympy.N(sympy.log(plus / minus) / (2 * s), 40)) < 1e-35


@pytest.mark.parametrize(
    ("network", "other"), [(ROTATED, SUMS), (SUMS, SQUARES), (SQUARES, ROTATED)], ids=str
)
def test_the_mirror_map_of_another_network_is_another(network, other):
    first, second = (
        mirror_map(sympy.Rational(1, 2), sympy.Rational(1, 3), Potential(n))
        for n in (network, other)
    )
    assert abs(sympy.N(first - second)) > 0.05
