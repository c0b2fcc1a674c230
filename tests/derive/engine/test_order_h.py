"""What a rule penalizes at order h, in one component."""

import pytest
import sympy

from derive import BadInput, gradient_descent, heavy_ball, nesterov
from derive.engine.order_h import G, regularizer
from derive.optimizers import NONLINEAR

BETA = sympy.Symbol("beta", positive=True)


@pytest.mark.parametrize(
    ("rule", "c"),
    [
        (gradient_descent, sympy.Rational(1, 2)),
        (heavy_ball, (1 + BETA) / (2 * (1 - BETA))),
        (nesterov, (1 - BETA + 2 * BETA**2) / (2 * (1 - BETA))),
    ],
)
def test_linear_rules_penalize_the_squared_gradient(rule, c):
    found = regularizer(rule)
    assert sympy.simplify(found.coefficient - c) == 0
    assert found.norm == "‖g‖²/2"


def test_sign_descent_penalizes_the_sum_of_sizes():
    found = regularizer(NONLINEAR["adam"])
    assert found.coefficient is not None
    assert found.coefficient.has(G)
    assert "log" in found.norm


def test_a_game_has_no_single_loss():
    with pytest.raises(BadInput, match="one loss"):
        regularizer(NONLINEAR["descent-ascent"])
