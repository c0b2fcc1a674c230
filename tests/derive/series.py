"""What the laws of series need and no derivation does."""

from functools import reduce
from math import prod
from operator import mul
from typing import Any

from derive.engine.bseries import BSeries, Scalar, prunings, series
from derive.engine.coloured import Weights, rewriting
from derive.language.trees import Tree, trees_up_to


def field_at(stage: BSeries, colour: int = 0) -> BSeries:
    """h f_c(B(stage, x)) as a series, for a stage with stage(empty) = 1 and the field of a colour.

    Source: Hairer, Lubich, Wanner, III.1, Lemma 1.9: the branches' coefficients multiply.
    """

    def coefficient(t: Tree) -> Scalar:
        if t.colour != colour:
            return stage.empty * 0
        return reduce(mul, map(stage.__getitem__, t.branches), stage.empty)

    return series(stage.order, coefficient, colours=stage.colours)


def compose(outer: BSeries, inner: BSeries) -> BSeries:
    """B(outer, B(inner, x)): first inner, then outer.

    Args:
        inner: a map, inner(empty) = 1.
    Source:
        Hairer, Lubich, Wanner, III.1, Theorem 1.10.
    """
    order = min(outer.order, inner.order)

    def coefficient(t: Tree) -> Scalar:
        return sum(
            prod((inner[fallen] for fallen in off), start=outer[kept[0]] if kept else outer.empty)
            for kept, off in prunings(t)
        )

    return series(order, coefficient, empty=outer.empty * inner.empty, colours=outer.colours)


def lie_derivative(of: BSeries, along: BSeries) -> BSeries:
    """h times the derivative of B(of, x) in direction of the field `along`: a sum over edge cuts.

    Source: Hairer, Lubich, Wanner, IX.9, equation (9.14).
    """

    def coefficient(t: Tree) -> Scalar:
        return of.empty * along[t] + sum(
            along[upper] * of[rest] * multiplicity for upper, rest, multiplicity in t.cuts
        )

    return series(min(of.order, along.order), coefficient, colours=along.colours)


def in_other_fields(series: BSeries, weights: Weights) -> BSeries:
    """The same series where the field of each colour c is the sum of weights[c][d] g_d.

    One weight 1 for each colour renames colours; all to one makes the fields equal.

    >>> from derive import heavy_ball
    >>> from derive.batches.minibatch_flow import minibatch_flow
    >>> from derive.language.trees import grow
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
