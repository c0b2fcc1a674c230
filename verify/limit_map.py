"""Where an optimizer ends after one kick of its gradient at a minimizer, by running it.

Nothing here knows a derivative of the limit or of the loss beyond the gradient: the second
differences are a witness for every formula of the drift.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from flint import fmpq

from derive.update_rule import BadInput, Optimizer
from verify.losses import Loss
from verify.numbers import MPFR, Number
from verify.trajectories import vector

MOST_STEPS = 200_000
STILL = 16

Limit = Callable[[np.ndarray], np.ndarray]
"""A kick of the gradient -> the position in the end."""


def limit_after_kick(
    optimizer: Optimizer,
    loss: Loss,
    at: Sequence[fmpq],
    *,
    h: fmpq,
    parameters: Mapping[str, fmpq],
    digits: int,
) -> Limit:
    """The map from a kick n to the limit of the optimizer that starts at rest at a minimizer and
    reads grad + n in its first step, grad in all others.

    The run ends when 16 steps in a row move the position by less than 10^-digits.
    """
    x0 = vector([MPFR.convert(x) for x in at])
    step, values = MPFR.convert(h), {name: MPFR.convert(v) for name, v in parameters.items()}
    grad = loss.gradient_function(MPFR)
    smallest = MPFR.convert(fmpq(1, 10**digits))

    def limit(kick: np.ndarray) -> np.ndarray:
        x, memory = x0, optimizer.start(x0, grad, step, values)
        x, memory = optimizer.step(x, memory, lambda y: grad(y) + kick, step, values)
        still = 0
        for _ in range(MOST_STEPS):
            ahead, memory = optimizer.step(x, memory, grad, step, values)
            still = still + 1 if max(abs(ahead - x)) < smallest else 0
            x = ahead
            if still == STILL:
                return x
        raise BadInput(f"{optimizer.name} does not come to rest in {MOST_STEPS} steps.")

    return limit


def second_derivative(
    limit: Limit, first: np.ndarray, second: np.ndarray, *, size: fmpq
) -> tuple[np.ndarray, np.ndarray]:
    """The mixed second derivative of the limit along two kicks, and how far the last halving and
    extrapolation moved it.

    Central differences at `size` and size/2, of error O(size^2), extrapolated to O(size^4).
    """

    def difference(h: Number) -> np.ndarray:
        corners = (
            limit(h * first + h * second)
            - limit(h * first - h * second)
            - limit(h * second - h * first)
            + limit(-h * first - h * second)
        )
        return corners / (4 * h * h)

    coarse = difference(MPFR.convert(size))
    fine = difference(MPFR.convert(size / 2))
    better = (4 * fine - coarse) / 3
    return better, better - fine


def mean_second_derivative(limit: Limit, kicks: Sequence[np.ndarray], *, size: fmpq) -> np.ndarray:
    """Half the sum over the kicks n of the second derivative along n twice: the drift in a step
    under noise of covariance sum of n n^T.
    """
    rest = limit(kicks[0] * 0)

    def difference(h: Number) -> np.ndarray:
        return sum(
            ((limit(h * n) + limit(-h * n) - 2 * rest) / (2 * h * h) for n in kicks), rest * 0
        )

    coarse = difference(MPFR.convert(size))
    return (4 * difference(MPFR.convert(size / 2)) - coarse) / 3
