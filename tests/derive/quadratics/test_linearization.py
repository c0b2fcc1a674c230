import sympy
from hypothesis import given
from hypothesis import strategies as st

from derive import heavy_ball, modified_flow
from derive.batches.history_moments import BETA, K, covariance_factor, mean_factor
from derive.language.trees import tree
from derive.quadratics.linearization import Z, characteristic_polynomial, mode_matrix, multipliers


def test_heavy_ball_on_a_mode():
    assert mode_matrix(heavy_ball) == sympy.Matrix([[1 - Z, BETA], [-Z, BETA]])
    assert characteristic_polynomial(heavy_ball).all_coeffs() == [1, -BETA + Z - 1, BETA]


def test_the_multipliers_solve_the_characteristic_equation():
    polynomial = characteristic_polynomial(heavy_ball).as_expr()
    for kappa in multipliers(heavy_ball):
        assert sympy.expand(polynomial.subs("kappa", kappa)) == 0


def test_a_mode_decays_as_the_modified_flow_says():
    """log kappa_+ expands to -sum of b(tall tree) z^n (-1)^n: tall trees resum to the logarithm."""
    flow = modified_flow(heavy_ball, order=5)
    at = {BETA: sympy.Rational(1, 4)}
    logarithm = sympy.series(sympy.log(multipliers(heavy_ball)[0].subs(at)), Z, 0, 6).removeO()
    text = "[]"
    for n in range(1, 6):
        coefficient = sympy.Rational(str(flow[tree(text)].at({"beta": "1/4"})))
        assert logarithm.coeff(Z, n) == coefficient * (-1) ** n
        text = f"[{text}]"


@given(k=st.integers(0, 12), n=st.integers(1, 9))
def test_history_sums_are_geometric(k: int, n: int):
    beta = sympy.Rational(n, 10)
    at = {BETA: beta, K: k}
    assert mean_factor().subs(at) == sum(beta**r for r in range(k + 1))
    assert covariance_factor().subs(at) == sum(beta ** (2 * r) for r in range(k + 1))
