"""Whether a map x -> x + N(x) is one step of heavy ball on its slow manifold.

beta is the momentum, h the step size, E the loss; g, H, T are the derivatives of E.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import sympy

from derive import discrete_modified_loss, heavy_ball
from derive.language.formula import BETA, H
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact
from verify.claims.checks.memory_rules import CHAIN, HEAVY_BALL, Weighed, at, written
from verify.claims.claim import Check, Kind, Settings
from verify.running.experiments import Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import Field
from verify.running.losses import VectorField
from verify.running.numbers import MPFR, Arithmetic, PowerSeries, power_series
from verify.running.residuals import Weights, lowest_power
from verify.running.trajectories import vector


def displacement(
    loss: VectorField, weights: Weights, x: np.ndarray, arithmetic: Arithmetic
) -> np.ndarray:
    """The sum of weights[t] F(t)(x)."""
    field = Field(loss, weights)
    return vector(field.program.at([*x, *field.fixed(x[0] * 0)], arithmetic))


def same_step(name: str, weights: Weighed, *, begins: int) -> Check:
    """On the iterates of the map x -> x + sum weights[t] F(t)(x) the declared step is that map.

    Up to, and without, this power of h. The memory comes from the point before, found by iterating
    before = here - (the map's displacement at before).
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        length = begins + 1
        arithmetic, h = power_series(length), PowerSeries.step(length)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            here = vector([arithmetic.convert(x) for x in starting_point(draw, dimension)])
            grad = loss.gradient_function(arithmetic)
            for point in HEAVY_BALL.grid:
                step = weights(at(candidate, h, point), h, point)
                before = here
                for _ in range(length):
                    before = here - displacement(loss, step, before, arithmetic)
                after, _ = heavy_ball.step(here, [here - before], grad, h, dict(point))
                power = lowest_power(after - here - displacement(loss, step, here, arithmetic))
                if power < begins:
                    return False, f"h^{power} is left at {written(point)} on E = {loss.text}"
        return True, f"begins at h^{begins} on 3 losses, at {len(HEAVY_BALL.grid)} parameters each"

    return exact(name, Kind.SERIES, holds)


def map_path(run: Flow, weights: Callable[[int], Weights], start: np.ndarray) -> list[np.ndarray]:
    """start and its images under the maps x -> x + sum weights(k)[t] F(t)(x)."""
    path = [start]
    for k in range(run.steps):
        path.append(path[-1] + displacement(run.loss, weights(k), path[-1], MPFR))
    return path


MAP_CURVATURE_TERM = H**2 * BETA * (1 + BETA) / (2 * ONE_MINUS**5)


def curvature_by_engine() -> sympy.Expr:
    """The term of the chain of three nodes in the loss of the one-step map."""
    loss = discrete_modified_loss(heavy_ball, order=3)
    return H**2 * (loss.scale * loss.terms[CHAIN]).as_expr()


MEMORY_LOSS = H * BETA / (2 * ONE_MINUS**2)
