"""Claims on motion along minimizers: wrong versions fall by a check that knows no derivation."""

from itertools import chain

import pytest
import sympy
from flint import fmpq

from derive.language.formula import BETA, H
from verify.claims.checks.valleys import LAMBDA, pair_sum
from verify.claims.claim import REGISTRY, Kind, Settings, Verdict
from verify.claims.judging import judge
from verify.claims.slips import slips
from verify.models.modes import ema_mode, heavy_ball_mode
from verify.papers.undertow import valley_drift
from verify.simulations.label_noise import Interval, NoisyLayers, drift_rate, sweep

FAST = Settings(digits=20)
CLAIMS = [c for c in REGISTRY.claims.values() if c in vars(valley_drift).values()]
QUICK = [c for c in CLAIMS if any(k.kind in (Kind.ENUMERATION, Kind.BALL) for k in c.checks)]
SLOW = [c for c in CLAIMS if c not in QUICK]
NEIGHBOURS = ((BETA, H), (H, BETA), (H, LAMBDA), (LAMBDA, H))


def wrong_versions(expr: sympy.Expr):
    swapped = [
        (f"{new} for {old}", expr.subs(old, new))
        for old, new in NEIGHBOURS
        if {old, new} <= expr.free_symbols
    ]
    turned = ("1-b for 1+b and back", expr.subs(BETA, -BETA))
    for name, wrong in chain(slips(expr), swapped, [turned]):
        if sympy.expand(wrong - expr) != 0:
            yield name, wrong


@pytest.mark.parametrize("claim", QUICK, ids=lambda c: c.id)
def test_every_slip_is_rejected_by_a_check_without_the_derivation(claim):
    checks = [k for k in claim.checks if k.kind in (Kind.ENUMERATION, Kind.BALL)]
    for name, wrong in wrong_versions(claim.formula.expr):
        assert any(k.judge(wrong, FAST).passed is False for k in checks), (name, wrong)


@pytest.mark.parametrize("claim", SLOW, ids=lambda c: c.id)
def test_a_factor_a_sign_and_an_exponent_are_seen_by_the_iteration(claim):
    (check,) = (k for k in claim.checks if k.kind is Kind.SIMULATION)
    right = claim.formula.expr
    for wrong in (-right, 2 * right, right * H):
        assert check.judge(wrong, FAST).passed is False


@pytest.mark.parametrize("claim", QUICK, ids=lambda c: c.id)
def test_iterations_and_derivations_see_a_factor_2(claim):
    for check in claim.checks:
        assert check.judge(2 * claim.formula.expr, FAST).passed is False, check.name


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_the_verdict_does_not_hang_on_the_seed(claim):
    result = judge(claim, Settings(digits=20, seed=3))
    assert result.as_recorded, result.as_json()


def test_the_printed_mixed_drift_stands_below_one_half_and_falls_at_and_above_it():
    claim = REGISTRY.claims["cowsik2022.limiting-drift"]
    assert claim.expected is Verdict.CORRECTED
    for quarters, stands in ((1, True), (2, False), (3, False)):
        h, beta = fmpq(1, 2**160), 1 - fmpq(1, 2 ** (40 * quarters))
        sums = pair_sum(heavy_ball_mode, h, beta, fmpq(0), fmpq(1))
        printed = h / (1 - beta)
        assert (abs(printed / sums - 1) < fmpq(1, 1000)) is stands


def test_the_counterexample_to_the_printed_mixed_drift_can_be_recomputed():
    h, beta = fmpq(1, 4), fmpq(9, 10)
    exact = -h / (1 - beta) * pair_sum(heavy_ball_mode, h, beta, fmpq(0), fmpq(1))
    assert exact == fmpq(-475, 976)
    claim = REGISTRY.claims["cowsik2022.limiting-drift"]
    at = {H: sympy.Rational(1, 4), BETA: sympy.Rational(9, 10), LAMBDA: 1}
    assert claim.printed.expr.subs(at) == sympy.Rational(-25, 4)
    assert claim.formula.expr.subs(at) == sympy.Rational(-25, 54)


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
