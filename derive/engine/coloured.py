"""Series over coloured trees in terms of other fields: f_c = sum over d of weights[c][d] g_d.

An elementary differential is linear in the field at every one of its nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, reduce
from itertools import product
from operator import mul
from typing import Any

from derive.engine.bseries import BSeries, Scalar
from derive.language.trees import Tree, grow, trees_up_to

Weights = Mapping[int, Mapping[int, Scalar]]
"""For every old colour the new ones with their weights."""


def in_other_fields(series: BSeries, weights: Weights) -> BSeries:
    """The same series where the field of each colour c is the sum of weights[c][d] g_d.

    One weight 1 for each colour renames colours; all to one makes the fields equal.

    >>> from derive import heavy_ball
    >>> from derive.batches.minibatch_flow import minibatch_flow
    >>> batches = minibatch_flow(heavy_ball, order=1, k=1)
    >>> in_other_fields(batches, {0: {0: 1}, 1: {0: 1}})[grow(())]
    1 + beta
    """
    colours = 1 + max(d for row in weights.values() for d in row)
    zero = series.empty * 0
    found: dict[Tree, Any] = dict.fromkeys(trees_up_to(series.order, colours), zero)
    written = rewriting(weights)
    for t, b in series.items():
        if b:
            for other, weight in written(t).items():
                found[other] = found[other] + b * weight * other.symmetry / t.symmetry
    return BSeries(series.order, series.empty, found)


def rewriting(weights: Weights) -> Callable[[Tree], dict[Tree, Scalar]]:
    """The function that writes F(t) in other fields: trees with their weights."""

    @cache
    def written(t: Tree) -> dict[Tree, Scalar]:
        found: dict[Tree, Scalar] = {}
        for chosen in product(*(written(branch).items() for branch in t.branches)):
            weight = reduce(mul, (w for _, w in chosen), 1)
            for colour, own in weights[t.colour].items():
                other = grow((branch for branch, _ in chosen), colour)
                found[other] = found.get(other, 0) + own * weight
        return found

    return written
