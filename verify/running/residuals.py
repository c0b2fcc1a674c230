"""Exact residuals: the declared step on power series in h with rational coefficients.

No number is rounded, so "no term below h^p is left" is a theorem about the loss, the start and the
parameters at hand. A coefficient of the residual is a polynomial in 1/(1-beta); where it vanishes
at more rational beta than its degree, it vanishes for every beta, and the check is a proof for that
loss. Nothing here knows about trees' cuts or Lie derivatives: the flow is expanded in time by the
recurrences of `verify.running.tape`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from flint import fmpq

from derive.language.trees import Tree
from derive.language.update_rule import Optimizer
from verify.running.flows import Field, evaluate_taylor
from verify.running.losses import VectorField
from verify.running.numbers import Arithmetic, PowerSeries, power_series
from verify.running.recording import recorder
from verify.running.restating import Leg, SeriesRun, record_order
from verify.running.trajectories import Start, first_memory, iterates, vector

Weights = Mapping[Tree, PowerSeries]
"""What multiplies F(t) in x', as a power series in h."""


def advance(
    loss: VectorField,
    weights: Weights,
    start: np.ndarray,
    time: PowerSeries,
    arithmetic: Arithmetic,
) -> np.ndarray:
    """The flow of the field over `time`, a multiple of h, as power series in h."""
    (reached,) = positions(loss, weights, start, [time], arithmetic)
    return reached


def positions(
    loss: VectorField,
    weights: Weights,
    start: np.ndarray,
    times: Sequence[PowerSeries],
    arithmetic: Arithmetic,
) -> list[np.ndarray]:
    """Where the flow of the field is at each of some times, as `advance`."""
    field, length = Field(loss, weights), times[0].length
    rows = field.program.taylor(list(start), field.fixed(times[0] * 0), length, arithmetic)
    reached = [vector(evaluate_taylor(rows, time)) for time in times]
    if (log := recorder()) is not None:
        legs = (Leg(weights, time, start) for time in times)
        log.flows += zip(legs, reached, strict=True)
    return reached


def lowest_power(difference: np.ndarray) -> int:
    """The smallest power of h left in a vector of power series; their length where none is."""
    return min(
        next((n for n in range(entry.length) if entry[n] != 0), entry.length)
        for entry in difference
    )


def steady_residual(
    optimizer: Optimizer,
    loss: VectorField,
    start: Sequence[fmpq],
    weights: Callable[[PowerSeries], Weights],
    *,
    parameters: Mapping[str, fmpq],
    length: int,
    memory: Recall,
) -> int:
    """The lowest power of h in (one step of the optimizer) - (the flow over h).

    Args:
        memory: the optimizer's memory from x(0), x(-h) on the flow, and h.
        length: the first power of h that is not looked at.
    """
    step = SteadyStep(optimizer, loss, start, parameters, length, memory)
    run, leg, stepped, after = step.along(weights)
    lowest = lowest_power(stepped - after)
    if (log := recorder()) is not None:
        record_order(log, run, [leg], [(stepped, after)], lowest)
    return lowest


Recall = Callable[[np.ndarray, np.ndarray, PowerSeries], Sequence[np.ndarray]]
"""An optimizer's memory from x(0), x(-h) on a flow, and h."""


@dataclass(frozen=True)
class SteadyStep:
    """One step from a flow, as power series in h; the fields are those of `steady_residual`."""

    optimizer: Optimizer
    loss: VectorField
    start: Sequence[fmpq]
    parameters: Mapping[str, fmpq]
    length: int
    memory: Recall

    def along(
        self, weights: Callable[[PowerSeries], Weights]
    ) -> tuple[SeriesRun, Leg, np.ndarray, np.ndarray]:
        """The run, the flow over h, and where both end."""
        arithmetic, h = power_series(self.length), PowerSeries.step(self.length)
        values = {name: arithmetic.convert(value) for name, value in self.parameters.items()}
        here = vector([arithmetic.convert(x) for x in self.start])
        field = weights(h)
        before, after = positions(self.loss, field, here, [-h, h], arithmetic)
        grad, behind = self.loss.gradient_function(arithmetic), self.memory(here, before, h)
        stepped, _ = self.optimizer.step(here, behind, grad, h, values)
        given = (self.optimizer, self.loss, self.start, self.parameters)
        return SeriesRun(*given, behind, before, -1, self.length), Leg(field, h), stepped, after


def transient_residual(
    optimizer: Optimizer,
    loss: VectorField,
    start: Sequence[fmpq],
    weights: Callable[[int, PowerSeries], Weights],
    *,
    parameters: Mapping[str, fmpq],
    length: int,
    steps: int,
    memory: Start | None = None,
) -> int:
    """The lowest power of h in x_k - x(kh), k = 1 ... steps, from the start of the iteration on.

    Args:
        weights: the field on [kh, (k+1)h] from k and h.
    """
    arithmetic, h = power_series(length), PowerSeries.step(length)
    path = iterates(
        optimizer,
        loss,
        [arithmetic.convert(x) for x in start],
        h=h,
        steps=steps,
        parameters={name: arithmetic.convert(value) for name, value in parameters.items()},
        arithmetic=arithmetic,
        memory=memory,
    )
    here, ends, legs = path[0], list[tuple[np.ndarray, np.ndarray]](), list[Leg]()
    for k in range(steps):
        legs.append(Leg(weights(k, h), h))
        here = advance(loss, legs[-1].weights, here, h, arithmetic)
        ends.append((path[k + 1], here))
    lowest = min((lowest_power(x - y) for x, y in ends), default=length)
    if (log := recorder()) is not None:
        behind = first_memory(optimizer, loss, path[0], h, parameters, arithmetic, memory)
        run = SeriesRun(optimizer, loss, start, parameters, behind, path[0], 0, length)
        record_order(log, run, legs, ends, lowest)
    return lowest
