"""Whatever rule is written, each further power of h of its flow gains an order."""

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import optimizer
from derive.engine.component_ring import NoExpansion
from derive.engine.fading import Fading
from derive.engine.invariant_manifold import general_flow
from derive.engine.sequences import NoClosedForm
from derive.engine.settling import start_up
from tests.verify.running.random_rules import linear_rules, rules
from verify.formulas.reading import loss_from_text
from verify.running.general_flows import NamedFields
from verify.running.slopes import one_step

GAME = loss_from_text("x*y/2 + x^4/4 + cos(y)/3 + x^2/3 - y^2/2")
LOSS = loss_from_text("x^4/4 + y^2/2 + x*y/3 + x^2")
ORDER = 3


@settings(max_examples=settings().max_examples // 4)
@given(rule=rules())
def test_each_further_power_of_h_gains_an_order_and_one_per_cent_is_seen(rule):
    found = residuals(rule)
    for n in found.errors:
        assert found.exact(n) or found.observed(n).reaches(n)
        if n in found.controls:
            assert not found.control(n).reaches(n)


@settings(max_examples=settings().max_examples // 4)
@given(rule=linear_rules(), k=st.integers(0, 4))
def test_the_start_up_of_a_linear_memory_in_closed_form_is_the_one_that_is_followed(rule, k):
    try:
        closed = start_up(rule, order=2, k=None)
    except NoClosedForm as refusal:
        assert "ends after some steps" in str(refusal)  # noqa: PT017 (a memory may be nilpotent)
        return
    followed = start_up(rule, order=2, k=k)
    fading = Fading(closed.algebra, rule.name)
    for ours, theirs in zip(closed.flow["x"], followed.flow["x"], strict=True):
        assert closed.algebra.is_zero(fading.at(ours, k) - theirs)


def residuals(rule):
    if rule.players:
        land = NamedFields({"f": GAME, "g": GAME}, {"x": 1, "y": 1})
        start = {"x": [fmpq(1)], "y": [fmpq(1, 2)]}
    else:
        land = NamedFields({"E": LOSS}, {"x": 2})
        start = {"x": [fmpq(1), fmpq(-3, 2)]}
    return one_step(general_flow(rule, order=ORDER), land, start, {})


def test_a_norm_and_a_root_of_the_same_gradient():
    """The root takes the gradient's place, also inside the norm."""

    @optimizer(state=("m",))
    def both(x, m, grad, h):
        g = grad(x)
        return x - h * m, m / 2 + g / np.linalg.norm(g) + g / np.sqrt(1 + g * g)

    found = residuals(both)
    assert all(found.holds(n) for n in found.errors)


def test_the_size_of_an_expression_of_undecided_sign_is_refused():
    @optimizer(parameters=("a", "b"))
    def gap(x, grad, h, *, a, b):
        return x - h * abs(a - b) * np.tanh(grad(x))

    with pytest.raises(NoExpansion, match="depends on the parameters"):
        general_flow(gap, order=1)
    assert general_flow(gap.at(a=2, b=1), order=1)
