"""Equal only where it is proved or seen at many points; a point tells what is different."""

import pytest
import sympy
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from derive.language.bad_input import BadInput
from derive.language.parameter import Parameter
from verify.formulas.deciding import Outcome, decide
from verify.formulas.domain import ComparisonDomain, ranges_of
from verify.formulas.normal_form import NormalForm

h, beta, k, x, y, gamma, rho, n, r = sympy.symbols("h beta k x y gamma rho n r")
MOMENTUM = (sympy.Ge(beta, 0), sympy.Lt(beta, 1), sympy.Gt(h, 0), sympy.Ge(k, 0))
WHERE = ComparisonDomain.of(MOMENTUM)
ANYWHERE = ComparisonDomain()
ROOT = sympy.sqrt

PROVED = [
    (ROOT(h**2), h),
    (ROOT(h) * ROOT(beta), ROOT(h * beta)),
    (ROOT((1 - beta) ** 2 * h), (1 - beta) * ROOT(h)),
    (1 / (1 + ROOT(beta)), (1 - ROOT(beta)) / (1 - beta)),
    (sympy.Abs(1 - beta), 1 - beta),
    (h ** (1 - gamma), h / h**gamma),
    (sympy.Integer(4) ** k, sympy.Integer(2) ** (2 * k)),
    ((-1) ** (2 * k), sympy.Integer(1)),
    (beta ** (2 * k + 2), (beta ** (k + 1)) ** 2),
    (sympy.log(h * (1 - beta)), sympy.log(h) + sympy.log(1 - beta)),
    (sympy.tanh(x), (sympy.exp(2 * x) - 1) / (sympy.exp(2 * x) + 1)),
    (sympy.sin(x) ** 2, 1 - sympy.cos(x) ** 2),
    (sympy.Sum(beta**r, (r, 0, k)), (1 - beta ** (k + 1)) / (1 - beta)),
    (sympy.Sum(beta**r, (r, 0, sympy.oo)), 1 / (1 - beta)),
    (ROOT(8), 2 * ROOT(2)),
    (sympy.Sum(x ** (2 * r), (r, 0, k)), (1 - x ** (2 * k + 2)) / (1 - x**2)),
    (sympy.Sum(2 * h * x ** (k - r), (r, 1, k)), 2 * h * (1 - x**k) / (1 - x)),
    (((1 - x) ** 2) ** k, (1 - x) ** (2 * k)),
]


@pytest.mark.parametrize(("left", "right"), PROVED, ids=[str(left) for left, _ in PROVED])
def test_what_is_equal_on_the_range_is_proved(left, right):
    found = decide(left, right, WHERE)
    assert (found.outcome, found.why) == (Outcome.EQUAL, "")


FALLING = sympy.prod([k - i for i in range(7)])
DIFFERENT = [
    (((1 - x) ** 2) ** h, (1 - x) ** (2 * h), WHERE),
    (sympy.Sum(x ** (2 * r), (r, 0, k)), (1 - x ** (2 * k + 1)) / (1 - x**2), WHERE),
    (ROOT(x**2), x, ANYWHERE),
    (sympy.Abs(x - 2), 2 - x, ANYWHERE),
    (sympy.Abs(gamma), gamma, ANYWHERE),
    (1 - sympy.Abs(1 - rho), rho, ANYWHERE),
    (FALLING * ROOT(h), sympy.Integer(0), WHERE),
    (1 + (beta / 10) ** 100 * ROOT(h), sympy.Integer(1), WHERE),
    (1 + (beta / 10) ** 1000 * ROOT(h), sympy.Integer(1), WHERE),
    (17 * ROOT(h), h, WHERE),
    (h + sympy.exp(-sympy.exp(9 + h)), h, WHERE),
    (h * (1 + sympy.exp(-sympy.exp(99 + h))), h, WHERE),
    (ROOT(x - 1) * ROOT(x - 2), ROOT((x - 1) * (x - 2)), ANYWHERE),
    (sympy.pi, sympy.Rational(355, 113), ANYWHERE),
    (sympy.sin(beta + h), sympy.sin(beta), WHERE),
    (sympy.LambertW(h), h, WHERE),
    ((-1) ** k, sympy.Integer(1), WHERE),
]


@pytest.mark.parametrize(
    ("left", "right", "domain"), DIFFERENT, ids=[str(left) for left, *_ in DIFFERENT]
)
def test_what_is_different_somewhere_is_told_by_a_point(left, right, domain):
    found = decide(left, right, domain)
    assert found.outcome is Outcome.DIFFERENT
    assert "it gives" in found.example


