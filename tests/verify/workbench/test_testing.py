"""The assertions for other people's tests: what they let pass, and what they say of the rest."""

import math

import pytest
import sympy
from flint import fmpq
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from derive import (
    gradient_descent,
    heavy_ball,
    modified_flow,
    modified_loss,
    nesterov,
    transient,
    tree,
)
from derive.language.formula import BETA, H, K
from derive.language.update_rule import BadInput
from derive.optimizers import ZOO
from verify.running.families import waves
from verify.running.losses import polynomial
from verify.workbench.strategies import betas, polynomial_losses, starts
from verify.workbench.testing import (
    Undecided,
    assert_exact_residual,
    assert_observed_order,
    assert_same_formula,
)

LEAF, PAIR = tree("[]"), tree("[[]]")
QUARTIC = polynomial(1, (((4,), fmpq(1, 4)), ((2,), fmpq(1, 2))), "x^4/4 + x^2/2")
LOSS = "h*(1 + beta)/(4*(1 - beta)**2)"
FLOW = {LEAF: 1 / (1 - BETA), PAIR: -(1 + BETA) / (2 * (1 - BETA) ** 3)}
quick = settings(max_examples=30, database=None, phases=[Phase.generate, Phase.shrink])


def message(kind: type[BaseException], function, *args, **kwargs) -> str:
    with pytest.raises(kind) as caught:
        function(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (LOSS, H * modified_loss(heavy_ball, order=2).terms[PAIR].as_expr()),
        (modified_loss(heavy_ball, order=2).terms[PAIR], "(1 + beta)/(4*(beta - 1)**2)"),
        (r"\frac{1-\beta^{2k+2}}{1-\beta}", "(1 + beta**(k + 1))*(1 - beta**(k + 1))/(1 - beta)"),
        ("Sum(beta**r, (r, 0, k))", "(1 - beta**(k + 1))/(1 - beta)"),
        ("(2*beta)**k*(1 - beta)**(2*k)", "2**k*(beta - 2*beta**2 + beta**3)**k"),
        (transient(heavy_ball, order=1)[LEAF], "(1 - beta*beta**k)/(1 - beta)"),
        ("(beta - 1)**(2*k)*(-beta)**k", "(-1)**k*(1 - beta)**(2*k)*beta**k"),
        ("(2/3)**k*(6*beta)**k", "(2*beta)**k*2**k"),
        (1, "(1 - z)/(1 - z)"),
        (0, sympy.Integer(0)),
    ],
)
def test_the_same_formula_is_the_same_however_it_is_written(left, right):
    assert_same_formula(left, right)
    assert_same_formula(right, left)


def test_different_formulas_are_shown_with_their_difference_and_values():
    said = message(AssertionError, assert_same_formula, LOSS, f"2*{LOSS}")
    assert said.splitlines() == [
        "the formulas differ",
        "  left           h*(1 + beta)/(4*(1 - beta)**2)",
        "  right          h*(1 + beta)/(2*(1 - beta)**2)",
        "  left - right   -h*(1 + beta)/(4*(1 - beta)**2)",
        "  for example    beta = 1/2, h = 1/2: left = 3/4, right = 3/2",
    ]


def test_an_index_that_is_off_by_one_is_shown_with_a_whole_k():
    said = message(AssertionError, assert_same_formula, "beta**(k + 1)", "beta**k")
    assert "left - right   -beta**k*(1 - beta)" in said
    assert "beta = 1/2, k = 0: left = 1/2, right = 1" in said


def test_values_at_which_a_formula_is_infinite_are_passed_over():
    said = message(AssertionError, assert_same_formula, "1/(2*beta - 1)", "1")
    assert "beta = 1/3: left = -3, right = 1" in said


def test_what_cannot_be_decided_or_read_is_no_failure():
    assert "sqrt(beta)" in message(BadInput, assert_same_formula, "sqrt(beta)", "beta")
    assert "'lr'" in message(BadInput, assert_same_formula, "lr/4", "h/4")
    assert_same_formula("lr/4", sympy.Symbol("lr") / 4)
    assert_same_formula("lr/4", "lr*2/8", names=["lr"])


def test_hypothesis_ends_with_the_smallest_formula_that_differs():
    @given(power=st.integers(0, 40))
    @quick
    def law(power: int) -> None:
        assert_same_formula(f"beta**{power}", "beta**3*beta**k" if power > 6 else BETA**power)

    said = message(AssertionError, law)
    assert "left           beta**7\n" in said


@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_order_of_errors_is_accepted(order: int):
    assert_observed_order([3 * h**order * (1 + h) for h in (0.1, 0.05, 0.025, 0.0125)], order)
    assert_observed_order([h**order for h in (0.1, 0.01, 0.001, 0.0001)], order, ratio=10)


def test_another_order_is_shown_with_its_slopes_and_interval():
    errors = [0.11, 0.0525, 0.025625, 0.01265625]
    said = message(AssertionError, assert_observed_order, errors, 2)
    assert said.splitlines()[0] == "the errors do not vanish like h^2"
    assert "errors         1.100e-01  5.250e-02  2.562e-02  1.266e-02" in said
    assert "local slopes   1.067  1.035  1.018" in said
    # three times the last slope's distance from the limit, 3 * 0.0177
    assert "observed       1.000 ± 0.053, between 0.947 and 1.053" in said


