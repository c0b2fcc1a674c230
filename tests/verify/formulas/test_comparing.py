"""A formula beside the right one: equal, or different with the way to see it."""

import re
from fractions import Fraction

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from derive.language.update_rule import BadInput
from derive.optimizers import ZOO
from verify.claims.claim import REGISTRY
from verify.claims.slips import slips
from verify.formulas.comparing import compare_with, same
from verify.formulas.targets import FAMILIES, claim_formulas, find_target, list_targets

h, beta, k, n, nu = sympy.symbols("h beta k n nu")
LOSS = h * (1 + beta) / (4 * (1 - beta) ** 2)
GAMMA = 1 - beta ** (2 * k + 2) - 4 * (k + 1) * beta ** (k + 1) * (1 - beta) / (1 + beta)

EQUAL = [
    (LOSS, "heavy-ball:modified-loss:order-1"),
    (sympy.expand(LOSS * (1 - beta)) / (1 - beta), "heavy-ball:modified-loss:order-1"),
    (LOSS / (1 - beta), "heavy-ball:modified-loss-unscaled:order-1"),
    (h * beta / (2 * (1 - beta) ** 2), "heavy-ball:discrete-modified-loss:order-1"),
    (h * beta / (1 - beta) ** 2, "heavy-ball:initial-shift:order-1"),
    (GAMMA, "heavy-ball:transient-factor:order-1"),
    (GAMMA, "ghosh2023.gamma:factor"),
    (sympy.Sum(beta ** (2 * n), (n, 0, k)), "ghosh2023.variance-of-history-sum"),
    (1 - 2 * sympy.sqrt(beta) + beta, "cowsik2022.oscillation-threshold:low"),
    (
        -(h**2) * (1 + 4 * beta + beta**2) / (3 * (1 - beta) ** 5),
        "heavy-ball:modified-flow:order-2:[[[]]]",
    ),
]


@pytest.mark.parametrize(("given_formula", "target"), EQUAL, ids=[t for _, t in EQUAL])
def test_a_right_formula_is_equal_however_it_is_written(given_formula, target):
    assert compare_with(given_formula, find_target(target)).equal


@pytest.mark.parametrize(
    ("wrong", "target"),
    [(2 * e if e != GAMMA else GAMMA.subs(k, k + 1), t) for e, t in EQUAL],
    ids=[t for _, t in EQUAL],
)
def test_a_wrong_formula_is_different_with_a_counterexample(wrong, target):
    answer = compare_with(wrong, find_target(target))
    assert not answer.equal
    assert "the right formula" in answer.counterexample


def test_a_formula_right_in_another_normalization_is_told_which():
    answer = compare_with(LOSS / (1 - beta), find_target("heavy-ball:modified-loss:order-1"))
    assert not answer.equal
    assert answer.elsewhere == "heavy-ball:modified-loss-unscaled:order-1"
    assert answer.ratio == "1/(1 - beta)"
    assert answer.agree == ("beta = 0",)


def test_the_slip_is_named():
    target = find_target("heavy-ball:modified-loss:order-1")
    assert "sign of beta" in compare_with(LOSS * (1 - beta) / (1 + beta), target).slip
    assert compare_with(-LOSS, target).slip == "the sign"
    assert "exponent of 1 - beta" in compare_with(LOSS * (1 - beta), target).slip


def test_an_equation_between_parameters_can_be_assumed():
    nesterov = find_target("nesterov:modified-loss:order-1").expr
    target = find_target("quasi-hyperbolic:modified-loss:order-1")
    rescaled = nesterov.subs(h, h * (1 - beta))
    assert not compare_with(rescaled, target).equal
    assert compare_with(rescaled, target, [sympy.Eq(nu, beta)]).equal


def test_a_counterexample_obeys_the_assumed_inequalities():
    target = find_target("heavy-ball:modified-loss:order-1")
    answer = compare_with(2 * LOSS, target, [sympy.Gt(beta, sympy.Rational(7, 10))])
    found = re.search(r"beta = (\S+),", answer.counterexample)
    assert found is not None
    assert Fraction(7, 10) < Fraction(found[1]) < 1


@given(data=st.data())
def test_no_slip_of_the_right_formula_passes_for_it(data):
    wrong = data.draw(st.sampled_from([e for _, e in slips(LOSS) if not same(e, LOSS)]))
    assert not compare_with(wrong, find_target("heavy-ball:modified-loss:order-1")).equal


def test_every_listed_target_can_be_asked():
    listed = dict(list_targets())
    assert {name for id in REGISTRY.claims for name in claim_formulas(id)} <= set(listed)
    for name in ZOO:
        for family in ("modified-flow", "one-step-map", "initial-shift"):
            assert f"{name}:{family}:order-1" in listed
            find_target(f"{name}:{family}:order-1")


@pytest.mark.parametrize("family", FAMILIES)
def test_each_quantity_of_heavy_ball_at_order_1(family):
    assert find_target(f"heavy-ball:{family}:order-1").expr.has(beta)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nonsense", "is no target"),
        ("heavy-ball:modified-los:order-1", "Did you mean 'modified-loss'?"),
        ("heavyball:modified-loss:order-1", "Did you mean 'heavy-ball'?"),
        ("heavy-ball:modified-flow:order-2", "2 trees share order-2"),
        ("heavy-ball:modified-loss:order-2", "exists through h^1"),
        ("heavy-ball:modified-loss:order-99", "order-4"),
        ("heavy-ball:modified-flow:order-2:[[]]", "has 2 nodes; order-2 has 3"),
        ("heavy-ball:modified-flow:order-2:[", "not a rooted tree"),
        ("heavy-ball:initial-shift:order-0", "starts at order-1"),
        ("extragradient:modified-loss:order-1", "no loss stands"),
    ],
)
def test_a_target_that_cannot_be_read_is_refused(name, said):
    with pytest.raises(BadInput, match=r"(?s).*") as error:
        find_target(name)
    assert said in str(error.value)
