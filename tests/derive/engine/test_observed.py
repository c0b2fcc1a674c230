"""Another variable's flow follows that variable's iterates; one step of the flow is the step."""

import pytest
import sympy
from flint import fmpq

from derive import BadInput, gradient_descent, heavy_ball, optimizer
from derive.engine.component_ring import NoExpansion
from derive.engine.invariant_manifold import general_flow
from derive.engine.observed import observed_flow, step_of_flow
from derive.engine.on_loss import Ground, field_on_loss
from derive.engine.running_rules import Running
from derive.optimizers import NONLINEAR, ZOO
from verify.formulas.reading import loss_from_text
from verify.running.general_flows import NamedFields
from verify.running.slopes import slopes

LAND = NamedFields({"E": loss_from_text("x^4/4 + y^2/2 + x*y/3 + x^2")}, {"x": 2})
PLACE = [fmpq(1), fmpq(-3, 2)]
VALUES = {"mu": fmpq(2, 3), "c": fmpq(1, 4), "d": fmpq(1, 2), "tau": fmpq(1, 3), "a": fmpq(3, 2)}


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("averaged-weights", "w"),
        ("schedule-free", "z"),
        ("linear-coupling", "z"),
        ("linear-coupling", "y"),
    ],
)
def test_the_flow_of_a_state_follows_the_iterates_of_that_state(name, state):
    rule = NONLINEAR[name]
    found = observed_flow(rule, order=3, observe=state)
    assert (found.slow, "x" in found.fast) == ((state,), True)
    values = {n: VALUES[n] for n in rule.parameters}
    tried = slopes(found, LAND, {state: PLACE}, values)
    assert tried
    assert tried.errors.keys() == {1, 2, 3}


def on_a_loss(flow):
    """The field on a loss of one variable at one place, the variable's own name left out."""
    x = sympy.Symbol("x")
    found = field_on_loss(flow, Ground(flow.optimizer, {"E": x**4 / 4 + x**2}, ("x",)))
    rational = {s: sympy.Rational(2, 7) for n in found.names.values() for s in map(sympy.Symbol, n)}
    rational |= {sympy.Symbol(n): sympy.Rational(1, 3) for n in found.parameters}
    return [[term.subs(rational) for term in row] for (row,) in found.field.values()]


def test_the_averaged_weights_are_averages_of_gradient_descent():
    averaged = observed_flow(NONLINEAR["averaged-weights"], order=4, observe="w")
    assert on_a_loss(averaged) == on_a_loss(general_flow(gradient_descent, order=4))


@optimizer(state=("u", "y"), parameters=("k",), start=lambda x, grad, h, *, k: (0 * x, x))
def with_the_point_ahead(x, u, y, grad, h, *, k):
    """Momentum that keeps the point y = x + h k u beside it."""
    u = (1 - k * h) * u - h * grad(x)
    return x + h * u, u, x + h * u + h * k * u


def test_an_expression_is_observed_as_a_state_that_holds_it():
    state = observed_flow(with_the_point_ahead, order=3, observe="y")
    written = observed_flow(
        with_the_point_ahead, order=3, observe=lambda x, u, h, k: x + h * k * u, name="ahead"
    )
    assert (state.slow, written.slow) == (("y", "u"), ("ahead", "u"))
    assert on_a_loss(state) == on_a_loss(written)
    assert slopes(state, LAND, {"y": PLACE, "u": PLACE}, {"k": fmpq(1, 2)})


RULES = {name: NONLINEAR[name] for name in ("adam", "adagrad", "nesterov-c", "descent-ascent")}


@pytest.mark.parametrize("rule", [*ZOO.values(), *RULES.values()], ids=str)
def test_a_step_of_the_flow_is_the_step_on_the_manifold(rule):
    flow = general_flow(rule, order=2)
    states = {n: flow.state(n) for n in (*flow.slow, *flow.fast)}
    after = Running(rule, flow.algebra).step(states, 3)
    for name, row in step_of_flow(flow).items():
        # the manifold ends at h, so that a slow variable that moves by a memory is known through h
        exact = 2 if flow.fast and not rule.players else 3
        for ours, theirs in zip(row[:exact], after[name].coefficients, strict=False):
            assert flow.algebra.is_zero(ours - theirs)


@pytest.mark.parametrize(
    ("observe", "error", "said"),
    [
        ("w", BadInput, "has no state 'w'; it has x, v"),
        (lambda x, v: v, NoExpansion, "does not tell where x is"),
        (lambda x, z: z, BadInput, "asks for 'z'"),
        (lambda x: None, BadInput, "no number"),
    ],
)
def test_what_cannot_be_observed_is_named(observe, error, said):
    with pytest.raises(error, match=said):
        observed_flow(heavy_ball, order=2, observe=observe)
