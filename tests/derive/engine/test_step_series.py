"""Functions of a series in h: each undoes its inverse, and NumPy calls them."""

from typing import Any

import numpy as np
import pytest

from derive.engine.component_ring import NoExpansion
from derive.engine.step_series import Series
from derive.engine.vectors import Algebra
from tests.derive.strategies import settled


def series(algebra: Algebra, *first: Any) -> Any:
    """first + a h + b h^2 + a b h^3, or a for the first."""
    a, b = (algebra.symbol(name, "parameter", positive=True) for name in "ab")
    start = algebra.number(first[0]) if first else a
    return Series(algebra, [start, a, b, a * b])


def test_roots_and_powers():
    def law(algebra: Algebra) -> None:
        s = series(algebra, 4)
        assert np.sqrt(s) ** 2 == s
        assert s**0.5 * s**1.5 == s * s
        assert s ** (-2) * s * s == 1

    settled(law)


def test_the_exponential_turns_sums_into_products():
    def law(algebra: Algebra) -> None:
        s = series(algebra, 0)
        assert np.exp(2 * s) == np.exp(s) * np.exp(s)
        assert np.exp(s) * np.exp(-s) == 1
        assert np.exp(s) - 1 == np.expm1(s)

    settled(law)


def test_the_logarithm_undoes_the_exponential():
    def law(algebra: Algebra) -> None:
        s = series(algebra, 0)
        assert np.log(np.exp(s)).coefficients[1:] == s.coefficients[1:]

    settled(law)


def test_circles_and_hyperbolas():
    def law(algebra: Algebra) -> None:
        s = series(algebra, 0)
        assert np.sin(s) ** 2 + np.cos(s) ** 2 == 1
        e = np.exp(2 * s)
        assert np.tanh(s) == (e - 1) / (e + 1)

    settled(law)


def test_an_order_is_known_between_numbers_only():
    algebra = Algebra()
    one: Any = Series(algebra, [algebra.number(1), algebra.zero])
    assert one < 2
    assert np.maximum(one, 3) == 3
    with pytest.raises(NoExpansion):
        bool(series(algebra) < 1)


def test_an_unknown_function_is_named():
    with pytest.raises(NoExpansion, match=r"np\.arctan"):
        np.arctan(series(Algebra()))
