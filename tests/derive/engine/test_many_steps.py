"""Two routes to the same coefficients: packed numbers and polynomials, k steps and Lie powers."""

import pytest

from derive import modified_flow, one_step_map, optimizer, slow_manifold
from derive.engine import many_steps
from derive.engine.bseries import exp
from derive.engine.linear_memory import linear_method
from derive.engine.packing import arithmetic
from derive.language.trees import trees_up_to
from derive.optimizers import ZOO, coupled, decoupled
from derive.optimizers.linear import heavy_ball, nesterov

ORDER = 6
METHODS = {name: linear_method(rule) for name, rule in ZOO.items()}
PACKED = {name: m for name, m in METHODS.items() if len(m.ring.parameters) == 1}


def polynomials(_ring, _givens, _largest):
    """The arithmetic of a rule with several symbols."""
    several = METHODS["lessard"].ring
    return arithmetic(several, [], lambda: pytest.fail("nothing is packed"))


@pytest.mark.parametrize("name", PACKED)
def test_packed_numbers_say_what_polynomials_say(name, monkeypatch):
    packed = many_steps.solve(PACKED[name], ORDER, 1)
    monkeypatch.setattr(many_steps, "arithmetic", polynomials)
    plain = many_steps.solve(PACKED[name], ORDER, 1)
    read = packed.arithmetic.unpack
    for t in trees_up_to(ORDER):
        assert read(packed.flow[t]) == plain.flow[t]
        assert read(packed.step[t]) == plain.step[t]
        for ours, theirs in zip(packed.memory, plain.memory, strict=True):
            assert read(ours[t]) == theirs[t]


@optimizer(state=("m",), parameters=("tau",))
def averaged(x, m, grad, h, *, tau):
    """Momentum told by its time scale, so that a coefficient of the memory has a denominator."""
    m = m - m / tau - h * grad(x)
    return x + m, m


def test_a_memory_with_a_denominator_is_heavy_ball_in_other_words():
    ours, theirs = modified_flow(averaged, order=5), modified_flow(heavy_ball, order=5)
    for t in trees_up_to(5):
        assert ours[t].at({"tau": "7/2"}) == theirs[t].at({"beta": "5/7"})


@pytest.mark.parametrize(
    "rule", [*ZOO.values(), averaged, coupled(nesterov), decoupled(heavy_ball)]
)
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_the_last_orders_say_what_they_say_beneath_higher_ones(rule, order):
    """Sums over forces in the one, forces and stages in the other."""
    least = modified_flow(rule, order=order)
    for found in (modified_flow, one_step_map):
        last, higher = found(rule, order=order), found(rule, order=order + 2)
        assert {t: higher[t] for t in least} == dict(last.items())
    for last, higher in zip(
        slow_manifold(rule, order=order).values(),
        slow_manifold(rule, order=order + 2).values(),
        strict=True,
    ):
        assert {t: higher[t] for t in least} == dict(last.items())


@pytest.mark.parametrize("rule", [rule for rule in ZOO.values() if len(rule.parameters) < 2])
def test_one_step_is_the_sum_of_lie_powers(rule):
    flow, step = modified_flow(rule, order=ORDER), one_step_map(rule, order=ORDER)
    assert exp(flow).coefficients == step.coefficients
