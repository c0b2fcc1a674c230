"""Mini-batch flows: the sums over the history against the trees, and the laws that tie them."""

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from derive import heavy_ball, modified_flow, modified_loss, nesterov, quasi_hyperbolic, transient
from derive.batches.history_sums import history_flow
from derive.batches.minibatch_flow import (
    leading_parts,
    minibatch_flow,
    minibatch_loss,
    minibatch_step,
)
from derive.engine.bseries import log
from derive.engine.linear_memory import linear_method
from derive.engine.modified_loss import loss_of_field
from derive.engine.sequences import NoClosedForm
from derive.engine.start_up import step_map
from derive.language.trees import LEAF, tree
from derive.language.update_rule import BadInput, optimizer
from derive.optimizers import ZOO, gradient_descent, heavy_ball_two_step
from derive.optimizers.weight_decay import coupled, decoupled
from tests.derive.series import in_other_fields

RULES = [
    *ZOO.values(),
    ZOO["torch-sgd"].at(nesterov="true", dampening=0),
    heavy_ball.at(beta=0),
    coupled(heavy_ball),
    decoupled(heavy_ball),
    decoupled(nesterov),
    decoupled(quasi_hyperbolic),
]
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r}{dict(r.values) or ''}")


@every_rule
@pytest.mark.parametrize("k", [0, 1, 3])
def test_the_sums_over_the_history_are_the_trees_at_every_step(rule, k):
    """Two routes: sums solved by hand in the operators, and the recurrence tree by tree."""
    written_out = history_flow(rule, order=3).at_step(k)
    for t, b in minibatch_flow(rule, order=3, k=k).items():
        assert written_out[t] == b, t


@every_rule
@pytest.mark.parametrize("k", [0, 2])
def test_equal_batches_give_the_transient_of_the_full_batch(rule, k):
    flow = minibatch_flow(rule, order=3, k=k)
    equal = {j: {0: 1} for j in range(k + 1)}
    fixed = {k + i: {i: 1} for i in range(1, len(rule.fields))}
    deterministic = transient(rule, order=3, k=k)
    assert in_other_fields(flow, equal | fixed).coefficients == deterministic.coefficients


@pytest.mark.parametrize("rule", [heavy_ball, nesterov, quasi_hyperbolic], ids=str)
def test_equal_batches_give_the_closed_forms_of_the_transient(rule):
    closed = transient(rule, order=3)
    values = {"beta": fmpq(3, 5), "nu": fmpq(1, 3)}
    for k in range(4):
        equal = {j: {0: 1} for j in range(k + 1)}
        flow = in_other_fields(history_flow(rule, order=3).at_step(k), equal)
        for t, b in flow.items():
            assert b.at(values) == closed[t].at_step(k, values)


def test_without_momentum_only_the_batch_at_hand_counts():
    """SGD follows E_k + h/4 |grad E_k|^2, whatever came before: equation (11) of the source."""
    flow, own = minibatch_flow(heavy_ball.at(beta=0), order=3, k=3), tree("3[3[]]")
    descent = modified_flow(gradient_descent, order=3)
    assert in_other_fields(flow, {j: {0: int(j == 3)} for j in range(4)}).coefficients == dict(
        descent.items()
    )
    assert all(b == 0 for t, b in flow.items() if set(str(t)) & set("012") or "[[" in str(t))
    assert minibatch_loss(heavy_ball.at(beta=0), order=2, k=3).terms[own] == fmpq(1, 4)


def test_the_modified_loss_of_heavy_ball_as_published():
    """Equation (10): h/4 (|grad G_k|^2 + 2 sum of beta^(k-r) |grad G_r|^2), here for k = 3."""
    (current, history) = sorted(
        history_flow(heavy_ball, order=2).orders[1].terms.items(), key=lambda item: item[0]
    )
    assert (str(current[0][1]), str(current[1])) == ("1[1[]]", "-1/2")
    assert (history[0][0], str(history[0][1]), str(history[1])) == ((0,), "3[3[]]", "-beta")
    beta, k = fmpq(2, 7), 3
    at = heavy_ball.at(beta=str(beta))
    forces = [force for _, force in leading_parts(at, k)]
    loss = minibatch_loss(at, order=2, k=k).terms
    for i in range(k + 1):
        for j in range(i, k + 1):
            weights = [fmpq(1, 4), *(beta ** (k - r) / 2 for r in range(k - 1, -1, -1))]
            expected = sum(
                (w * forces[r].get(i, 0) * forces[r].get(j, 0) * (1 if i == j else 2))
                for w, r in zip(weights, range(k, -1, -1), strict=True)
            )
            pair = tree(f"{i or ''}[{j or ''}[]]").free
            assert loss[pair] == expected


