"""Power series in h are numbers: quotients after a common power, and exponentials."""

import pytest
from flint import fmpq, fmpq_poly
from hypothesis import assume, given
from hypothesis import strategies as st

from verify.running.numbers import PowerSeries

LENGTH = 6
rationals = st.builds(fmpq, st.integers(-9, 9), st.integers(1, 9))
series = st.lists(rationals, min_size=LENGTH, max_size=LENGTH).map(
    lambda row: PowerSeries(fmpq_poly(row), LENGTH)
)
h = PowerSeries.step(LENGTH)


@given(a=series, b=series)
def test_a_common_power_of_h_is_divided_out(a, b):
    assume(b[0] != 0)
    found, wanted = (a * h * h) / (b * h * h), a / b
    assert [found[i] for i in range(LENGTH - 2)] == [wanted[i] for i in range(LENGTH - 2)]


def test_what_begins_lower_than_its_divisor_has_no_quotient():
    with pytest.raises(ZeroDivisionError):
        _ = (1 + h) / h


@given(a=series, b=series)
def test_the_exponential_of_a_sum_is_a_product(a, b):
    small, other = a * h, b * h
    assert (small + other).exp() == small.exp() * other.exp()
    assert (small.exp() - 1 - small)[1] == 0


def test_the_exponential_of_a_number_is_not_rational():
    with pytest.raises(ValueError, match="not rational"):
        (1 + h).exp()
