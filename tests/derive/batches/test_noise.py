"""The noise term of linear rules, against the coloured series of a step and the known averages."""

import pytest
import sympy

from derive import heavy_ball
from derive.batches.averages import BATCHES, RESHUFFLED, WITH_REPLACEMENT, mean_covariance
from derive.batches.minibatch_flow import leading_parts, minibatch_step
from derive.batches.noise import noise_term
from derive.engine.order_h import coefficient
from derive.language.bad_input import BadInput
from derive.language.formula import BETA
from derive.language.trees import tree
from derive.optimizers import NONLINEAR, ZOO

LINEAR = ["gradient-descent", "heavy-ball", "nesterov", "quasi-hyperbolic", "aggregated-momentum"]
LATE = 7


@pytest.mark.parametrize("name", [*LINEAR, "sam", "extragradient", "torch-sgd"])
def test_a_step_meets_each_batch_again_as_often_as_the_term_says(name):
    """The trees whose two nodes have one colour; memories of 1/8 are gone after 7 steps."""
    values = {"nesterov": False, "maximize": False, "dampening": 0}
    rule = ZOO[name]
    rule = rule.at(**{p: values.get(p, sympy.Rational(1, 8)) for p in rule.parameters})
    step = minibatch_step(rule, order=2, k=LATE)
    again = sum(step[tree(f"{j or ''}[{j or ''}[]]")].as_expr() for j in range(LATE + 1))
    *_, (_, force) = leading_parts(rule, LATE)
    whole = sum(weight.as_expr() for weight in force.values())
    assert abs(float(again / whole**2 + noise_term(rule))) < 1e-5


def test_without_replacement_each_batch_is_met_more_often_by_a_part_in_m():
    """Of the covariance of heavy ball's force, whose age is beta/(1 - beta)."""
    c, d = coefficient(heavy_ball), noise_term(heavy_ball)
    age, kept = BETA / (1 - BETA), (1 - BETA) ** 2
    same = sympy.Symbol("beta")
    c = c.subs(dict.fromkeys(c.free_symbols, same))
    assert sympy.cancel(d - age * kept * mean_covariance(WITH_REPLACEMENT)) == 0
    exact = (age * kept * mean_covariance(RESHUFFLED)).subs(BETA**BATCHES, 0)
    rest = exact - d - (d + sympy.Rational(1, 2) - c) / BATCHES
    assert sympy.limit(sympy.cancel(rest * BATCHES), BATCHES, sympy.oo) == 0


def test_a_rule_that_is_not_linear_has_none():
    with pytest.raises(BadInput, match="linear"):
        noise_term(NONLINEAR["adam"])
