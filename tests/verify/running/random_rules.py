"""Random update rules with fading memories: linear, elementwise, and of two players."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import strategies as st

from derive import optimizer
from derive.language.update_rule import Optimizer

weights = st.fractions(-2, 2, max_denominator=6)
shares = st.fractions(Fraction(1, 5), 1, max_denominator=6)
fading = st.fractions(Fraction(-1, 2), Fraction(3, 4), max_denominator=6)

INPUTS: tuple[Callable[[Any], Any], ...] = (
    lambda g: g,
    lambda g: g * g,
    np.tanh,
    lambda g: np.clip(g, -40, 40),
    lambda g: g / np.sqrt(g * g + 1),
    lambda g: g**3,
    lambda g: g / np.linalg.norm(g),
)
READOUTS: tuple[Callable[[Any, Any], Any], ...] = (
    lambda m, v: m + v,
    lambda m, v: m / (1 + v * v),
    lambda m, v: np.tanh(m) + v,
    lambda m, v: m / np.sqrt(v * v + 1),
    lambda m, v: m * np.exp(-v * v / 9),
    lambda m, v: m / (1 + abs(m)) + v,
    lambda m, v: m / np.linalg.norm(m),
)


@st.composite
def linear_rules(draw: st.DrawFn) -> Optimizer:
    """m <- A m + b g(x + h e.m) with triangular A, x <- x - h (c.m + d g)."""
    first, second, mixing = draw(fading), draw(fading), draw(weights)
    b1, b2, c1, c2, d, e = (draw(weights) for _ in range(6))

    @optimizer(state=("m", "v"))
    def drawn_linear(x: Any, m: Any, v: Any, grad: Any, h: Any) -> tuple[Any, ...]:
        g = grad(x + h * e * m)
        m, v = first * m + b1 * g, mixing * m + second * v + b2 * g
        return x - h * (g + c1 * m + c2 * v + d * grad(x)), m, v

    return drawn_linear


@st.composite
def elementwise_rules(draw: st.DrawFn) -> Optimizer:
    """Averages of functions of the gradient, a function of the averages as the step, decay."""
    first, second, decay = draw(fading), draw(fading), draw(weights)
    into, other = draw(st.sampled_from(INPUTS)), draw(st.sampled_from(INPUTS))
    out = draw(st.sampled_from(READOUTS))

    @optimizer(state=("m", "v"))
    def drawn_elementwise(x: Any, m: Any, v: Any, grad: Any, h: Any) -> tuple[Any, ...]:
        g = grad(x)
        m = first * m + (1 - first) * into(g)
        v = second * v + (1 - second) * other(g)
        return x - h * (out(m, v) + decay * x), m, v

    return drawn_elementwise


@st.composite
def two_player_rules(draw: st.DrawFn) -> Optimizer:
    """Each player keeps an average; the second may see where the first has gone."""
    first, second, alternating = draw(fading), draw(fading), draw(st.booleans())
    a, b, c = draw(shares), draw(shares), draw(weights)

    @optimizer(state=("y", "m", "v"), players=("x", "y"))
    def drawn_players(x: Any, y: Any, m: Any, v: Any, grad: Any, h: Any) -> tuple[Any, ...]:
        f, g = grad
        m = first * m + f(x, y)
        new = x - h * (a * m + c * f(x, y))
        v = second * v + g(new if alternating else x, y)
        return new, y + h * b * v, m, v

    return drawn_players


def rules() -> st.SearchStrategy[Optimizer]:
    """Any of them."""
    return st.one_of(linear_rules(), elementwise_rules(), two_player_rules())
