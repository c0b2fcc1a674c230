"""Rules for several players: they follow any vector field, behind which no loss need stand."""

from __future__ import annotations

from collections.abc import Callable

from flint import fmpq

from derive.language.parameter import Parameter, momentum
from derive.language.update_rule import Number, Optimizer, optimizer
from derive.optimizers.registry import known, known_nonlinear

Field = Callable[[Number], Number]
Both = tuple[Callable[..., Number], ...]
RATES = (Parameter("a", "rate of x", lower=fmpq(0)), Parameter("b", "rate of y", lower=fmpq(0)))


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
def descent_ascent(x: Number, y: Number, grad: Both, h: Number) -> tuple[Number, Number]:
    """Simultaneous gradient descent-ascent (Arrow, Hurwicz and Uzawa 1958): x <- x - h f(x, y),
    y <- y + h g(x, y); of min over x, max over y of E, f and g are its two gradients.
    """
    f, g = grad
    return x - h * f(x, y), y + h * g(x, y)


@known_nonlinear
@optimizer(state=("y",), players=("x", "y"), parameters=RATES)
def simultaneous_descent_ascent(
    x: Number, y: Number, grad: Both, h: Number, *, a: Number, b: Number
) -> tuple[Number, Number]:
    """Gradient descent-ascent with a rate for each player: x <- x - h a f(x, y),
    y <- y + h b g(x, y).
    """
    f, g = grad
    return x - h * a * f(x, y), y + h * b * g(x, y)


@known_nonlinear
@optimizer(state=("y",), players=("x", "y"), parameters=RATES)
def alternating_descent_ascent(
    x: Number, y: Number, grad: Both, h: Number, *, a: Number, b: Number
) -> tuple[Number, Number]:
    """Alternating gradient descent-ascent with a rate for each player: y sees the new x."""
    f, g = grad
    x = x - h * a * f(x, y)
    return x, y + h * b * g(x, y)


def inner_updates(count: int) -> Optimizer:
    """Alternating descent-ascent in which x moves `count` times, h a/count each, before y does.

    >>> inner_updates(3).name
    'descent-ascent-3-inner'
    """

    @optimizer(
        state=("y",), players=("x", "y"), parameters=RATES, name=f"descent-ascent-{count}-inner"
    )
    def rule(
        x: Number, y: Number, grad: Both, h: Number, *, a: Number, b: Number
    ) -> tuple[Number, Number]:
        """Alternating descent-ascent with several updates of x, of rate a together."""
        f, g = grad
        for _ in range(count):
            x = x - h * a / count * f(x, y)
        return x, y + h * b * g(x, y)

    return rule


@known_nonlinear
@optimizer(
    state=("y", "u", "v"),
    players=("x", "y"),
    parameters=(*RATES, momentum("mu"), momentum("nu")),
)
def momentum_descent_ascent(
    x: Number,
    y: Number,
    u: Number,
    v: Number,
    grad: Both,
    h: Number,
    *,
    a: Number,
    b: Number,
    mu: Number,
    nu: Number,
) -> tuple[Number, Number, Number, Number]:
    """Descent-ascent with heavy ball on either side (Gidel et al. 2019): u <- mu u - h a f,
    v <- nu v + h b g, x <- x + u, y <- y + v.
    """
    f, g = grad
    u, v = mu * u - h * a * f(x, y), nu * v + h * b * g(x, y)
    return x + u, y + v, u, v


@known_nonlinear
@optimizer(
    state=("y",),
    players=("x", "y"),
    parameters=(Parameter("gamma", "weight of the regularizer", lower=fmpq(0)),),
    fields=("f", "g", "p", "q"),
)
def consensus(
    x: Number, y: Number, grad: Both, h: Number, *, gamma: Number
) -> tuple[Number, Number]:
    """Consensus optimization (Mescheder, Nowozin and Geiger 2017): x <- x - h (f + gamma p),
    y <- y + h (g - gamma q), where p and q are the gradients of (|f|^2 + |g|^2)/2 by x and y.
    """
    f, g, p, q = grad
    return x - h * (f(x, y) + gamma * p(x, y)), y + h * (g(x, y) - gamma * q(x, y))


@known_nonlinear
@optimizer(state=("y", "last_f", "last_g"), players=("x", "y"))
def optimistic_descent_ascent(
    x: Number,
    y: Number,
    last_f: Number,
    last_g: Number,
    grad: Both,
    h: Number,
) -> tuple[Number, Number, Number, Number]:
    """Optimistic gradient descent-ascent (Daskalakis et al. 2018)."""
    f, g = grad[0](x, y), grad[1](x, y)
    return x - 2 * h * f + h * last_f, y + 2 * h * g - h * last_g, f, g
