"""Whether a map x -> x + N(x) is one step of heavy ball on its slow manifold.

beta is the momentum, h the step size, E the loss; g, H, T are the derivatives of E.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import discrete_modified_loss, heavy_ball
from derive.language.formula import BETA, H
from verify.claims.checks.heavy_ball import HEAVY_BALL as HEAVY_BALL_RUN
from verify.claims.checks.heavy_ball import ONE_MINUS, memory_fades
from verify.claims.checks.memory_rules import CHAIN, HEAVY_BALL, Point
from verify.claims.checks.stated import Errors, beside, bounded, for_losses, remembered
from verify.claims.claim import Check, Settings
from verify.claims.statement import Statement
from verify.running.convergence import Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import Field
from verify.running.losses import Loss, VectorField
from verify.running.numbers import MPFR, Arithmetic, PowerSeries, power_series
from verify.running.residuals import Weights, lowest_power
from verify.running.trajectories import vector

Number = Any


def displacement(
    loss: VectorField, weights: Weights, x: np.ndarray, arithmetic: Arithmetic
) -> np.ndarray:
    """The sum of weights[t] F(t)(x)."""
    field = Field(loss, weights)
    return vector(field.program.at([*x, *field.fixed(x[0] * 0)], arithmetic))


def map_path(run: Flow, weights: Callable[[int], Weights], start: np.ndarray) -> list[np.ndarray]:
    """start and its images under the maps x -> x + sum weights(k)[t] F(t)(x)."""
    path = [start]
    for k in range(run.steps):
        path.append(path[-1] + displacement(run.loss, weights(k), path[-1], MPFR))
    return path


Stated = Callable[[Statement, Number, Point], Weights]
"""The map's weights from the statement, h and the parameters."""


@dataclass(frozen=True)
class StatedMap:
    """Heavy ball beside the map x -> x + sum weights[t] F(t)(x) of a statement's slots, which a
    step must meet through h^full."""

    weights: Stated
    full: int

    def before(
        self, loss: VectorField, step: Weights, x: np.ndarray, numbers: Arithmetic, passes: int
    ) -> np.ndarray:
        """The point that the map sends to x, found by iterating before = x - displacement."""
        behind = x
        for _ in range(passes):
            behind = x - displacement(loss, step, behind, numbers)
        return behind

    def meets(self, says: Statement, loss: Loss, draw: random.Random, point: Point) -> bool:
        """A step of heavy ball from two points of the map leads to the next one."""
        length = self.full + 2
        numbers, h = power_series(length), PowerSeries.step(length)
        here = vector([numbers.convert(x) for x in starting_point(draw, loss.dimension)])
        step = self.weights(says, h, point)
        velocity = here - self.before(loss, step, here, numbers, length)
        grad = loss.gradient_function(numbers)
        after, _ = heavy_ball.step(here, [velocity], grad, h, dict(point))
        return lowest_power(after - here - displacement(loss, step, here, numbers)) > self.full

    def follow(self, says: Statement, run: Flow) -> list[np.ndarray]:
        """The map's iterates from x_0, moved by the slot `shift` times grad E(x_0)."""
        step, start = self.weights(says, run.h, run.values), run.x0
        if "shift" in says.slots:
            start = start + run.gradient() * says.number("shift", h=run.h, **run.values)
        return map_path(run, lambda _: step, start)

    def errors(self, *, warm: bool = False) -> Errors:
        """The distances of heavy ball, from rest or with the velocity of the map, on a quartic."""
        run = replace(HEAVY_BALL_RUN, time=1, halvings=range(6, 11))

        def found(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
            def velocity(x: np.ndarray, g: np.ndarray, h: Number) -> list[np.ndarray]:
                values = {name: MPFR.convert(v) for name, v in run.parameters.items()}
                step = self.weights(says, h, values)
                return [x - self.before(run.loss, step, x, MPFR, 40)]

            chosen = replace(run, memory=velocity) if warm else run
            return beside(chosen, self.follow)(says, settings)

        return remembered(found)

    def residuals(self) -> tuple[Check, Check]:
        """Exactly: for which losses, and at which momenta beside a memory that fades."""

        def often(says: Statement, loss: Loss, draw: random.Random) -> bool:
            return all(self.meets(says, loss, draw, point) for point in HEAVY_BALL.grid)

        def lasts(says: Statement, point: dict[str, fmpq], settings: Settings) -> bool:
            draw = random.Random(settings.seed)
            fades = memory_fades(heavy_ball, point)
            return fades and self.meets(says, bounded_polynomial(draw, 1), draw, point)

        return (
            for_losses("exact residual of the map", often),
            bounded("residual and fading memory", lasts),
        )


MAP_CURVATURE_TERM = H**2 * BETA * (1 + BETA) / (2 * ONE_MINUS**5)


def curvature_by_engine() -> sympy.Expr:
    """The term of the chain of three nodes in the loss of the one-step map."""
    loss = discrete_modified_loss(heavy_ball, order=3)
    return H**2 * (loss.scale * loss.terms[CHAIN]).as_expr()


MEMORY_LOSS = H * BETA / (2 * ONE_MINUS**2)
