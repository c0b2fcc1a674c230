"""Which terms of the modified flow matter in this run, and is the expansion to be believed here?

Read beside a training: the terms of order h (`verify.networks.terms`) beside the first flow and the
loss, the curvature beside the limit of stability and the radius of convergence, and the memory's
lag beside the time in which the gradient changes.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from derive.engine.front_door import is_linear
from derive.language.bad_input import BadInput
from derive.optimizers.settings import Setting
from derive.quadratics import radius_of_convergence, stability_limit
from verify.networks.counts import check_count
from verify.networks.landscapes import (
    Array,
    Landscape,
    felt,
    jax_landscape,
    top_curvature,
    torch_landscape,
)
from verify.networks.objects import from_optax, from_torch
from verify.networks.terms import KINDS, OrderH
from verify.running.files import write_whole
from verify.running.progress import tracked

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
        term: the norm of all terms of order h beside that of the first flow.
        terms: the same of each kind: of the Hessian, the decay, the schedule, norms of all weights.
        loss_term: h c N(grad E) beside the loss, for which the flow is that of E + h c N(grad E)
            where c is a number (for heavy ball N is |grad E|^2/2 up to a factor); where c depends
            on the gradient it is summed over the components; None where a rule has no such form.
        curvature: the largest eigenvalue of the Hessian, by size.
        step_times_curvature: the step size times it, in the unit of `limit` and `radius`.
        limit: where the rule becomes unstable on a quadratic, None where it is not known.
        radius: within which the series in h converges on a quadratic, None where it is not known.
        lag: the time by which the memory is behind (for heavy ball beta/(1-beta) steps, the mean
            age of its gradients) over the time in which the gradient changes along the flow.
        believed: whether the expansion is to be believed here: the step times the curvature is well
            within the radius; where none is known, the term is at most half of the first flow.
    """

    step: int
    loss: float
    gradient: float
    term: float
    terms: dict[str, float]
    loss_term: float | None
    curvature: float
    step_times_curvature: float
    limit: float | None
    radius: float | None
    lag: float | None
    believed: bool


class Meter:
    """Reads a run beside its training; call `step` after every step of the optimizer, or train in
    a loop `for k in meter.over(steps)`, which does and shows a bar.

    It measures as often as keeps its time below `SHARE` of the training's, or every so many steps.
    """

    def __init__(self, landscape: Landscape, setting: Setting, *, every: int | None = None) -> None:
        if every is not None:
            check_count("every", every)
        self.landscape = felt(landscape, setting)
        self.setting, self.every = setting, every
        self.readings: list[Reading] = []
        self.steps = 0
        self.flow = OrderH(setting)
        rule = setting.exact
        known = (stability_limit, radius_of_convergence) if is_linear(rule) else ()
        self._limits = [float(f(rule)) for f in known] or [None, None]
        self._top: Array | None = None
        self.spent = self._last = 0.0
        self._begin = time.perf_counter()

    @property
    def overhead(self) -> float:
        """The time of the measurements beside that of everything else since the start."""
        return self.spent / (time.perf_counter() - self._begin - self.spent)

    def step(self) -> None:
        """Count a step of the optimizer, and measure where it is time to."""
        self.steps += 1
        if self.every:
            due = self.steps % self.every == 0
        else:
            training = time.perf_counter() - self._begin - self.spent
            due = self.spent + self._last < SHARE * training or not self.readings
        if due:
            self.measure()

    def over(self, steps: int) -> Iterator[int]:
        """Count a training's steps; after each the meter's own is done, and a bar tells how far it
        is, the loss, and whether the expansion is to be believed.

        Raises:
            BadInput: the steps are no number of steps.
        """
        check_count("steps", steps)
        with tracked(steps, "training") as advance:
            for k in range(steps):
                yield k
                self.step()
                last = self.readings[-1:]
                advance("".join(f"loss {r.loss:.3g}, {_judged(r)}" for r in last) or "training")

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
        h = self.setting.h
        rate = h * self.setting.rate(self.steps)
        forces = self.flow.at(self.landscape, x, gradient, self.steps * h)
        size, first = float(np.linalg.norm(gradient)), float(np.linalg.norm(forces.leading))
        terms = {
            kind: h * float(np.linalg.norm(forces.bends[kind])) / first if first else 0.0
            for kind in KINDS
            if kind in forces.bends
        }
        whole = h * sum(forces.bends.values(), np.zeros(x.size))
        lag = None
        if forces.late is not None and forces.turned is not None:
            late = rate * float(np.linalg.norm(forces.late * forces.turned))
            lag = late / size if size else 0.0
        turned = partial(self.landscape.hessian_times, x)
        top, self._top = top_curvature(turned, x.size, self._top)
        reach, (limit, radius) = rate * top, self._limits
        term = float(np.linalg.norm(whole)) / first if first else 0.0
        reading = Reading(
            step=self.steps,
            loss=loss,
            gradient=size,
            term=term,
            terms=terms,
            loss_term=None if forces.penalty is None or not loss else rate * forces.penalty / loss,
            curvature=top,
            step_times_curvature=reach,
            limit=limit,
            radius=radius,
            lag=lag,
            believed=bool(term < BELIEVED if radius is None else abs(reach) < BELIEVED * radius),
        )
        self.readings.append(reading)
        self._last = time.perf_counter() - clock
        self.spent += self._last
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
            flat = [asdict(reading) for reading in self.readings]
            flat = [{k: v for k, v in row.items() if k != "terms"} | row["terms"] for row in flat]
            rows = csv.DictWriter(text, list(flat[0]) if flat else [], lineterminator="\n")
            rows.writeheader()
            rows.writerows(flat)
            write_whole(where, text.getvalue(), force=force)
        else:
            raise BadInput(f"{where} ends in neither .csv nor .json.")

    def __str__(self) -> str:
        """The readings as a table, and whether the expansion is to be believed."""
        head = "step      loss   |grad|    term   of loss   h curv     lag  believed"
        lines = [head]
        for r in self.readings:
            share = "-" if r.loss_term is None else f"{r.loss_term:.2%}"
            lag = "-" if r.lag is None else f"{r.lag:.3g}"
            lines.append(
                f"{r.step:<6} {r.loss:>7.3g} {r.gradient:>8.3g} {r.term:>7.2%} {share:>9} "
                f"{r.step_times_curvature:>8.3g} {lag:>7}  {'yes' if r.believed else 'no'}"
            )
        for r in self.readings[-1:]:
            if len(r.terms) > 1:
                parts = ", ".join(f"{kind} {share:.2%}" for kind, share in r.terms.items())
                lines.append(f"the last term by what bends the path: {parts}")
            if r.limit is not None and r.radius is not None:
                lines.append(f"h curv: unstable from {r.limit:.3g}, series within {r.radius:.3g}")
        return "\n".join(lines)