def tower(top: sympy.Expr) -> sympy.Expr:
    return sympy.exp(sympy.exp(top))


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (tower(99 + h), "gives a number too large to print, "),
        (1 / tower(99 + h), "gives a number too small to print, "),
        ((1 + h) ** (-1 / h**99), "gives a number too small to print, "),
        (sympy.Sum(h, (r, 0, tower(99 + h))) - h, "no value"),
        (sympy.binomial(tower(99 + h), tower(99 + h)) - h, "no value"),
    ],
    ids=str,
)
def test_a_number_of_any_size_is_told_in_short(left, said):
    found = decide(left, sympy.Integer(0), ComparisonDomain.of([h > 0, h < 1]))
    assert said in found.example + found.why
    assert len(found.example) < 100


def test_what_is_seen_but_not_proved_says_at_how_many_points():
    found = decide(sympy.asinh(x), sympy.log(x + ROOT(x**2 + 1)), ANYWHERE)
    assert found.outcome is Outcome.EQUAL
    assert "points" in found.why
    assert "not proved" in found.why


def test_no_point_at_all_is_no_evidence():
    nowhere = ComparisonDomain.of([sympy.Gt(x**2 + y**2, 4), sympy.Lt(x**2 + y**2, 1)])
    assert decide(ROOT(x), ROOT(x) + 1, nowhere).outcome is Outcome.UNDECIDED
    never = decide(sympy.Sum(2**r, (r, 0, sympy.oo)), sympy.Integer(-1), ANYWHERE)
    assert never.outcome is not Outcome.EQUAL


@pytest.mark.parametrize(
    "assumed",
    [
        [sympy.Gt(beta, 2)],
        [sympy.Lt(h, 0)],
        [sympy.Eq(beta, 2)],
        [sympy.Eq(gamma, beta), sympy.Gt(gamma, 1)],
        [sympy.And(sympy.Gt(x, 1), sympy.Lt(x, 1))],
        [sympy.Eq(x, 1), sympy.Eq(x, 2)],
    ],
    ids=str,
)
def test_assumptions_that_contradict_each_other_are_refused(assumed):
    with pytest.raises(BadInput, match="contradict"):
        ComparisonDomain.of(MOMENTUM, assumed)


def test_an_equation_gives_a_symbol_its_value_and_may_not_divide_by_zero():
    domain = ComparisonDomain.of(MOMENTUM, [sympy.Eq(beta + gamma, 1)])
    assert decide(gamma, 1 - beta, domain).outcome is Outcome.EQUAL
    with pytest.raises(BadInput, match="divides by zero"):
        ComparisonDomain.of(MOMENTUM, [sympy.Eq(gamma, beta)]).put(1 / (gamma - beta))
    with pytest.raises(BadInput, match="gives no symbol its value"):
        ComparisonDomain.of((), [sympy.Eq(x**2, y**2)])


def test_points_reach_the_ends_of_the_ranges_and_obey_them():
    domain = ComparisonDomain.of([*MOMENTUM, sympy.Lt(x, (1 - ROOT(beta)) ** 2), sympy.Gt(x, 0)])
    points = list(domain.points(["beta", "h", "x"], 60))
    assert len(points) == 60
    assert min(p["beta"] for p in points) == 0
    assert max(p["beta"] for p in points) > fmpq(98, 100)
    assert max(p["h"] for p in points) > 100
    assert min(p["h"] for p in points) < fmpq(1, 1000)
    for p in points:
        assert 0 <= p["beta"] < 1
        assert 0 < float(p["x"]) <= (1 - float(p["beta"]) ** 0.5) ** 2


def test_a_parameter_without_a_range_takes_both_signs():
    points = list(ComparisonDomain.of(ranges_of([Parameter("gamma")])).points(["gamma", "k"], 60))
    assert {p["gamma"] > 0 for p in points} == {True, False}
    assert all(p["k"] == int(p["k"]) for p in ComparisonDomain().counts(k).points(["k"], 9))


EXPRESSIONS = st.recursive(
    st.sampled_from([h, beta, sympy.Integer(2), sympy.Rational(1, 3)]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] * p[1]),
        inner.map(lambda e: ROOT(1 + e**2)),
        inner.map(lambda e: sympy.exp(-(e**2))),
    ),
    max_leaves=5,
)


@given(a=EXPRESSIONS, b=EXPRESSIONS)
def test_sums_and_products_are_decided_however_they_are_written(a, b):
    assert decide((a + b) ** 2, sympy.expand(a**2 + 2 * a * b + b**2), WHERE).outcome == "equal"
    assert decide(a + b, a + b + h, WHERE).outcome == "different"


@given(a=EXPRESSIONS)
def test_a_normal_form_is_zero_exactly_for_nothing(a):
    assert NormalForm(a - a, WHERE).value == 0
    assert NormalForm(a + h + 1 - a, WHERE).value != 0
