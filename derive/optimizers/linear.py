"""Rules that are linear in their memory, written down as people write them.

The step is an affine map of the memories and of gradients taken at affine points, so that the
B-series engine derives everything of them to high order.
"""

from __future__ import annotations

from collections.abc import Callable

from flint import fmpq

from derive.language.parameter import Parameter, momentum, share, switch
from derive.language.update_rule import BadInput, Number, optimizer
from derive.optimizers.registry import known, known_nonlinear

Gradient = Callable[[Number], Number]
Pair = tuple[Number, Number]


def last_position(x: Number, grad: Gradient, h: Number, **parameters: Number) -> Number:
    """The start x_(-1) = x_0 of a rule that remembers the last position."""
    return x


@known
@optimizer()
def gradient_descent(x: Number, grad: Gradient, h: Number) -> Number:
    """Gradient descent (Cauchy 1847): x <- x - h grad E(x)."""
    return x - h * grad(x)


@known
@optimizer(state=("v",), parameters=(momentum(),))
def heavy_ball(x: Number, v: Number, grad: Gradient, h: Number, *, beta: Number) -> Pair:
    """Heavy ball (Polyak 1964), in velocity form: v <- beta v - h grad E(x), x <- x + v."""
    v = beta * v - h * grad(x)
    return x + v, v


@optimizer(state=("last",), parameters=(momentum(),), start=last_position)
def heavy_ball_two_step(
    x: Number, last: Number, grad: Gradient, h: Number, *, beta: Number
) -> Pair:
    """Heavy ball (Polyak 1964), in two-step form: x <- x - h grad E(x) + beta (x - last)."""
    return x - h * grad(x) + beta * (x - last), x


@known
@optimizer(state=("v",), parameters=(momentum(),))
def nesterov(x: Number, v: Number, grad: Gradient, h: Number, *, beta: Number) -> Pair:
    """Nesterov's method with constant momentum (Nesterov 1983; Sutskever et al. 2013):
    v <- beta v - h grad E(x + beta v), x <- x + v.
    """
    v = beta * v - h * grad(x + beta * v)
    return x + v, v


@optimizer(state=("last",), parameters=(momentum(),), start=last_position)
def nesterov_extrapolated(
    y: Number, last: Number, grad: Gradient, h: Number, *, beta: Number
) -> Pair:
    """Nesterov's method followed at the extrapolated points y (Nesterov 1983):
    x <- y - h grad E(y), y <- x + beta (x - last).
    """
    x = y - h * grad(y)
    return x + beta * (x - last), x


def _first_buffer(
    x: Number, grad: Gradient, h: Number, *, momentum: Number, dampening: Number, nesterov: bool
) -> Number:
    """The first buffer becomes the gradient, undamped: momentum times this plus the damped one."""
    return grad(x) * 0 if momentum == 0 else dampening / momentum * grad(x)


@known
@optimizer(
    state=("buffer",),
    parameters=(
        momentum("momentum", positive=True, branches=True),
        Parameter("dampening", "dampening of the gradient", lower=fmpq(0), upper=fmpq(1)),
        switch("nesterov", "look ahead"),
    ),
    start=_first_buffer,
    name="torch-sgd",
)
def torch_sgd(
    x: Number,
    buffer: Number,
    grad: Gradient,
    h: Number,
    *,
    momentum: Number,
    dampening: Number,
    nesterov: bool,
) -> Pair:
    """PyTorch's SGD (torch.optim.SGD, Paszke et al. 2019) with momentum, dampening and nesterov;
    at momentum 0 it ignores the dampening.
    """
    if nesterov and (momentum == 0 or dampening != 0):
        raise BadInput("torch-sgd with nesterov needs a momentum above 0 and dampening=0.")
    g = grad(x)
    if momentum == 0:
        return x - h * g, buffer * 0
    buffer = momentum * buffer + (1 - dampening) * g
    return x - h * (g + momentum * buffer if nesterov else buffer), buffer


