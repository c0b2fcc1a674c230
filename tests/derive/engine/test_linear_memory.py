"""The normal form of a linear rule, and what is none."""

import pytest
from flint import fmpq

from derive import heavy_ball, modified_flow, optimizer
from derive.engine.backward_error import slow_motion
from derive.engine.linear_forms import NotLinear
from derive.engine.linear_memory import linear_method
from derive.language.update_rule import BadInput
from derive.optimizers import ZOO


def test_heavy_ball_in_normal_form():
    """x+ = x + b m + h f(x), m+ = b m + h f(x)."""
    method = linear_method(heavy_ball)
    beta = method.ring.parameter("beta")
    assert (method.v, method.w) == ([beta], [[beta]])
    assert (method.b, method.c) == ([1], [[1]])
    assert (method.a, method.u, method.start) == ([[0]], [[0]], [[]])


@pytest.mark.parametrize("rule", ZOO.values(), ids=str)
def test_at_rest_nothing_moves_and_the_memory_fades(rule):
    method = linear_method(rule)
    size = range(len(method.w))
    for i in size:
        row = [
            sum(
                (((i == k) - method.w[i][k]) * method.memory_inverse[k][j] for k in size),
                method.ring.number(0),
            )
            for j in size
        ]
        assert row == [method.ring.number(fmpq(i == j)) for j in size]


def test_rules_outside_the_theory_are_refused_with_the_cause():
    @optimizer(state=("v",))
    def undamped(x, v, grad, h):
        v = v - h * grad(x)
        return x + v, v

    @optimizer(state=("v",))
    def normalized(x, v, grad, h):
        v = v * v
        return x - h * v, v

    @optimizer()
    def fixed_radius(x, grad, h):
        return x - h * grad(x + grad(x))

    @optimizer()
    def elsewhere(x, grad, h):
        return x - h * grad(2 * x)

    @optimizer()
    def drifting(x, grad, h):
        return 2 * x - h * grad(x)

    with pytest.raises(BadInput, match="eigenvalue 1"):
        modified_flow(undamped, order=2)
    with pytest.raises(NotLinear, match="not linear"):
        slow_motion(normalized, 2)
    with pytest.raises(BadInput, match="stays away from x"):
        modified_flow(fixed_radius, order=2)
    with pytest.raises(NotLinear, match="does not tend to x"):
        slow_motion(elsewhere, 2)
    with pytest.raises(BadInput, match="does not stay"):
        modified_flow(drifting, order=2)
