"""Across random losses: the orders of the flows, and exact residuals of the engine's fields."""

from typing import Any

from flint import fmpq
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from derive import heavy_ball, modified_flow
from derive.language.trees import LEAF, Tree, trees_up_to
from verify.claims.checks.heavy_ball import PAIR, loss_weights
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.losses import Loss
from verify.running.numbers import MPFR, precision
from verify.running.orders import ObservedOrder, observed_order
from verify.running.residuals import steady_residual, transient_residual
from verify.workbench.strategies import betas, polynomial_losses, smooth_losses, starts

MODERATE = st.integers(2, 14).map(lambda n: fmpq(n, 20))
few = settings(max_examples=6)


def transient_weights(factor: Any, beta: Any, h: Any, k: int) -> dict[Tree, Any]:
    """The field of equation (4) on [t_k, t_(k+1)] with `factor` in the place of gamma_k."""
    return {
        LEAF: (1 - beta ** (k + 1)) / (1 - beta),
        PAIR: -(h * (factor * (1 + beta) / (2 * (1 - beta) ** 3))),
    }


def gamma(beta, k: int):
    return 1 - beta ** (2 * k + 2) - 4 * (k + 1) * beta ** (k + 1) * (1 - beta) / (1 + beta)


def observed(loss: Loss, start, beta, follow, *, at_end=False) -> ObservedOrder:
    run = ConvergenceStudy(heavy_ball, loss, start, {"beta": beta}, time=1, halvings=range(8, 13))
    return observed_order(run.errors(follow, digits=25, at_end=at_end))


def not_flat(loss: Loss, start) -> bool:
    """The gradient is not small, so that an error of order h is not hidden by its constant."""
    with precision(25):
        gradient = loss.gradient.at([MPFR.convert(x) for x in start], MPFR)
    return max(map(abs, gradient)) > 0.2


@given(data=st.data(), loss=smooth_losses(max_dimension=2), beta=MODERATE)
@few
def test_the_transient_flow_is_second_order_close(data, loss, beta):
    start = data.draw(starts(loss.dimension))
    assume(not_flat(loss, start))

    def follow(run: Flow):
        b = run.values["beta"]
        return run.changing(lambda k: transient_weights(gamma(b, k), b, run.h, k), 150)

    order = observed(loss, start, beta, follow)
    assert order.value + order.uncertainty >= 2 or not order.decides


@given(data=st.data(), loss=smooth_losses(max_dimension=2), beta=MODERATE)
@few
def test_the_leading_flow_is_first_order_close_only(data, loss, beta):
    start = data.draw(starts(loss.dimension))
    assume(not_flat(loss, start))

    def follow(run: Flow):
        return run.steady(loss_weights(MPFR.convert(fmpq(0)), 1 / (1 - run.values["beta"])))

    order = observed(loss, start, beta, follow)
    assert order.supports(1) or not order.decides


@given(data=st.data(), loss=smooth_losses(max_dimension=2), beta=MODERATE)
@few
def test_the_unshifted_reduced_flow_is_first_order_close_only(data, loss, beta):
    start = data.draw(starts(loss.dimension))
    assume(not_flat(loss, start))

    def follow(run: Flow):
        b = run.values["beta"]
        return run.steady(loss_weights(run.h * (1 + b) / (4 * (1 - b) ** 2), 1 / (1 - b)))

    order = observed(loss, start, beta, follow)
    assert order.supports(1) or not order.decides


@given(data=st.data(), loss=polynomial_losses(max_dimension=2), beta=betas())
def test_the_local_error_of_the_transient_flow_is_third_order(data, loss, beta):
    power = transient_residual(
        heavy_ball,
        loss,
        data.draw(starts(loss.dimension)),
        lambda k, h: transient_weights(gamma(beta, k), beta, h, k),
        parameters={"beta": beta},
        length=4,
        steps=3,
    )
    assert power >= 3


@given(
    data=st.data(),
    loss=polynomial_losses(max_dimension=2),
    beta=betas(),
    order=st.integers(1, 5),
)
def test_the_modified_flow_of_n_nodes_leaves_a_residual_of_order_n_plus_one(
    data, loss, beta, order
):
    flow = modified_flow(heavy_ball.at(beta=beta), order=order)
    power = steady_residual(
        heavy_ball,
        loss,
        data.draw(starts(loss.dimension)),
        lambda h: {
            t: h ** (t.order - 1) * (flow[t].at({}) / t.symmetry) for t in trees_up_to(order)
        },
        parameters={"beta": beta},
        length=order + 2,
        memory=lambda here, before, h: [here - before],
    )
    assert power >= order + 1
