"""Curved manifolds of minimizers: random ones, and their derivatives on any number type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath
import numpy as np
import sympy
from flint import fmpq

from verify.families import Draw
from verify.losses import Loss
from verify.numbers import MPFR, MPMATH, RATIONAL


def curved_valley(draw: Draw, dimension: int = 3, normal: int = 2) -> sympy.Expr:
    """A loss |B r|^2/2 of x0, x1, ... with `normal` residuals r that vanish at 0.

    Each r is a random linear form plus a random quadratic one, so that the minimizers near 0 are a
    curved manifold on which the Hessian turns; no two of Hessian, noise and axes commute.
    """
    x = sympy.symbols(f"x:{dimension}")
    linear = _independent(draw, normal, dimension)
    residuals = [
        sum(
            x[i] * (row[i] + sum(_quarter(draw, 3) * x[j] for j in range(i + 1)))
            for i in range(dimension)
        )
        for row in linear
    ]
    weight = _independent(draw, normal, normal)
    mixed = (sum(w * r for w, r in zip(row, residuals, strict=True)) for row in weight)
    return sum(m**2 for m in mixed) / 2


def _quarter(draw: Draw, most: int) -> sympy.Rational:
    return sympy.Rational(draw.randint(-most, most), 4)


def _independent(draw: Draw, rows: int, columns: int) -> list[list[sympy.Rational]]:
    """A random matrix with entries of size 1 whose rows are far from dependent."""
    while True:
        found = sympy.Matrix(rows, columns, lambda i, j: _quarter(draw, 4))
        if (found * found.T).det() > 1:
            return found.tolist()


def kicks(draw: Draw, dimension: int) -> list[list[fmpq]]:
    """A random vector a dimension; their covariance is the sum of n n^T."""
    return [[fmpq(draw.randint(-4, 4), 4) for _ in range(dimension)] for _ in range(dimension)]


@dataclass(frozen=True)
class Place:
    """Curvatures, modes (columns) and third derivative of a loss at a minimizer, in mpmath.

    A curvature below 10^-(half the digits) of the largest counts as 0.
    """

    curvatures: list[mpmath.mpf]
    modes: mpmath.matrix
    third: Callable[[Sequence[mpmath.mpf], Sequence[mpmath.mpf]], list[mpmath.mpf]]

    @property
    def flat(self) -> list[int]:
        return [i for i, curvature in enumerate(self.curvatures) if curvature == 0]

    @property
    def curved(self) -> list[int]:
        return [i for i, curvature in enumerate(self.curvatures) if curvature != 0]

    def mode(self, i: int) -> list[mpmath.mpf]:
        return [self.modes[row, i] for row in range(self.modes.rows)]


def place(loss: Loss, at: Sequence[fmpq]) -> Place:
    """The exact derivatives at a rational point, then the modes in mpmath's working precision."""
    size, zero = loss.dimension, [fmpq(0)] * loss.dimension
    unit = [[fmpq(i == j) for j in range(size)] for i in range(size)]
    second, cubic = loss.derivative(1), loss.derivative(2)
    hessian = mpmath.matrix(
        [[MPMATH.convert(q) for q in second.at([*at, *unit[i]], RATIONAL)] for i in range(size)]
    )
    slabs = [
        [
            [MPMATH.convert(q) for q in cubic.at([*at, *unit[i], *unit[j]], RATIONAL)]
            for j in range(size)
        ]
        for i in range(size)
    ]
    values, modes = mpmath.eigsy(hessian)
    largest = max(abs(value) for value in values)
    small = largest * mpmath.mpf(10) ** (-mpmath.mp.dps // 2)

    def third(a: Sequence[mpmath.mpf], b: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
        return [
            mpmath.fsum(
                a[i] * b[j] * slabs[i][j][k] for i in range(len(zero)) for j in range(len(zero))
            )
            for k in range(len(zero))
        ]

    return Place([v if abs(v) > small else mpmath.mpf(0) for v in values], modes, third)


def in_mpmath(x: np.ndarray) -> list[mpmath.mpf]:
    """The exact values of mpfr numbers as mpmath numbers."""
    return [mpmath.mpf(str(entry)) for entry in x]


def in_mpfr(x: Sequence[mpmath.mpf]) -> np.ndarray:
    """mpmath numbers as an array of mpfr, through rationals."""
    entries = [MPFR.convert(_rational(entry)) for entry in x]
    return np.array([*entries, None], dtype=object)[:-1]


def _rational(x: mpmath.mpf) -> fmpq:
    sign, mantissa, exponent, _ = x._mpf_
    whole = fmpq(int(-mantissa if sign else mantissa))
    return whole * fmpq(2) ** int(exponent)
