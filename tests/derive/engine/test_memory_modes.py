"""Memories in other coordinates: x moves as before, and W is lower triangular."""

import pytest
from flint import fmpq

from derive import Parameter, optimizer
from derive.engine.linear_memory import LinearMethod, linear_method
from derive.engine.memory_modes import KAPPA, characteristic, triangular, with_momenta
from derive.language.coefficients import Coefficient


@optimizer(state=("u", "v"), parameters=("a", "b"))
def turned(x, u, v, grad, h, *, a, b):
    """Two averages, told through their sum and their difference."""
    p, q = a * (u + v) / 2 + h * grad(x), b * (u - v) / 2 + h * grad(x)
    return x - p - q, p + q, p - q


def responses(method: LinearMethod) -> list[Coefficient]:
    """V W^n C: what a force does to x after n steps."""
    found, memory = [], [sum(row[1:], row[0]) for row in method.c]
    for _ in range(4):
        found.append(sum((v * m for v, m in zip(method.v, memory, strict=True)), memory[0] * 0))
        memory = [
            sum((w * m for w, m in zip(row, memory, strict=True)), memory[0] * 0)
            for row in method.w
        ]
    return found


def test_the_memory_becomes_lower_triangular_and_x_is_pushed_as_before():
    method = linear_method(turned)
    found = triangular(method)
    assert method.w[0][1]
    assert not found.w[0][1]
    assert responses(found) == responses(method)


def test_the_characteristic_polynomial_vanishes_at_the_decays():
    method = linear_method(turned)
    found = characteristic(method.w, method.ring)
    a, b, kappa = map(found.ring.parameter, ("a", "b", KAPPA))
    assert found == (kappa - a) * (kappa - b)


@pytest.mark.parametrize(
    ("declared", "name"), [(("a", "b"), "a"), (("a", Parameter("b", lower=fmpq(0))), "b")]
)
def test_a_bare_parameter_that_the_memory_keeps_is_a_momentum(declared, name):
    rule = with_momenta(optimizer(state=("u", "v"), parameters=declared)(turned.rule))
    (found,) = (p for p in rule.declared if p.name == name)
    assert found.range == ("(-1, 1)" if name == "a" else "[0, oo)")
