"""An optimizer on a user's loss, beside the gradient flow and the modified flow.

What breaks the theory's assumptions is caught and named: a critical start, a step size outside the
stable range, iterates that run away, a gradient that is not a real number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import gmpy2
import numpy as np
import sympy
from flint import fmpq

from derive.engine.backward_error import slow_motion
from derive.engine.edges import Edge
from derive.engine.invariant_manifold import SlowManifold
from derive.engine.start_up import initial_shift
from derive.language.stages import each
from derive.language.update_rule import BadInput, Optimizer
from derive.quadratics.linearization import Z, mode_matrix
from verify.running.budget import SECONDS
from verify.running.convergence import Flow
from verify.running.flows import weights_of
from verify.running.limits import within
from verify.running.losses import VectorField
from verify.running.numbers import FLOAT, MPFR, evaluate, precision
from verify.running.orders import ObservedOrder, observed_order
from verify.running.trajectories import iterates
from verify.workbench.rule_claims import shifted_flow
from verify.workbench.worlds import fading, largest_curvature

FLOWS = ("gradient flow", "modified flow", "modified flow, shifted start")
FIRST = "first flow"
"""That at h^0 of a rule beyond linear memory, which need not be the gradient flow."""
FAR = 1e9
MOST_STEPS = 8192
"""At the largest step size; the smallest takes sixteen times as many."""
STEPS_A_SECOND = 1000
"""What a slow machine does in any case, on a loss of a few terms."""


@dataclass(frozen=True)
class ComparedStep:
    """One step: its number, its time k h, x_k, and the flows at that time, by name."""

    k: int
    time: float
    x: list[float]
    flows: dict[str, list[float]]


@dataclass(frozen=True)
class Paths:
    """x_0, x_1, ..., of shape (steps + 1, n), and curves of the flows to the same time."""

    iterates: np.ndarray
    flows: dict[str, np.ndarray]


@dataclass(frozen=True)
class Left:
    """The step at which a run breaks a condition of a flow."""

    k: int
    edge: Edge
    flow: SlowManifold


@dataclass(frozen=True)
class Comparison:
    """Some steps of a run, and the errors at the final time for halved step sizes.

    `left` says at which step the run left the range of which flow.
    """

    rows: list[ComparedStep]
    steps: list[fmpq]
    errors: dict[str, list[float]]
    left: tuple[Left, ...] = ()

    @property
    def orders(self) -> dict[str, ObservedOrder]:
        """The observed order of every flow's error."""
        return {name: observed_order(errors) for name, errors in self.errors.items()}


def compare(
    rule: Optimizer,
    loss: VectorField,
    start: Sequence[fmpq],
    *,
    h: fmpq,
    time: fmpq,
    nodes: int = 2,
    digits: int = 30,
    halvings: int = 5,
) -> Comparison:
    """Run the rule and the flows up to `time`, at h and at h/2, h/4, ...

    Args:
        rule: every parameter given.
        start: x_0.
        h: the step size; time/h is rounded to whole steps.
        nodes: how many nodes the trees of the modified flow have at the most.
    Raises:
        BadInput: a parameter is missing, or the run breaks an assumption of the theory.
    """
    count = _count(rule, h, time)
    steps = [h / 2**j for j in range(halvings)]
    with _in_time(count, halvings), precision(digits):
        _check_start(rule, loss, start, h)
        finest = {name: list[float]() for name in FLOWS}
        rows: list[ComparedStep] = []
        for j, step in enumerate(each(steps, halvings, "step size")):
            path, flows = _run(rule, loss, start, step, count * 2**j, nodes, digits)
            for name, points in flows.items():
                finest[name].append(float(max(abs(e) for e in points[-1] - path[-1])))
            if j == 0:
                rows = [
                    ComparedStep(
                        k,
                        float(MPFR.convert(h) * k),
                        _floats(path[k]),
                        {name: _floats(points[k]) for name, points in flows.items()},
                    )
                    for k in sorted({round(i * count / 8) for i in range(9)})
                ]
    return Comparison(rows, steps, finest)


def run_beside(
    rule: Optimizer,
    loss: VectorField,
    start: Sequence[fmpq],
    *,
    h: fmpq,
    time: fmpq,
    nodes: int = 2,
    digits: int = 30,
    per_step: int = 8,
) -> Paths:
    """Every step of one run beside the flows; arguments and errors are those of `compare`.

    Args:
        per_step: points on a flow in one step.
    """
    count = _count(rule, h, time)
    with _in_time(count, 1), precision(digits):
        _check_start(rule, loss, start, h)
        path, flows = _run(rule, loss, start, h, count, nodes, digits, per_step)
    return Paths(_table(path), {name: _table(points) for name, points in flows.items()})


