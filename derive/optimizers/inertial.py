"""Rules whose friction fades with the step, or changes in time: the velocity is slow."""

from __future__ import annotations

from collections.abc import Callable

from flint import fmpq

from derive.language.parameter import Parameter, momentum
from derive.language.update_rule import Number, optimizer
from derive.optimizers.registry import known_nonlinear

Gradient = Callable[[Number], Number]
Pair = tuple[Number, Number]


@known_nonlinear
@optimizer(state=("u",), parameters=(Parameter("k", "friction", lower=fmpq(0)),))
def inertial_heavy_ball(x: Number, u: Number, grad: Gradient, h: Number, *, k: Number) -> Pair:
    """Heavy ball with beta = (1 - k h)/(1 + k h) (Polyak 1964), gradient step h^2, in velocity
    form: u <- beta u - h g, x <- x + h u.
    """
    beta = (1 - k * h) / (1 + k * h)
    u = beta * u - h * grad(x)
    return x + h * u, u


@known_nonlinear
@optimizer(state=("u",), parameters=(Parameter("k", "friction", lower=fmpq(0)),))
def inertial_nesterov(x: Number, u: Number, grad: Gradient, h: Number, *, k: Number) -> Pair:
    """Nesterov's method with beta = (1 - k h)/(1 + k h) (Nesterov 1983), gradient step h^2:
    u <- beta u - h grad E(x + h beta u), x <- x + h u.
    """
    beta = (1 - k * h) / (1 + k * h)
    u = beta * u - h * grad(x + h * beta * u)
    return x + h * u, u


@known_nonlinear
@optimizer(state=("v",), parameters=(momentum(),), schedules=("eta",))
def scheduled_heavy_ball(
    x: Number,
    v: Number,
    grad: Gradient,
    h: Number,
    *,
    beta: Number,
    eta: Callable[[Number], Number],
    t: Number,
) -> Pair:
    """Heavy ball with a step h eta(t): v <- beta v - h eta(t) g, x <- x + v."""
    v = beta * v - h * eta(t) * grad(x)
    return x + v, v
