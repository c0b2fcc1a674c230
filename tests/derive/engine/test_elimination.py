"""Gauss elimination over rational numbers and over rational functions."""

import pytest
from flint import fmpq, fmpq_mat

from derive.engine.elimination import inverse, pivots
from derive.language.coefficients import Ring

ROWS = [[fmpq(n) for n in row] for row in ([0, 2, 1], [3, 0, 4], [1, 1, 0])]


def test_the_inverse_is_flint_s():
    found = inverse(ROWS)
    assert fmpq_mat(found) == fmpq_mat(ROWS).inv()


def test_the_inverse_over_rational_functions_undoes_the_matrix():
    ring = Ring(("a",))
    a, one = ring.parameter("a"), ring.number(1)
    rows = [[one, a], [a, one]]
    found = inverse(rows)
    for i in range(2):
        for j in range(2):
            assert sum((rows[i][k] * found[k][j] for k in range(2)), one * 0) == (i == j)


def test_a_singular_matrix_has_none_and_fewer_pivots():
    rows = [ROWS[0], ROWS[1], [a + 2 * b for a, b in zip(ROWS[0], ROWS[1], strict=True)]]
    with pytest.raises(ZeroDivisionError):
        inverse(rows)
    assert pivots(rows) == [0, 1]
    assert pivots([[fmpq(0), fmpq(1)], [fmpq(0), fmpq(2)]]) == [1]
