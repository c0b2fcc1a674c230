"""Exact first and second moments of SGD with momentum on a noisy quadratic, and of an SDE.

The gradient of a step is (lambda + zeta) x + xi with zeta and xi drawn anew in each step, of mean
0: the moments of order 1 and 2 satisfy linear recursions, on any number type.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from verify.running.families import Draw

Number = Any


@dataclass(frozen=True)
class NoisyQuadratic:
    """The curvature, the variances of zeta and xi and their covariance."""

    curvature: Number
    multiplicative: Number
    additive: Number
    mixed: Number

    def gradient_variance(self, mean: Number, square: Number) -> Number:
        """The mean of the variance of the gradient, from those of x and x^2."""
        return self.multiplicative * square + self.mixed * mean * 2 + self.additive


def draw_quadratic(draw: Draw) -> NoisyQuadratic:
    """Random rational moments, that of (zeta, xi) positive definite."""
    first, second, third = (fmpq(draw.randint(2, 9), 8) for _ in range(3))
    return NoisyQuadratic(
        fmpq(draw.randint(4, 12), 8), first**2, first**2 * second**2 + third**2, first**2 * second
    )


def iterate_moments(
    world: NoisyQuadratic, start: Number, *, h: Number, beta: Number, weight: Number
) -> Iterator[tuple[Number, Number]]:
    """The means of y and y^2 at the steps 0, 1, ... of v <- beta v - h g, x <- x + v, v_0 = 0.

    Args:
        weight: y is x + weight v.
    """
    x, v = start, start * 0
    xx, xv, vv = x * x, x * 0, x * 0
    while True:
        yield x + weight * v, xx + weight * xv * 2 + weight * weight * vv
        slope = h * world.curvature
        noise = h * h * world.gradient_variance(x, xx)
        # the products of the old x with the new v, and of the new v with itself
        old = beta * xv - slope * xx
        vv = beta * (beta * vv - slope * xv * 2) + slope * slope * xx + noise
        xx, xv = xx + old * 2 + vv, old + vv
        v = beta * v - slope * x
        x = x + v


def equation_matrix(world: NoisyQuadratic, drift: Number, diffusion: Number) -> list[list[Number]]:
    """The matrix L of d/dt (1, m, p) = L (1, m, p) for the means m of X and p of X^2.

    X solves dX = -drift X dt + sqrt(diffusion Var) dW with Var the variance of one gradient.
    """
    zero = drift * 0
    return [
        [zero, zero, zero],
        [zero, -drift, zero],
        [
            diffusion * world.additive,
            diffusion * world.mixed * 2,
            diffusion * world.multiplicative - drift * 2,
        ],
    ]
