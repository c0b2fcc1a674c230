"""The principal flow of every optimizer, against the B-series, its own equation and its radius."""

import math
from fractions import Fraction
from math import comb

import pytest
import sympy
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from derive import (
    ema_momentum,
    extragradient,
    gradient_descent,
    heavy_ball,
    lessard,
    nesterov,
    optimizer,
    quasi_hyperbolic,
    torch_sgd,
)
from derive.engine.backward_error import slow_motion
from derive.engine.linear_forms import NotLinear
from derive.engine.linear_memory import NoSlowManifold
from derive.language.coefficients import Ring
from derive.language.parameter import momentum
from derive.language.trees import LEAF, Tree, grow
from derive.language.update_rule import BadInput, Optimizer
from derive.optimizers import (
    ZOO,
    aggregated_momentum,
    heavy_ball_two_step,
    nesterov_extrapolated,
    sam,
)
from derive.quadratics.linearization import KAPPA, Z, characteristic_polynomial
from derive.quadratics.principal_flow import (
    NotInClosedForm,
    principal_flow,
    principal_multiplier,
    principal_polynomial,
    principal_series,
    radius_of_convergence,
)
from derive.quadratics.stability import oscillation_interval

ORDER = 8
TORCH_NESTEROV = torch_sgd.at(nesterov=True, dampening=0)
RULES = [*ZOO.values(), TORCH_NESTEROV, heavy_ball_two_step, nesterov_extrapolated]
CLOSED = [rule for rule in RULES if rule is not aggregated_momentum]
BETA, S = sympy.symbols("beta s")
RING = Ring(("beta",))
b, m, d, nu, alpha, gamma, rho = sympy.symbols("beta momentum dampening nu alpha gamma rho")


def name_of(rule: Optimizer) -> str:
    return "-".join([rule.name, *(f"{name}={value}" for name, value in rule.values)])


def tall_trees(order: int) -> list[Tree]:
    found = [LEAF]
    while len(found) < order:
        found.append(grow((found[-1],)))
    return found


def drawn(data: st.DataObject, rule: Optimizer) -> Optimizer:
    """The rule with every parameter a number inside its range."""
    values = {}
    for p in rule.declared:
        if p.name in rule.parameters:
            low = Fraction(-3 if p.lower is None else "1/20")
            high = Fraction(3 if p.upper is None else "19/20")
            values[p.name] = data.draw(st.fractions(low, high, max_denominator=20), label=p.name)
    return rule.at(**values)


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_the_tall_trees_of_the_modified_flow_add_up_to_the_logarithm(rule):
    """On E = lambda x^2/2 a tall tree of n nodes is (-lambda)^n x, and every other tree is 0."""
    motion, series = slow_motion(rule, ORDER), principal_series(rule, order=ORDER)
    for n, t in enumerate(tall_trees(ORDER), 1):
        assert series.logarithm[n] == motion.modified_flow[t] * (-1) ** n
        assert series.multiplier[n] == motion.one_step_map[t] * (-1) ** n


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_the_principal_polynomial_divides_the_characteristic_polynomial(rule):
    polynomial = principal_polynomial(rule).as_expr()
    whole = characteristic_polynomial(rule).as_expr()
    assert sympy.div(whole, polynomial, KAPPA)[1] == 0
    assert sympy.expand(polynomial.subs({KAPPA: 1, Z: 0})) == 0


@pytest.mark.parametrize("rule", CLOSED, ids=name_of)
def test_the_closed_form_solves_its_equation_and_starts_at_1(rule):
    kappa = principal_multiplier(rule)
    assert sympy.expand(principal_polynomial(rule).as_expr().subs(KAPPA, kappa)) == 0
    at_rest = {sympy.Symbol(name): sympy.Rational(1, 3) for name in rule.parameters} | {Z: 0}
    assert kappa.subs(at_rest) == 1
    assert principal_flow(rule) == sympy.log(kappa) / Z


@pytest.mark.parametrize("rule", RULES, ids=name_of)
@given(data=st.data())
def test_the_series_solves_its_equation_to_its_last_term(rule, data):
    at = drawn(data, rule)
    series = principal_series(at, order=6)
    kappa = sum((sympy.Rational(str(c)) * Z**n for n, c in enumerate(series.multiplier)))
    left = sympy.Poly(principal_polynomial(at).as_expr().subs(KAPPA, kappa), Z)
    assert all(power > 6 for (power,), _ in left.terms()) or left.is_zero


