"""The stationary covariance against a Lyapunov solve at 50 digits and against random draws."""

import numpy as np
import pytest
import sympy
from flint import arb, arb_mat, fmpq, fmpq_mat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from derive import ema_momentum, gradient_descent, heavy_ball, nesterov, quasi_hyperbolic, torch_sgd
from derive.language.formula import BETA
from derive.language.update_rule import BadInput
from derive.optimizers import nesterov_extrapolated, sam
from derive.quadratics.stability import stability_limit
from derive.quadratics.stationary_noise import (
    Z1,
    Z2,
    covariance_equation,
    position_covariance,
    small_step_limit,
    stationary_covariance,
    stationary_variance,
)
from verify.running.numbers import evaluate, precision

RULES = [gradient_descent, heavy_ball, nesterov, ema_momentum, quasi_hyperbolic, torch_sgd, sam]
SMALL = arb(10) ** -50


def lyapunov(rule, hessian: fmpq_mat, noise: fmpq_mat, h: fmpq, values) -> arb_mat:
    """The covariance of x: the sum of A^k Q A^kT, doubled until A^k is gone, in balls."""
    n = hessian.nrows()
    size = n * (1 + len(rule.memory))
    curvature = np.array([[hessian[i, j] for j in range(n)] for i in range(n)], dtype=object)
    zero = np.array([fmpq(0)] * n, dtype=object)

    def run(state, kick):
        blocks = np.split(state, 1 + len(rule.memory))
        x, memory = rule.step(
            blocks[0], list(blocks[1:]), lambda y: curvature.dot(y) + kick, h, values
        )
        return np.concatenate([x, *memory])

    def unit(count, i):
        return np.array([fmpq(i == j) for j in range(count)], dtype=object)

    states = [run(unit(size, i), zero) for i in range(size)]
    kicks = [run(np.array([fmpq(0)] * size, dtype=object), unit(n, i)) for i in range(n)]
    step = fmpq_mat(size, size, [column[i] for i in range(size) for column in states])
    into = fmpq_mat(size, n, [column[i] for i in range(size) for column in kicks])
    total, power = arb_mat(into * noise * into.transpose()), arb_mat(step)
    while max(abs(e).mid() for e in power.entries()) > SMALL:
        total = total + power * total * power.transpose()
        power = power * power
    return total


def matrices(draw, n: int) -> tuple[fmpq_mat, fmpq_mat]:
    """A positive definite Hessian and a noise covariance, of small integers."""

    def square():
        entries = draw(st.lists(st.integers(-2, 2), min_size=n * n, max_size=n * n))
        root = fmpq_mat(n, n, entries)
        return root * root.transpose()

    identity = fmpq_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])
    return square() + identity, square()


def parameter_values(draw, rule):
    return {p: fmpq(draw(st.integers(1, 9)), 10) for p in rule.parameters}


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_the_matrix_equation_solves_the_lyapunov_equation(rule, data):
    agrees(rule, data.draw, data.draw(st.integers(1, 4)))


