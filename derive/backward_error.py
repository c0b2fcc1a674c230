"""Backward error analysis: which flow an optimizer follows once its start-up has died out.

On the slow manifold the memory is a function m = M(x), and x follows an autonomous flow with
generator D, so that one step is exp(D). The declared update becomes

    exp(D) x = x + V M + B h f(Y),     exp(D) M = W M + C h f(Y),

which is solved tree by tree: at every tree the only unknowns are the new coefficients of the flow
and of M, and their equations are linear with the constant matrix I - W.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.9 and XV.2.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add, mul

from derive.bseries import INVERSE_FACTORIAL, BSeries, higher_lie_derivatives
from derive.coefficients import Coefficient, Polynomial, Ring
from derive.linear_memory import LinearMethod, Matrix, Vector, linear_method
from derive.trees import Tree, number_of_trees, trees_of_order
from derive.update_rule import BadInput, Optimizer

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
        One coefficient per rooted tree, exact in the optimizer's parameters.
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


def check_order(order: int) -> None:
    """BadInput unless 1 <= order and all its trees fit in this machine's memory."""
    if order < 1:
        raise BadInput(
            f"order = {order} is too small: an order counts nodes of a tree, at least 1."
        )
    count, fitting = 0, _trees_that_fit()
    for nodes in range(1, order + 1):
        count += number_of_trees(nodes)
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
    check_order(order)
    method = linear_method(optimizer)
    graded = _Graded.of(method)
    solution = _Solution()
    for nodes in range(1, order + 1):
        for t in trees_of_order(nodes):
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

    size = range(len(method.w))
    return SlowMotion(
        series(solution.flow, 0),
        series(solution.step, 1),
        tuple(
            series({t: m[i] for t, m in solution.memory.items()}, 0)
            + series(dict.fromkeys(solution.flow, method.ring.unit * 0), 1) * method.memory_shift[i]
            for i in size
        ),
        method.memory_units,
    )


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
    slope: int
    a: list[list[Polynomial]]
    u: list[list[Polynomial]]
    b: list[Polynomial]
    c: list[list[Polynomial]]
    inverse: list[list[Polynomial]]
    v_inverse: list[Polynomial]
    zero: Polynomial
    unit: Polynomial

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
            slope=slope,
            a=[cleared(row, slope) for row in method.a],
            u=[cleared(row, 1) for row in method.u],
            b=cleared(method.b, slope - 2),
            c=[cleared(row, slope - 2) for row in method.c],
            inverse=[cleared(row, 1) for row in inverse],
            v_inverse=cleared(v_inverse, 1),
            zero=ring.unit * 0,
            unit=ring.unit,
        )


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


def _over_factorials(derivatives: list[Polynomial], first: int, pole: Polynomial) -> Polynomial:
    """The sum of derivatives[i]/(first+i)!, over the denominator of its first term (Horner)."""
    total = None
    for j in range(len(derivatives) - 1, -1, -1):
        term = derivatives[j] * INVERSE_FACTORIAL[first + j]
        total = term if total is None else total * pole + term
    return total


def _solve_tree(t: Tree, method: _Graded, so_far: _Solution, *, keep: bool) -> None:
    size, zero, pole = len(method.inverse), method.zero, method.pole
    if not so_far.memory_powers:
        so_far.memory_powers = [{} for _ in range(size)]
    # h f(Y): denominator pole^(slope (n-1))
    forces = [
        reduce(mul, (so_far.stages[branch][r] for branch in t.branches), method.unit)
        for r in range(len(method.a))
    ]
    x_higher = higher_lie_derivatives(t, so_far.flow, so_far.x_powers)
    m_higher = [higher_lie_derivatives(t, so_far.flow, powers) for powers in so_far.memory_powers]
    # what exp(D) adds beyond the unknowns: denominator pole^(slope n - 2)
    x_rest = _over_factorials(x_higher, 2, pole) if x_higher else zero
    m_rest = [_over_factorials(higher, 1, pole) if higher else zero for higher in m_higher]
    pushes = [_dot(method.c[i], forces, zero) - m_rest[i] for i in range(size)]
    memory = [_dot(row, pushes, zero) for row in method.inverse]
    drift = _dot(method.b, forces, zero)
    step = _dot(method.v_inverse, pushes, zero) + drift * pole
    flow = step - x_rest * pole
    so_far.flow[t] = flow
    so_far.step[t] = step
    so_far.memory[t] = memory
    if keep:
        so_far.x_powers[t] = [flow, *x_higher]
        for i in range(size):
            so_far.memory_powers[i][t] = [memory[i], *m_higher[i]]
        so_far.stages[t] = [
            _dot(method.u[r], memory, zero) + _dot(method.a[r], forces, zero)
            for r in range(len(method.a))
        ]