def test_only_the_step_at_hand_keeps_heavy_ball_from_a_loss_at_h2():
    """Without -(1/6) P_k'P_k'P_k the h^2 part is a gradient: the history is one on its own."""
    flow = minibatch_flow(heavy_ball, order=3, k=2)
    (force,) = [f for _, f in leading_parts(heavy_ball, 2)][2:]
    repaired = dict(flow.items())
    for a in range(3):
        for b in range(3):
            for c in range(3):
                chain = tree(f"{a or ''}[{b or ''}[{c or ''}[]]]")
                repaired[chain] = repaired[chain] - force[a] * force[b] * force[c] * fmpq(1, 6)
    one = flow.empty + 1
    assert loss_of_field(flow, one).exists_below == 3
    assert loss_of_field(type(flow)(3, flow.empty, repaired), one).exists_below == 4


def test_the_step_of_heavy_ball_is_a_gradient_for_every_sequence_of_batches():
    """Each step maps a Lagrangian graph to one: x_(k+1) = x_k - h grad S_k(x_k), one S_k."""
    step = minibatch_step(heavy_ball, order=4, k=2)
    assert loss_of_field(step, step.empty).exists_below == 5


@pytest.mark.parametrize(
    ("rule", "loses_at"),
    [(heavy_ball, 3), (nesterov, 2), (quasi_hyperbolic, 2), (ZOO["torch-sgd"], 3)],
    ids=str,
)
def test_batches_take_the_loss_of_order_h_from_nesterov_and_quasi_hyperbolic(rule, loses_at):
    assert minibatch_loss(rule, order=3, k=2).exists_below == loses_at
    assert modified_loss(rule, order=3).exists_below == 3


@given(st.lists(st.integers(0, 1), min_size=3, max_size=3))
def test_a_sequence_that_repeats_batches_is_a_change_of_fields(sequence):
    """Two steps with one batch: their colours are one colour, whichever route is taken first."""
    k, method = 2, linear_method(nesterov)
    flow = minibatch_flow(nesterov, order=3, k=k)
    merged = in_other_fields(flow, {j: {c: 1, 1 - c: 0} for j, c in enumerate(sequence)})
    direct = log(step_map(method, 3, k, 2, lambda j, _: sequence[j]))
    assert merged.coefficients == direct.coefficients


@pytest.mark.parametrize("kind", [coupled, decoupled], ids=lambda f: f.__name__)
def test_without_momentum_both_decays_are_descent_on_the_sum(kind):
    flow = modified_flow(kind(heavy_ball.at(beta=0)), order=4)
    descent = modified_flow(gradient_descent, order=4)
    both = in_other_fields(descent, {0: {0: 1, 1: 1}})
    assert flow.coefficients == both.coefficients


def test_coupled_decay_is_the_same_rule_on_the_sum_of_the_losses():
    for rule in (nesterov, ZOO["torch-sgd"], ZOO["aggregated-momentum"]):
        both = in_other_fields(modified_flow(rule, order=3), {0: {0: 1, 1: 1}})
        assert modified_flow(coupled(rule), order=3).coefficients == both.coefficients


def test_decoupled_decay_follows_no_loss_at_order_h():
    """The pulls of E on W and of W on E differ: (1+beta)/(2(1-beta)^2) against 1/(2(1-beta))."""
    flow = modified_flow(decoupled(heavy_ball), order=2)
    assert str(flow[tree("[1[]]")]) == "-(1 + beta)/(2*(1 - beta)**2)"
    assert str(flow[tree("1[[]]")]) == "-1/(2*(1 - beta))"
    assert loss_of_field(flow).exists_below == 2
    assert flow[LEAF] != flow[tree("1[]")]


def test_the_two_step_form_is_the_velocity_form_on_batches_too():
    ours, theirs = (minibatch_flow(r, order=3, k=2) for r in (heavy_ball, heavy_ball_two_step))
    assert ours.coefficients == theirs.coefficients


@optimizer(state=("v", "w"), parameters=("beta",))
def chained(x, v, w, grad, h, *, beta):
    """An average of an average: its memory's matrix is not diagonal."""
    v = beta * v - h * grad(x)
    w = beta * w + v
    return x + w, v, w


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        (lambda: history_flow(heavy_ball, order=4), BadInput),
        (lambda: history_flow(heavy_ball, order=0), BadInput),
        (lambda: history_flow(chained, order=2), NoClosedForm),
        (lambda: minibatch_flow(heavy_ball, order=2, k=-1), BadInput),
        (lambda: minibatch_flow(heavy_ball, order=40, k=3), BadInput),
    ],
)
def test_what_cannot_be_had_is_refused(ask, error):
    with pytest.raises(error):
        ask()


def test_what_has_no_closed_form_in_k_is_known_at_every_k():
    assert minibatch_flow(chained, order=3, k=2)[tree("2[]")] == 1
