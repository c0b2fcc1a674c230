"""Whether a stochastic equation has the moments of SGD with momentum, to which weak order.

The first two moments on a noisy quadratic, exactly in powers of h and in balls.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import islice, pairwise
from typing import Any

from flint import arb, arb_mat, fmpq

from verify.claims.checks.identities import exact, order_of
from verify.claims.claim import Check, Kind, Settings
from verify.models.noisy_quadratic import (
    NoisyQuadratic,
    draw_quadratic,
    equation_matrix,
    iterate_moments,
)
from verify.running.numbers import PowerSeries, precision

Number = Any
LENGTH = 4
STEPS = 9
Equation = Callable[[Any, Number, Number, Number], tuple[Number, Number, Number]]
"""Regularizer beside E, diffusion beside the variance of a gradient, and the weight of v in y, from
a candidate, h, beta and the curvature."""


def regularizer(h: Number, beta: Number) -> Number:
    """The weight of |grad E|^2 beside E: h(1+beta)/(4(1-beta)^2)."""
    return h * (1 + beta) / ((1 - beta) * (1 - beta) * 4)


def _matrix(
    world: NoisyQuadratic, coefficients: tuple[Number, Number, Number], beta: Number
) -> list[list[Number]]:
    pull = world.curvature
    drift = (coefficients[0] * pull * 2 + 1) * pull / (1 - beta)
    return equation_matrix(world, drift, coefficients[1])


def bounded_error(name: str, equation: Equation, betas: Sequence[fmpq]) -> Check:
    """Exactly, in powers of h: at step k the moments differ by nothing at order h and by something
    bounded in k at order h^2, so that over a fixed time the weak error is of order h^2.

    What is bounded is a combination of 1, beta^k, k beta^k, k^2 beta^k, beta^(2k) and k beta^(2k);
    over the steps these are removed one by one, and nothing may be left.
    """

    def holds(candidate: Any, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        h = PowerSeries.step(LENGTH)
        for beta in betas:
            world, start = draw_quadratic(draw), fmpq(draw.randint(2, 9), 4)
            coefficients = equation(candidate, h, beta, world.curvature)
            matrix = _matrix(world, coefficients, beta)
            moments = iterate_moments(world, h * 0 + start, h=h, beta=beta, weight=coefficients[2])
            seconds: list[list[fmpq]] = [[], []]
            for k, found in enumerate(islice(moments, STEPS)):
                flowed = _exponential(matrix, h * k, [h * 0 + 1, h * 0 + start, h * 0 + start**2])
                for moment, (a, b) in enumerate(zip(found, flowed[1:], strict=True)):
                    left = a - b
                    if left[0] != 0 or left[1] != 0:
                        return False, f"an error of order h in moment {moment + 1}, beta = {beta}"
                    seconds[moment].append(left[2])
            for moment, errors in enumerate(seconds, 1):
                rest = errors
                for root in (fmpq(1), beta, beta, beta, beta**2, beta**2):
                    rest = [late - root * early for early, late in pairwise(rest)]
                if any(rest):
                    return False, f"moment {moment} drifts off at order h^2, beta = {beta}"
        return True, f"bounded at order h^2 for {len(betas)} beta, noise of both kinds"

    return exact(name, Kind.SERIES, holds)


def _exponential(matrix: list[list[Number]], time: Number, start: list[Number]) -> list[Number]:
    """exp(time matrix) start, where time is a multiple of h."""
    total = term = start
    for n in range(1, LENGTH):
        term = [
            sum((a * b for a, b in zip(row, term, strict=True)), time * 0) * time / n
            for row in matrix
        ]
        total = [a + b for a, b in zip(total, term, strict=True)]
    return total


def weak_errors(candidate: Any, equation: Equation, beta: fmpq, settings: Settings) -> list[float]:
    """The distances of the first two moments at the time 1, for h = 2^-5, 2^-6, ..."""
    draw = random.Random(settings.seed)
    world = draw_quadratic(draw)
    start = fmpq(draw.randint(2, 9), 4)
    found = []
    with precision(settings.digits):
        for j in range(5, 10):
            h = arb(1) / 2**j
            coefficients = equation(candidate, h, arb(beta), arb(world.curvature))
            moments = iterate_moments(
                world, arb(start), h=h, beta=arb(beta), weight=coefficients[2]
            )
            last = next(islice(moments, 2**j, None))
            matrix = arb_mat(_matrix(world, coefficients, arb(beta))).exp()
            flowed = matrix * arb_mat([[1], [start], [start**2]])
            found.append(float(max(abs(a - flowed[i, 0]) for i, a in enumerate(last, 1))))
    return found


def weak_order(name: str, equation: Equation, order: int, beta: fmpq) -> Check:
    """The moments at a fixed time are met to this order in h."""
    return order_of(name, lambda c, settings: weak_errors(c, equation, beta, settings), order)
