"""Momentum under schedules of the step, the momentum and the decay, each a function of time."""

from __future__ import annotations

from collections.abc import Callable

from derive.language.parameter import momentum
from derive.language.update_rule import Number, optimizer
from derive.optimizers.registry import known_nonlinear

Gradient = Callable[[Number], Number]
Clock = Callable[[Number], Number]
Pair = tuple[Number, Number]


@known_nonlinear
@optimizer(state=("v",), parameters=(momentum(),), schedules=("eta",))
def scheduled_heavy_ball(
    x: Number,
    v: Number,
    grad: Gradient,
    h: Number,
    *,
    beta: Number,
    eta: Clock,
    t: Number,
) -> Pair:
    """Heavy ball with a step h eta(t) inside the velocity (Sutskever et al. 2013):
    v <- beta v - h eta(t) g, x <- x + v.
    """
    v = beta * v - h * eta(t) * grad(x)
    return x + v, v


@known_nonlinear
@optimizer(state=("b",), parameters=(momentum(),), schedules=("eta",))
def scheduled_buffer(
    x: Number,
    b: Number,
    grad: Gradient,
    h: Number,
    *,
    beta: Number,
    eta: Clock,
    t: Number,
) -> Pair:
    """Heavy ball with a step h eta(t) outside the buffer (torch.optim.SGD): b <- beta b + g,
    x <- x - h eta(t) b.
    """
    b = beta * b + grad(x)
    return x - h * eta(t) * b, b


@known_nonlinear
@optimizer(state=("b",), schedules=("eta", "beta"))
def scheduled_momentum(
    x: Number,
    b: Number,
    grad: Gradient,
    h: Number,
    *,
    eta: Clock,
    beta: Clock,
    t: Number,
) -> Pair:
    """Heavy ball whose momentum changes too, as in one cycle (Smith 2018): b <- beta(t) b + g,
    x <- x - h eta(t) b.
    """
    b = beta(t) * b + grad(x)
    return x - h * eta(t) * b, b


@known_nonlinear
@optimizer(state=("b",), schedules=("eta", "beta", "decay"))
def scheduled_decay(
    x: Number,
    b: Number,
    grad: Gradient,
    h: Number,
    *,
    eta: Clock,
    beta: Clock,
    decay: Clock,
    t: Number,
) -> Pair:
    """Heavy ball with a decay that changes too and goes through the momentum, as torch's
    weight_decay: b <- beta(t) b + g + decay(t) x, x <- x - h eta(t) b.
    """
    b = beta(t) * b + grad(x) + decay(t) * x
    return x - h * eta(t) * b, b


@known_nonlinear
@optimizer(state=("b",), schedules=("eta", "beta", "decay"))
def scheduled_decoupled_decay(
    x: Number,
    b: Number,
    grad: Gradient,
    h: Number,
    *,
    eta: Clock,
    beta: Clock,
    decay: Clock,
    t: Number,
) -> Pair:
    """Heavy ball with a decay that changes too and goes past the momentum (Loshchilov and Hutter
    2019): b <- beta(t) b + g, x <- x - h eta(t) (b + decay(t) x).
    """
    b = beta(t) * b + grad(x)
    return x - h * eta(t) * (b + decay(t) * x), b
