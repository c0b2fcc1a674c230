"""Fractions in symbols with relations are a field, and equal ones are equal as they stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.engine.component_ring import Element
from derive.engine.functions import root
from derive.engine.vectors import Algebra
from tests.derive.strategies import settled


def symbols(algebra: Algebra) -> tuple[Element, Element, Element]:
    """A vector, a positive parameter and its root, as whose square it is written."""
    c = algebra.symbol("c", "parameter", positive=True)
    return algebra.symbol("x", "slow", "x"), c, root(c, 2)


X, C, ROOT = settled(symbols)
ALGEBRA = X.algebra


def elements() -> st.SearchStrategy[Element]:
    leaves = st.sampled_from([X, C, ROOT]) | st.integers(-3, 3).map(ALGEBRA.number)
    return st.recursive(
        leaves,
        lambda inner: st.tuples(inner, inner, st.booleans()).map(
            lambda t: t[0] + t[1] if t[2] else t[0] * t[1]
        ),
        max_leaves=5,
    )


@given(a=elements(), b=elements(), c=elements())
def test_products_distribute_and_quotients_undo_them(a, b, c):
    assert a * (b + c) == a * b + a * c
    assert (a * b).key == (b * a).key
    if b:
        assert a * b / b == a


@given(a=elements(), b=elements())
def test_a_derivative_obeys_the_product_rule(a, b):
    (x,) = X.symbols
    assert (a * b).derivative(x) == a.derivative(x) * b + a * b.derivative(x)


def test_a_root_obeys_its_relation_below_the_line_too():
    assert ROOT**2 == C
    assert 1 / (1 + ROOT) == (1 - ROOT) / (1 - C)
    with pytest.raises(ZeroDivisionError):
        (ROOT**2 - C).inverse()


def test_factors_multiply_to_the_element():
    element = (X**2 - C**2) / (2 * X)
    scale, found = ALGEBRA.factors(element)
    product = ALGEBRA.number(scale)
    for factor, power in found:
        product = product * factor**power
    assert product == element
    assert len(found) == 3
