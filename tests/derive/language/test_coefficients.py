from math import prod

import pytest
import sympy
from flint import fmpq, fmpq_poly
from hypothesis import assume, example, given
from hypothesis import strategies as st

from derive.language.coefficients import Coefficient, Ring, exact
from derive.language.factored import _split
from derive.language.writing import is_sum, latex, plain, unicode_text

RING = Ring(("beta", "nu"))
BETA, NU = RING.parameter("beta"), RING.parameter("nu")
ROOTED = Ring(("q",), (("q", 2),))
ROOT = ROOTED.parameter("q").sqrt()


@st.composite
def coefficients(draw: st.DrawFn, ring: Ring = RING) -> Coefficient:
    """A random fraction of two polynomials."""
    names = [ring.parameter(name) for name in ring.parameters]

    def polynomial() -> Coefficient:
        total = ring.number(draw(st.integers(-4, 4)))
        for name in names:
            total = total + name * draw(st.integers(-3, 3)) + name**2 * draw(st.integers(-2, 2))
        return total

    bottom = polynomial()
    return polynomial() / (bottom if bottom else ring.number(1))


@given(a=coefficients(), b=coefficients(), c=coefficients())
def test_coefficients_are_a_field(a, b, c):
    assert (a + b) * c == a * c + b * c
    assert a - a == 0
    if b:
        assert a / b * b == a


@given(a=coefficients())
def test_sympy_and_back_is_the_same(a):
    assert RING.from_expr(a.as_expr()) == a


@given(a=coefficients(Ring(("beta",))))
def test_what_is_printed_reads_as_the_same_value(a):
    read = sympy.parse_expr(repr(a), {"beta": sympy.Symbol("beta")})
    assert Ring(("beta",)).from_expr(read) == a


@st.composite
def products(draw: st.DrawFn, ring: Ring) -> Coefficient:
    """Powers of sums of a few monomials in what the parameters are or have roots of."""
    exponents = st.tuples(*(st.integers(0, 2) for _ in ring.generators))
    counts = st.sampled_from([-3, -1, 1, 2])
    value = ring.number(draw(counts)) / draw(st.integers(1, 3))
    for _ in range(draw(st.integers(1, 4))):
        terms = draw(st.dictionaries(exponents, counts, min_size=1, max_size=3))
        polynomial = ring.unit * 0
        for powers, count in terms.items():
            polynomial += count * prod(g**e for g, e in zip(ring.generators, powers, strict=True))
        value = value * Coefficient(ring, polynomial, ring.unit) ** draw(
            st.sampled_from([-2, -1, 1, 2])
        )
    return value


@pytest.mark.parametrize(
    "ring", [Ring(("beta",)), Ring(("nu", "Beta", "h")), Ring(("q", "lr"), (("q", 2),))], ids=repr
)
@given(data=st.data(), power=st.integers(0, 2))
def test_factors_are_written_as_their_expression_is(ring, data, power):
    product = data.draw(products(ring)).factored.times(sympy.Symbol("eta"), power)
    for write in (plain, latex, unicode_text, is_sum):
        assert write(product) == write(product.as_expr())


@given(a=coefficients(), b=coefficients())
def test_evaluation_is_a_homomorphism(a, b):
    point = {"beta": "17/31", "nu": "19/37"}
    try:
        left, right = a.at(point), b.at(point)
    except ZeroDivisionError:
        return
    assert (a * b + a).at(point) == left * right + left


@pytest.mark.parametrize(
    ("value", "meant"),
    [("9/10", fmpq(9, 10)), ("0.9", fmpq(9, 10)), (0.9, fmpq(9, 10)), (3, fmpq(3))],
)
def test_a_number_is_what_a_person_means(value, meant):
    assert exact(value) == meant


@pytest.mark.parametrize("value", ["", "x", "1/0", "inf", "nan", "1e", float("inf")])
def test_what_is_no_rational_number_is_named(value):
    with pytest.raises(ValueError, match="not a rational number"):
        exact(value)


@pytest.mark.parametrize(
    ("coefficient", "written"),
    [
        (-(1 + BETA) / (2 * (1 - BETA) ** 3), "-(1 + beta)/(2*(1 - beta)**3)"),
        ((1 + 4 * BETA + BETA**2) / 3, "(1 + 4*beta + beta**2)/3"),
        (NU * BETA / (1 - BETA), "beta*nu/(1 - beta)"),
        ((1 - BETA) * (1 + BETA - BETA**2), "(1 + beta - beta**2)*(1 - beta)"),
        ((1 - 4 * ROOT) * (1 - ROOT + ROOT**2), "(1 - sqrt(q) + q)*(1 - 4*sqrt(q))"),
        (RING.number("-3/4"), "-3/4"),
        (RING.number(0), "0"),
    ],
)
def test_a_coefficient_prints_as_an_author_writes_it(coefficient, written):
    assert repr(coefficient) == written


LINEAR = fmpq_poly([1, 1])


@st.composite
def palindromes(draw: st.DrawFn) -> fmpq_poly:
    """With a rational factor, and some with a factor and its mirror image."""
    half = draw(st.lists(st.integers(-9, 9), min_size=2, max_size=5))
    whole = draw(st.sampled_from([half + half[-2::-1], half + half[::-1]]))
    p = fmpq_poly(draw(st.lists(st.integers(-9, 9), min_size=1, max_size=3)))
    mirrored = p * fmpq_poly(p.coeffs()[::-1]) if draw(st.booleans()) else 1
    polynomial = fmpq_poly(whole) * mirrored * LINEAR ** draw(st.integers(0, 3))
    return polynomial * draw(st.integers(-9, 9)) / draw(st.integers(1, 9))


@given(polynomial=palindromes())
@example(polynomial=fmpq_poly([7, 3, 1]) * fmpq_poly([1, 3, 7]))
@example(polynomial=fmpq_poly([1, 0, 0, 0, 1]))
@example(polynomial=-fmpq_poly([1, 5, 17, 5, 1]) * LINEAR / 3)
def test_palindromes_have_the_factors_that_flint_finds(polynomial):
    assume(polynomial != 0)
    assert _split(polynomial) == polynomial.factor()
