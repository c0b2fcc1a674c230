"""The start-up of an optimizer: the flow that depends on k, and where the lasting flow starts.

Between x_k and x_(k+1) the iteration is a map x + D_k(x), with the memory a function m_k of x_k:

    D_k = V m_k + B h f(Y_k),   m_(k+1)(x + D_k(x)) = W m_k + C h f(Y_k),   Y_k = x + U m_k + ...

Tree by tree this is a linear recurrence in k whose forcing comes from smaller trees. Its solution
is a sum of powers of k times powers of W's eigenvalues, or is simply iterated to a given k.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), XV.3 (parasitic solutions).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import mul
from typing import Any

from flint import fmpq

from derive.engine.backward_error import check_order, one_step_map
from derive.engine.bseries import BSeries, log, prunings
from derive.engine.linear_memory import LinearMethod, Vector, linear_method
from derive.engine.memory_modes import triangular
from derive.engine.sequences import Rates, StepSequence
from derive.language.coefficients import Coefficient
from derive.language.stages import by_order
from derive.language.trees import Tree, trees_up_to
from derive.language.update_rule import BadInput, Optimizer

Scalar = Any


def transient(optimizer: Optimizer, *, order: int, k: int | None = None) -> BSeries:
    """The flow that the iterates follow on [t_k, t_(k+1)] from the declared start on.

    Args:
        optimizer: a declared update rule, linear in its memory.
        order: the largest number of nodes of a tree, at least 1.
        k: the number of the step, 0 for the first; None for closed forms in k.
    Returns:
        The coefficients of h times the field: of type `Coefficient`, or `StepSequence` in k.
    Raises:
        BadInput: order or k out of range; NotLinear: as for `modified_flow`.
        NoClosedForm: k is None and the memory's matrix W has an eigenvalue with a root in it.

    >>> from derive import heavy_ball, tree
    >>> transient(heavy_ball, order=1)[tree("[]")]
    (1 - beta**(1 + k))/(1 - beta)
    """
    check_order(order, len(optimizer.fields))
    if k is None and "k" in optimizer.parameters:
        raise BadInput(
            f"{optimizer.name} has a parameter k, and the closed form depends on the number k of "
            "the step: rename the parameter (--name K=k), or give a step (--k 3)."
        )
    if k is None:
        return log(_closed(optimizer, order).displacement)
    method = linear_method(optimizer)
    return log(step_map(method, order, k, len(optimizer.fields), lambda _, field: field))


def step_map(
    method: LinearMethod, order: int, k: int, colours: int, colour: Callable[[int, int], int]
) -> BSeries:
    """The map x_k -> x_(k+1) from the declared start on, for fields that may change with the step.

    Args:
        colours: how many colours the trees have.
        colour: of the field that a step takes, from the number of the step and the rule's field.
    Raises:
        BadInput: k is below 0.
    """
    if k < 0:
        raise BadInput(f"k = {k} is before the first step; use k >= 0.")
    one = method.ring.number(1)
    trees = list(trees_up_to(order, colours))
    memory = _start(method, trees, [colour(0, field) for field in method.start_fields])
    displacement: dict[Tree, Scalar] = {}
    for j in range(k + 1):
        step = _Local(method, one, order, [colour(j, field) for field in method.fields])
        following: list[dict[Tree, Scalar]] = [{} for _ in memory]
        for t in trees:
            step.extend(t, [m[t] for m in memory])
            for m, row in zip(following, step.pushed(t, [m[t] for m in memory]), strict=True):
                m[t] = row - _pruned(t, m, step.displacement)
        memory, displacement = following, step.displacement
    return BSeries(order, one, displacement)


def initial_shift(optimizer: Optimizer, *, order: int) -> BSeries:
    """Where the lasting flow starts, so that the iterates tend to it after their start-up.

    The map x_0 -> y(0) such that x_k - y(kh) fades like the memory's eigenvalues to the power k,
    y following the modified flow; up to h^order. Arguments and errors as for `transient`.

    >>> from derive import heavy_ball, tree
    >>> initial_shift(heavy_ball, order=1)[tree("[]")]
    -beta/(1 - beta)**2
    """
    check_order(order, len(optimizer.fields))
    step = one_step_map(optimizer, order=order)
    closed = _closed(optimizer, order)
    rates = closed.rates
    one = rates.ring.number(1)
    # the point of the lasting flow that belongs to x_k: phase_(k+1)(x + D_k) = step(phase_k)
    phase: dict[Tree, StepSequence] = {}
    later: dict[Tree, StepSequence] = {}
    displacement = closed.displacement.coefficients
    for t in by_order(trees_up_to(order, len(optimizer.fields)), order):
        ahead = _pruned(t, step.coefficients, phase)
        behind = _pruned(t, later, displacement)
        forcing = step[t] - displacement[t] + ahead - behind
        if forcing.limit():
            raise ArithmeticError("the transient does not fade")
        phase[t] = forcing.solve(one)
        later[t] = phase[t].later()
    return BSeries(order, one, {t: c.first() for t, c in phase.items()})


@dataclass(frozen=True)
class _Closed:
    rates: Rates
    displacement: BSeries


@lru_cache(maxsize=32)
def _closed(optimizer: Optimizer, order: int) -> _Closed:
    """x + D_k(x) with coefficients in closed form in k."""
    method = linear_method(optimizer)
    size, trees = len(method.w), list(trees_up_to(order, len(optimizer.fields)))
    method = triangular(method)
    own = [method.w[i][i] for i in range(size)]
    lasting = tuple(dict.fromkeys(rate for rate in own if rate))
    rates = Rates(method.ring, lasting)
    step = _Local(method, rates.constant(method.ring.number(1)), order, method.fields)
    start = _start(method, trees, method.start_fields)
    memory: list[dict[Tree, StepSequence]] = [{} for _ in range(size)]
    later: list[dict[Tree, StepSequence]] = [{} for _ in range(size)]
    for t in by_order(trees, order):
        gradients = step.pushed(t, None)
        for i in range(size):
            forcing = gradients[i] - _pruned(t, later[i], step.displacement)
            for j in range(i):
                forcing = forcing + memory[j][t] * method.w[i][j]
            particular = rates.constant(method.ring.number(0)) + forcing
            particular = particular.solve(own[i])
            begun = start[i][t] - particular.first()
            memory[i][t] = particular + rates.fading(own[i], begun)
            later[i][t] = memory[i][t].later()
        step.extend(t, [m[t] for m in memory])
    return _Closed(rates, BSeries(order, fmpq(1), step.displacement))


class _Local:
    """One step as a map of x_k, extended tree by tree."""

    def __init__(
        self, method: LinearMethod, one: Scalar, order: int, fields: Sequence[int]
    ) -> None:
        self.method = method
        self.fields = fields
        self.one = one
        self.order = order
        self.displacement: dict[Tree, Scalar] = {}
        self._stages: dict[Tree, list[Scalar]] = {}

    def forces(self, t: Tree) -> list[Scalar]:
        """h f(Y_r) at t."""
        return _forces(t, self._stages, self.fields, self.one)

    def pushed(self, t: Tree, memory: list[Scalar] | None) -> list[Scalar]:
        """W m + C h f(Y) at t, or without its first part where the memory is not known yet."""
        forces = self.forces(t)
        rows = [_dot(row, forces, self.one) for row in self.method.c]
        if memory is None:
            return rows
        return [row + _dot(w, memory, self.one) for row, w in zip(rows, self.method.w, strict=True)]

    def extend(self, t: Tree, memory: list[Scalar]) -> None:
        """Add the displacement and the stages at t."""
        forces, method = self.forces(t), self.method
        self.displacement[t] = _dot(method.v, memory, self.one) + _dot(method.b, forces, self.one)
        if t.order < self.order:
            self._stages[t] = [
                _dot(u, memory, self.one) + _dot(a, forces, self.one)
                for u, a in zip(method.u, method.a, strict=True)
            ]


def _dot(row: Vector, column: list[Scalar], one: Scalar) -> Scalar:
    return sum((c * weight for weight, c in zip(row, column, strict=True)), one * 0)


def _pruned(t: Tree, outer: Mapping[Tree, Scalar], inner: Mapping[Tree, Scalar]) -> Scalar:
    """The terms of outer(x + inner(x)) at t, but for those of t itself in outer and in inner."""
    total: Scalar = 0
    for kept, fallen in prunings(t):
        if kept and fallen:
            total = reduce(mul, (inner[u] for u in fallen), outer[kept[0]]) + total
    return total


def _forces(
    t: Tree, stages: Mapping[Tree, list[Scalar]], fields: Iterable[int], one: Scalar
) -> list[Scalar]:
    return [
        reduce(mul, (stages[branch][r] for branch in t.branches), one)
        if field == t.colour
        else one * 0
        for r, field in enumerate(fields)
    ]


def _start(
    method: LinearMethod, trees: Iterable[Tree], fields: Sequence[int]
) -> list[dict[Tree, Coefficient]]:
    """The memory before the first step, as series in x_0."""
    one = method.ring.number(1)
    stages: dict[Tree, list[Coefficient]] = {}
    found: list[dict[Tree, Coefficient]] = [{} for _ in method.w]
    for t in trees:
        forces = _forces(t, stages, fields, one)
        stages[t] = [_dot(row, forces, one) for row in method.start_a]
        for i, row in enumerate(method.start):
            found[i][t] = _dot(row, forces, one)
    return found
