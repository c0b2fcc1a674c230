"""Rules whose iterate is an average, or that keep one beside it."""

from __future__ import annotations

from collections.abc import Callable

from flint import fmpq

from derive.language.parameter import Parameter, momentum, share, switch
from derive.language.update_rule import Number, optimizer
from derive.optimizers.adaptive import np
from derive.optimizers.linear import last_position
from derive.optimizers.registry import known_nonlinear

Gradient = Callable[[Number], Number]
Pair = tuple[Number, Number]


@known_nonlinear
@optimizer(state=("z",), parameters=(momentum("mu"), share("c", "weight")), start=last_position)
def schedule_free(
    x: Number, z: Number, grad: Gradient, h: Number, *, mu: Number, c: Number
) -> Pair:
    """Schedule-free descent (Defazio et al. 2024) with a constant weight c, at the points x where
    it takes gradients: x <- x + c (z - x) - h (1 - mu (1 - c)) g, z <- z - h g.
    """
    g = grad(x)
    return x + c * (z - x) - h * (1 - mu * (1 - c)) * g, z - h * g


@known_nonlinear
@optimizer(state=("w",), parameters=(momentum("d"),), start=last_position)
def averaged_weights(x: Number, w: Number, grad: Gradient, h: Number, *, d: Number) -> Pair:
    """The average of the weights (Polyak and Juditsky 1992), exponential: w <- w - h grad E(w),
    x <- d x + (1 - d) w.
    """
    w = w - h * grad(w)
    return d * x + (1 - d) * w, w


@known_nonlinear
@optimizer(
    state=("y", "z"),
    parameters=(share("tau", "weight"), Parameter("a", "step over h")),
    start=lambda x, grad, h, **parameters: (x, x),
)
def linear_coupling(
    x: Number, y: Number, z: Number, grad: Gradient, h: Number, *, tau: Number, a: Number
) -> tuple[Number, Number, Number]:
    """Linear coupling (Allen-Zhu and Orecchia 2014): x <- tau z + (1 - tau) y, y <- x - h g,
    z <- z - a h g.
    """
    x = tau * z + (1 - tau) * y
    g = grad(x)
    return x, x - h * g, z - a * h * g


@known_nonlinear
@optimizer(state=("z",), parameters=(momentum("beta"),), start=last_position)
def schedule_free_sgd(
    x: Number, z: Number, grad: Gradient, h: Number, *, beta: Number, t: Number
) -> Pair:
    """Schedule-free descent (Defazio et al. 2024) with the weights 1/(k + 1) of a plain average, at
    the points x = beta y + (1 - beta) z where it takes gradients: z <- z - h g,
    y <- y + (z - y)/(k + 1).
    """
    y = (x - (1 - beta) * z) / beta
    z = z - h * grad(x)
    y = y + h / (t + h) * (z - y)
    return beta * y + (1 - beta) * z, z


@known_nonlinear
@optimizer(
    state=("mean",),
    parameters=(
        Parameter("lam", "decay, of the weights and of the step", lower=fmpq(0)),
        Parameter("power", "how the step decays", lower=fmpq(0)),
        Parameter("t0", "time at which the average starts", lower=fmpq(0)),
        switch("before", "before t0 too, where the mean is the weights"),
    ),
)
def averaged_sgd(
    x: Number,
    mean: Number,
    grad: Gradient,
    h: Number,
    *,
    lam: Number,
    power: Number,
    t0: Number,
    before: bool,
    t: Number,
) -> Pair:
    """Averaged descent (Polyak and Juditsky 1992; Bottou 2010): steps h eta(t),
    eta = (1 + lam t)^(-power), on E + lam |x|^2/2, and from t0 on the mean of the weights.
    """
    eta = 1 / (1 + lam * t) ** power
    x = x - h * eta * (lam * x + grad(x))
    since = np.maximum(h, t - t0) if before else t - t0
    return x, mean + h / since * (x - mean)
