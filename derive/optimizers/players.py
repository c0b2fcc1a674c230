"""Rules for several players: they follow any vector field, behind which no loss need stand."""

from __future__ import annotations

from collections.abc import Callable

from derive.language.update_rule import Number, optimizer
from derive.optimizers.registry import known, known_nonlinear

Field = Callable[[Number], Number]


@known
@optimizer(game=True)
def extragradient(x: Number, grad: Field, h: Number) -> Number:
    """Extragradient (Korpelevich 1976) on any vector field G: x <- x - h G(x - h G(x))."""
    return x - h * grad(x - h * grad(x))


@known_nonlinear
@optimizer(state=("last",), game=True)
def optimistic(x: Number, last: Number, grad: Field, h: Number) -> tuple[Number, Number]:
    """Optimistic descent (Popov 1980; Daskalakis et al. 2018) on any vector field G:
    x <- x - 2 h G(x) + h G(last x).
    """
    g = grad(x)
    return x - 2 * h * g + h * last, g


@known_nonlinear
@optimizer(state=("y",), players=("x", "y"))
def descent_ascent(
    x: Number, y: Number, grad: tuple[Callable[..., Number], ...], h: Number
) -> tuple[Number, Number]:
    """Simultaneous gradient descent-ascent (Arrow, Hurwicz and Uzawa 1958): x <- x - h f(x, y),
    y <- y + h g(x, y); of min over x, max over y of E, f and g are its two gradients.
    """
    f, g = grad
    return x - h * f(x, y), y + h * g(x, y)


@known_nonlinear
@optimizer(state=("y", "last_f", "last_g"), players=("x", "y"))
def optimistic_descent_ascent(
    x: Number,
    y: Number,
    last_f: Number,
    last_g: Number,
    grad: tuple[Callable[..., Number], ...],
    h: Number,
) -> tuple[Number, Number, Number, Number]:
    """Optimistic gradient descent-ascent (Daskalakis et al. 2018)."""
    f, g = grad[0](x, y), grad[1](x, y)
    return x - 2 * h * f + h * last_f, y + 2 * h * g - h * last_g, f, g
