"""The two flows of Theorem 4.1: their slots, and the fields that a statement's slots give."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball
from derive.language.formula import BETA, H
from derive.language.trees import LEAF, Tree
from verify.claims.checks.heavy_ball import (
    FULL,
    ONE_MINUS,
    PAIR,
    RESIDUAL_BETAS,
    loss_weights,
    memory_fades,
)
from verify.claims.checks.start_up import Case
from verify.claims.claim import Settings
from verify.claims.slots import Domain, Point, Value
from verify.claims.statement import Statement
from verify.running.experiments import Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.losses import Loss
from verify.running.residuals import steady_residual, transient_residual

Number = Any

FADING = Domain((sympy.Gt(BETA, -1), sympy.Lt(BETA, 1)))
"""The momenta whose memory fades."""
LASTING = {
    "force": Value(1 / ONE_MINUS),
    "weight": Value(H * (1 + BETA) / (4 * ONE_MINUS**2)),
}
"""Equation (5): the slots of `LASTING_FLOW`."""
LASTING_FLOW = r"$\dot x=-{force}\nabla\hat E$ of $\hat E:=E{+weight}\lVert\nabla E\rVert^2$"
CHANGING_FLOW = r"$\dot x=-{force}\nabla E-{pull}\gamma_k\nabla^2E\,\nabla E$, $\gamma_k={factor}$"
"""Equation (4), for t from t_k to t_(k+1)."""


def lasting(says: Statement, h: Number, beta: Number) -> dict[Tree, Number]:
    """The field of equation (5) with what stands in the slots."""
    force = says.number("force", h=h, beta=beta)
    return loss_weights(says.number("weight", h=h, beta=beta), force)


def changing(says: Statement, h: Number, beta: Number, k: int) -> dict[Tree, Number]:
    """The field of equation (4) on interval k with what stands in the slots."""
    factor = says.number("factor", k=k, h=h, beta=beta)
    return {
        LEAF: says.number("force", k=k, h=h, beta=beta),
        PAIR: -(says.number("pull", k=k, h=h, beta=beta) * factor),
    }


def follow_lasting(says: Statement, flow: Flow) -> list[np.ndarray]:
    """The flow of equation (5) from x_0, moved by the slot `shift` times grad E(x_0)."""
    beta, start = flow.values["beta"], flow.x0
    if "shift" in says.slots:
        start = start + flow.gradient() * says.number("shift", h=flow.h, beta=beta)
    return flow.steady(lasting(says, flow.h, beta), start)


def rest(says: Statement, case: Case, k: int) -> np.ndarray:
    """x_k minus that flow at the time kh, in power series."""
    start = case.x0
    if "shift" in says.slots:
        slope = case.loss.gradient_function(case.arithmetic)(start)
        start = start + slope * says.number("shift", h=case.h, beta=case.beta)
    return case.path[k] - case.flow(lasting(says, case.h, case.beta), case.h * k, start)


def first_velocity(says: Statement, h: Number, beta: Number) -> Number:
    """v_0 over grad E(x_0), so that x_1 is x_0 minus the slot `first` times grad E(x_0)."""
    if "first" not in says.slots or not beta:
        return h * 0
    return (h - says.number("first", h=h)) / beta


def meets_changing(says: Statement, loss: Loss, draw: random.Random, beta: fmpq) -> bool:
    """Heavy ball meets equation (4) to h^2 in its first steps from a random start, exactly."""
    power = transient_residual(
        heavy_ball,
        loss,
        starting_point(draw, loss.dimension),
        lambda k, h: changing(says, h, beta, k),
        parameters={"beta": beta},
        length=FULL + 2,
        steps=6,
        memory=lambda x, g, h: [g * first_velocity(says, h, beta)],
    )
    return power > FULL


def converges(says: Statement, point: Point, settings: Settings) -> bool:
    """Equation (4) is met in every step, and what a step leaves behind fades."""
    draw, beta = random.Random(settings.seed), point["beta"]
    loss = bounded_polynomial(draw, 1)
    return memory_fades(heavy_ball, point) and meets_changing(says, loss, draw, beta)


def meets_lasting(says: Statement, loss: Loss, draw: random.Random, beta: fmpq) -> bool:
    """A step of heavy ball from the flow of equation (5) stays on it to h^2, exactly."""
    power = steady_residual(
        heavy_ball,
        loss,
        starting_point(draw, loss.dimension),
        lambda h: lasting(says, h, beta),
        parameters={"beta": beta},
        length=FULL + 2,
        memory=lambda here, before, h: [here - before],
    )
    return power > FULL


def lasts(says: Statement, point: Point, settings: Settings) -> bool:
    """Equation (5) is met in every step, and what a step leaves behind fades."""
    draw, beta = random.Random(settings.seed), point["beta"]
    loss = bounded_polynomial(draw, 1)
    return memory_fades(heavy_ball, point) and meets_lasting(says, loss, draw, beta)


def meets_lasting_often(says: Statement, loss: Loss, draw: random.Random) -> bool:
    """The same at nine momenta: a proof for this loss and start."""
    return all(meets_lasting(says, loss, draw, beta) for beta in RESIDUAL_BETAS)
