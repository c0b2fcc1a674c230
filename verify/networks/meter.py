"""Which terms of the modified flow matter in this run, and is the expansion to be believed here?

With x' = -P (g + h c H phi) + O(h^2), P g = phi (`derive.engine.regularizer`), the meter reads how
large h c H phi is beside g. For x' = -w g it is half the gradient of the term h c w |g|^2/2, whose
share of the loss is read too.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import sympy

from derive.engine.front_door import is_linear
from derive.engine.order_h import G, in_one_component, regularizer
from derive.language.bad_input import BadInput
from derive.optimizers.settings import Setting
from derive.quadratics import radius_of_convergence, stability_limit
from verify.networks.landscapes import (
    Array,
    Landscape,
    felt,
    top_curvature,
    torch_landscape,
)
from verify.networks.objects import from_torch
from verify.running.files import write_whole

SHARE = 0.15
"""Of the time of the training alone that measurements may take."""
BELIEVED = 0.5
"""Of the radius of convergence: beyond it a term is more than half of the one before it."""


@dataclass(frozen=True)
class Reading:
    """One measurement.

    Args:
        step: the number of optimizer steps before it.
        loss, gradient: the loss and the norm of its gradient.
        term: the norm of h c H phi beside that of the gradient.
        loss_term: h c w |g|^2/2 beside the loss, where the first flow is x' = -w g, else None.
        curvature: the largest eigenvalue of the Hessian, by size.
        step_times_curvature: h times it, in the unit of `limit` and `radius`.
        limit: where the rule becomes unstable on a quadratic, None where it is not known.
        radius: within which the series in h converges on a quadratic, None where it is not known.
        lag: the steps by which the force of order h is late: the step over the time in which
            the gradient changes along the flow.
        believed: whether the expansion is to be believed here: h curvature is well within the
            radius; where none is known, the term is at most half of the gradient.
    """

    step: int
    loss: float
    gradient: float
    term: float
    loss_term: float | None
    curvature: float
    step_times_curvature: float
    limit: float | None
    radius: float | None
    lag: float
    believed: bool


class Meter:
    """Reads a run beside its training; call `step` after every step of the optimizer.

    It measures as often as keeps its time below `SHARE` of the training's, or every so many steps.
    """

    def __init__(self, landscape: Landscape, setting: Setting, *, every: int | None = None) -> None:
        if every is not None and every < 1:
            raise BadInput(f"every={every} is no number of steps; it is 1 or more.")
        self.landscape = felt(landscape, setting)
        self.setting, self.every = setting, every
        self.readings: list[Reading] = []
        self.steps = 0
        self._terms = _terms(setting)
        self._top: Array | None = None
        self.spent = 0.0
        self._begin = time.perf_counter()

    @property
    def overhead(self) -> float:
        """The time of the measurements beside that of everything else since the start."""
        return self.spent / (time.perf_counter() - self._begin - self.spent)

    def step(self) -> None:
        """Count a step of the optimizer, and measure where it is time to."""
        self.steps += 1
        due = self.steps % self.every == 0 if self.every else self.overhead < SHARE
        if due:
            self.measure()

    def measure(self) -> Reading:
        """Measure now.

        Raises:
            BadInput: the loss or its gradient is no finite number here.
        """
        clock = time.perf_counter()
        x = self.landscape.point()
        loss, gradient = self.landscape.slope(x)
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            raise BadInput(f"the loss is {loss} after {self.steps} steps; a smaller step may help.")
        h, (phi, c, weight, limit, radius) = self.setting.h, self._terms
        turned = self.landscape.hessian_times(x, gradient * phi(abs(gradient)))
        size = float(np.linalg.norm(gradient))
        force = h * c(abs(gradient)) * turned
        begin = np.ones(x.size) if self._top is None else self._top
        top, self._top = top_curvature(partial(self.landscape.hessian_times, x), begin)
        reach = h * top
        term = float(np.linalg.norm(force)) / size if size else 0.0
        reading = Reading(
            step=self.steps,
            loss=loss,
            gradient=size,
            term=term,
            loss_term=None
            if weight is None or not loss
            else float(h * c(np.ones(1))[0] * weight * size**2 / 2 / loss),
            curvature=top,
            step_times_curvature=reach,
            limit=limit,
            radius=radius,
            lag=float(h * np.linalg.norm(turned)) / size if size else 0.0,
            believed=bool(term < BELIEVED if radius is None else abs(reach) < BELIEVED * radius),
        )
        self.readings.append(reading)
        self.spent += time.perf_counter() - clock
        return reading

    def as_json(self) -> dict[str, Any]:
        """The rule, the overhead so far and every reading."""
        rule = self.setting.exact
        values = {name: str(value) for name, value in rule.values}
        told = {"rule": rule.name, "h": self.setting.h, "values": values}
        return told | {
            "overhead": round(self.overhead, 4),
            "readings": [asdict(r) for r in self.readings],
        }

    def write(self, path: str | Path, *, force: bool = False) -> None:
        """Write the readings as CSV or JSON, by the ending of the name.

        Raises:
            BadInput: another ending, or the file exists or cannot be written.
        """
        where = Path(path)
        if where.suffix == ".json":
            write_whole(where, json.dumps(self.as_json(), indent=1), force=force)
        elif where.suffix == ".csv":
            text = io.StringIO()
            rows = csv.DictWriter(text, [f.name for f in fields(Reading)], lineterminator="\n")
            rows.writeheader()
            rows.writerows(asdict(reading) for reading in self.readings)
            write_whole(where, text.getvalue(), force=force)
        else:
            raise BadInput(f"{where} ends in neither .csv nor .json.")

    def __str__(self) -> str:
        """The readings as a table, and whether the expansion is to be believed."""
        head = "step      loss   |grad|    term   of loss   h curv     lag  believed"
        lines = [head]
        for r in self.readings:
            share = "-" if r.loss_term is None else f"{r.loss_term:.2%}"
            lines.append(
                f"{r.step:<6} {r.loss:>7.3g} {r.gradient:>8.3g} {r.term:>7.2%} {share:>9} "
                f"{r.step_times_curvature:>8.3g} {r.lag:>7.3g}  {'yes' if r.believed else 'no'}"
            )
        known = next((r for r in self.readings if r.radius is not None), None)
        if known is not None:
            lines.append(
                f"h curv: unstable from {known.limit:.3g}, series within {known.radius:.3g}"
            )
        return "\n".join(lines)


def watch(
    model: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    data: tuple[Any, Any],
    *,
    every: int | None = None,
) -> Meter:
    """A meter of a PyTorch training, which it leaves as it is, bit for bit.

    Args:
        loss: of the model's outputs and the targets.
        optimizer: an object of torch.optim, as it is now.
        data: the inputs and the targets that are measured on, all of them or a fixed batch.
        every: the steps between measurements; as often as is cheap without it.
    Raises:
        BadInput: the optimizer is none that is covered, or has no order-h term.
    """
    return Meter(torch_landscape(model, loss, data), from_torch(optimizer), every=every)


Elementwise = Callable[[Array], Array]
Terms = tuple[Elementwise, Elementwise, float | None, float | None, float | None]


def _terms(setting: Setting) -> Terms:
    """phi/g and c as functions of |g|; w where phi = w g; the limit and the radius of h curvature.

    Raises:
        BadInput: the order-h term is no c H phi in each component.
    """
    rule = setting.exact
    found = regularizer(rule)
    coefficient = found.coefficient
    if coefficient is None:
        raise BadInput(f"the order-h term of {rule.name} acts on no component by itself.")
    ratio = sympy.factor(in_one_component(found.flow, found.phi) / G)
    if (ratio.free_symbols | coefficient.free_symbols) - {G}:
        raise BadInput(f"the first flow of {rule.name} depends on more than the gradient.")
    weight = None if ratio.has(G) else float(ratio)
    limit = radius = None
    if is_linear(rule):
        limit, radius = (float(f(rule)) for f in (stability_limit, radius_of_convergence))
    return _function(ratio), _function(coefficient), weight, limit, radius


def _function(expr: sympy.Expr) -> Elementwise:
    compiled = sympy.lambdify(G, expr, "numpy")
    return lambda size: np.broadcast_to(compiled(size), size.shape)
