"""Taylor's formula: a field at a displaced point, and two displacements one after the other."""

from flint import fmpq

from derive.engine.displaced import clock, displaced, displaced_field
from derive.engine.step_series import Series, constant
from derive.engine.vectors import Algebra, schedule

ALGEBRA = Algebra()
X, U = (ALGEBRA.symbol(name, "slow", "x") for name in "xu")
T = ALGEBRA.symbol("t", "slow")
ZERO, LENGTH = ALGEBRA.zero, 4


def derivative(*vectors):
    return ALGEBRA.field("E", "x", (X,), tuple((0, v) for v in vectors))


def test_a_field_at_a_displaced_point_is_its_taylor_series():
    there = Series(ALGEBRA, [X, U, ZERO, ZERO])
    found = displaced_field("E", "x", [there]).coefficients
    assert found[0] == derivative()
    assert found[1] == derivative(U)
    assert found[2] == derivative(U, U) * fmpq(1, 2)
    assert found[3] == derivative(U, U, U) * fmpq(1, 6)


def test_a_displacement_and_back_changes_nothing():
    (x,) = X.symbols
    there, back = (Series(ALGEBRA, [X, v, ZERO, ZERO]) for v in (U, -U))
    start = constant(ALGEBRA, derivative() * X, LENGTH)
    assert displaced(displaced(start, {x.index: there}), {x.index: back}) == start


def test_a_schedule_at_a_later_time_is_its_taylor_series():
    later = Series(ALGEBRA, [T, ALGEBRA.number(1), ZERO])
    found = clock(ALGEBRA, "eta")(later).coefficients
    assert found == [schedule(ALGEBRA, "eta", T, n) * c for n, c in enumerate((1, 1, fmpq(1, 2)))]
