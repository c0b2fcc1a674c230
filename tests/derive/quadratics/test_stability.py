"""Stability, oscillation and the fastest momentum, against eigenvalues enclosed by FLINT."""

import pytest
import sympy
from flint import acb, acb_mat, arb, fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.language.formula import BETA
from derive.optimizers import ZOO, heavy_ball, nesterov, quasi_hyperbolic, sam, torch_sgd
from derive.quadratics.linearization import NotInClosedForm
from derive.quadratics.stability import (
    fastest_momentum,
    oscillation_interval,
    stability_conditions,
    stability_limit,
)
from verify.models.multipliers import step_matrix

LOOKS_AHEAD = torch_sgd.at(nesterov=True, dampening=0)
RULES = [*ZOO.values(), LOOKS_AHEAD]
WITH_ONE_MOMENTUM = [
    rule
    for rule in RULES
    if len(rule.memory) == 1 and [p.meaning for p in rule.declared].count("momentum") == 1
]
OSCILLATING = [rule for rule in WITH_ONE_MOMENTUM if rule.name != "lessard"]


def eigenvalues(rule, values, z: fmpq) -> list[acb]:
    matrix = step_matrix(rule, fmpq(1), z, values)
    if matrix.nrows() == 1:
        return [acb(matrix[0, 0])]
    if matrix.nrows() > 2:
        return acb_mat([[acb(e) for e in row] for row in matrix.tolist()]).eig()
    half = (matrix[0, 0] + matrix[1, 1]) / 2
    root = acb(half**2 - matrix.det()).sqrt()
    return [half + root, half - root]


def radius(rule, values, z: fmpq) -> arb:
    return max((abs(e) for e in eigenvalues(rule, values, z)), key=lambda e: float(e.mid()))


def number(expr: sympy.Expr, values) -> fmpq:
    """A rational number within 10^-30 of the expression."""
    point = {sympy.Symbol(name): sympy.Rational(str(v)) for name, v in values.items()}
    close = sympy.Rational(sympy.N(expr.subs(point), 40))
    return fmpq(int(close.p), int(close.q))


def momenta() -> st.SearchStrategy[fmpq]:
    return st.integers(1, 49).map(lambda n: fmpq(n, 50))


def parameter_values(rule) -> st.SearchStrategy[dict[str, fmpq]]:
    drawn = {
        p.name: momenta() for p in rule.declared if p.name in rule.parameters and p.name != "gamma"
    }
    if "gamma" in rule.parameters:
        drawn["gamma"] = st.integers(-9, 9).map(lambda n: fmpq(n, 6))
    return st.fixed_dictionaries(drawn)


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=10)
@given(data=st.data())
def test_a_mode_decays_below_the_limit_and_grows_above(rule, data):
    values = data.draw(parameter_values(rule))
    limit = number(stability_limit(rule), values)
    for share in (fmpq(1, 1000), fmpq(1, 2), fmpq(999, 1000)):
        assert radius(rule, values, limit * share) < 1
    assert radius(rule, values, limit * fmpq(1001, 1000)) > 1


@pytest.mark.parametrize("rule", RULES, ids=str)
@settings(max_examples=10)
@given(data=st.data())
def test_the_conditions_hold_exactly_where_all_eigenvalues_lie_inside(rule, data):
    values = data.draw(parameter_values(rule))
    z = data.draw(st.integers(-20, 60).map(lambda n: fmpq(2 * n + 1, 17)))
    point = {sympy.Symbol(n): sympy.Rational(str(v)) for n, v in {**values, "z": z}.items()}
    inside = all(sympy.sympify(c).subs(point) > 0 for c in stability_conditions(rule))
    size = radius(rule, values, z)
    assert (size < 1) == inside or size.contains(1)


@pytest.mark.parametrize("rule", OSCILLATING, ids=str)
@settings(max_examples=10)
@given(data=st.data())
def test_the_multipliers_are_complex_inside_the_interval_only(rule, data):
    values = data.draw(parameter_values(rule))
    low, high = (number(end, values) for end in oscillation_interval(rule))
    assert 0 < low < high
    width = high - low
    for z, turns in ((low - width / 1000, 0), (low + width / 1000, 1), (high - width / 1000, 1)):
        assert all((e.imag != 0) == turns for e in eigenvalues(rule, values, z))


@pytest.mark.parametrize("rule", WITH_ONE_MOMENTUM, ids=str)
@settings(max_examples=10)
@given(data=st.data())
def test_another_momentum_is_slower_than_the_fastest(rule, data):
    values = data.draw(parameter_values(rule))
    name = next(p.name for p in rule.declared if p.meaning == "momentum")
    values.pop(name)
    z = data.draw(st.integers(1, 19).map(lambda n: fmpq(n, 20)))
    best = number(fastest_momentum(rule), {**values, "z": z})
    if rule.name == "lessard" and not 0 <= best < 1:
        return
    at_best = radius(rule, {**values, name: best}, z)
    slack = arb(10) ** -12
    for other in (fmpq(n, 23) for n in range(1, 23)):
        assert radius(rule, {**values, name: other}, z) > at_best - slack


def test_the_published_limits_of_heavy_ball_and_nesterov():
    """Lessard, Recht and Packard (2016), section 2, and O'Donoghue and Candes (2015)."""
    assert stability_limit(heavy_ball) == sympy.Mul(2, 1 + BETA, evaluate=False)
    assert sympy.cancel(stability_limit(nesterov) - 2 * (1 + BETA) / (1 + 2 * BETA)) == 0


def test_nesterov_is_quasi_hyperbolic_with_nu_equal_beta():
    """Ma and Yarats (2019): at the step size h/(1-beta)."""
    for closed in (stability_limit, lambda rule: oscillation_interval(rule)[0]):
        same = closed(quasi_hyperbolic).subs("nu", BETA) * (1 - BETA) - closed(nesterov)
        assert sympy.simplify(same.subs(BETA, sympy.Rational(3, 7))) == 0


def test_gradient_descent_is_everyones_limit_without_momentum():
    for rule in (heavy_ball, nesterov, quasi_hyperbolic):
        assert stability_limit(rule).subs(BETA, 0) == 2
    assert sympy.limit(stability_limit(sam), sympy.Symbol("rho"), 0) == 2


def test_what_has_no_closed_form_is_refused():
    with pytest.raises(NotInClosedForm, match="2 memory variables"):
        oscillation_interval(ZOO["aggregated-momentum"])
    with pytest.raises(NotInClosedForm, match="not one momentum"):
        fastest_momentum(heavy_ball.at(beta="1/2"))
    with pytest.raises(NotInClosedForm, match="depend on its parameters"):
        oscillation_interval(ZOO["lessard"])
