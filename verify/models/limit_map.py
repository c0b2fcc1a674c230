"""Where an optimizer ends after one kick of its gradient at a minimizer, by running it.

Nothing here knows a derivative of the limit or of the loss beyond the gradient: the second
differences are a witness for every formula of the drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import fmpq

from derive.language.update_rule import BadInput, Optimizer
from verify.running.losses import Loss
from verify.running.numbers import MPFR, Number
from verify.running.trajectories import vector

MOST_STEPS = 200_000
STILL = 16

Limit = Callable[[np.ndarray], np.ndarray]
"""A small displacement, of a gradient, a position or a memory -> the position in the end."""


@dataclass(frozen=True)
class Rest:
    """An optimizer at rest at a minimizer, and where it comes to rest after it was pushed.

    A run ends when 16 steps in a row move the position by less than 10^-digits.
    """

    optimizer: Optimizer
    loss: Loss
    at: Sequence[fmpq]
    h: fmpq
    parameters: Mapping[str, fmpq]
    digits: int
    known: dict[Any, np.ndarray] = field(default_factory=dict, compare=False, repr=False)
    """Where it came to rest from where, so far."""

    def after_kick(self, kick: np.ndarray) -> np.ndarray:
        """The limit when the first step reads grad + kick."""
        grad, h, values = self.constants
        x = self._position()
        x, memory = self.optimizer.step(
            x, self.optimizer.start(x, grad, h, values), lambda y: grad(y) + kick, h, values
        )
        return self._run(x, memory)

    def after_push(self, push: np.ndarray) -> np.ndarray:
        """The limit from a displaced position with the memory of rest."""
        grad, h, values = self.constants
        x = self._position()
        return self._run(x + push, self.optimizer.start(x, grad, h, values))

    def with_memory(self, memory: np.ndarray, push: np.ndarray | int = 0) -> np.ndarray:
        """The limit from the minimizer, or beside it, with this in its one memory."""
        return self._run(self._position() + push, (memory,))

    @property
    def constants(self) -> tuple[Limit, Number, dict[str, Number]]:
        """The gradient, the step size and the parameters as mpfr."""
        values = {name: MPFR.convert(v) for name, v in self.parameters.items()}
        return self.loss.gradient_function(MPFR), MPFR.convert(self.h), values

    def _position(self) -> np.ndarray:
        return vector([MPFR.convert(x) for x in self.at])

    def _run(self, x: np.ndarray, memory: Sequence[np.ndarray]) -> np.ndarray:
        start = tuple(x), *map(tuple, memory)
        if start not in self.known:
            self.known[start] = self._run_anew(x, memory)
        return self.known[start]

    def _run_anew(self, x: np.ndarray, memory: Sequence[np.ndarray]) -> np.ndarray:
        grad, h, values = self.constants
        smallest, still = MPFR.convert(fmpq(1, 10**self.digits)), 0
        for _ in range(MOST_STEPS):
            ahead, memory = self.optimizer.step(x, memory, grad, h, values)
            still = still + 1 if max(abs(ahead - x)) < smallest else 0
            x = ahead
            if still == STILL:
                return x
        raise BadInput(f"{self.optimizer.name} does not come to rest in {MOST_STEPS} steps.")


def derivative(limit: Limit, along: np.ndarray, *, size: fmpq) -> np.ndarray:
    """The derivative of the limit along a displacement, extrapolated to O(size^4)."""

    def difference(h: Number) -> np.ndarray:
        return (limit(h * along) - limit(-h * along)) / (2 * h)

    coarse = difference(MPFR.convert(size))
    return (4 * difference(MPFR.convert(size / 2)) - coarse) / 3


def second_derivative(
    limit: Limit, first: np.ndarray, second: np.ndarray, *, size: fmpq
) -> np.ndarray:
    """The second derivative of the limit along two displacements, extrapolated to O(size^4)."""

    def difference(h: Number) -> np.ndarray:
        corners = (
            limit(h * first + h * second)
            - limit(h * first - h * second)
            - limit(h * second - h * first)
            + limit(-h * first - h * second)
        )
        return corners / (4 * h * h)

    coarse = difference(MPFR.convert(size))
    return (4 * difference(MPFR.convert(size / 2)) - coarse) / 3


def mean_displacement(limit: Limit, kicks: Sequence[np.ndarray], *, size: fmpq) -> np.ndarray:
    """Half the sum over the kicks n of the second derivative along n twice: the drift in a step
    under noise of covariance sum of n n^T. Central differences, extrapolated to O(size^4).
    """
    rest = limit(kicks[0] * 0)

    def difference(h: Number) -> np.ndarray:
        return sum(
            ((limit(h * n) + limit(-h * n) - 2 * rest) / (2 * h * h) for n in kicks), rest * 0
        )

    coarse = difference(MPFR.convert(size))
    return (4 * difference(MPFR.convert(size / 2)) - coarse) / 3
