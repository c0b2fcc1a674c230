"""The regimes of beta = 1 - C h^gamma against multipliers enclosed at small step sizes."""

import math

import pytest
import sympy
from flint import acb, arb, fmpq

from derive.language.update_rule import BadInput
from derive.optimizers import (
    ZOO,
    aggregated_momentum,
    ema_momentum,
    heavy_ball,
    nesterov,
    quasi_hyperbolic,
)
from derive.quadratics.linearization import NotInClosedForm
from derive.quadratics.timescales import GAMMA, LAMBDA, C, H, timescales
from verify.running.numbers import precision

HALF_NU = quasi_hyperbolic.at(nu="1/2")
RULES = [heavy_ball, nesterov, ema_momentum, HALF_NU]
SCALE, CURVATURE = fmpq(3, 2), fmpq(4, 5)


def rates(rule, gamma: sympy.Rational, n: int) -> list[arb]:
    """-log|kappa| of both multipliers at h = 2^-(q n), the slower first: the declared step, run."""
    p, q = int(gamma.p), int(gamma.q)
    h, beta = fmpq(1, 2 ** (q * n)), 1 - SCALE * fmpq(1, 2 ** (p * n))

    def step(x, m):
        return rule.step(x, [m], lambda y: CURVATURE * h * y, fmpq(1), {"beta": beta})

    (a, (b,)), (c, (d,)) = step(fmpq(1), fmpq(0)), step(fmpq(0), fmpq(1))
    half, root = acb((a + d) / 2), acb(((a + d) / 2) ** 2 - (a * d - b * c)).sqrt()
    return [-abs(kappa).log() for kappa in (half + root, half - root)]


def value(expr: sympy.Expr, gamma: sympy.Rational, n: int) -> arb:
    at = {GAMMA: gamma, H: sympy.Rational(1, 2 ** (int(gamma.q) * n))}
    known = {C: sympy.Rational(str(SCALE)), LAMBDA: sympy.Rational(str(CURVATURE))}
    return arb(str(sympy.N(sympy.sympify(expr).subs({**at, **known}), 250)))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_each_rate_has_the_relative_error_that_is_claimed(rule):
    for regime in timescales(rule):
        for gamma in inside(regime):
            for i, rate in enumerate(regime.rates):
                exponent = float(rate.error.subs(GAMMA, gamma)) * int(gamma.q)
                with precision(300):
                    gaps = [
                        abs(rates(rule, gamma, n)[i] / value(rate.leading, gamma, n) - 1)
                        for n in (20, 40)
                    ]
                    fall = math.log2(float(gaps[0].mid()) / float(gaps[1].mid())) / 20
                assert fall > exponent - 0.01, (regime, gamma)


def inside(regime):
    if regime.above == regime.below:
        return [regime.above]
    high = regime.below if regime.below != sympy.oo else regime.above + 1
    return [regime.above + (high - regime.above) * share / 5 for share in (1, 3)]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_modes_oscillate_in_the_regimes_that_say_so(rule):
    for regime in timescales(rule):
        for gamma in inside(regime) if regime.rates else []:
            with precision(300):
                one, other = rates(rule, gamma, 30)
                assert one.overlaps(other) == regime.oscillates


def test_nesterov_is_damped_by_its_look_ahead_from_gamma_one_on():
    last = timescales(nesterov)[-1]
    assert (last.above, last.rates[0].leading) == (1, H * LAMBDA / 2)


def test_an_average_of_gradients_oscillates_from_gamma_one_on():
    regimes = timescales(ema_momentum)
    assert [regime.above for regime in regimes if regime.oscillates] == [1]
    assert timescales(heavy_ball)[1].turns == C**2 / 4


def test_what_has_no_timescales_is_refused():
    with pytest.raises(NotInClosedForm, match="no parameter beta"):
        timescales(aggregated_momentum)
    with pytest.raises(NotInClosedForm, match="no parameter beta"):
        timescales(heavy_ball.at(beta="1/2"))
    with pytest.raises(BadInput, match="uses the name gamma"):
        timescales(ZOO["lessard"])
