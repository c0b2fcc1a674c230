"""Discrete trajectories: the declared step, iterated on any number type."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from derive.language.update_rule import Optimizer
from verify.running.losses import VectorField
from verify.running.numbers import Arithmetic

Number = Any
Start = Callable[[np.ndarray, np.ndarray, Number], Sequence[np.ndarray]]
"""The memory before the first step, from x_0, grad E(x_0) and h."""


def vector(numbers: Sequence[Number]) -> np.ndarray:
    """A one-dimensional array of numbers of any type."""
    return np.array([*numbers, None], dtype=object)[:-1]


def first_memory(
    optimizer: Optimizer,
    loss: VectorField,
    x: np.ndarray,
    h: Number,
    parameters: Mapping[str, Number],
    arithmetic: Arithmetic,
    memory: Start | None = None,
) -> Sequence[np.ndarray]:
    """The memory before the first step, as declared or as `memory` says."""
    grad = loss.gradient_function(arithmetic)
    values = optimizer.arguments(arithmetic.convert) | dict(parameters)
    if memory is None:
        return optimizer.start(x, grad, h, values)
    return memory(x, vector(loss.gradient.at(list(x), arithmetic)), h)


def iterates(
    optimizer: Optimizer,
    loss: VectorField,
    start: Sequence[Number],
    *,
    h: Number,
    steps: int,
    parameters: Mapping[str, Number],
    arithmetic: Arithmetic,
    memory: Start | None = None,
) -> list[np.ndarray]:
    """x_0, ..., x_steps of the optimizer on the loss.

    Args:
        start: x_0 in the number type of `arithmetic`, like h and the parameters.
        memory: another start of the memory than the declared one.
    """
    grad = loss.gradient_function(arithmetic)
    values = optimizer.arguments(arithmetic.convert) | dict(parameters)
    x = vector(start)
    state = first_memory(optimizer, loss, x, h, parameters, arithmetic, memory)
    path = [x]
    for _ in range(steps):
        x, state = optimizer.step(x, state, grad, h, values)
        path.append(x)
    return path
