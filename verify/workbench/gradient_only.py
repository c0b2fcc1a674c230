"""Losses that are only known by their gradient, at float64: numpy, torch or jax functions.

The gradient's derivative along a direction is a central difference, good to about ten digits; the
flows are integrated by extrapolation, to about the same.

Source: Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I (1993), II.9 (the
extrapolated midpoint rule of Gragg, Bulirsch and Stoer).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from flint import fmpq

from derive.engine.backward_error import slow_motion
from derive.engine.startup import initial_shift
from derive.language.trees import LEAF, tree
from derive.language.update_rule import BadInput, Optimizer
from verify.workbench.beside_flow import FLOWS, Comparison, Row

Array = np.ndarray
Gradient = Callable[[Array], Any]
PAIR = tree("[[]]")
STAGES = (2, 4, 6, 8)


def compare_at_float64(
    rule: Optimizer,
    gradient: Gradient,
    start: Sequence[float],
    *,
    h: float,
    time: float,
    halvings: int = 4,
) -> Comparison:
    """The iterates beside the flows of at most two nodes, for a gradient given as a function.

    Args:
        rule: every parameter given.
        gradient: takes and returns a float64 array, or what `np.asarray` makes one of.
        start: x_0.
        h: the step size.
        time: the run ends after time/h steps, rounded.
    Raises:
        BadInput: a parameter is missing, or the gradient is not finite along the run.
    """
    if rule.parameters:
        missing = ", ".join(rule.parameters)
        raise BadInput(f"a run needs a number for every parameter of {rule.name}: {missing}.")

    def grad(x: Array) -> Array:
        found = np.asarray(gradient(x), dtype=np.float64)
        if not np.all(np.isfinite(found)):
            raise BadInput(f"the gradient is not finite at x = {x.tolist()}; use a smaller h.")
        return found

    flow = {t: float_of(c.at({})) for t, c in slow_motion(rule, 2).modified_flow.items()}
    shift = float_of(initial_shift(rule, order=1)[LEAF].at({}))
    x0 = np.asarray(start, dtype=np.float64)
    rows: list[Row] = []
    errors = {name: list[float]() for name in FLOWS}
    for j in range(halvings):
        step, count = h / 2**j, round(time / h) * 2**j
        path = _iterate(rule, grad, x0, step, count)

        def leading(x: Array) -> Array:
            return -flow[LEAF] * grad(x)

        def modified(x: Array, step: float = step) -> Array:
            g = grad(x)
            return -flow[LEAF] * g + step * flow[PAIR] * _along(grad, x, g)

        points = {
            FLOWS[0]: _integrate(leading, x0, step, count),
            FLOWS[1]: _integrate(modified, x0, step, count),
            FLOWS[2]: _integrate(modified, x0 - step * shift * grad(x0), step, count),
        }
        for name, found in points.items():
            errors[name].append(float(np.max(np.abs(found[-1] - path[-1]))))
        if j == 0:
            rows = [
                Row(k, k * h, path[k].tolist(), {n: p[k].tolist() for n, p in points.items()})
                for k in sorted({round(i * count / 8) for i in range(9)})
            ]
    steps = [fmpq(*(h / 2**j).as_integer_ratio()) for j in range(halvings)]
    return Comparison(rows, steps, errors)


def float_of(value: fmpq) -> float:
    """The nearest float."""
    return int(value.p) / int(value.q)


def _iterate(rule: Optimizer, grad: Gradient, x: Array, h: float, steps: int) -> list[Array]:
    parameters = rule.arguments(float_of)
    memory = rule.start(x, grad, h, parameters)
    path = [x]
    for _ in range(steps):
        x, memory = rule.step(x, memory, grad, h, parameters)
        path.append(x)
    return path


def _along(grad: Gradient, x: Array, direction: Array) -> Array:
    """The derivative of the gradient along a direction."""
    size = float(np.linalg.norm(direction))
    if size == 0:
        return np.zeros_like(x)
    step = np.cbrt(np.finfo(np.float64).eps) * max(1.0, float(np.linalg.norm(x))) / size
    return (grad(x + step * direction) - grad(x - step * direction)) / (2 * step)


def _integrate(field: Callable[[Array], Array], x: Array, h: float, steps: int) -> list[Array]:
    path = [x]
    for _ in range(steps):
        above: list[Array] = []
        for i, substeps in enumerate(STAGES):
            row = [_midpoint(field, path[-1], h, substeps)]
            for j, left in enumerate(above, 1):
                ratio = (substeps / STAGES[i - j]) ** 2
                row.append(row[-1] + (row[-1] - left) / (ratio - 1))
            above = row
        path.append(above[-1])
    return path


def _midpoint(field: Callable[[Array], Array], x: Array, h: float, substeps: int) -> Array:
    s = h / substeps
    before, here = x, x + s * field(x)
    for _ in range(substeps - 1):
        before, here = here, before + 2 * s * field(here)
    return (before + here + s * field(here)) / 2
