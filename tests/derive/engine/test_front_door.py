"""The rule decides which engine takes it."""

import pytest

from derive import BadInput, modified_flow, modified_loss
from derive.engine.bseries import BSeries
from derive.engine.front_door import is_linear
from derive.engine.invariant_manifold import SlowManifold
from derive.engine.linear_forms import NotLinear
from derive.optimizers import NONLINEAR, ZOO


def test_the_engines_are_chosen_by_the_rule():
    assert all(is_linear(rule) for rule in ZOO.values())
    assert not any(is_linear(NONLINEAR[name]) for name in ("adam", "nesterov-sc", "lion"))


def test_each_engine_answers_in_its_own_words():
    assert isinstance(modified_flow(ZOO["nesterov"], order=2), BSeries)
    assert isinstance(modified_flow(NONLINEAR["adam"], order=1), SlowManifold)


def test_a_loss_beyond_linear_memory_ends_at_order_2():
    with pytest.raises(BadInput, match="order 1 or 2"):
        modified_loss(NONLINEAR["adam"], order=3)
    assert not isinstance(NONLINEAR["adam"], NotLinear)
