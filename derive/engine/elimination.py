"""Gauss elimination over any field of fractions: pivot columns and inverses of small matrices."""

from __future__ import annotations

from typing import Any

Scalar = Any
"""An element with + - * /, false where it is 0."""


def pivots(rows: list[list[Scalar]]) -> list[int]:
    """The columns that do not depend on those before them."""
    rows = [list(row) for row in rows]
    found: list[int] = []
    for column in range(len(rows[0]) if rows else 0):
        top = len(found)
        pivot = next((r for r in range(top, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[top], rows[pivot] = rows[pivot], rows[top]
        for r in range(top + 1, len(rows)):
            if rows[r][column]:
                factor = rows[r][column] / rows[top][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[top], strict=True)]
        found.append(column)
    return found


def inverse(rows: list[list[Scalar]]) -> list[list[Scalar]]:
    """The inverse matrix; ZeroDivisionError where there is none."""
    size = len(rows)
    zero = rows[0][0] * 0 if rows else 0
    work = [[*row, *(zero + int(i == j) for j in range(size))] for i, row in enumerate(rows)]
    for i in range(size):
        pivot = next((r for r in range(i, size) if work[r][i]), None)
        if pivot is None:
            raise ZeroDivisionError("the matrix is singular")
        work[i], work[pivot] = work[pivot], work[i]
        first = work[i][i]
        work[i] = [value / first if value else value for value in work[i]]
        for r in range(size):
            if r != i and work[r][i]:
                factor = work[r][i]
                work[r] = [
                    a - factor * b if b else a for a, b in zip(work[r], work[i], strict=True)
                ]
    return [row[size:] for row in work]