def _count(rule: Optimizer, h: fmpq, time: fmpq) -> int:
    """The number of steps, where a run can be made."""
    if rule.parameters:
        missing = ", ".join(f"--set {name}=..." for name in rule.parameters)
        raise BadInput(f"a run needs a number for every parameter of {rule.name}: give {missing}.")
    fading(rule)
    if not 0 < h <= time:
        raise BadInput(f"h = {h} is outside (0, {time}], the time of the run.")
    if time / h > MOST_STEPS:
        raise BadInput(
            f"{_shown(time)} in steps of {_shown(h)} are more than {MOST_STEPS} steps; "
            "take a larger step or less time."
        )
    return int(time / h)


def _in_time(count: int, halvings: int) -> AbstractContextManager[None]:
    """A run takes no longer than a loss of ordinary size does."""
    steps = count * 2**halvings
    return within(
        f"a run of {steps} steps on this loss",
        seconds=SECONDS + steps / STEPS_A_SECOND,
        way_out="take fewer steps or a simpler loss",
    )


def _shown(number: fmpq) -> str:
    return f"{float(number.p) / float(number.q):.6g}" if number.height_bits() < 900 else "a number"


def _table(points: list[np.ndarray]) -> np.ndarray:
    return np.array([_floats(x) for x in points])


def _run(
    rule: Optimizer,
    loss: VectorField,
    start: Sequence[fmpq],
    h: fmpq,
    steps: int,
    nodes: int,
    digits: int,
    per_step: int = 1,
) -> tuple[list[np.ndarray], dict[str, list[np.ndarray]]]:
    step = MPFR.convert(h)
    x0 = np.array([MPFR.convert(x) for x in start], dtype=object)
    path = iterates(rule, loss, list(x0), h=step, steps=steps, parameters={}, arithmetic=MPFR)
    _check_path(path, h)
    run = Flow(loss, x0, step, steps, {}, digits, per_step)
    flow = {t: MPFR.convert(c.at({})) for t, c in slow_motion(rule, nodes).modified_flow.items()}
    try:
        return path, {
            FLOWS[0]: run.steady({t: b for t, b in flow.items() if t.order == 1}),
            FLOWS[1]: run.steady(weights_of(flow, step, MPFR)),
            FLOWS[2]: shifted_flow(
                rule,
                nodes,
                lambda s: {t: c.at({}) for t, c in s.items()},
                initial_shift(rule, order=nodes),
            )(run),
        }
    except ArithmeticError as error:
        raise BadInput(f"h = {h}: {error}") from None


def _floats(x: np.ndarray) -> list[float]:
    return [float(entry) for entry in x]


def _check_start(rule: Optimizer, loss: VectorField, start: Sequence[fmpq], h: fmpq) -> None:
    point = [MPFR.convert(x) for x in start]
    gradient = loss.gradient.at(point, MPFR)
    where = ", ".join(str(x) for x in start)
    if not all(gmpy2.is_finite(g) for g in gradient):
        raise BadInput(
            f"the gradient at the start ({where}) is not a real number; start elsewhere."
        )
    if all(g == 0 for g in gradient):
        raise BadInput(
            f"the start ({where}) is a critical point: nothing moves, nothing to measure."
        )
    if len(rule.fields) > 1:
        return
    curvature = largest_curvature(loss, [float(x) for x in point])
    limit = stable_limit(rule)
    step = FLOAT.convert(h)
    if curvature * step >= limit > 0:
        raise BadInput(
            f"h = {h} is outside the stable range of {rule.name} here: the curvature at the start "
            f"is {curvature:.3g}, so use h < {limit / curvature:.3g}."
        )


def _check_path(path: list[np.ndarray], h: fmpq) -> None:
    for k, x in enumerate(path):
        if not all(gmpy2.is_finite(entry) for entry in x):
            raise BadInput(
                f"h = {h}: the gradient stops being a real number at step {k} (it overflows, or "
                "the loss is not defined or not smooth there); use a smaller h or another start."
            )
        if max(abs(entry) for entry in x) > FAR:
            raise BadInput(
                f"h = {h}: the iterates leave every bound by step {k}; the loss is unbounded "
                "below along the run, or h is too large."
            )


def stable_limit(rule: Optimizer, bound: float = 1e6) -> float:
    """The z = h * curvature below which a convex mode decays, all parameters given.

    Found by bisection on the spectral radius of the mode's matrix, to 6 digits; 0 where small
    steps are unstable already.
    """
    matrix = mode_matrix(rule)

    def stable(z: float) -> bool:
        entries = [[complex(e) for e in row] for row in _numbers(matrix, z)]
        return bool(max(abs(np.linalg.eigvals(np.array(entries)))) < 1)

    low, high = 1e-6, 1e-6
    if not stable(low):
        return 0.0
    while high < bound and stable(high):
        low, high = high, high * 2
    if high >= bound:
        return math.inf
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if stable(middle) else (low, middle)
    return low


def _numbers(matrix: sympy.Matrix, z: float) -> list[list[Any]]:
    values: Mapping[str, float] = {Z.name: z}
    return [
        [evaluate(matrix[i, j], values, FLOAT) for j in range(matrix.cols)]
        for i in range(matrix.rows)
    ]
