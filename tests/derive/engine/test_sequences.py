"""Sequences c k^a r^k: their sums, products and shifts are those of their values."""

import pytest
from flint import fmpq

from derive.engine.sequences import Rates
from derive.language.coefficients import Ring

RING = Ring(("beta",))
BETA, ONE = RING.parameter("beta"), RING.number(1)
RATES = Rates(RING, (BETA,))
POWER = RATES.fading(BETA, ONE)
FIRST = RATES.fading(RING.number(0), ONE)
AT = {"beta": fmpq(2, 3)}
SEQUENCES = [POWER, FIRST, POWER * POWER - 2, POWER.solve(BETA), FIRST * 3 + POWER]


def test_the_values_of_a_power_are_powers():
    assert [POWER.at_step(k, AT) for k in range(5)] == [fmpq(2, 3) ** k for k in range(5)]
    assert [FIRST.at_step(k, AT) for k in range(3)] == [1, 0, 0]


@pytest.mark.parametrize("a", SEQUENCES)
@pytest.mark.parametrize("b", SEQUENCES)
def test_sums_products_and_shifts_are_taken_step_by_step(a, b):
    for k in range(5):
        x, y = a.at_step(k, AT), b.at_step(k, AT)
        assert (a + b).at_step(k, AT) == x + y
        assert (a * b).at_step(k, AT) == x * y
        assert a.later().at_step(k, AT) == a.at_step(k + 1, AT)


@pytest.mark.parametrize("push", SEQUENCES)
def test_a_solution_obeys_its_recurrence(push):
    """u_(k+1) = r u_k + push_k: at the rate itself a power of k appears."""
    for rate in (BETA, RING.number(1)):
        found = push.solve(rate)
        assert found.later() == found * rate + push


def test_what_fades_has_the_limit_of_the_rest():
    assert (POWER * 5 + FIRST + 7).limit() == 7