@known
@optimizer(state=("m",), parameters=(momentum(),))
def ema_momentum(x: Number, m: Number, grad: Gradient, h: Number, *, beta: Number) -> Pair:
    """Momentum as an exponential moving average (Kingma and Ba 2014, without the scaling):
    m <- beta m + (1 - beta) grad E(x), x <- x - h m.
    """
    m = beta * m + (1 - beta) * grad(x)
    return x - h * m, m


@known
@optimizer(state=("m",), parameters=(momentum(), share("nu", "weight of the average in the step")))
def quasi_hyperbolic(
    x: Number, m: Number, grad: Gradient, h: Number, *, beta: Number, nu: Number
) -> Pair:
    """Quasi-hyperbolic momentum (Ma and Yarats 2019):
    m <- beta m + (1 - beta) g, x <- x - h ((1 - nu) g + nu m), g = grad E(x).
    """
    g = grad(x)
    m = beta * m + (1 - beta) * g
    return x - h * ((1 - nu) * g + nu * m), m


@known
@optimizer(state=("v", "w"), parameters=(momentum("beta1"), momentum("beta2")))
def aggregated_momentum(
    x: Number, v: Number, w: Number, grad: Gradient, h: Number, *, beta1: Number, beta2: Number
) -> tuple[Number, Number, Number]:
    """Aggregated momentum with two velocities (Lucas et al. 2019):
    v <- beta1 v - g, w <- beta2 w - g, x <- x + h (v + w)/2, g = grad E(x).
    """
    g = grad(x)
    v, w = beta1 * v - g, beta2 * w - g
    return x + h * (v + w) / 2, v, w


@known
@optimizer(
    state=("last",),
    parameters=(
        Parameter("alpha", "step over h", lower=fmpq(0), includes_lower=False),
        momentum(),
        Parameter("gamma", "how far the gradient looks ahead"),
    ),
    start=last_position,
)
def lessard(
    x: Number,
    last: Number,
    grad: Gradient,
    h: Number,
    *,
    alpha: Number,
    beta: Number,
    gamma: Number,
) -> Pair:
    """The three-parameter family of Lessard, Recht and Packard (2016), step alpha h:
    x <- x + beta (x - last) - alpha h grad E(x + gamma (x - last)).
    """
    y = x + gamma * (x - last)
    return x + beta * (x - last) - alpha * h * grad(y), x


@known
@optimizer(parameters=(Parameter("rho", "ascent radius over h", lower=fmpq(0)),))
def sam(x: Number, grad: Gradient, h: Number, *, rho: Number) -> Number:
    """Sharpness-aware minimization, unnormalized (Foret et al. 2021; Andriushchenko and Flammarion
    2022), ascent radius rho h: x <- x - h grad E(x + rho h grad E(x)).
    """
    return x - h * grad(x + rho * h * grad(x))


@known_nonlinear
@optimizer(
    state=("last",),
    parameters=(Parameter("alpha", "weight of the step"), Parameter("beta", "weight of optimism")),
    start=lambda x, grad, h, **parameters: grad(x),
)
def optimistic_gradient(
    x: Number, last: Number, grad: Gradient, h: Number, *, alpha: Number, beta: Number
) -> Pair:
    """Optimistic gradient descent (Popov 1980; Daskalakis et al. 2018) with two weights:
    x <- x - h ((alpha + beta) g - beta last g).
    """
    g = grad(x)
    return x - h * ((alpha + beta) * g - beta * last), g


@known_nonlinear
@optimizer(parameters=(share("alpha", "how far the slow weights go towards the fast ones"),))
def lookahead(x: Number, grad: Gradient, h: Number, *, alpha: Number) -> Number:
    """Lookahead (Zhang et al. 2019) around five steps of gradient descent, of which all together
    are one step here: x <- x + alpha (y - x), y what five steps make of x.
    """
    y = x
    for _ in range(5):
        y = y - h * grad(y)
    return x + alpha * (y - x)
