"""Random trees and B-series with small rational coefficients, and algebras that may start again."""

from collections.abc import Callable
from typing import TypeVar

from flint import fmpq
from hypothesis import strategies as st

from derive.engine.bseries import BSeries
from derive.engine.component_ring import Restart
from derive.engine.vectors import Algebra
from derive.language.trees import Tree, trees_of_order, trees_up_to

ORDER = 6
T = TypeVar("T")


def rationals() -> st.SearchStrategy[fmpq]:
    return st.builds(fmpq, st.integers(-6, 6), st.integers(1, 4))


def trees(max_order: int = 7) -> st.SearchStrategy[Tree]:
    return st.integers(1, max_order).flatmap(lambda n: st.sampled_from(trees_of_order(n)))


@st.composite
def b_series(draw: st.DrawFn, empty: int = 1, order: int = ORDER) -> BSeries:
    """A map (empty = 1) or a vector field (empty = 0)."""
    coefficients = {t: draw(rationals()) for t in trees_up_to(order)}
    return BSeries(order, fmpq(empty), coefficients)


def fields(order: int = ORDER) -> st.SearchStrategy[BSeries]:
    return b_series(empty=0, order=order)


def settled(law: Callable[[Algebra], T]) -> T:
    """What holds in an algebra, asked again where a root or a sign replaced a symbol in it."""
    algebra = Algebra()
    while True:
        try:
            return law(algebra)
        except Restart:
            algebra.forget()
