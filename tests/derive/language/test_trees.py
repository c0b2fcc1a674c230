from collections import Counter
from math import factorial

import pytest
from hypothesis import given

from derive.language.trees import LEAF, grow, number_of_trees, tree, trees_of_order
from tests.derive.strategies import trees

# OEIS A000081 and A000055
ROOTED = [1, 1, 2, 4, 9, 20, 48, 115, 286, 719, 1842, 4766, 12486, 32973]
FREE = [1, 1, 1, 2, 3, 6, 11, 23, 47]


def test_rooted_trees_are_as_many_as_known():
    assert [len(trees_of_order(n)) for n in range(1, 15)] == ROOTED
    assert [number_of_trees(n) for n in range(1, 15)] == ROOTED


def test_free_trees_are_as_many_as_known():
    assert [len({t.free for t in trees_of_order(n)}) for n in range(1, 10)] == FREE


@pytest.mark.parametrize("n", range(1, 10))
def test_symmetries_and_densities_count_labelled_trees(n: int):
    # Cayley: n^(n-1) labelled rooted trees; heap-ordered ones are (n-1)! (HLW III.1)
    assert sum(factorial(n) // t.symmetry for t in trees_of_order(n)) == n ** (n - 1)
    heaps = sum(factorial(n) // (t.symmetry * t.density) for t in trees_of_order(n))
    assert heaps == factorial(n - 1)


@given(t=trees())
def test_writing_and_reading_are_inverse(t):
    assert tree(str(t)) is t


@given(t=trees())
def test_equal_trees_are_the_same_object_whatever_the_order_of_branches(t):
    assert grow(reversed(t.branches)) is t


@given(t=trees())
def test_cuts_are_as_many_as_edges_and_keep_all_nodes(t):
    assert sum(multiplicity for _, _, multiplicity in t.cuts) == t.order - 1
    assert all(upper.order + rest.order == t.order for upper, rest, _ in t.cuts)


@given(t=trees())
def test_each_node_roots_the_same_free_tree(t):
    assert len(t.rootings) == t.order
    assert {r.free for r in t.rootings} == {t.free}
    assert {r.free_symmetry for r in t.rootings} == {t.free_symmetry}


@given(t=trees())
def test_a_rooting_is_as_frequent_as_its_symmetry_is_small(t):
    for rooted, count in Counter(t.rootings).items():
        assert count * rooted.symmetry == t.free_symmetry


@pytest.mark.parametrize("text", ["", "[", "[]]", "[][]", "x", "[,]", "[[],]", "([])"])
def test_what_is_no_tree_is_named(text: str):
    with pytest.raises(ValueError, match="not a rooted tree"):
        tree(text)


def test_the_leaf_is_the_tree_without_branches():
    assert LEAF.branches == ()
    assert LEAF.order == LEAF.symmetry == LEAF.density == 1
