"""Backward error analysis: which flow an optimizer follows once its start-up has died out.

On the slow manifold the memory is a function m = M(x), and x follows an autonomous flow with
generator D, so that one step is exp(D) and k steps are exp(k D): at every tree a polynomial in k,
for which `many_steps` solves the declared update.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.9 and XV.2.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from derive.engine.bseries import BSeries, Lazy
from derive.engine.linear_memory import linear_method
from derive.engine.many_steps import solve
from derive.engine.packing import Packed
from derive.language.coefficients import Coefficient
from derive.language.trees import Tree, number_of_trees
from derive.language.update_rule import BadInput, Optimizer

BYTES_PER_TREE = 2500


@dataclass(frozen=True)
class SlowMotion:
    """The reduced dynamics: field, map over one step, and the memory as a function of x.

    `memory[i]` is M_i(x) divided by h**`memory_units[i]`.
    """

    modified_flow: BSeries
    one_step_map: BSeries
    memory: tuple[BSeries, ...]
    memory_units: tuple[int, ...]


def modified_flow(optimizer: Optimizer, *, order: int) -> BSeries:
    """The autonomous flow that the iterates follow once the start-up transient has died out.

    Finds b such that x' = sum_t h^(|t|-1) b(t)/sigma(t) F(t)(x), sampled at t = kh, satisfies the
    declared update to O(h^(order+1)) per step. F(t) are the elementary differentials of
    f = -grad E.

    Args:
        optimizer: a declared update rule, linear in its memory.
        order: the largest number of nodes of a tree, at least 1.
    Returns:
        One coefficient per rooted tree, exact in the optimizer's parameters; a node's colour is
        the place of its field among the optimizer's `fields`.
    Raises:
        BadInput: order below 1, or so large that the trees would not fit in memory.
        NotLinear: the update rule is not linear in its memory and gradients.
        NoSlowManifold: the memory has an eigenvalue 1: x alone does not determine the state.
    Source:
        Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.9 and XV.2.

    >>> from derive import heavy_ball, tree
    >>> modified_flow(heavy_ball, order=2)[tree("[[]]")]
    -(1 + beta)/(2*(1 - beta)**3)
    """
    return slow_motion(optimizer, order).modified_flow


def one_step_map(optimizer: Optimizer, *, order: int) -> BSeries:
    """The map x_k -> x_(k+1) on the slow manifold, x + sum_t h^|t| a(t)/sigma(t) F(t)(x).

    Arguments and errors are those of `modified_flow`, whose flow over one step it is.

    >>> from derive import heavy_ball, tree
    >>> one_step_map(heavy_ball, order=2)[tree("[[]]")]
    -beta/(1 - beta)**3
    """
    return slow_motion(optimizer, order).one_step_map


def slow_manifold(optimizer: Optimizer, *, order: int) -> dict[str, BSeries]:
    """The memory as a function of x once the start-up transient has died out.

    Arguments and errors are those of `modified_flow`.

    Returns:
        For every memory variable a series M with M(x) = m on the slow manifold. A variable that
        holds a gradient rather than a displacement is given times h, so that it has the unit of x.

    >>> from derive import heavy_ball, tree
    >>> slow_manifold(heavy_ball, order=2)["v"][tree("[[]]")]
    -1/(1 - beta)**3
    """
    return dict(zip(optimizer.memory, slow_motion(optimizer, order).memory, strict=True))


def check_order(order: int, colours: int = 1) -> None:
    """BadInput unless 1 <= order and all its trees fit in this machine's memory."""
    if order < 1:
        raise BadInput(
            f"order = {order} is too small: an order counts nodes of a tree, at least 1."
        )
    count, fitting = 0, _trees_that_fit()
    for nodes in range(1, order + 1):
        count += number_of_trees(nodes, colours)
        if count > fitting:
            raise BadInput(
                f"order = {order} is too large: already order {nodes} has {count:,} rooted trees, "
                f"and about {fitting:,} fit in memory; use an order of at most {nodes - 1}."
            )


def _trees_that_fit() -> int:
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        memory = 4 * 2**30
    return memory // 2 // BYTES_PER_TREE


@lru_cache(maxsize=32)
def slow_motion(optimizer: Optimizer, order: int) -> SlowMotion:
    """Flow, map and memory together; arguments and errors as for `modified_flow`."""
    colours = len(optimizer.fields)
    check_order(order, colours)
    method = linear_method(optimizer)
    with _no_garbage():
        found = solve(method, order, colours)
    ring, slope = method.ring, found.slope
    below = [ring.unit * found.pole**e for e in range(slope * order + 1)]

    def series(values: Mapping[Tree, Packed], empty: Coefficient, scales: list[int]) -> BSeries:
        def coefficient(t: Tree) -> Coefficient:
            numerator = found.arithmetic.unpack(values[t]) / scales[t.order]
            return Coefficient(ring, numerator, below[slope * t.order - 1])

        return BSeries(order, empty, Lazy(values, coefficient))

    unscaled = [1] * (order + 1)
    return SlowMotion(
        series(found.flow, ring.number(0), found.scales),
        series(found.step, ring.number(1), unscaled),
        tuple(
            series(values, shift, unscaled)
            for values, shift in zip(found.memory, method.memory_shift, strict=True)
        ),
        method.memory_units,
    )


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Nothing made while solving is ever garbage; looking for it takes a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
