"""Mini-batches: the flow that an optimizer follows when step j takes its gradient from a loss E_j.

Any fixed sequence of batches, with or without repetition. On [t_k, t_(k+1)] the flow is a B-series
over trees whose nodes are coloured with the batches 0, ..., k.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), III.1 and IX.9.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derive.engine.backward_error import check_order
from derive.engine.bseries import BSeries, log
from derive.engine.linear_memory import Vector, linear_method
from derive.engine.modified_loss import ModifiedLoss, loss_of_field
from derive.engine.start_up import step_map
from derive.language.update_rule import BadInput, Optimizer

Force = dict[int, Any]
"""A sum of fields: their colours with their weights, exact in the optimizer's parameters."""


def minibatch_step(optimizer: Optimizer, *, order: int, k: int) -> BSeries:
    """The map x_k -> x_(k+1) of the step that takes its gradient from E_k.

    Arguments, colours and errors are those of `minibatch_flow`, the field behind this map.
    """
    if k < 0:
        raise BadInput(f"k = {k} is before the first step; use k >= 0.")
    colours = k + len(optimizer.fields)
    check_order(order, colours)
    method = linear_method(optimizer)
    return step_map(method, order, k, colours, lambda j, field: k + field if field else j)


def minibatch_flow(optimizer: Optimizer, *, order: int, k: int) -> BSeries:
    """The flow on [t_k, t_(k+1)] from the declared start on, for the batch losses E_0, ..., E_k.

    Finds b such that x' = sum_t h^(|t|-1) b(t)/sigma(t) F(t)(x) leads from x_k to x_(k+1), to
    O(h^(order+1)). F(t) has f_j = -grad E_j at a node of colour j.

    Args:
        optimizer: a declared update rule, linear in its memory; the first of its fields is the
            batch's, field i > 0 is the same at every step and has the colour k + i.
        order: the largest number of nodes of a tree, at least 1.
        k: the number of the step, 0 for the first.
    Raises:
        BadInput: order or k out of range; NotLinear: as for `modified_flow`.

    >>> from derive import heavy_ball, tree
    >>> flow = minibatch_flow(heavy_ball, order=2, k=1)
    >>> flow[tree("[]")], flow[tree("1[]")], flow[tree("1[[]]")], flow[tree("[[]]")]
    (beta, 1, -beta/2, -beta*(2 + beta)/2)
    """
    return log(minibatch_step(optimizer, order=order, k=k))


def minibatch_loss(optimizer: Optimizer, *, order: int, k: int) -> ModifiedLoss:
    """The loss on [t_k, t_(k+1)] in terms of E_0, ..., E_k, as far as there is one for all losses.

    Arguments and errors are those of `minibatch_flow`; the scale is 1.

    >>> from derive import heavy_ball, nesterov
    >>> minibatch_loss(heavy_ball, order=3, k=2).exists_below
    3
    >>> minibatch_loss(nesterov, order=3, k=2).exists_below
    2
    """
    flow = minibatch_flow(optimizer, order=order, k=k)
    return loss_of_field(flow, flow.empty + 1)


def leading_parts(optimizer: Optimizer, k: int) -> Iterator[tuple[list[Force], Force]]:
    """The memory before each of the steps 0, ..., k and the force on it, to the leading order.

    Both in the fields by their colours in `minibatch_flow`: N_(r+1) = W N_r + C f_r and
    P_r = V N_r + B f_r = -grad G_r.

    >>> from derive import heavy_ball
    >>> [force for _, force in leading_parts(heavy_ball, 2)][-1]
    {0: beta**2, 1: beta, 2: 1}
    """
    method = linear_method(optimizer)

    def combined(
        row: Vector, memory: list[Force], gradients: Vector, fields: tuple[int, ...], r: int
    ) -> Force:
        terms = [
            (c, w * weight) for w, m in zip(row, memory, strict=True) for c, weight in m.items()
        ]
        terms += [(k + f if f else r, w) for f, w in zip(fields, gradients, strict=True)]
        found: Force = {}
        for colour, weight in terms:
            found[colour] = found.get(colour, 0) + weight
        return {colour: weight for colour, weight in sorted(found.items()) if weight}

    memory = [combined([], [], row, method.start_fields, 0) for row in method.start]
    for r in range(k + 1):
        yield memory, combined(method.v, memory, method.b, method.fields, r)
        memory = [
            combined(w, memory, c, method.fields, r)
            for w, c in zip(method.w, method.c, strict=True)
        ]
