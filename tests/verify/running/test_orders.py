import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.running.orders import ObservedOrder, observed_order

STEPS = [2.0**-j for j in range(6, 12)]


@given(
    order=st.integers(1, 6),
    constant=st.floats(0.1, 10),
    second=st.floats(-3, 3),
    third=st.floats(-3, 3),
)
def test_a_known_order_is_found_and_its_neighbours_are_excluded(order, constant, second, third):
    errors = [constant * h**order * (1 + second * h + third * h * h) for h in STEPS]
    observed = observed_order(errors)
    assert observed.supports(order)
    assert observed.reaches(order - 1)
    assert observed.reaches(order)
    assert observed.reaches(order + 1) is False
    assert observed.excludes(order - 1)
    assert observed.excludes(order + 1)


@pytest.mark.parametrize("errors", [[1e-3, 1e-4], [0.0] * 6, [1e-3, 0.0, 1e-5, 1e-6]])
def test_what_cannot_be_decided_is_not_decided(errors):
    observed = observed_order(errors)
    assert not observed.decides
    assert not observed.supports(1)
    assert not observed.excludes(1)


def test_noise_does_not_decide():
    errors = [1e-15 * (2 + math.sin(7 * j)) for j in range(6)]
    assert not any(observed_order(errors).supports(p) for p in (1, 2, 3))


@pytest.mark.parametrize("value", [-1.592, 2.0, 40.0])
def test_an_interval_as_wide_as_that_decides_nothing(value):
    wide = ObservedOrder(value, 15.893)
    assert not any(wide.supports(p) or wide.excludes(p) for p in range(5))


def test_an_order_between_two_whole_ones_supports_neither():
    observed = observed_order([h**1.5 for h in STEPS])
    assert observed.excludes(1)
    assert observed.excludes(2)


@pytest.mark.parametrize("count", [4, 5, 6])
@pytest.mark.parametrize("order", range(1, 9))
def test_the_interval_holds_the_order_in_999_of_1000_cases(order, count):
    """Whatever the higher orders are, from none to those that drown the leading one."""
    draw, held, wrong, rejected, cases = random.Random(100 * order + count), 0, 0, 0, 4200
    for _ in range(cases):
        higher = [draw.choice((-1, 1)) * math.exp(draw.uniform(-3, 4)) ** i for i in range(1, 5)]
        errors = [h**order * abs(1 + horner(higher, h)) for h in STEPS[:count]]
        observed = observed_order(errors)
        held += abs(observed.value - order) <= observed.uncertainty
        wrong += any(observed.supports(other) for other in range(20) if other != order)
        rejected += observed.reaches(order) is False or observed.excludes(order)
    assert held >= 0.999 * cases
    assert rejected <= 0.001 * cases
    assert wrong == 0


def horner(coefficients, h):
    """c_1 h + c_2 h^2 + ..."""
    return sum(c * h**i for i, c in enumerate(coefficients, start=1))
