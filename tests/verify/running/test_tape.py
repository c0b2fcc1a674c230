import random

import mpmath
import pytest
import sympy
from flint import fmpq
from hypothesis import given

from derive.language.trees import tree, trees_up_to
from verify.running.families import FAMILIES, bounded_polynomial
from verify.running.flows import Field, flow
from verify.running.losses import Loss
from verify.running.numbers import BALL, FLOAT, MPFR, RATIONAL, cos, exp, log, precision, tanh
from verify.running.tape import record
from verify.workbench.strategies import smooth_losses

X, Y = sympy.symbols("x y")


def mixed(x):
    return x[0] ** 4 / 4 + cos(x[0] * x[1]) + exp(x[1]) / (1 + x[0] ** 2) + log(1 + exp(x[0]))


MIXED = Loss(2, mixed, "mixed")
WRITTEN = X**4 / 4 + sympy.cos(X * Y) + sympy.exp(Y) / (1 + X**2) + sympy.log(1 + sympy.exp(X))
POINT = {X: sympy.Rational(3, 10), Y: sympy.Rational(-2, 5)}


def at_point(expr: sympy.Expr) -> float:
    return float(expr.subs(POINT))


def test_the_gradient_is_the_gradient():
    found = MIXED.gradient.at([0.3, -0.4], FLOAT)
    assert found == pytest.approx([at_point(WRITTEN.diff(v)) for v in (X, Y)], rel=1e-13)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_directional_derivatives_are_contractions_of_the_derivative_tensor(times: int):
    directions = [(0.5, -0.25), (1.0, 2.0), (-0.75, 0.5)][:times]
    inputs = [0.3, -0.4, *(entry for direction in directions for entry in direction)]
    found = MIXED.derivative(times).at(inputs, FLOAT)
    for component, variable in enumerate((X, Y)):
        expr = WRITTEN.diff(variable)
        for u, v in directions:
            expr = sympy.nsimplify(u) * expr.diff(X) + sympy.nsimplify(v) * expr.diff(Y)
        assert found[component] == pytest.approx(at_point(expr), rel=1e-12)


def test_constants_have_the_precision_at_which_they_are_asked_for():
    third = record(1, lambda x: [x[0] * fmpq(1, 3)])
    for digits in (5, 60, 5):
        with precision(digits):
            (found,) = third.at([MPFR.convert(fmpq(1))], MPFR)
            ulp = MPFR.convert(fmpq(1, 2**found.precision))
            assert abs(found * 3 - 1) < 2 * ulp


def test_elementary_differentials_follow_their_definition():
    """F([[]]) = f' f and F([[],[]]) = f''[f, f] for f = -grad E, in one dimension."""
    loss = Loss(1, lambda x: exp(x[0]) + x[0] ** 3, "e^x + x^3")
    trees = list(trees_up_to(3))
    values = {}
    for t in trees:
        weights = [1.0 if u is t else 0.0 for u in trees]
        (values[t],) = loss.field(3).at([0.5, *weights], FLOAT)
    f = -(sympy.exp(X) + X**3).diff(X)
    half = {X: sympy.Rational(1, 2)}
    for text, expr in (
        ("[[]]", f.diff(X) * f),
        ("[[],[]]", f.diff(X, 2) * f * f),
        ("[[[]]]", f.diff(X) ** 2 * f),
    ):
        assert values[tree(text)] == pytest.approx(float(expr.subs(half)), rel=1e-13)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_the_taylor_flow_agrees_with_an_independent_integrator(family):
    loss = family(random.Random(7), 2)
    with precision(30):
        start = [MPFR.convert(fmpq(1, 3)), MPFR.convert(fmpq(-1, 2))]
        weights = {tree("[]"): MPFR.convert(fmpq(1))}
        (end,) = flow(
            Field(loss, weights), start, [MPFR.convert(fmpq(1))], digits=30, arithmetic=MPFR
        )
    with mpmath.workdps(30):
        grad = loss.gradient

        def velocity(_, x):
            return [
                -g for g in grad.run(x, [mpmath.mpf(int(c.p)) / int(c.q) for c in grad.constants])
            ]

        expected = mpmath.odefun(velocity, 0, [mpmath.mpf(1) / 3, mpmath.mpf(-1) / 2])(1)
        gap = max(abs(mpmath.mpf(str(a)) - b) for a, b in zip(end, expected, strict=True))
    assert gap < mpmath.mpf(10) ** -25


