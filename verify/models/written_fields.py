"""Flows of fields that are written out instead of summed over trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from verify.running.convergence import Flow
from verify.running.flows import Field, flow
from verify.running.losses import Loss
from verify.running.numbers import MPFR
from verify.running.tape import Node, Program, record

Number = Any


@dataclass(frozen=True)
class WrittenField(Field):
    """A field that is written out instead of summed over trees; `numbers` follow x as inputs."""

    written: Program
    numbers: tuple[Number, ...]

    @property
    def program(self) -> Program:
        return self.written

    def fixed(self, zero: Number) -> list[Number]:
        return list(self.numbers)


def follow_written(
    run: Flow, program: Program, numbers: tuple[Number, ...], start: Sequence[Number]
) -> list[np.ndarray]:
    """The flow of a written field at 0, h, 2h, ..., the coordinates of x only."""
    times = [run.h * k for k in range(run.steps + 1)]
    field = WrittenField(run.loss, {}, program, numbers)
    path = flow(field, start, times, digits=run.digits, arithmetic=MPFR)
    return [point[: run.loss.dimension] for point in path]


@lru_cache(maxsize=16)
def damped(loss: Loss) -> Program:
    """The equation mass x'' + damping x' + grad E = 0 as (x, v, damping/mass, 1/mass) -> (v, a)."""
    size = loss.dimension

    def compute(nodes: list[Node]) -> list[Node]:
        x, v, (damping, pull) = nodes[:size], nodes[size:-2], nodes[-2:]
        slopes = loss.gradient.replay(x)
        return [*v, *(-(damping * w) - pull * g for w, g in zip(v, slopes, strict=True))]

    return record(2 * size + 2, compute)


def second_order(run: Flow, mass: Number, damping: Number, c: Number) -> list[np.ndarray]:
    """The path of mass x'' + damping x' + grad E = 0 from x_0 with x'(0) = -c grad E(x_0).

    Raises:
        ArithmeticError: there is no mass, or the path runs to infinity.
    """
    if mass == 0:
        raise ArithmeticError("without mass the equation has no second derivative")
    start = [*run.x0, *(run.gradient() * -c)]
    return follow_written(run, damped(run.loss), (damping / mass, 1 / mass), start)