RADII = [
    (gradient_descent, sympy.Integer(1)),
    (heavy_ball, (1 - sympy.sqrt(b)) ** 2),
    (heavy_ball_two_step, (1 - sympy.sqrt(b)) ** 2),
    (nesterov, (1 - b) ** 2 / (1 + b) ** 2),
    (nesterov_extrapolated, (1 - b) ** 2 / (1 + b) ** 2),
    (torch_sgd, (1 - sympy.sqrt(m)) ** 2 / (1 - d)),
    (TORCH_NESTEROV, (1 - m) ** 2 / (1 + m) ** 2),
    (ema_momentum, (1 - sympy.sqrt(b)) / (1 + sympy.sqrt(b))),
    (quasi_hyperbolic, (1 - b) / (1 + sympy.sqrt(b * nu)) ** 2),
    (
        lessard,
        (1 - b) ** 2 / (alpha * sympy.Abs(1 + sympy.sqrt(b - gamma + b * gamma)) ** 2),
    ),
    (sam, 2 / (1 + sympy.sqrt(1 + 4 * rho))),
    (extragradient, sympy.Integer(1)),
]


@pytest.mark.parametrize(("rule", "radius"), RADII, ids=[name_of(rule) for rule, _ in RADII])
def test_the_radius_of_convergence_in_closed_form(rule, radius):
    assert radius_of_convergence(rule) == radius


@pytest.mark.parametrize("rule", RULES, ids=name_of)
@given(data=st.data())
def test_the_coefficients_grow_as_the_radius_says(rule, data):
    """Between n = 40 and n = 80 |c_n| radius^n changes like a power of n only."""
    at = drawn(data, rule)
    radius = math.log(sympy.N(radius_of_convergence(at), 20))
    numbers = [c.at({}) for c in principal_series(at, order=80).logarithm]
    sizes = {n: math.log(abs(int(c.p))) - math.log(int(c.q)) for n, c in enumerate(numbers) if c}
    early, late = (
        max(size + n * radius for n, size in sizes.items() if end - 12 < n <= end)
        for end in (40, 80)
    )
    assert abs(late - early) < 3


@given(data=st.data())
def test_where_the_polynomial_is_irreducible_the_closed_form_can_be_evaluated(data):
    for rule, radius in RADII:
        at = drawn(data, rule)
        if principal_polynomial(at).degree(KAPPA) == principal_polynomial(rule).degree(KAPPA):
            values = {sympy.Symbol(n): sympy.Rational(str(v)) for n, v in at.values}
            numeric = radius_of_convergence(at) - radius.subs(values)
            assert abs(sympy.N(numeric, 30)) < sympy.Rational(1, 10**25)


def test_without_momentum_the_radius_is_that_of_gradient_descent():
    for rule in (heavy_ball.at(beta=0), nesterov.at(beta=0), quasi_hyperbolic.at(nu=0)):
        assert principal_multiplier(rule) == 1 - Z
        assert radius_of_convergence(rule) == 1


def test_the_radius_jumps_where_the_two_multipliers_stop_to_meet():
    """beta = gamma (1-beta): they cross without a branch point, and kappa = 1 - 2 alpha z."""
    assert principal_multiplier(lessard.at(beta="1/2", gamma=1)) == 1 - 2 * alpha * Z
    assert radius_of_convergence(lessard.at(beta="1/2", gamma=1)) == 1 / (2 * alpha)
    assert radius_of_convergence(lessard.at(beta="1/2", gamma="1001/1000")).subs(alpha, 1) < 0.26


def test_the_radius_of_heavy_ball_is_where_it_begins_to_oscillate():
    difference = radius_of_convergence(heavy_ball) - oscillation_interval(heavy_ball)[0]
    assert sympy.expand(difference) == 0


def test_aggregated_momentum_has_an_algebraic_radius():
    radius = radius_of_convergence(aggregated_momentum.at(beta1="1/2", beta2="9/10"))
    assert radius == sympy.rootof(4900 * Z**4 - 17700 * Z**3 + 5089 * Z**2 - 864 * Z + 4, 0)
    equal = radius_of_convergence(aggregated_momentum.at(beta1="1/4", beta2="1/4"))
    assert equal == radius_of_convergence(heavy_ball.at(beta="1/4")) == sympy.Rational(1, 4)


def test_the_logarithm_of_heavy_ball_has_the_squares_of_the_binomials():
    series = principal_series(heavy_ball, order=12)
    one_minus = 1 - RING.parameter("beta")
    for n in range(1, 13):
        squares = sum(comb(n - 1, k) ** 2 * RING.parameter("beta") ** k for k in range(n))
        assert -series.logarithm[n] == squares / (n * one_minus ** (2 * n - 1))


def narayana(n: int, k: int) -> int:
    """How many paths of 2n steps up and down, never below their start, have k peaks (A001263)."""
    return comb(n, k) * comb(n, k - 1) // n


