"""A formula of a paper in the paper's own test suite: a complete file to copy and change.

The paper says that heavy ball, once its start-up is over, follows -1/(1-beta) times the gradient of
E + LOSS |grad E|^2. Three tests hold this to account: LOSS is the coefficient that is derived; the
flow and the iterates agree through h^2, exactly, for every polynomial loss that Hypothesis tries;
and at a fixed time their distance vanishes like h^2.

In a repository of your own: `pip install undertow pytest hypothesis`, copy this file, and change
the formula, the optimizer (one of `undertow optimizers`, or your own @optimizer function), FLOW.
"""

from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st
from sympy import symbols

from derive import heavy_ball, modified_loss, tree
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.losses import polynomial
from verify.workbench.strategies import betas, polynomial_losses, starts
from verify.workbench.testing import (
    assert_exact_residual,
    assert_observed_order,
    assert_same_formula,
)

h, beta = symbols("h beta")
LOSS = h * (1 + beta) / (4 * (1 - beta) ** 2)
# x' = -scale grad(E + h c |grad E|^2): tree [] stands for -grad E, [[]] for grad^2 E grad E, with h
FLOW = {tree("[]"): 1 / (1 - beta), tree("[[]]"): -2 * LOSS / h / (1 - beta)}


def test_the_formula_is_the_one_that_is_derived():
    derived = modified_loss(heavy_ball, order=2).terms[tree("[[]]")].as_expr()
    assert_same_formula(LOSS, h * derived)


@given(data=st.data(), loss=polynomial_losses(max_dimension=2), momentum=betas())
def test_the_flow_follows_the_iterates_through_h_squared(data, loss, momentum):
    start = data.draw(starts(loss.dimension))
    assert_exact_residual(heavy_ball, loss, start, FLOW, parameters={"beta": momentum}, order=2)


def test_at_a_fixed_time_the_distance_vanishes_like_h_squared():
    def follow(run: Flow):
        b = run.values["beta"]
        weights = {tree("[]"): 1 / (1 - b), tree("[[]]"): -run.h * (1 + b) / (2 * (1 - b) ** 3)}
        return run.steady(weights, run.x0 + run.gradient() * (run.h * b / (1 - b) ** 2))

    quartic = polynomial(1, (((4,), fmpq(1, 4)), ((2,), fmpq(1, 2))), "x^4/4 + x^2/2")
    run = ConvergenceStudy(heavy_ball, quartic, [fmpq(1)], {"beta": fmpq(1, 2)}, time=1)
    assert_observed_order(run.errors(follow, digits=30, at_end=True), 2)