@given(loss=smooth_losses(max_dimension=3))
def test_a_program_gives_the_same_on_floats_and_on_balls(loss):
    point = [fmpq(i + 1, 7) for i in range(loss.dimension)]
    floats = loss.gradient.at([FLOAT.convert(x) for x in point], FLOAT)
    balls = loss.gradient.at([BALL.convert(x) for x in point], BALL)
    assert floats == pytest.approx([float(b.mid()) for b in balls], rel=1e-9, abs=1e-9)


def test_tanh_is_tanh():
    assert tanh(0.7) == pytest.approx(float(mpmath.tanh(0.7)), rel=1e-14)


def test_equal_operations_are_recorded_once():
    loss = Loss(1, lambda x: exp(x[0]) * exp(x[0]) + exp(x[0]), "e^2x + e^x")
    assert len(loss.gradient.operations) <= 6


def test_a_flow_that_runs_to_infinity_is_named():
    loss = Loss(1, lambda x: -(x[0] ** 4), "-x^4")
    with precision(20), pytest.raises(ArithmeticError, match="runs to infinity"):
        flow(
            Field(loss, {tree("[]"): MPFR.convert(fmpq(1))}),
            [MPFR.convert(fmpq(2))],
            [MPFR.convert(fmpq(10))],
            digits=20,
            arithmetic=MPFR,
        )


@pytest.mark.parametrize("power", [2, 5, 9])
def test_terms_that_vanish_by_chance_do_not_end_a_series(power: int):
    """x' = 1 + x^m from 0: x = t + t^(m+1)/(m+1) + ..., nothing between."""
    loss = Loss(1, lambda x: -x[0] - x[0] ** (power + 1) / (power + 1), f"-x - x^{power + 1}/...")
    with precision(30):
        field = Field(loss, {tree("[]"): MPFR.convert(fmpq(1))})
        zero, half = MPFR.convert(fmpq(0)), MPFR.convert(fmpq(1, 2))
        ((end,),) = flow(field, [zero], [half], digits=30, arithmetic=MPFR)
        with mpmath.workdps(30):
            time = mpmath.quad(lambda x: 1 / (1 + x**power), [0, mpmath.mpf(str(end))])
            assert abs(time - mpmath.mpf(1) / 2) < mpmath.mpf(10) ** -25


@pytest.mark.parametrize(("digits", "time"), [(50, 60), (120, 1000), (400, 1)])
def test_a_flow_may_be_long_and_of_many_digits(digits: int, time: int):
    """x' = -x from 1, relative to the largest x, which is the start."""
    loss = Loss(1, lambda x: x[0] * x[0] / 2, "x^2/2")
    with precision(digits), mpmath.workdps(digits):
        field = Field(loss, {tree("[]"): MPFR.convert(fmpq(1))})
        start, end = [MPFR.convert(fmpq(1))], [MPFR.convert(fmpq(time))]
        ((found,),) = flow(field, start, end, digits=digits, arithmetic=MPFR)
        apart = abs(mpmath.mpf(str(found)) - mpmath.exp(-time))
        assert apart < mpmath.mpf(10) ** (3 - digits)


@given(loss=smooth_losses(max_dimension=2))
def test_a_flow_over_a_short_time_ends_where_a_longer_one_passes(loss):
    """The longer one takes all terms at first, and the shorter one few."""
    with precision(25):
        field = Field(loss, {tree("[]"): MPFR.convert(fmpq(1))})
        start = [MPFR.convert(fmpq(i + 1, 7)) for i in range(loss.dimension)]
        short, long = (MPFR.convert(t) for t in (fmpq(1, 64), fmpq(1)))
        (alone,) = flow(field, start, [short], digits=25, arithmetic=MPFR)
        passed, _ = flow(field, start, [short, long], digits=25, arithmetic=MPFR)
        assert max(abs(a - b) for a, b in zip(alone, passed, strict=True)) < 1e-24


def test_random_polynomials_are_bounded_below():
    for seed in range(20):
        loss = bounded_polynomial(random.Random(seed), 2)
        far = [fmpq(-50), fmpq(50)]
        assert all(loss.value([x, y]) > 0 for x in far for y in [*far, fmpq(0)])


def test_a_common_factor_is_multiplied_once():
    """x u + x v = x (u + v), 2 x + 3 x = 5 x, and x (x u) = x^2 u where x^2 is known."""
    program = record(3, lambda n: [n[0] * n[0] + n[0] * (n[0] * n[1] + 2 * n[0] * n[2])])
    products = [op for op in program.operations if op[0] == 1]
    assert len(products) == 3
    values = [fmpq(3), fmpq(5), fmpq(7)]
    assert program.at(values, RATIONAL) == [9 + 9 * 5 + 2 * 9 * 7]
