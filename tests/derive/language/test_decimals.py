"""The numbers of a rule are those that its author wrote."""

from fractions import Fraction

import gmpy2
import numpy as np
import pytest
from flint import arb, fmpq
from hypothesis import given
from hypothesis import strategies as st

from derive import modified_flow, optimizer, tree
from derive.engine.linear_memory import linear_method
from derive.language.bad_input import BadInput
from derive.language.coefficients import Ring, RootWanted
from derive.language.decimals import Written, decimal, in_decimals, rational_root
from verify.running.numbers import PowerSeries, fmpq_poly
from verify.running.points import samples

LEAF, PAIR = tree("[]"), tree("[[]]")
DECAY = 0.9
BOTH = (0.9, 0.1)


@given(st.integers(-(10**12), 10**12), st.integers(0, 12))
def test_a_decimal_is_read_as_it_was_written(digits, places):
    written = Fraction(digits, 10**places)
    assert decimal(float(written)) == written


@given(st.integers(1, 9999), st.integers(1, 4))
def test_one_minus_a_decimal_is_a_decimal(digits, places):
    written = Fraction(digits, 10**places)
    assert decimal(1 - float(written)) == 1 - written


@given(st.integers(1, 999), st.integers(1, 999))
def test_a_quotient_of_small_numbers_is_a_fraction(top, bottom):
    assert decimal(top / bottom) == Fraction(top, bottom)


def test_what_was_typed_with_all_digits_is_kept():
    assert decimal(0.1234567890123457) == Fraction("0.1234567890123457")
    assert decimal(1.2345678901234567e-20) == Fraction("1.2345678901234567e-20")


def test_infinity_is_no_number_of_a_rule():
    with pytest.raises(ValueError, match="inf is not a rational number"):
        decimal(float("inf"))


@pytest.mark.parametrize(
    "number",
    [fmpq(2), arb(2), gmpy2.mpfr(2), 2, Fraction(2), PowerSeries(fmpq_poly([2]), 3)],
    ids=lambda n: type(n).__name__,
)
def test_a_written_number_works_with_every_number_type(number):
    nine = Written(9, 10)
    found = [nine * number, number * nine, nine + number, number - nine, nine / number]
    wanted = [Fraction(9, 5), Fraction(9, 5), Fraction(29, 10), Fraction(11, 10), Fraction(9, 20)]
    for ours, exact in zip(found, wanted, strict=True):
        difference = ours * exact.denominator - exact.numerator
        inexact = isinstance(number, gmpy2.mpfr | arb)
        assert abs(float(difference)) < 1e-13 if inexact else difference == 0


def test_roots_of_numbers_are_exact_or_refused():
    assert fmpq(1, 4) ** Written(3, 2) == fmpq(1, 8)
    assert rational_root(Fraction(32), 5) == 2
    with pytest.raises(BadInput, match="a root of 2, which is not rational"):
        _ = fmpq(2) ** Written(1, 2)


def test_floats_of_constants_modules_closures_defaults_and_helpers_are_exact():
    held = 0.3

    def rule(x, share=0.2):
        return [DECAY * x, BOTH[1] * x, held * x, share * x, _helper(x), (1 - 0.9) * x]

    found = in_decimals(rule)(fmpq(1))
    assert found == [fmpq(9, 10), fmpq(1, 10), fmpq(3, 10), fmpq(1, 5), fmpq(7, 10), fmpq(1, 10)]
    assert in_decimals(_without_floats) is _without_floats


def _helper(x):
    return 0.7 * x


def _without_floats(x):
    return 2 * x


@optimizer(state=("v",))
def with_decimals(x, v, grad, h):
    v = 0.9 * v + grad(x)
    return x - h * v, v


@optimizer(state=("m",))
def average(x, m, grad, h):
    m = 0.9 * m + (1 - 0.9) * grad(x)
    return x - h * m, m


@optimizer(state=("slow",), start=lambda x, grad, h, **p: (x,))
def lerp(x, slow, grad, h):
    x = x - h * grad(x)
    new = 0.7 * x + (1 - 0.7) * slow
    return new, new


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        (with_decimals, fmpq(10), fmpq(-950)),
        (average, fmpq(1), fmpq(-19, 2)),
        (lerp, fmpq(7, 10), fmpq(-49, 200)),
    ],
    ids=str,
)
def test_rules_with_decimals_have_rational_flows(rule, first, second):
    """h0 and h1 of their flows; torch's at beta = 9/10, the average's over 1/(1-beta)."""
    flow = modified_flow(rule, order=2)
    assert (flow[LEAF].at({}), flow[PAIR].at({})) == (first, second)


@optimizer(parameters=("q",))
def half(x, grad, h, *, q):
    return x - h * q**0.5 * grad(x)


@optimizer(state=("v",), parameters=("q",))
def strongly_convex(x, v, grad, h, *, q):
    beta = (1 - q**0.5) / (1 + np.sqrt(q))
    v = beta * v - h * grad(x + beta * v)
    return x + v, v


@pytest.mark.parametrize("r", [fmpq(1, 2), fmpq(2, 3), fmpq(1, 10)])
def test_a_root_of_a_parameter_is_read_as_written(r):
    """With r = sqrt(q): -(1+r)/(2r) and -(1-r+2r^2)(1+r)/(8r^3) in front of the gradients."""
    q = {"q": r * r}
    flow = modified_flow(strongly_convex, order=2)
    assert flow[LEAF].at(q) == (1 + r) / (2 * r)
    assert flow[PAIR].at(q) == -(1 - r + 2 * r**2) * (1 + r) / (8 * r**3)
    assert modified_flow(half, order=2)[LEAF].at(q) == r
    assert modified_flow(half, order=2)[PAIR].at(q) == -r * r / 2
    special = modified_flow(strongly_convex.at(q=r * r), order=2)
    assert special[PAIR].at({}) == flow[PAIR].at(q)


def test_samples_of_a_parameter_have_the_roots_that_are_taken():
    assert all(rational_root(Fraction(int(v["q"].p), int(v["q"].q)), 2) for v in samples(half))


def test_the_ring_of_a_rule_holds_the_roots_it_takes():
    @optimizer(parameters=("q",))
    def both(x, grad, h, *, q):
        return x - h * (q**1.5 + q ** (1 / 3)) * grad(x)

    ring = linear_method(both).ring
    assert ring.roots == (("q", 6),)
    assert ring.from_expr(linear_method(both).b[0].as_expr()) == linear_method(both).b[0]


def test_a_root_of_a_sum_is_refused_with_the_way_out():
    @optimizer(parameters=("beta",))
    def rule(x, grad, h, *, beta):
        return x - h * (1 - beta) ** 0.5 * grad(x)

    with pytest.raises(BadInput, match=r"make the root a parameter of its own, such as r"):
        modified_flow(rule, order=1)
    with pytest.raises(BadInput, match="takes a root of 1/2"):
        modified_flow(half.at(q="1/2"), order=1)


def test_a_ring_says_which_root_it_lacks():
    with pytest.raises(RootWanted):
        _ = Ring(("q",)).parameter("q") ** 0.5


def test_power_series_have_roots():
    series = PowerSeries(fmpq_poly([4, 3, 2, 5]), 4)
    root = series ** Fraction(1, 2)
    assert root * root == series
    assert series ** Fraction(-3, 2) * root**3 == PowerSeries(fmpq_poly([1]), 4)
