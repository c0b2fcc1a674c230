"""Trees with colours: counted, cut and rooted as the one-colour ones, and blind to equal fields."""

from itertools import product

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from derive.engine.bseries import BSeries, exp, log
from derive.language.trees import number_of_trees, tree, trees_of_order, trees_up_to
from tests.derive.series import compose, field_at, in_other_fields, lie_derivative
from tests.derive.strategies import rationals, trees

TWO = list(trees_up_to(4, colours=2))
COLOUR_BLIND = {0: {0: 1}, 1: {0: 1}}


@st.composite
def coloured_series(draw: st.DrawFn, empty: int = 1, order: int = 3) -> BSeries:
    """A map (empty = 1) or a field (empty = 0) with two colours."""
    coefficients = {t: draw(rationals()) for t in trees_up_to(order, colours=2)}
    return BSeries(order, fmpq(empty), coefficients)


def fields() -> st.SearchStrategy[BSeries]:
    return coloured_series(empty=0)


def test_two_colours_count_as_in_the_encyclopedia_of_integer_sequences():
    """OEIS A000151: rooted trees with 2-coloured nodes."""
    known = [2, 4, 14, 52, 214, 916]
    assert [number_of_trees(n, 2) for n in range(1, 7)] == known
    assert [len(trees_of_order(n, 2)) for n in range(1, 7)] == known
    assert [number_of_trees(n, 5) for n in (1, 2, 3)] == [5, 25, 5 * 25 + 5 * 15]


@given(st.sampled_from(TWO))
def test_a_coloured_tree_is_read_as_it_is_written(t):
    assert tree(str(t)) is t
    assert tree(str(t).replace(",", " , ")) is t


@pytest.mark.parametrize("text", ["1", "1[", "[]1", "[1]", "x[]", "-1[]"])
def test_what_is_no_coloured_tree_is_refused(text):
    with pytest.raises(ValueError, match="not a rooted tree"):
        tree(text)


@given(st.sampled_from(TWO))
def test_cuts_and_rootings_keep_every_colour(t):
    def colours(*parts):
        return sorted("".join(str(p) for p in parts).count("1") for _ in range(1))

    assert sum(count for *_, count in t.cuts) == t.order - 1
    assert all(colours(upper, rest) == colours(t) for upper, rest, _ in t.cuts)
    assert len(t.rootings) == t.order
    assert all(colours(r) == colours(t) and r.free is t.free for r in t.rootings)


@given(trees(5))
def test_the_colourings_of_a_tree_share_its_automorphisms(t):
    """Orbit counting: the colourings of the nodes are the sum of symmetry(t)/symmetry(coloured)."""
    forgotten = in_other_fields(
        BSeries(t.order, fmpq(0), {u: fmpq(0) for u in trees_up_to(t.order)} | {t: fmpq(1)}),
        {0: {0: 1, 1: 1}},
    )
    found = {u: c for u, c in forgotten.items() if c}
    assert sum(c * t.symmetry / u.symmetry for u, c in found.items()) == 2**t.order


@given(coloured_series(), coloured_series(), coloured_series())
def test_composition_is_associative(a, b, c):
    assert compose(compose(a, b), c) == compose(a, compose(b, c))


@given(fields())
def test_log_undoes_exp(field):
    assert log(exp(field)).coefficients == field.coefficients


@given(coloured_series(), coloured_series(), fields())
def test_making_the_fields_equal_goes_through_every_operation(a, b, field):
    def blind(series):
        return in_other_fields(series, COLOUR_BLIND)

    assert blind(compose(a, b)) == compose(blind(a), blind(b))
    assert blind(exp(field)) == exp(blind(field))
    assert blind(log(a)).coefficients == log(blind(a)).coefficients
    assert blind(lie_derivative(a, field)) == lie_derivative(blind(a), blind(field))
    assert blind(field_at(a, 0)) == blind(field_at(a, 1)) == field_at(blind(a))


@given(coloured_series(), st.lists(rationals(), min_size=4, max_size=4))
def test_a_change_of_fields_is_undone_by_the_inverse_change(series, entries):
    a, b, c, d = entries
    if (det := a * d - b * c) == 0:
        return
    there = {0: {0: a, 1: b}, 1: {0: c, 1: d}}
    back = {0: {0: d / det, 1: -b / det}, 1: {0: -c / det, 1: a / det}}
    assert in_other_fields(in_other_fields(series, there), back) == series


@given(coloured_series())
def test_a_permutation_of_the_colours_permutes_the_coefficients(series):
    swapped = in_other_fields(series, {0: {1: 1}, 1: {0: 1}})
    for first, second in product(range(2), repeat=2):
        a, b = (f"{c or ''}[" for c in (first, second))
        c, d = (f"{1 - c or ''}[" for c in (first, second))
        assert series[tree(f"{a}{b}]]")] == swapped[tree(f"{c}{d}]]")]
