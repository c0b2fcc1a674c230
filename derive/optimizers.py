"""The zoo: update rules as they are written down, each declared once."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from derive.update_rule import BadInput, Number, Optimizer, momentum, optimizer

Gradient = Callable[[Number], Number]


@optimizer()
def gradient_descent(x: Number, grad: Gradient, h: Number) -> Number:
    """Gradient descent (Cauchy 1847): x <- x - h grad E(x)."""
    return x - h * grad(x)


@optimizer(state=("v",), parameters=(momentum(),))
def heavy_ball(
    x: Number, v: Number, grad: Gradient, h: Number, *, beta: Number
) -> tuple[Number, Number]:
    """Heavy ball (Polyak 1964), in velocity form: v <- beta v - h grad E(x), x <- x + v."""
    v = beta * v - h * grad(x)
    return x + v, v


ZOO: dict[str, Optimizer] = {rule.name: rule for rule in (gradient_descent, heavy_ball)}


def find_optimizer(name: str) -> Optimizer:
    """The optimizer of this name.

    Raises:
        BadInput: there is none; the message offers the nearest name.
    """
    if name in ZOO:
        return ZOO[name]
    near = get_close_matches(name, ZOO, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise BadInput(f"no optimizer is called '{name}'.{hint} ('undertow optimizers' lists all)")
