"""Rules for several players: they follow any vector field, behind which no loss need stand."""

from __future__ import annotations

from collections.abc import Callable

from derive.language.update_rule import Number, optimizer
from derive.optimizers.registry import known

Field = Callable[[Number], Number]


@known
@optimizer(game=True)
def extragradient(x: Number, grad: Field, h: Number) -> Number:
    """Extragradient (Korpelevich 1976) on any vector field G: x <- x - h G(x - h G(x))."""
    return x - h * grad(x - h * grad(x))
