"""Drift on random valleys by three routes: exact, in the eigenbasis, from limits of runs."""

import random

import mpmath
import pytest
import sympy
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import ema_momentum, gradient_descent, heavy_ball, nesterov, quasi_hyperbolic
from derive.language.update_rule import BadInput
from derive.valleys.drift import drift, valley
from verify.formulas.reading import loss_from_text
from verify.models.limit_map import Rest, mean_displacement
from verify.models.valleys import (
    curved_valley,
    in_mpmath,
    kicks,
    nearest_minimizer,
    numerical_drift,
)
from verify.running.expression_losses import loss_from_expression
from verify.running.numbers import MPFR, precision
from verify.running.trajectories import vector

DIGITS = 40
PLACES = [
    (heavy_ball, {"beta": fmpq(1, 2)}, fmpq(1, 40), 3, 2),
    (heavy_ball, {"beta": fmpq(9, 10)}, fmpq(1, 8), 3, 2),
    (heavy_ball, {"beta": fmpq(4, 5)}, fmpq(1, 8), 4, 2),
    (gradient_descent, {}, fmpq(1, 8), 3, 1),
    (nesterov, {"beta": fmpq(9, 10)}, fmpq(1, 20), 3, 2),
    (ema_momentum, {"beta": fmpq(4, 5)}, fmpq(1, 4), 3, 2),
    (quasi_hyperbolic, {"beta": fmpq(9, 10), "nu": fmpq(1, 2)}, fmpq(1, 8), 3, 2),
]


def rational(q):
    return sympy.Rational(int(q.p), int(q.q))


def covariance(vectors):
    matrix = sympy.Matrix([[rational(q) for q in v] for v in vectors])
    return matrix.T * matrix


def exact_drift(rule, expr, dimension, noise, h):
    at = {symbol: sympy.Integer(0) for symbol in sympy.symbols(f"x:{dimension}")}
    return drift(rule, valley(expr, at), noise, step=rational(h))


@pytest.mark.parametrize(
    ("rule", "parameters", "h", "dimension", "normal"),
    PLACES,
    ids=lambda x: str(x) if not isinstance(x, dict) else " ".join(map(str, x.values())),
)
def test_half_the_second_differences_of_the_limit_are_the_drift(
    rule, parameters, h, dimension, normal
):
    """The difference is what the extrapolation leaves: 1e-9 to the fourth power, to 40 digits."""
    draw = random.Random(4)
    expr, noise = curved_valley(draw, dimension, normal), kicks(draw, dimension)
    hessian = sympy.hessian(expr, sympy.symbols(f"x:{dimension}")).subs(
        dict.fromkeys(expr.free_symbols, 0)
    )
    assert normal == 1 or hessian * covariance(noise) != covariance(noise) * hessian
    wanted = exact_drift(rule.at(**parameters), expr, dimension, covariance(noise), h).total
    with precision(DIGITS):
        rest = Rest(
            rule, loss_from_expression(expr), [fmpq(0)] * dimension, h, parameters, DIGITS + 5
        )
        along = [vector([MPFR.convert(q) for q in kick]) for kick in noise]
        found = in_mpmath(mean_displacement(rest.after_kick, along, size=fmpq(1, 10**9)))
        size = max(abs(mpmath.mpf(str(x.evalf(20)))) for x in wanted)
        for a, b in zip(found, wanted, strict=True):
            assert abs(a - mpmath.mpf(int(b.p)) / int(b.q)) < size * mpmath.mpf(10) ** -25


def test_the_error_of_the_differences_falls_with_their_fourth_power():
    draw = random.Random(4)
    expr, noise, h = curved_valley(draw), kicks(draw, 3), fmpq(1, 8)
    beta = {"beta": fmpq(3, 4)}
    wanted = exact_drift(heavy_ball.at(**beta), expr, 3, covariance(noise), h).total
    with precision(DIGITS):
        rest = Rest(heavy_ball, loss_from_expression(expr), [fmpq(0)] * 3, h, beta, DIGITS)
        along = [vector([MPFR.convert(q) for q in kick]) for kick in noise]
        errors = []
        for size in (fmpq(1, 10**4), fmpq(1, 10**5)):
            found = in_mpmath(mean_displacement(rest.after_kick, along, size=size))
            gaps = (
                abs(a - mpmath.mpf(int(b.p)) / int(b.q)) for a, b in zip(found, wanted, strict=True)
            )
            errors.append(max(gaps))
        assert abs(mpmath.log10(errors[0] / errors[1]) - 4) < 0.05


