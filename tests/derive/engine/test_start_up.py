"""The start-up begins with a step that knows no memory, and ends in the lasting flow."""

import pytest
from flint import fmpq

from derive import gradient_descent, heavy_ball, initial_shift, modified_flow, nesterov, transient
from derive.engine.bseries import exp, identity
from derive.language.trees import trees_up_to
from tests.derive.series import compose

ORDER = 4


def test_the_first_step_of_heavy_ball_is_gradient_descent():
    first, plain = (
        transient(heavy_ball, order=ORDER, k=0),
        modified_flow(gradient_descent, order=ORDER),
    )
    assert all(first[t].at({"beta": "2/3"}) == plain[t].at({}) for t in trees_up_to(ORDER))


@pytest.mark.parametrize("rule", [heavy_ball, nesterov], ids=str)
def test_the_closed_form_takes_the_values_of_the_single_steps(rule):
    closed = transient(rule, order=3)
    for k in (0, 1, 4):
        at_step = transient(rule, order=3, k=k)
        for t in trees_up_to(3):
            assert closed[t].at_step(k, {"beta": "2/3"}) == at_step[t].at({"beta": "2/3"})


@pytest.mark.parametrize("rule", [heavy_ball, nesterov], ids=str)
def test_the_start_up_fades_into_the_lasting_flow(rule):
    closed, lasting = transient(rule, order=3), modified_flow(rule, order=3)
    assert all(closed[t].limit() == lasting[t] for t in trees_up_to(3))


@pytest.mark.parametrize("rule", [heavy_ball, nesterov], ids=str)
def test_the_steps_lead_where_the_shifted_flow_leads(rule):
    """x_k - exp(k flow)(start) fades like k^2 beta^k; at beta = 1/64 six steps leave 1e-8."""
    rule, steps = rule.at(beta=fmpq(1, 64)), 6
    path = identity(3)
    for k in range(steps):
        path = compose(exp(transient(rule, order=3, k=k)), path)
    begin = initial_shift(rule, order=3)
    start = begin + identity(3) if not begin.empty else begin
    flow = compose(exp(modified_flow(rule, order=3) * fmpq(steps)), start)
    gaps = [abs(fmpq(path[t].at({})) - fmpq(flow[t].at({}))) for t in trees_up_to(3)]
    assert max(gaps) < fmpq(1, 10**7)


def test_without_memory_there_is_nothing_to_shift():
    shift = initial_shift(gradient_descent, order=3)
    assert not any(shift[t] for t in trees_up_to(3))
