"""Rules whose iterate is an average, or that keep one beside it."""

from __future__ import annotations

from collections.abc import Callable

from derive.language.parameter import Parameter, momentum, share
from derive.language.update_rule import Number, optimizer
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
