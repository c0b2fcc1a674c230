"""Backward error analysis: which flow an optimizer follows once its start-up has died out.

On the slow manifold the memory is a function m = M(x), and x follows an autonomous flow with
generator D, so that one step is exp(D). The declared update becomes

    exp(D) x = x + V M + B h f(Y),     exp(D) M = W M + C h f(Y),

which is solved tree by tree: at every tree the only unknowns are the new coefficients of the flow
and of M, and their equations are linear with the constant matrix I - W.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.9 and XV.2.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from operator import add, mul

from flint import fmpq

from derive.engine.bseries import INVERSE_FACTORIAL, BSeries, higher_lie_derivatives
from derive.engine.linear_memory import LinearMethod, Matrix, Vector, linear_method
from derive.language.coefficients import Coefficient, Polynomial, Ring
from derive.language.trees import Tree, number_of_trees, trees_of_order
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
    graded = _Graded.of(method)
    solution = _Solution()
    with _no_garbage():
        for nodes in range(1, order + 1):
            for t in trees_of_order(nodes, colours):
                _solve_tree(t, graded, solution, keep=nodes < order)

    def series(raw: dict[Tree, Polynomial], empty: int) -> BSeries:
        below = [method.ring.unit * graded.pole**e for e in range(graded.slope * order + 1)]
        return BSeries(
            order,
            method.ring.number(empty),
            {
                t: Coefficient(method.ring, p, below[graded.slope * t.order - 1])
                for t, p in raw.items()
            },
        )

    def memory_series(i: int) -> BSeries:
        fading = series({t: m[i] for t, m in solution.memory.items()}, 0)
        return replace(fading, empty=method.memory_shift[i])

    return SlowMotion(
        series(solution.flow, 0),
        series(solution.step, 1),
        tuple(memory_series(i) for i in range(len(method.w))),
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


class _Solution:
    def __init__(self) -> None:
        self.flow: dict[Tree, Polynomial] = {}
        self.step: dict[Tree, Polynomial] = {}
        self.memory: dict[Tree, list[Polynomial]] = {}
        self.stages: dict[Tree, list[Polynomial]] = {}
        self.x_powers: dict[Tree, list[Polynomial]] = {}
        self.memory_powers: list[dict[Tree, list[Polynomial]]] = []


@dataclass(frozen=True)
class _Graded:
    """The normal form over polynomials; order n has the denominator pole^(slope n - 1).

    With every power of the pole known beforehand no fraction is ever added or reduced. A Lie
    derivative takes one off: D^j x has the denominator pole^(slope n - j).
    """

    pole: Polynomial
    pole_squared: Polynomial
    slope: int
    a: list[list[Polynomial]]
    u: list[list[Polynomial]]
    b: list[Polynomial]
    c: list[list[Polynomial]]
    inverse: list[list[Polynomial]]
    v_inverse: list[Polynomial]
    zero: Polynomial
    unit: Polynomial
    recalls: fmpq | None
    """The number r, if the one memory is r times the last displacement of x: then it needs no
    equation of its own, m = r (x - exp(-D) x), and half of the work is saved."""
    w: list[list[Polynomial]]
    fields: tuple[int, ...]

    @staticmethod
    def of(method: LinearMethod) -> _Graded:
        ring = method.ring
        inverse = method.memory_inverse
        v_inverse = [
            sum((v * inverse[i][j] for i, v in enumerate(method.v)), ring.number(0))
            for j in range(len(inverse))
        ]
        gradients: Matrix = [*method.a, *method.u, method.b, *method.c]
        pole = _common_denominator(ring, [*gradients, *inverse, v_inverse])
        has_poles = _common_denominator(ring, gradients) != ring.unit

        def cleared(row: Vector, power: int) -> list[Polynomial]:
            return [_times(entry, pole**power) for entry in row]

        slope = 3 if has_poles else 2
        return _Graded(
            pole=pole,
            pole_squared=pole * pole,
            slope=slope,
            a=[cleared(row, slope) for row in method.a],
            u=[cleared(row, 1) for row in method.u],
            b=cleared(method.b, slope - 2),
            c=[cleared(row, slope - 2) for row in method.c],
            inverse=[cleared(row, 1) for row in inverse],
            v_inverse=cleared(v_inverse, 1),
            zero=ring.unit * 0,
            unit=ring.unit,
            recalls=_recalls(method) if slope == 2 else None,
            w=[cleared(row, 0) for row in method.w] if slope == 2 else [],
            fields=method.fields,
        )


def _recalls(method: LinearMethod) -> fmpq | None:
    """r with m+ = r (x+ - x), read off the rows of the normal form; see `_Graded.recalls`."""
    if len(method.w) != 1:
        return None
    ours, theirs = [method.v[0], *method.b], [method.w[0][0], *method.c[0]]
    pairs = [(a, b) for a, b in zip(ours, theirs, strict=True) if a or b]
    if not pairs or not pairs[-1][0]:
        return None
    ratio = pairs[-1][1] / pairs[-1][0]
    if any(b != ratio * a for a, b in pairs) or ratio.as_expr().free_symbols:
        return None
    return ratio.at(dict.fromkeys(method.ring.parameters, 0))


def _times(entry: Coefficient, polynomial: Polynomial) -> Polynomial:
    product = Coefficient(entry.ring, entry.numerator * polynomial, entry.denominator).reduced
    assert product.denominator == entry.ring.unit
    return product.numerator


def _common_denominator(ring: Ring, rows: Matrix) -> Polynomial:
    common = ring.unit
    for entry in (entry.reduced for row in rows for entry in row):
        if ring.parameters and entry.denominator != ring.unit:
            common = common * (entry.denominator // common.gcd(entry.denominator))
    return common


def _dot(row: list[Polynomial], column: list[Polynomial], zero: Polynomial) -> Polynomial:
    return reduce(add, map(mul, row, column), zero)


def _over_factorials(
    derivatives: list[Polynomial], first: int, stride: int, method: _Graded
) -> Polynomial:
    """The sum of derivatives[i]/(first + stride i)!, over the denominator of its first term."""
    if not derivatives:
        return method.zero
    pole = method.pole if stride == 1 else method.pole_squared
    last = len(derivatives) - 1
    total = derivatives[last] * INVERSE_FACTORIAL[first + stride * last]
    for i in range(last - 1, -1, -1):
        total = total * pole + derivatives[i] * INVERSE_FACTORIAL[first + stride * i]
    return total


def _solve_tree(t: Tree, method: _Graded, so_far: _Solution, *, keep: bool) -> None:
    size, zero, pole = len(method.inverse), method.zero, method.pole
    if not so_far.memory_powers:
        so_far.memory_powers = [{} for _ in range(size)]
    # h f(Y): denominator pole^(slope (n-1))
    forces = [
        reduce(mul, (so_far.stages[branch][r] for branch in t.branches), method.unit)
        if colour == t.colour
        else zero
        for r, colour in enumerate(method.fields)
    ]
    x_higher = higher_lie_derivatives(t, so_far.flow, so_far.x_powers)
    # what exp(D) adds beyond the unknowns: denominator pole^(slope n - 2)
    x_even = _over_factorials(x_higher[0::2], 2, 2, method)
    x_odd = _over_factorials(x_higher[1::2], 3, 2, method) * pole
    x_rest = x_even + x_odd
    drift = _dot(method.b, forces, zero)
    m_higher: list[list[Polynomial]] = []
    if method.recalls is not None:
        x_back = x_odd - x_even
        push = method.w[0][0] * x_back + drift - x_rest
        flow = method.inverse[0][0] * push
        step = flow + x_rest * pole
        memory = [(flow + x_back * pole) * method.recalls]
    else:
        m_higher = [
            higher_lie_derivatives(t, so_far.flow, powers) for powers in so_far.memory_powers
        ]
        m_rest = [_over_factorials(higher, 1, 1, method) for higher in m_higher]
        pushes = [_dot(method.c[i], forces, zero) - m_rest[i] for i in range(size)]
        memory = [_dot(row, pushes, zero) for row in method.inverse]
        step = _dot(method.v_inverse, pushes, zero) + drift * pole
        flow = step - x_rest * pole
    so_far.flow[t] = flow
    so_far.step[t] = step
    so_far.memory[t] = memory
    if keep:
        so_far.x_powers[t] = [flow, *x_higher]
        for powers, own, higher in zip(so_far.memory_powers, memory, m_higher, strict=False):
            powers[t] = [own, *higher]
        so_far.stages[t] = [
            _dot(method.u[r], memory, zero) + _dot(method.a[r], forces, zero)
            for r in range(len(method.a))
        ]
