"""Curved manifolds of minimizers: random ones, and their derivatives on any number type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import mpmath
import numpy as np
import sympy
from flint import fmpq

from derive.language.formula import H
from derive.language.update_rule import BadInput, Optimizer
from derive.valleys.zero_loss_manifold import effective_step, kernel, response
from verify.running.families import Draw
from verify.running.losses import Loss
from verify.running.numbers import MPFR, MPMATH, evaluate

FLAT = mpmath.mpf(10) ** -6
MOST_CORRECTIONS = 30


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
        if (found * found.T).det() >= 1:
            return found.tolist()


def kicks(draw: Draw, dimension: int) -> list[list[fmpq]]:
    """A random vector a dimension; their covariance is the sum of n n^T."""
    return [[fmpq(draw.randint(-4, 4), 4) for _ in range(dimension)] for _ in range(dimension)]


@dataclass(frozen=True)
class Jet:
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


def place(loss: Loss, at: Sequence[mpmath.mpf], *, flat: mpmath.mpf | None = None) -> Jet:
    """The derivatives at a minimizer, in mpmath's working precision.

    Args:
        flat: a curvature below this part of the largest counts as 0; by default half the digits.
    """
    size = loss.dimension
    unit = [[mpmath.mpf(i == j) for j in range(size)] for i in range(size)]
    second, cubic = loss.derivative(1), loss.derivative(2)
    hessian = mpmath.matrix([second.at([*at, *unit[i]], MPMATH) for i in range(size)])
    slabs = [
        [cubic.at([*at, *unit[i], *unit[j]], MPMATH) for j in range(size)] for i in range(size)
    ]
    values, modes = mpmath.eigsy(hessian)
    largest = max(abs(value) for value in values)
    small = largest * (mpmath.mpf(10) ** (-mpmath.mp.dps // 2) if flat is None else flat)

    def third(a: Sequence[mpmath.mpf], b: Sequence[mpmath.mpf]) -> list[mpmath.mpf]:
        return [
            mpmath.fsum(a[i] * b[j] * slabs[i][j][k] for i in range(size) for j in range(size))
            for k in range(size)
        ]

    return Jet([v if abs(v) > small else mpmath.mpf(0) for v in values], modes, third)


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


@dataclass(frozen=True)
class NumericalDrift:
    """The parts of `derive.valleys.drift.Drift` as numbers, and the minimizer where they hold."""

    at: list[mpmath.mpf]
    dimension: int
    bending: list[mpmath.mpf]
    mixed: list[mpmath.mpf]
    transverse: list[mpmath.mpf]
    diffusion: mpmath.matrix


def numerical_drift(
    optimizer: Optimizer,
    loss: Loss,
    near: Sequence[fmpq],
    *,
    h: fmpq,
    noise: mpmath.matrix | None = None,
) -> NumericalDrift:
    """Drift and diffusion in mpmath's working precision, in the eigenbasis of the Hessian.

    Args:
        near: a point close to a minimizer, which Newton's method then finds.
        noise: the covariance of the gradient; the Hessian, as for label noise, without it.
    Raises:
        BadInput: no manifold of minimizers there, or an unstable step size.
    """
    at = nearest_minimizer(loss, near)
    found = place(loss, at, flat=FLAT)
    if not found.flat or not found.curved:
        raise BadInput("the minimizer there is isolated, or flat in every direction: no valley.")
    if min(found.curvatures) < 0:
        raise BadInput("there is no minimizer: the Hessian has a negative eigenvalue.")
    step = MPMATH.convert(h)
    check_stability(optimizer, max(found.curvatures), h)
    modes = found.modes
    covariance = mpmath.diag(found.curvatures) if noise is None else modes.T * noise * modes
    e = evaluate(effective_step(optimizer), {"h": step}, MPMATH)
    weights = kernel(optimizer)
    size = loss.dimension
    mixed, transverse, bending = ([mpmath.mpf(0)] * size for _ in range(3))
    for i, j in product(range(size), repeat=2):
        amount = covariance[i, j] * mpmath.matrix(found.third(found.mode(i), found.mode(j)))
        both_flat = i in found.flat and j in found.flat
        if not both_flat:
            first, second = found.curvatures[i], found.curvatures[j]
            values = {"h": step, "lambda1": first, "lambda2": second}
            amount *= -e / 2 * evaluate(weights, values, MPMATH)
        for k in found.curved if both_flat else found.flat:
            mode = found.mode(k)
            part = mpmath.fdot(list(amount), mode)
            if both_flat:
                part *= -(e**2) / 2 / found.curvatures[k]
                target = bending
            else:
                target = mixed if i in found.flat or j in found.flat else transverse
            for c in range(size):
                target[c] += part * mode[c]
    along = mpmath.diag([mpmath.mpf(i in found.flat) for i in range(size)])
    diffusion = e**2 * modes * along * covariance * along * modes.T
    return NumericalDrift(at, len(found.flat), bending, mixed, transverse, diffusion)


def nearest_minimizer(loss: Loss, near: Sequence[fmpq]) -> list[mpmath.mpf]:
    """The minimizer that Newton's method across the manifold reaches from a point close to it."""
    at = mpmath.matrix([MPMATH.convert(x) for x in near])
    enough = mpmath.mpf(10) ** (5 - mpmath.mp.dps)
    for _ in range(MOST_CORRECTIONS):
        gradient = mpmath.matrix(loss.gradient.at(list(at), MPMATH))
        if mpmath.norm(gradient) < enough:
            return list(at)
        found = place(loss, list(at), flat=FLAT)
        for i in found.curved:
            mode = mpmath.matrix(found.mode(i))
            at -= mode * (mpmath.fdot(list(gradient), list(mode)) / found.curvatures[i])
    raise BadInput(
        "no minimizer is close to that point; give one to six digits or more, as undertow "
        "tells flat directions from curved ones by their curvature."
    )


def check_stability(optimizer: Optimizer, curvature: mpmath.mpf, h: fmpq) -> None:
    """BadInput where a mode of this curvature does not decay."""
    matrix, kick, reading = response(optimizer)
    step = float(h.p) / float(h.q)
    closed = (matrix + kick * reading * float(curvature)).subs(H, step)
    radius = max(abs(complex(root)) for root in np.linalg.eigvals(np.array(closed, dtype=float)))
    if radius >= 1:
        raise BadInput(
            f"{optimizer.name} is unstable there at step size {h}: the largest curvature is about "
            f"{float(curvature):.3g}; take a smaller step."
        )