@settings(max_examples=2, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_it_does_in_six_dimensions_too(data):
    agrees(heavy_ball, data.draw, 6)


def agrees(rule, draw, n: int) -> None:
    hessian, noise = matrices(draw, n)
    values = parameter_values(draw, rule)
    point = {sympy.Symbol(name): sympy.Rational(str(v)) for name, v in values.items()}
    limit = sympy.Rational(sympy.N(stability_limit(rule).subs(point), 20))
    trace = sum((hessian[i, i] for i in range(n)), fmpq(0))
    h = fmpq(int(limit.p), int(limit.q)) / trace * fmpq(draw(st.integers(1, 9)), 10)
    with precision(60):
        wanted = lyapunov(rule, hessian, noise, h, values)
        found = position_covariance(rule.at(**values), hessian, noise, h=h)
        for i in range(n):
            for j in range(n):
                assert abs(wanted[i, j] - arb(found[i, j])) < arb(10) ** -45


@given(
    beta=st.integers(0, 19).map(lambda n: fmpq(n, 20)),
    z=st.tuples(st.integers(1, 9), st.integers(1, 9)),
)
def test_commuting_noise_does_not_feel_the_commutator(beta, z):
    """Label noise, Sigma = H: S = h/(1-beta)/(2 - h H/(1+beta))."""
    hessian = fmpq_mat(2, 2, [z[0], 1, 1, z[1] + 1])
    h = fmpq(1, 20)
    found = position_covariance(heavy_ball.at(beta=beta), hessian, hessian, h=h)
    identity = fmpq_mat(2, 2, [1, 0, 0, 1])
    assert found * (identity * 2 - hessian * (h / (1 + beta))) == identity * (h / (1 - beta))


def test_simulated_noise_has_the_derived_covariance():
    """Within five standard errors of 20,000 independent chains; the noise is seeded."""
    rule, h, beta = nesterov, 0.1, 0.8
    hessian, noise = np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([[1.0, -0.5], [-0.5, 4.0]])
    draws = np.random.default_rng(5)
    root = np.linalg.cholesky(noise)
    x = np.zeros((2, 20_000))
    v = np.zeros_like(x)
    for _ in range(200):
        xi = root @ draws.standard_normal(x.shape)
        x, (v,) = rule.step(x, [v], lambda y, xi=xi: hessian @ y + xi, h, {"beta": beta})
    exact = position_covariance(
        rule.at(beta="4/5"),
        fmpq_mat(2, 2, [2, 1, 1, 3]),
        fmpq_mat([[fmpq(1), fmpq(-1, 2)], [fmpq(-1, 2), fmpq(4)]]),
        h="1/10",
    )
    wanted = np.array([[float(arb(exact[i, j])) for j in range(2)] for i in range(2)])
    spread = np.sqrt((np.outer(wanted.diagonal(), wanted.diagonal()) + wanted**2) / x.shape[1])
    assert np.all(abs(np.cov(x) - wanted) < 5 * spread)


def test_quasi_hyperbolic_with_nu_equal_beta_has_nesterovs_covariance_where_it_looks_ahead():
    """Ma and Yarats (2019): with h/(1-beta) its iterates are Nesterov's extrapolated points."""
    point = {"beta": fmpq(2, 5), "nu": fmpq(2, 5), "z": fmpq(3, 10)}
    scaled = {**point, "z": point["z"] * (1 - point["beta"])}
    ours = evaluate(stationary_variance(quasi_hyperbolic)[0, 0], point)
    theirs = evaluate(stationary_variance(nesterov_extrapolated)[0, 0], scaled)
    assert ours == theirs * (1 - point["beta"]) ** 2


@pytest.mark.parametrize("rule", [heavy_ball, nesterov, ema_momentum, quasi_hyperbolic], ids=str)
def test_the_limit_and_what_it_drops_make_up_the_equation(rule):
    whole = covariance_equation(rule)
    limit, dropped = small_step_limit(whole)
    for side in ("left", "right"):
        for powers, c in getattr(whole, side).items():
            parts = (getattr(part, side).get(powers) for part in (limit, dropped))
            assert sum((part for part in parts if part is not None), c * 0) == c


def test_the_limit_is_the_same_for_heavy_ball_and_nesterov():
    one, other = (small_step_limit(covariance_equation(rule))[0] for rule in (heavy_ball, nesterov))
    assert one == other
    assert one.left[0, 1, 0].as_expr() == sympy.Rational(1, 2) / (1 - BETA) ** 2


def test_momentum_bounds_the_noise_of_nesterov_but_not_of_heavy_ball():
    """As beta -> 1 at a fixed step size."""
    for rule, bounded in ((nesterov, True), (heavy_ball, False)):
        at_one = sympy.limit(stationary_variance(rule)[0, 0].subs("z", 1 / sympy.S(2)), BETA, 1)
        assert at_one.is_finite == bounded


def test_the_covariance_of_two_modes_is_symmetric_and_positive():
    matrix = stationary_covariance(heavy_ball).subs({Z1: 1, Z2: 1, BETA: sympy.Rational(1, 2)})
    assert matrix == matrix.T
    assert matrix.is_positive_definite


def test_impossible_questions_are_refused():
    rule = heavy_ball.at(beta="1/2")
    flat, one = fmpq_mat(2, 2, [1, 0, 0, 0]), fmpq_mat(1, 1, [1])
    skew = fmpq_mat(2, 2, [1, 1, 0, 1])
    with pytest.raises(BadInput, match="z = h times an eigenvalue of the Hessian violates z > 0"):
        position_covariance(rule, flat, flat, h=1)
    with pytest.raises(BadInput, match=r"violates 3 - z > 0"):
        position_covariance(rule, one, one, h=3)
    with pytest.raises(BadInput, match="dimensions"):
        position_covariance(rule, flat, one, h=1)
    with pytest.raises(BadInput, match="symmetric"):
        position_covariance(rule, skew, flat, h=1)
    with pytest.raises(BadInput, match="needs a value for beta"):
        position_covariance(heavy_ball, one, one, h=1)
    with pytest.raises(BadInput, match="brings in"):
        small_step_limit(covariance_equation(gradient_descent))
