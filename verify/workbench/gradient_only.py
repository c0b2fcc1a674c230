"""Losses that are only known by their gradient, at float64: numpy, torch or jax functions.

The gradient's derivative along a direction is a central difference, good to about ten digits; the
flows are integrated by extrapolation, to about the same.

Source: Hairer, Norsett, Wanner, Solving Ordinary Differential Equations I (1993), II.9 (the
extrapolated midpoint rule of Gragg, Bulirsch and Stoer).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from flint import fmpq

from derive.engine.backward_error import slow_motion
from derive.engine.start_up import initial_shift
from derive.language.trees import LEAF, tree
from derive.language.update_rule import BadInput, Optimizer
from verify.workbench.beside_flow import FLOWS, ComparedStep, Comparison

Array = np.ndarray
Gradient = Callable[[Array], Any]
Field = Callable[[Array], Array]
Along = Callable[[Array, Array], Array]
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

    motion = TwoNodeFlows(rule, grad, lambda x, direction: _along(grad, x, direction))
    x0 = np.asarray(start, dtype=np.float64)
    rows: list[ComparedStep] = []
    errors = {name: list[float]() for name in FLOWS}
    for j in range(halvings):
        step, count = h / 2**j, round(time / h) * 2**j
        path = list(motion.iterates(x0, step, count))
        modified = motion.modified(step)
        points = {
            FLOWS[0]: _integrate(motion.leading, x0, step, count),
            FLOWS[1]: _integrate(modified, x0, step, count),
            FLOWS[2]: _integrate(modified, motion.shifted(x0, step), step, count),
        }
        for name, found in points.items():
            errors[name].append(float(np.max(np.abs(found[-1] - path[-1]))))
        if j == 0:
            rows = [
                ComparedStep(
                    k, k * h, path[k].tolist(), {n: p[k].tolist() for n, p in points.items()}
                )
                for k in sorted({round(i * count / 8) for i in range(9)})
            ]
    steps = [fmpq(*(h / 2**j).as_integer_ratio()) for j in range(halvings)]
    return Comparison(rows, steps, errors)


def float_of(value: fmpq) -> float:
    """The nearest float."""
    return int(value.p) / int(value.q)


class TwoNodeFlows:
    """A rule at float64, with its flows of at most two nodes.

    Args:
        rule: linear, every parameter given.
        gradient: that of the loss.
        along: from x and a direction to the derivative of the gradient along it.
    """

    def __init__(self, rule: Optimizer, gradient: Field, along: Along) -> None:
        self.rule, self.gradient, self.along = rule, gradient, along
        flow = slow_motion(rule, 2).modified_flow
        self._rate, self._bend = (float_of(flow[t].at({})) for t in (LEAF, PAIR))
        self._shift = float_of(initial_shift(rule, order=1)[LEAF].at({}))

    def leading(self, x: Array) -> Array:
        """The field of gradient flow."""
        return -self._rate * self.gradient(x)

    def modified(self, h: float) -> Field:
        """The field of the modified flow."""

        def field(x: Array) -> Array:
            g = self.gradient(x)
            return -self._rate * g + h * self._bend * self.along(x, g)

        return field

    def shifted(self, x: Array, h: float) -> Array:
        """Where the modified flow starts for iterates from x."""
        return x - h * self._shift * self.gradient(x)

    def iterates(self, x: Array, h: float, steps: int) -> Iterator[Array]:
        """x_0, x_1, ... from a cold start."""
        parameters = self.rule.arguments(float_of)
        memory = self.rule.start(x, self.gradient, h, parameters)
        yield x
        for _ in range(steps):
            x, memory = self.rule.step(x, memory, self.gradient, h, parameters)
            yield x


def _along(grad: Gradient, x: Array, direction: Array) -> Array:
    """The derivative of the gradient along a direction."""
    size = float(np.linalg.norm(direction))
    if size == 0:
        return np.zeros_like(x)
    step = np.cbrt(np.finfo(np.float64).eps) * max(1.0, float(np.linalg.norm(x))) / size
    return (grad(x + step * direction) - grad(x - step * direction)) / (2 * step)


def _integrate(field: Field, x: Array, h: float, steps: int) -> list[Array]:
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


def _midpoint(field: Field, x: Array, h: float, substeps: int) -> Array:
    s = h / substeps
    before, here = x, x + s * field(x)
    for _ in range(substeps - 1):
        before, here = here, before + 2 * s * field(here)
    return (before + here + s * field(here)) / 2