@pytest.mark.parametrize(
    ("errors", "because"),
    [
        ([1e-3, 1e-4], "give at least four"),
        ([1e-3, 0.0, 1e-5, 1e-6], "not all of them are positive"),
        ([1e-3, math.nan, 1e-5, 1e-6], "not all of them are positive"),
        ([1e-15 * (2 + math.sin(7 * j)) for j in range(6)], "take smaller steps"),
    ],
)
def test_errors_that_cannot_decide_are_told_apart(errors, because):
    said = message(Undecided, assert_observed_order, errors, 2)
    assert said.startswith("the errors cannot decide their order")
    assert because in said


@given(data=st.data(), loss=polynomial_losses(max_dimension=2), beta=betas())
def test_the_lasting_flow_passes_in_every_form(data, loss, beta):
    start = data.draw(starts(loss.dimension))
    at = {"parameters": {"beta": beta}, "order": 2}
    assert_exact_residual(heavy_ball, loss, start, FLOW, **at)
    assert_exact_residual(heavy_ball, loss, start, modified_flow(heavy_ball, order=3), **at)
    assert_exact_residual(
        heavy_ball.at(beta=beta),
        loss,
        start,
        modified_flow(heavy_ball.at(beta=beta), order=2),
        order=2,
    )


@given(data=st.data(), loss=polynomial_losses(max_dimension=2), beta=betas())
def test_a_flow_that_depends_on_k_is_followed_from_the_start(data, loss, beta):
    start = data.draw(starts(loss.dimension))
    at = {"parameters": {"beta": beta}, "order": 2}
    gamma = 1 - BETA ** (2 * K + 2) - 4 * (K + 1) * BETA ** (K + 1) * (1 - BETA) / (1 + BETA)
    written = {LEAF: (1 - BETA ** (K + 1)) * FLOW[LEAF], PAIR: gamma * FLOW[PAIR]}
    assert_exact_residual(heavy_ball, loss, start, written, **at)
    assert_exact_residual(heavy_ball, loss, start, transient(heavy_ball, order=2), **at)


@pytest.mark.parametrize(
    "rule", [r for r in ZOO.values() if r.name != "extragradient"], ids=lambda r: r.name
)
def test_every_rule_follows_its_lasting_flow(rule):
    values = dict(zip(rule.parameters, ("1/2", "1/3", "1/5"), strict=False))
    flow = modified_flow(rule, order=3)
    assert_exact_residual(rule, QUARTIC, ["1/2"], flow, parameters=values, order=3)


def test_weights_are_followed_as_they_are_given():
    assert_exact_residual(
        gradient_descent, QUARTIC, [1], weights=lambda k, h: {LEAF: 1, PAIR: -h / 2}, order=2
    )


def test_a_wrong_flow_is_shown_with_power_step_loss_and_values():
    wrong = FLOW | {PAIR: 2 * FLOW[PAIR]}
    said = message(
        AssertionError,
        assert_exact_residual,
        heavy_ball,
        QUARTIC,
        ["1/2"],
        wrong,
        parameters={"beta": "1/2"},
        order=2,
    )
    assert said.splitlines() == [
        "heavy-ball and the flow do not agree through h^2",
        "  lowest power   h^2 is left in x_k - x(kh), first at k = 1",
        "  loss           x^4/4 + x^2/2",
        "  start          1/2",
        "  parameters     beta = 1/2",
    ]


def test_the_first_step_that_is_wrong_is_named():
    late = {LEAF: (1 - BETA ** (K + 1)) / (1 - BETA) + K * (K - 1)}
    said = message(
        AssertionError,
        assert_exact_residual,
        heavy_ball,
        QUARTIC,
        [1],
        late,
        parameters={"beta": 0.5},
        order=1,
    )
    assert "h^1 is left in x_k - x(kh), first at k = 3" in said


def test_hypothesis_ends_with_the_smallest_loss_that_tells_them_apart():
    @given(data=st.data(), loss=polynomial_losses(max_dimension=2), beta=betas())
    @quick
    def law(data, loss, beta) -> None:
        start = data.draw(starts(loss.dimension))
        wrong = FLOW | {PAIR: 2 * FLOW[PAIR]}
        assert_exact_residual(heavy_ball, loss, start, wrong, parameters={"beta": beta}, order=2)

    said = message(AssertionError, law)
    assert "h^2 is left" in said
    assert "x1" not in said  # one dimension is enough
    assert "parameters     beta = " in said


def test_what_is_missing_or_cannot_be_run_is_said():
    flow = modified_flow(nesterov, order=2)
    run = assert_exact_residual
    assert "no number for beta" in message(BadInput, run, nesterov, QUARTIC, [1], flow, order=2)
    at = {"order": 2, "parameters": {"beta": "1/2"}}
    assert "flow or weights" in message(BadInput, run, nesterov, QUARTIC, [1], **at)
    assert "2 coordinates" in message(BadInput, run, nesterov, QUARTIC, [1, 2], flow, **at)

    class Ones:
        def randint(self, a: int, b: int) -> int:
            return 1

    assert "polynomial loss" in message(BadInput, run, nesterov, waves(Ones(), 1), [1], flow, **at)
