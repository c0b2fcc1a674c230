"""Series over coloured trees in terms of other fields: f_c = sum over d of weights[c][d] g_d.

An elementary differential is linear in the field at every one of its nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, reduce
from itertools import product
from operator import mul

from derive.engine.bseries import Scalar
from derive.language.trees import Tree, grow

Weights = Mapping[int, Mapping[int, Scalar]]
"""For every old colour the new ones with their weights."""


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
