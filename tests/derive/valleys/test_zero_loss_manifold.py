"""Kicks, kernels and drift on a valley: laws for the zoo, and examples solved by hand."""

import pytest
import sympy

from derive import (
    ema_momentum,
    extragradient,
    gradient_descent,
    heavy_ball,
    nesterov,
    quasi_hyperbolic,
)
from derive.engine.linear_forms import NotLinear
from derive.language.formula import BETA, H
from derive.language.update_rule import BadInput
from derive.optimizers import aggregated_momentum, sam
from derive.valleys.drift import drift, is_stable, valley
from derive.valleys.zero_loss_manifold import (
    CURVATURE,
    CURVATURES,
    effective_step,
    kernel,
    label_noise_regularizer,
    label_noise_slope,
    matched_exponent,
    powers,
)

RULES = [gradient_descent, heavy_ball, nesterov, ema_momentum, quasi_hyperbolic]
R = sympy.Rational
x, y, z = sympy.symbols("x y z")
FIRST, SECOND = CURVATURES


def same(a: sympy.Expr, b: sympy.Expr) -> bool:
    return sympy.cancel(a - b) == 0


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_kernel_is_symmetric_in_the_two_modes(rule):
    weights = kernel(rule)
    assert same(weights, weights.subs({FIRST: SECOND, SECOND: FIRST}, simultaneous=True))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_small_steps_under_label_noise_flatten_the_trace_of_the_hessian(rule):
    assert same(label_noise_slope(rule).subs(H, 0), R(1, 2))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_regularizer_has_the_slope_and_starts_at_0(rule):
    found = label_noise_regularizer(rule)
    assert found.subs(CURVATURE, 0) == 0
    assert same(sympy.diff(found, CURVATURE), label_noise_slope(rule))


@pytest.mark.parametrize("rule", [heavy_ball, nesterov, ema_momentum], ids=str)
def test_without_momentum_every_rule_drifts_like_gradient_descent(rule):
    assert same(kernel(rule).subs(BETA, 0), kernel(gradient_descent))


def test_averages_are_heavy_ball_with_another_step():
    assert same(kernel(ema_momentum), kernel(heavy_ball).subs(H, (1 - BETA) * H))


def test_quasi_hyperbolic_momentum_at_its_ends_is_gradient_descent_and_an_average():
    nu = sympy.Symbol("nu")
    assert same(kernel(quasi_hyperbolic).subs(nu, 0), kernel(gradient_descent))
    assert same(kernel(quasi_hyperbolic).subs(nu, 1), kernel(ema_momentum))


def test_the_effective_step_of_two_averages_is_their_mean():
    first, second = (sympy.Symbol(name) for name in aggregated_momentum.parameters)
    wanted = H / 2 * (1 / (1 - first) + 1 / (1 - second))
    assert same(effective_step(aggregated_momentum), wanted)


@pytest.mark.parametrize("rule", [extragradient, sam], ids=str)
def test_a_rule_with_two_gradients_a_step_is_refused(rule):
    with pytest.raises(NotLinear, match="one gradient a step"):
        kernel(rule)


def test_two_thirds_and_its_neighbours():
    fades, drifts = powers(1 / (1 - BETA)), powers(effective_step(heavy_ball) ** -2)
    assert (fades, drifts) == ((0, -1), (-2, 2))
    assert matched_exponent(fades, drifts) == R(2, 3)
    assert matched_exponent(fades, powers(effective_step(ema_momentum) ** -2)) == 2


def test_a_product_of_two_numbers_is_driven_to_balance():
    """E = (xy-1)^2/2: H = (y, x)(y, x)^T, drift against the tangent part of grad (x^2 + y^2)."""
    place = valley((x * y - 1) ** 2 / 2, {x: R(2), y: R(1, 2)})
    found = drift(heavy_ball, place, place.hessian)
    top = R(17, 4)
    force = place.tangent * sympy.Matrix([2 * R(2), 2 * R(1, 2)])
    size = -R(1, 2) * (H / (1 - BETA)) ** 2 * label_noise_slope(heavy_ball).subs(CURVATURE, top)
    assert all(same(a, size * b) for a, b in zip(found.total, force, strict=True))
    balanced = valley((x * y - 1) ** 2 / 2, {x: R(1), y: R(1)})
    assert not any(drift(heavy_ball, balanced, balanced.hessian).total)


