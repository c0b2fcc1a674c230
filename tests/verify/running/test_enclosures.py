"""Balls around solutions: they hold the truth, and an enclosure that is too narrow is noticed."""

import math

import pytest
from flint import arb, fmpq
from hypothesis import given
from hypothesis import strategies as st

from derive.language.trees import LEAF, tree
from verify.claims.checks.heavy_ball import QUARTIC
from verify.running.enclosures import enclosed_flow
from verify.running.flows import Field, flow
from verify.running.losses import polynomial
from verify.running.numbers import MPFR, precision

PAIR = tree("[[]]")
SLOPE = polynomial(1, (((2,), fmpq(1, 2)),), "x^2/2")
CUBE = polynomial(1, (((3,), fmpq(1, 3)),), "x^3/3")
RATIONALS = st.fractions(-1, 1, max_denominator=50).map(lambda q: fmpq(q.numerator, q.denominator))


@given(start=RATIONALS, time=st.integers(1, 8))
def test_the_ball_holds_an_exponential(start, time):
    with precision(30):
        (x,) = enclosed_flow(Field(SLOPE, {LEAF: arb(1)}), [arb(start)], arb(time) / 2, digits=25)
        truth = arb(start) * (-arb(time) / 2).exp()
        assert x.overlaps(truth)
        assert x.rad() < arb(10) ** -20


@given(start=RATIONALS.filter(lambda q: q > 0), time=st.integers(1, 8))
def test_the_ball_holds_a_solution_with_a_pole_behind_it(start, time):
    """x' = -x^2 has the solution x_0/(1 + x_0 t)."""
    with precision(30):
        (x,) = enclosed_flow(Field(CUBE, {LEAF: arb(1)}), [arb(start)], arb(time), digits=25)
        assert x.overlaps(arb(start) / (1 + arb(start) * time))


@given(start=RATIONALS, pull=RATIONALS)
def test_the_ball_holds_the_flow_at_twice_the_digits(start, pull):
    weights = {LEAF: fmpq(2), PAIR: pull / 4}
    with precision(30):
        balls = {t: arb(w) for t, w in weights.items()}
        (x,) = enclosed_flow(Field(QUARTIC, balls), [arb(start)], arb(1), digits=20)
    with precision(60):
        numbers = {t: MPFR.convert(w) for t, w in weights.items()}
        field, one = Field(QUARTIC, numbers), MPFR.convert(fmpq(1))
        ((y,),) = flow(field, [MPFR.convert(start)], [one], digits=60, arithmetic=MPFR)
        assert abs(x - arb(str(y))) < arb(10) ** -18
        assert x.overlaps(arb(str(y)))


def test_too_few_terms_widen_the_ball_and_do_not_move_it():
    with precision(40):
        field = Field(SLOPE, {LEAF: arb(1)})
        radii = []
        for digits in (2, 5, 10, 20):
            (x,) = enclosed_flow(field, [arb(1)], arb(1), digits=digits)
            assert x.contains(arb(-1).exp())
            radii.append(float(x.rad()))
        assert radii == sorted(radii, reverse=True)
        assert radii[0] > 1e-12 * math.e


def test_a_solution_that_runs_away_has_no_enclosure():
    up = polynomial(1, (((4,), fmpq(-1, 4)),), "-x^4/4")
    with precision(20), pytest.raises(ArithmeticError):
        enclosed_flow(Field(up, {LEAF: arb(1)}), [arb(1)], arb(2), digits=10)
