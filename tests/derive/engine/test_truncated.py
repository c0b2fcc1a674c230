"""Series that are cut off: quotients undo products, and division by h costs a coefficient."""

import pytest

from derive.engine.component_ring import NoExpansion
from derive.engine.truncated import Truncated, product, quotient
from derive.engine.vectors import Algebra

ALGEBRA = Algebra()
A, B = (ALGEBRA.symbol(name, "parameter") for name in "ab")
ZERO, ONE = ALGEBRA.zero, ALGEBRA.number(1)


def test_a_quotient_undoes_a_product():
    left, right = [A, B, ONE, A * B], [1 + A, ZERO, B, ONE]
    assert quotient(product(left, right, ZERO), right, ZERO) == left


def test_a_product_is_right_as_far_as_its_shorter_factor():
    assert product([ONE, ONE, ONE], [A, B], ZERO) == [A, A + B]


def test_every_power_of_h_below_the_line_costs_a_coefficient():
    assert quotient([ZERO, A, B], [ZERO, ONE, ZERO], ZERO) == [A, B]
    with pytest.raises(NoExpansion):
        quotient([ONE, A], [ZERO, ONE], ZERO)
    with pytest.raises(ZeroDivisionError):
        quotient([A, B], [ZERO, ZERO], ZERO)


def test_numbers_take_part_as_constants():
    series = Truncated(ALGEBRA, [A, ONE, ZERO])
    assert (1 - series).coefficients == [1 - A, -ONE, ZERO]
    assert (1 / (1 / series)).coefficients == series.coefficients
