"""Which part of a B-series vector field is a gradient, and of which loss.

A field sum_t h^(|t|-1) b(t)/sigma(t) F(t) of a gradient system is a gradient for every loss (for
all losses of its colours) exactly when b takes one value on all rooted trees that share a free
tree. Then it is minus the gradient of the sum over free trees of -h^(n-1) (-1)^n b/sigma S, with S
the contraction of derivatives of E along the free tree and sigma the number of its automorphisms.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

from derive.engine.backward_error import modified_flow, one_step_map
from derive.engine.bseries import BSeries, Lazy, Scalar
from derive.engine.showing import loss_latex, notebook
from derive.language.trees import LEAF, Tree
from derive.language.update_rule import BadInput, Optimizer


@dataclass(frozen=True)
class Obstruction:
    """A free tree whose rootings take different values: why no loss exists from its order on."""

    free: Tree
    values: Mapping[Tree, Scalar]


class Terms(Lazy):
    """Coefficients by free tree; a tree beyond the order is refused in a sentence."""

    def __getitem__(self, t: Tree) -> Scalar:
        if t in self:
            return super().__getitem__(t)
        order = max((u.order for u in self), default=0)
        if not isinstance(t, Tree):
            raise BadInput(f"{t!r} is no tree: write tree({str(t)!r}).")
        if t is not t.free:
            raise BadInput(f"{t} is written as the free tree {t.free} here; ask for that one.")
        raise BadInput(
            f"the tree {t} has {t.order} nodes and this loss has trees of up to {order}; derive it "
            f"with order={t.order}, of a rule with a field for each of its colours."
        )


@dataclass(frozen=True)
class ModifiedLoss:
    """scale times (E + sum over free trees tau of h^(|tau|-1) terms[tau] S(tau)).

    With several losses E is not set apart: the trees of one node carry the weights of the losses.

    The loss exists for trees of fewer than `exists_below` nodes; `obstructions` are the free trees
    of the first order at which it does not. `terms` beyond it are those of the gradient part, the
    average of b over the rootings.
    """

    scale: Scalar
    terms: Mapping[Tree, Scalar]
    exists_below: int
    obstructions: tuple[Obstruction, ...]

    def __repr__(self) -> str:
        return f"ModifiedLoss({len(self.terms)} terms, exists through h^{self.exists_below - 2})"

    def _repr_latex_(self) -> str:
        return notebook(loss_latex(self.terms, self.scale, self.exists_below))


def modified_loss(optimizer: Optimizer, *, order: int) -> ModifiedLoss:
    """The loss whose gradient, times the scale, drives the modified flow.

    Args:
        optimizer: a declared update rule, linear in its memory.
        order: the largest number of nodes of a tree; the loss then reaches h^(order-1).
    Returns:
        x' = -scale grad(E + ...), as far as such a loss exists; errors as for `modified_flow`.

    >>> from derive import heavy_ball, tree
    >>> modified_loss(heavy_ball, order=2).terms[tree("[[]]")]
    (1 + beta)/(4*(1 - beta)**2)
    """
    return loss_of_field(modified_flow(optimizer, order=order))


def discrete_modified_loss(optimizer: Optimizer, *, order: int) -> ModifiedLoss:
    """The loss S with x_(k+1) = x_k - h grad S(x_k) on the slow manifold, as scale times (E + ...).

    For heavy ball it exists to every order: the heavy-ball map in (x, v) multiplies the symplectic
    form by beta (it is conformally symplectic), so it maps its attracting slow manifold, on which
    the form must then vanish, to itself. A Lagrangian graph v = M(x) is the graph of a gradient,
    and x_(k+1) - x_k is beta M(x_k) - h grad E(x_k).

    >>> from derive import heavy_ball, tree
    >>> discrete_modified_loss(heavy_ball, order=2).terms[tree("[[]]")]
    beta/(2*(1 - beta)**2)
    """
    return loss_of_field(one_step_map(optimizer, order=order))


def loss_of_field(series: BSeries, scale: Scalar | None = None) -> ModifiedLoss:
    """The loss behind a series of h times a vector field; see `ModifiedLoss`.

    Args:
        scale: by default the weight of f itself (1 where that is 0); for several fields choose
            another, such as 1.
    """
    factor: Scalar = (series[LEAF] or series[LEAF] + 1) if scale is None else scale
    places = {t: place for place, t in enumerate(series)}
    families: dict[Tree, dict[Tree, int]] = {}
    placed = set[Tree]()
    for t in series:
        if t not in placed:
            counts = Counter(t.rootings)
            placed.update(counts)
            known = sorted(places.keys() & counts, key=places.__getitem__)
            families[min(counts, key=lambda r: r.text)] = {r: counts[r] for r in known}

    def term(free: Tree) -> Scalar:
        total = reduce(add, (series[t] * count for t, count in families[free].items()))
        sign = 1 if free.order % 2 else -1
        return total * sign / (factor * free.order * free.free_symmetry)

    fails, obstructions = series.order + 1, list[Obstruction]()
    for free in sorted(families, key=lambda t: t.order):
        if free.order > fails:
            break
        values = {t: series[t] for t in families[free]}
        first = next(iter(values.values()))
        if any(value != first for value in values.values()):
            fails = free.order
            obstructions.append(Obstruction(free, values))
    return ModifiedLoss(factor, Terms(families, term), fails, tuple(obstructions))
