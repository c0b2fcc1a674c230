"""B-series over any exact ring: sum, composition, Lie derivative, exp (flow) and log (field).

Convention, for every series of this package:

    B(a, x) = a(empty) x + sum over rooted trees t of h^|t| a(t)/sigma(t) F(t)(x),

F(t) the elementary differentials of f = -grad E, or of several fields f_c, one for every colour c
of a node: F(t) = f_c^(m)[F(t_1), ..., F(t_m)] for a root of colour c with branches t_1, ..., t_m.
A vector field g is held as the series of h g, so its coefficient b(t) multiplies
h^(|t|-1)/sigma(t) F(t) in x' = g(x).

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), III.1 and IX.9.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from itertools import product, repeat
from math import factorial
from operator import add, mul
from typing import Any

from flint import fmpq

from derive.engine.showing import notebook, series_latex
from derive.language.bad_input import BadInput
from derive.language.trees import Tree, grow, trees_up_to

Scalar = Any
"""An element of an exact commutative ring that contains the rationals (`fmpq`, `Coefficient`)."""


class Lazy(Mapping[Tree, Scalar]):
    """Coefficients that are worked out when they are first asked for."""

    def __init__(self, trees: Collection[Tree], coefficient: Callable[[Tree], Scalar]) -> None:
        self._trees = trees
        self._coefficient = coefficient
        self._known: dict[Tree, Scalar] = {}

    def __getitem__(self, t: Tree) -> Scalar:
        if t not in self._known:
            self._known[t] = self._coefficient(t)
        return self._known[t]

    def __contains__(self, t: object) -> bool:
        return t in self._trees

    def __iter__(self) -> Iterator[Tree]:
        return iter(self._trees)

    def __len__(self) -> int:
        return len(self._trees)


@dataclass(frozen=True)
class BSeries:
    """Coefficients a(t) for all trees of at most `order` nodes; `empty` is a(empty), 0 or 1."""

    order: int
    empty: Scalar
    coefficients: Mapping[Tree, Scalar]

    def __getitem__(self, t: Tree) -> Scalar:
        try:
            return self.coefficients[t]
        except KeyError:
            raise _beyond(t, self.order, self.coefficients) from None

    def __repr__(self) -> str:
        kind = "map" if self.empty else "field"
        return f"BSeries(a {kind} to order {self.order}: {len(self.coefficients)} trees)"

    def _repr_latex_(self) -> str:
        return notebook(series_latex(self.coefficients, self.empty, self.order, self.colours))

    def __iter__(self) -> Iterator[Tree]:
        return iter(self.coefficients)

    def items(self) -> Iterator[tuple[Tree, Scalar]]:
        return iter(self.coefficients.items())

    def __add__(self, other: BSeries) -> BSeries:
        order = min(self.order, other.order)
        return BSeries(
            order,
            self.empty + other.empty,
            {t: self[t] + other[t] for t in self if t.order <= order},
        )

    def __sub__(self, other: BSeries) -> BSeries:
        return self + other * -1

    def __mul__(self, factor: Scalar) -> BSeries:
        if isinstance(factor, BSeries):
            return NotImplemented
        return BSeries(
            self.order, self.empty * factor, {t: a * factor for t, a in self.coefficients.items()}
        )

    __rmul__ = __mul__

    @property
    def colours(self) -> int:
        """How many colours the nodes may have."""
        return 1 + max(t.colour for t in self)

    def truncate(self, order: int) -> BSeries:
        """The same series up to a smaller order."""
        return BSeries(order, self.empty, {t: self[t] for t in self if t.order <= order})


def _beyond(t: Tree, order: int, known: Mapping[Tree, Scalar]) -> BadInput:
    """Why a series has no coefficient there."""
    if not isinstance(t, Tree):
        return BadInput(f"{t!r} is no tree: write tree({str(t)!r}).")
    if t.order > order:
        return BadInput(
            f"the tree {t} has {t.order} nodes and this series ends at order {order}; "
            f"derive it with order={t.order}."
        )
    colours = 1 + max((u.colour for u in known), default=0)
    return BadInput(
        f"the tree {t} has a colour that this series has not: its fields are numbered from 0 to "
        f"{colours - 1}."
    )


def series(
    order: int, coefficient: Callable[[Tree], Scalar], *, empty: Scalar = 0, colours: int = 1
) -> BSeries:
    """The series with a(t) = coefficient(t)."""
    return BSeries(order, empty, {t: coefficient(t) for t in trees_up_to(order, colours)})


def identity(order: int, one: Scalar = fmpq(1)) -> BSeries:
    """The map x -> x."""
    return series(order, lambda t: one * 0, empty=one)


@cache
def prunings(t: Tree) -> tuple[tuple[tuple[Tree, ...], tuple[Tree, ...]], ...]:
    """All ways to keep a subtree with the root: (the kept tree in a 1-tuple, what falls off).

    The empty kept part () means that the whole tree falls off.
    """
    kept = []
    for choice in product(*(prunings(branch) for branch in t.branches)):
        trunk = grow((part for kept_part, _ in choice for part in kept_part), t.colour)
        kept.append(((trunk,), tuple(tree for _, fallen in choice for tree in fallen)))
    return (((), (t,)), *kept)


def higher_lie_derivatives(
    t: Tree, field: Mapping[Tree, Scalar], powers: Mapping[Tree, list[Scalar]]
) -> list[Scalar]:
    """The derivatives D(p), D(D(p)), ... at t of the series powers[.][0], powers[.][1], ...

    `powers[u]` lists, for every tree u smaller than t, p(u), (D p)(u), ...; D is the derivative
    along `field`.
    """
    totals: list[Scalar] = []
    for upper, rest, multiplicity in t.cuts:
        factor = field[upper] * multiplicity if multiplicity > 1 else field[upper]
        terms = [*map(mul, repeat(factor), powers[rest])]
        known = len(totals)
        totals = [*map(add, totals, terms), *totals[len(terms) :], *terms[known:]]
    return totals


INVERSE_FACTORIAL = [fmpq(1, factorial(j)) for j in range(64)]


def exp(field: BSeries) -> BSeries:
    """The flow of the field over one step: x(t + h) as a series in x(t)."""
    powers: dict[Tree, list[Scalar]] = {}
    for t in field:
        powers[t] = [field[t], *higher_lie_derivatives(t, field.coefficients, powers)]
    step = {t: _over_factorials(derivatives, 1) for t, derivatives in powers.items()}
    return BSeries(field.order, 1, step)


def log(one_step: BSeries) -> BSeries:
    """The field whose flow over one step is this map: the modified equation of a one-step method.

    Source: Hairer, Lubich, Wanner, IX.9, Theorem 9.2.
    """
    field: dict[Tree, Scalar] = {}
    powers: dict[Tree, list[Scalar]] = {}
    for t in one_step:
        higher = higher_lie_derivatives(t, field, powers)
        field[t] = one_step[t] - _over_factorials(higher, 2) if higher else one_step[t]
        powers[t] = [field[t], *higher]
    return BSeries(one_step.order, one_step.empty * 0, field)


def _over_factorials(derivatives: list[Scalar], first: int) -> Scalar:
    return reduce(add, (c * INVERSE_FACTORIAL[j] for j, c in enumerate(derivatives, first)))
