"""Roots, signs and absolute values keep their relations; derivatives are the known ones."""

import pytest

from derive.engine.component_ring import Element, NoExpansion
from derive.engine.functions import absolute, elementary, power, root, sign
from derive.engine.vectors import Algebra, direction
from tests.derive.strategies import settled


def parameter(algebra: Algebra, name: str) -> Element:
    return algebra.symbol(name, "parameter", positive=True)


def state(algebra: Algebra) -> Element:
    return algebra.symbol("x", "slow", "x")


def test_a_root_to_its_power_is_what_it_was_taken_of():
    def law(algebra: Algebra) -> None:
        c, d = (parameter(algebra, name) for name in "cd")
        assert root(c, 2) ** 2 == c
        assert root(c * d, 2) == root(c, 2) * root(d, 2)
        assert root(c**2, 2) == c

    settled(law)


def test_a_sign_is_its_own_inverse():
    def law(algebra: Algebra) -> None:
        x, c = state(algebra), parameter(algebra, "c")
        assert sign(x) * sign(x) == 1
        assert sign(-x) == -sign(x)
        assert absolute(x) == sign(x) * x
        assert absolute(c * x) == c * absolute(x)

    settled(law)


DERIVATIVES = {
    "exp": lambda x: elementary("exp", x),
    "log": lambda x: 1 / x,
    "tanh": lambda x: 1 - elementary("tanh", x) ** 2,
    "sin": lambda x: elementary("cos", x),
    "cos": lambda x: -elementary("sin", x),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_the_derivative_of_each_function_is_known(name: str):
    def law(algebra: Algebra) -> None:
        x = state(algebra)
        along = direction(algebra, {"x": algebra.number(1)})
        inner = 1 + x * x
        assert along(elementary(name, inner)) == DERIVATIVES[name](inner) * 2 * x

    settled(law)


def test_a_power_with_a_symbol_in_it_has_the_derivative_of_a_power():
    def law(algebra: Algebra) -> None:
        x, c = state(algebra), parameter(algebra, "c")
        along = direction(algebra, {"x": algebra.number(1)})
        base = 1 + x * x
        assert along(power(base, c)) == c * power(base, c) / base * 2 * x

    settled(law)


def test_the_sign_of_nothing_is_refused():
    algebra = Algebra()
    with pytest.raises(NoExpansion, match="0 for every loss"):
        sign(state(algebra) * 0)
