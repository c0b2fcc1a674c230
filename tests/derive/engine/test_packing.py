"""A polynomial is one integer and back, as long as its coefficients obey the bound."""

from flint import fmpq, fmpq_poly
from hypothesis import given
from hypothesis import strategies as st

from derive.engine import many_steps
from derive.engine.cleared import Cleared
from derive.engine.linear_memory import linear_method
from derive.engine.packing import arithmetic
from derive.language.coefficients import Ring
from derive.language.trees import trees_up_to
from derive.optimizers.linear import heavy_ball

ORDER = 6
LARGEST = 10**6
RING = Ring(("beta",))
ARITHMETIC = arithmetic(RING, [fmpq_poly([1])], lambda: fmpq(LARGEST))


def polynomials(largest: int) -> st.SearchStrategy[fmpq_poly]:
    return st.lists(st.integers(-largest, largest), max_size=8).map(fmpq_poly)


@given(p=polynomials(LARGEST))
def test_unpacking_undoes_packing(p):
    assert ARITHMETIC.unpack(ARITHMETIC.pack(p)) == p


@given(p=polynomials(100), q=polynomials(100))
def test_packed_numbers_add_and_multiply_like_polynomials(p, q):
    pack, unpack = ARITHMETIC.pack, ARITHMETIC.unpack
    assert unpack(pack(p) + pack(q)) == p + q
    assert unpack(pack(p) * pack(q)) == p * q
    if p:
        assert unpack(ARITHMETIC.divide(pack(p) * pack(q), pack(p))) == q


def test_the_bound_is_needed():
    """With digits of half the size a coefficient comes out wrong, not merely late."""
    method = linear_method(heavy_ball)
    found = many_steps.solve(method, ORDER, 1)
    bound = Cleared.of(method).largest_coefficient(ORDER)
    narrow = arithmetic(method.ring, [], lambda: bound / 10**6)
    longest = [found.arithmetic.unpack(found.flow[t]) for t in trees_up_to(ORDER)]
    assert any(narrow.unpack(narrow.pack(p)) != p for p in longest)