CURVED = ((z - x**2 - x * y) ** 2 + 2 * (y - x * z + x**2) ** 2 + z * y) / 2
CURVED += (z - x**2 - x * y) * (y - x * z + x**2) / 2 - z * y / 2
AT = heavy_ball.at(beta="4/5")


def test_drift_is_linear_in_the_covariance_and_vanishes_without_noise():
    place = valley(CURVED, {x: R(0), y: R(0), z: R(0)})
    one = sympy.Matrix([[2, 1, 0], [1, 3, 1], [0, 1, 1]])
    two = sympy.Matrix([[1, 0, -1], [0, 1, 0], [-1, 0, 4]])
    first, second, both = (drift(AT, place, s, step=R(1, 9)) for s in (one, two, one + 3 * two))
    assert both.total == first.total + 3 * second.total
    assert both.diffusion == first.diffusion + 3 * second.diffusion
    assert not any(drift(AT, place, one * 0, step=R(1, 9)).total)


def test_label_noise_neither_diffuses_nor_bends_nor_mixes():
    place = valley(CURVED, {x: R(0), y: R(0), z: R(0)})
    found = drift(AT, place, place.hessian, step=R(1, 9))
    assert not any([*found.bending, *found.mixed, *found.diffusion])
    assert any(found.transverse)


def test_the_parts_lie_along_and_across_the_valley():
    place = valley(CURVED, {x: R(0), y: R(0), z: R(0)})
    found = drift(AT, place, sympy.Matrix([[2, 1, 1], [1, 3, 1], [1, 1, 2]]), step=R(1, 9))
    assert place.hessian * place.tangent == sympy.zeros(3)
    assert place.tangent * found.bending == sympy.zeros(3, 1)
    assert place.tangent * (found.mixed + found.transverse) == found.mixed + found.transverse
    assert all(any(part) for part in (found.bending, found.mixed, found.transverse))


def test_the_third_derivative_along_two_tangents_is_normal():
    place = valley(CURVED, {x: R(0), y: R(0), z: R(0)})
    assert place.tangent * place.twice(place.tangent) == sympy.zeros(3, 1)


@pytest.mark.parametrize(
    ("loss", "says"),
    [
        (x**2 + y**2, "isolated"),
        (x**2 - y**2 + z * 0, "isolated"),
        (x + y, "not 0"),
        (x**4 + y**2, "larger than the manifold"),
        (x**2 * y**2, "larger than the manifold"),
        (x**2 + x * y**2, "larger than the manifold"),
        (-((x - y) ** 2), "negative eigenvalue"),
        (sympy.sqrt(2) * (x - y) ** 2, "not a rational number"),
    ],
    ids=str,
)
def test_what_is_no_valley_is_named(loss, says):
    with pytest.raises(BadInput, match=says):
        valley(loss, {x: R(0), y: R(0)})


def test_a_step_beyond_the_stable_range_is_refused_and_the_last_stable_one_is_not():
    place = valley((x - y) ** 2, {x: R(0), y: R(0)})
    rule = heavy_ball.at(beta="1/2")
    limit = 2 * (1 + R(1, 2)) / 4
    drift(rule, place, place.hessian, step=limit - R(1, 1000))
    with pytest.raises(BadInput, match="unstable"):
        drift(rule, place, place.hessian, step=limit)


@pytest.mark.parametrize("noise", [sympy.eye(3), sympy.Matrix([[1, 2], [0, 1]])], ids=str)
def test_a_covariance_that_does_not_fit_is_refused(noise):
    place = valley((x - y) ** 2, {x: R(0), y: R(0)})
    with pytest.raises(BadInput, match="symmetric, 2 by 2"):
        drift(AT, place, noise)


@pytest.mark.parametrize(
    ("roots", "stable"),
    [((R(1, 2), R(-9, 10)), True), ((R(1, 2), 1), False), ((2, R(1, 2)), False), ((0, 0), True)],
    ids=str,
)
def test_stability_is_told_from_the_coefficients(roots, stable):
    s = sympy.Symbol("s")
    assert is_stable(sympy.Poly(sympy.prod(s - root for root in roots), s)) is stable