def _judged(reading: Reading) -> str:
    return "expansion believed" if reading.believed else "expansion not believed"


def watch(
    model: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    data: tuple[Any, Any],
    *,
    parameters: Callable[[], Any] | None = None,
    scheduler: Any = None,
    every: int | None = None,
) -> Meter:
    """A meter of a training of PyTorch or JAX, which it leaves as it is, bit for bit.

    Args:
        model: of PyTorch; with `parameters` a function of JAX, of parameters and inputs.
        loss: of the model's outputs and the targets.
        optimizer: an object of torch.optim, as it is now, or a transformation of optax.
        data: the inputs and the targets that are measured on, all of them or a fixed batch.
        parameters: gives the tree of JAX's parameters as it is when it is asked.
        scheduler: of torch.optim.lr_scheduler, where it moves the learning rate of all steps.
        every: the steps between measurements; as often as is cheap without it.
    Raises:
        BadInput: the optimizer is none that is covered, has no order-h term, or does not move just
            the parameters of the model that have a gradient.
    """
    if parameters is None:
        setting = from_torch(optimizer, scheduler)
        _moves(optimizer, model)
        return Meter(torch_landscape(model, loss, data), setting, every=every)
    if scheduler is not None:
        raise BadInput("a scheduler is PyTorch's; with parameters= the training is JAX's.")
    land = jax_landscape(model, loss, parameters, data)
    return Meter(land, from_optax(optimizer), every=every)


def _moves(optimizer: Any, model: Any) -> None:
    """Refuse an optimizer of PyTorch that does not move what the model's gradient is taken by."""
    moved = {id(p) for group in optimizer.param_groups for p in group["params"]}
    trained = {id(p) for p in model.parameters() if p.requires_grad}
    if foreign := len(moved - {id(p) for p in model.parameters()}):
        raise BadInput(f"the optimizer moves {foreign} tensors that are not of this model.")
    if left := len(trained - moved):
        raise BadInput(
            f"the optimizer leaves {left} of the model's parameters out; "
            "give them to it, or set requires_grad_(False) on them."
        )
