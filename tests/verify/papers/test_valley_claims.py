"""Claims on motion along minimizers, and the numbers behind them."""

import pytest
import sympy
from flint import fmpq

from derive.language.formula import BETA, H
from verify.claims.checks.valleys import LAMBDA, pair_sum
from verify.claims.claim import REGISTRY
from verify.models.modes import ema_mode, heavy_ball_mode
from verify.simulations.label_noise import Interval, NoisyLayers, drift_rate, sweep


def test_the_mixed_drift_keeps_the_inverse_curvature_below_one_half_only():
    for quarters, keeps in ((1, True), (2, False), (3, False)):
        h, beta = fmpq(1, 2**160), 1 - fmpq(1, 2 ** (40 * quarters))
        sums = pair_sum(heavy_ball_mode, h, beta, fmpq(0), fmpq(1))
        unchanged = h / (1 - beta)
        assert (abs(unchanged / sums - 1) < fmpq(1, 1000)) is keeps


def test_the_example_of_the_mixed_drift_can_be_recomputed():
    h, beta = fmpq(1, 4), fmpq(9, 10)
    exact = -h / (1 - beta) * pair_sum(heavy_ball_mode, h, beta, fmpq(0), fmpq(1))
    assert exact == fmpq(-475, 976)
    says = REGISTRY.claims["cowsik2022.limiting-drift"].candidate
    at = {H: sympy.Rational(1, 4), BETA: sympy.Rational(9, 10), LAMBDA: 1}
    limit, excess = (says.expr(name).subs(at) for name in ("limit", "excess"))
    assert (limit, limit * excess) == (sympy.Rational(-25, 54), sympy.Rational(-25, 4))


def test_averages_with_step_h_are_heavy_ball_with_step_h_times_one_minus_beta():
    h, beta = fmpq(1, 5), fmpq(3, 4)
    for first, second in ((fmpq(1), fmpq(2)), (fmpq(0), fmpq(1, 3))):
        average = pair_sum(ema_mode, h, beta, first, second)
        assert average == pair_sum(heavy_ball_mode, (1 - beta) * h, beta, first, second)


@pytest.mark.parametrize(("scale", "rate", "other"), [(1.0, 1.75e-5, 7e-5), (2.0, 0, 0)])
def test_training_tells_the_two_normalizations_apart(scale, rate, other):
    """h = beta = 1/2, n = 4, P = 3, mu^2 = 7/4, |w|^2 = 8, epsilon = 1/100, by hand for scale 1."""
    if scale == 2.0:
        h, beta, trace = 0.1, 0.5, 7.0
        rate = 4 * 1e-4 * 1.75 / 24 * 0.04 / (1 - h * trace / 3)
        other = rate / 4
    else:
        h, beta = 0.5, 0.5
    network = NoisyLayers(4, (1.0, 0.5, 2.0), scale=scale, epsilon=0.01)
    found = drift_rate(network, h=h, beta=beta, steps=200, replicas=1000, seed=2)
    assert found.contains(rate, slack=0.01)
    assert not found.contains(other, slack=0.1)


def test_a_small_sweep_finds_two_thirds_and_neither_one_half_nor_one():
    found = sweep((0.1, 0.005), replicas=400, seed=7)
    assert found.exponent.contains(2 / 3)
    assert not found.exponent.contains(1 / 2)
    assert not found.exponent.contains(1)
    assert abs(found.time_exponent + 2 / 3) < 0.05


def test_an_interval_is_four_deviations_wide():
    assert Interval(1.0, 0.1).contains(1.39)
    assert not Interval(1.0, 0.1).contains(1.41)