@settings(max_examples=4)
@given(seed=st.integers(0, 10**6), beta=st.integers(0, 19), side=st.integers(2, 40))
def test_the_eigenbasis_and_the_rational_route_agree(seed, beta, side):
    draw = random.Random(seed)
    expr, noise = curved_valley(draw), covariance(kicks(draw, 3))
    loss, h = loss_from_expression(expr), fmpq(1, 8 * side)
    rule = heavy_ball.at(beta=fmpq(beta, 20))
    wanted = exact_drift(rule, expr, 3, noise, h)
    with precision(30):
        matrix = mpmath.matrix(
            [[mpmath.mpf(int(q.p)) / int(q.q) for q in noise.row(i)] for i in range(3)]
        )
        found = numerical_drift(rule, loss, [fmpq(0)] * 3, h=h, noise=matrix)
        for part in ("bending", "mixed", "transverse"):
            for a, b in zip(getattr(found, part), getattr(wanted, part), strict=True):
                assert abs(a - mpmath.mpf(int(b.p)) / int(b.q)) < mpmath.mpf(10) ** -20
        assert found.dimension == 1


def test_a_point_beside_the_valley_is_moved_onto_it():
    loss = loss_from_text("(tanh(a)*b - 1/4)^2/2")
    with precision(30):
        a, b = nearest_minimizer(loss, [fmpq(549, 1000), fmpq(1, 2)])
        assert abs(mpmath.tanh(a) * b - mpmath.mpf(1) / 4) < mpmath.mpf(10) ** -30
        assert abs(a - mpmath.mpf("0.549")) < 0.001


def test_the_tanh_network_under_label_noise_goes_down_the_trace_of_its_hessian():
    """E = (tanh(a) b - 1/4)^2/2: the one curvature is (b/cosh(a)^2)^2 + tanh(a)^2."""
    loss, h, rule = loss_from_text("(tanh(a)*b - 1/4)^2/2"), fmpq(1, 10), heavy_ball.at(beta="9/10")
    with precision(30):
        found = numerical_drift(rule, loss, [fmpq(549, 1000), fmpq(1, 2)], h=h)
        a, b = found.at
        slope = mpmath.sech(a) ** 2
        curvature = (b * slope) ** 2 + mpmath.tanh(a) ** 2
        down = mpmath.matrix(
            [
                2 * b * slope * (-2 * b * slope * mpmath.tanh(a)) + 2 * mpmath.tanh(a) * slope,
                2 * b * slope**2,
            ]
        )
        normal = mpmath.matrix([b * slope, mpmath.tanh(a)]) / mpmath.sqrt(curvature)
        tangent = down - normal * mpmath.fdot(list(down), list(normal))
        size = -mpmath.mpf(1) / 2 * mpmath.mpf("1.9") / (mpmath.mpf("3.8") - curvature / 10)
        for x, y in zip(found.transverse, size * tangent, strict=True):
            assert abs(x - y) < mpmath.mpf(10) ** -25


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("x^2 + y^2", [fmpq(1, 10), fmpq(0)], "isolated"),
        ("exp(x) + y^2", [fmpq(1), fmpq(0)], "no minimizer is close"),
        ("x^2 - (y - z)^2", [fmpq(1, 10**7), fmpq(0), fmpq(0)], "negative eigenvalue"),
        ("(exp(x) - y)^2", [fmpq(7, 10), fmpq(2)], "unstable"),
    ],
)
def test_what_is_no_stable_valley_is_named(text, at, says):
    with precision(30), pytest.raises(BadInput, match=says):
        numerical_drift(heavy_ball.at(beta="1/2"), loss_from_text(text), at, h=fmpq(1))