def test_the_multiplier_of_heavy_ball_has_the_narayana_polynomials():
    """1 - kappa = sum_(n>=1) N_(n-1)(beta) z^n/(1-beta)^(2n-1) with N_0 = 1 and
    N_m = sum_(k=1)^m N(m, k) beta^k: row n-1 of the triangle A090181, that is beta times row n-1
    of A001263 for n >= 2.
    """
    assert [[narayana(n, k) for k in range(1, n + 1)] for n in range(1, 5)] == [
        [1],
        [1, 1],
        [1, 3, 1],
        [1, 6, 6, 1],
    ]
    series, beta = principal_series(heavy_ball, order=12).multiplier, RING.parameter("beta")
    for n in range(2, 13):
        row = sum(narayana(n - 1, k) * beta**k for k in range(1, n))
        assert -series[n] == row / (1 - beta) ** (2 * n - 1)
    assert -series[1] == 1 / (1 - beta)


def test_the_slope_of_the_logarithm_of_heavy_ball():
    """d(-log kappa)/dz = ((1+beta-z)^2 - 4 beta)^(-1/2), from the polynomial: 1/(2 kappa - T)."""
    polynomial = principal_polynomial(heavy_ball).as_expr()
    slope = polynomial.diff(Z) / (KAPPA * polynomial.diff(KAPPA))
    trace = 1 + BETA - Z
    assert sympy.cancel(slope - 1 / (2 * KAPPA - trace)) == 0
    kappa = principal_multiplier(heavy_ball)
    assert sympy.expand((2 * kappa - trace) ** 2 - (trace**2 - 4 * BETA)) == 0


def test_the_denominators_are_those_of_the_slow_manifold():
    for c in principal_series(heavy_ball, order=20).logarithm[1:]:
        assert c.reduced.denominator.degree() <= 2 * 20 - 1


def test_a_game_rotates_inside_the_circle_of_convergence():
    kappa = principal_multiplier(extragradient).subs(Z, sympy.I / 2)
    series = principal_series(extragradient, order=80).logarithm
    total = sum(
        complex(sympy.I / 2) ** n * float(sympy.Rational(str(c))) for n, c in enumerate(series)
    )
    assert abs(total - complex(sympy.log(kappa))) < 1e-15


@optimizer(state=("v",), parameters=("beta",))
def without_range(x, v, grad, h, *, beta):
    v = beta * v - h * grad(x)
    return x + v, v


@optimizer(state=("v",), parameters=(momentum(),))
def momentum_extragradient(x, v, grad, h, *, beta):
    v = beta * v - h * grad(x - h * grad(x))
    return x + v, v


@optimizer(state=("z",))
def remembers_z(x, z, grad, h):
    return x - h * grad(x), x


@optimizer(state=("v", "w"), parameters=(momentum(),))
def negative_weight(x, v, w, grad, h, *, beta):
    v, w = beta * v - grad(x), beta / 2 * w + grad(x)
    return x + h * (v + w / 3), v, w


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (lambda: principal_multiplier(aggregated_momentum), "degree 3; use principal_polynomial"),
        (lambda: radius_of_convergence(aggregated_momentum), "give beta1, beta2 a number"),
        (lambda: radius_of_convergence(without_range), "declare them or give numbers"),
        (lambda: radius_of_convergence(momentum_extragradient), "degree 2 in kappa and 2 in z"),
        (lambda: radius_of_convergence(negative_weight.at(beta="1/2")), "positive weights"),
        (lambda: principal_multiplier(remembers_z), "uses the name z"),
        (lambda: principal_series(heavy_ball, order=0), "at least 1"),
    ],
)
def test_what_has_no_closed_form_is_refused_with_the_way_out(refused, said):
    with pytest.raises(BadInput, match=said):
        refused()


def test_a_refused_closed_form_still_has_its_series():
    for rule in (aggregated_momentum, without_range, momentum_extragradient, negative_weight):
        motion, series = slow_motion(rule, 5), principal_series(rule, order=5)
        for n, t in enumerate(tall_trees(5), 1):
            assert series.logarithm[n] == motion.modified_flow[t] * (-1) ** n
    assert radius_of_convergence(without_range.at(beta="1/4")) == sympy.Rational(1, 4)
    assert issubclass(NotInClosedForm, BadInput)


def test_rules_outside_the_theory_are_refused():
    @optimizer(state=("v",))
    def undamped(x, v, grad, h):
        v = v - h * grad(x)
        return x + v, v

    @optimizer(state=("v",))
    def squared(x, v, grad, h):
        return x - h * grad(x), v * v

    with pytest.raises(NoSlowManifold):
        principal_series(undamped, order=2)
    with pytest.raises(NotLinear):
        principal_multiplier(squared)


def test_a_repelling_memory_takes_the_other_branch():
    rule = without_range.at(beta=4)
    assert principal_multiplier(rule).subs(Z, 0) == 1
    assert principal_series(rule, order=1).multiplier[1].at({}) == fmpq(1, 3)
