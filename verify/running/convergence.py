"""How far an optimizer's iterates are from a flow, at a sequence of halved step sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from flint import fmpq

from derive.language.trees import Tree
from derive.language.update_rule import Optimizer
from verify.running.flows import Field, flow, piecewise_flow
from verify.running.losses import VectorField
from verify.running.numbers import MPFR, precision
from verify.running.trajectories import Start, iterates

Number = Any
Weights = Mapping[Tree, Number]


@dataclass(frozen=True)
class ConvergenceStudy:
    """An optimizer on a loss up to a fixed time, at h = 2^-j for several j.

    All numbers are exact rationals; they enter the iteration at `digits` decimal digits.
    """

    optimizer: Optimizer
    loss: VectorField
    start: Sequence[fmpq]
    parameters: Mapping[str, fmpq] = field(default_factory=dict)
    time: int | fmpq = 2
    halvings: range = range(6, 12)
    memory: Start | None = None

    def errors(
        self,
        follow: Callable[[Flow], list[np.ndarray]],
        *,
        digits: int,
        at_end: bool = False,
    ) -> list[float]:
        """The largest distance over the steps 1, 2, ... (or the last one) for every h."""
        return [last if at_end else most for most, last in self.distances(follow, digits=digits)]

    def distances(
        self, follow: Callable[[Flow], list[np.ndarray]], *, digits: int
    ) -> list[tuple[float, float]]:
        """The largest distance over the steps 1, 2, ... and the last one, for every h."""
        result = []
        with precision(digits):
            for j in self.halvings:
                h = MPFR.convert(fmpq(1, 2**j))
                steps = int(self.time * 2**j)
                values = {name: MPFR.convert(value) for name, value in self.parameters.items()}
                given = tuple(self.start), tuple(self.parameters.items())
                path = _path(self.optimizer, self.loss, *given, j, steps, self.memory, digits)
                other = follow(Flow(self.loss, path[0], h, steps, values, digits))
                distances = [
                    max(abs(entry) for entry in a - b) for a, b in zip(path, other, strict=True)
                ]
                result.append((float(max(distances[1:])), float(distances[-1])))
        return result


@lru_cache(maxsize=64)
def _path(
    optimizer: Optimizer,
    loss: VectorField,
    start: tuple[fmpq, ...],
    parameters: tuple[tuple[str, fmpq], ...],
    halvings: int,
    steps: int,
    memory: Start | None,
    digits: int,
) -> list[np.ndarray]:
    """The iterates at h = 2^-halvings, which many candidates are compared with, at the working
    precision of these digits."""
    return iterates(
        optimizer,
        loss,
        [MPFR.convert(x) for x in start],
        h=MPFR.convert(fmpq(1, 2**halvings)),
        steps=steps,
        parameters={name: MPFR.convert(value) for name, value in parameters},
        arithmetic=MPFR,
        memory=memory,
    )


@dataclass(frozen=True)
class Flow:
    """What a candidate flow may use: the start, h, the number of steps, the parameters."""

    loss: VectorField
    x0: np.ndarray
    h: Number
    steps: int
    values: Mapping[str, Number]
    digits: int
    per_step: int = 1
    """How many points of an autonomous flow are wanted in a step."""

    def gradient(self) -> np.ndarray:
        """grad E(x_0)."""
        return self.loss.gradient_function(MPFR)(self.x0)

    def steady(self, weights: Weights, start: np.ndarray | None = None) -> list[np.ndarray]:
        """The autonomous flow with these weights of F(t), at 0, h, 2h, ..., and evenly between."""
        begin = self.x0 if start is None else start
        times = [self.h * k / self.per_step for k in range(self.steps * self.per_step + 1)]
        field = Field(self.loss, weights)
        return flow(field, list(begin), times, digits=self.digits, arithmetic=MPFR)

    def changing(self, weights: Callable[[int], Weights], until: int) -> list[np.ndarray]:
        """The flow whose weights change with k and stay what they are from k = until on."""
        return piecewise_flow(
            lambda k: Field(self.loss, weights(k)) if k <= until else None,
            list(self.x0),
            h=self.h,
            steps=self.steps,
            digits=self.digits,
            arithmetic=MPFR,
        )
