"""What a step of any linear rule does to a mode of a quadratic, seen from the step itself.

The matrix is the rule run on unit vectors, its eigenvalues are located exactly: by the recursion of
Schur and Cohn, and by the isolated roots of its characteristic polynomial.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flint import fmpq, fmpq_mat, fmpq_poly

from derive.language.update_rule import Optimizer


def step_matrix(rule: Optimizer, h: fmpq, curvature: fmpq, values: Mapping[str, fmpq]) -> fmpq_mat:
    """One step on E = curvature x^2/2, as a matrix of x and the memory.

    Args:
        rule: linear, with one loss; its step is run on every unit vector.
    """
    size = 1 + len(rule.memory)
    columns = []
    for i in range(size):
        x, *memory = (fmpq(int(i == j)) for j in range(size))
        after, kept = rule.step(
            x, memory, lambda y: y * curvature, h, {**rule.arguments(), **values}
        )
        columns.append([after, *kept])
    return fmpq_mat([[column[row] for column in columns] for row in range(size)])


def settles(matrix: fmpq_mat) -> bool:
    """Whether every start ends at rest: all eigenvalues lie inside the unit circle."""
    return _inside(matrix.charpoly())


def stays_bounded(matrix: fmpq_mat) -> bool:
    """Whether no start runs away: none lies outside, and those on the circle are simple roots of
    the minimal polynomial.

    The roots on the circle are among those it shares with its reverse. A polynomial that is its
    own reverse has only simple roots on the circle exactly when those of its derivative lie
    inside (Cohn 1922).
    """
    least = matrix.minpoly()
    shared = least.gcd(fmpq_poly(least.coeffs()[::-1]))
    return _inside(least / shared) and _inside(shared.derivative())


def keeps_its_side(matrix: fmpq_mat) -> bool:
    """Whether nothing oscillates: all eigenvalues are real and none is negative."""
    found = matrix.charpoly().numer()
    while found[0] == 0:
        found = type(found)(found.coeffs()[1:])
    roots: Any = found.complex_roots()  # with how often; a real one has an imaginary part of 0
    return all(root.imag == 0 and root.real > 0 for root, _ in roots)


def _inside(polynomial: fmpq_poly) -> bool:
    """Whether all roots lie inside the unit circle (Schur 1917, Cohn 1922)."""
    left = polynomial.coeffs()
    while len(left) > 1:
        first, last = left[0], left[-1]
        if abs(first) >= abs(last):
            return False
        pairs = zip(left[1:], left[-2::-1], strict=True)
        left = [last * up - first * down for up, down in pairs]
    return True
