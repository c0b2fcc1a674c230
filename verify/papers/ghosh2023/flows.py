"""The two flows of Theorem 4.1: their slots, and the fields that a statement's slots give."""

from __future__ import annotations

import random
from typing import Any

from flint import fmpq

from derive import heavy_ball
from derive.language.formula import BETA, H
from derive.language.trees import LEAF, Tree
from verify.claims.checks.followed import Followed
from verify.claims.checks.heavy_ball import FULL, ONE_MINUS, PAIR, memory_fades
from verify.claims.checks.memory_rules import HEAVY_BALL
from verify.claims.claim import Settings
from verify.claims.slots import Point, Value
from verify.claims.statement import Statement
from verify.running.families import bounded_polynomial, starting_point
from verify.running.losses import Loss
from verify.running.residuals import transient_residual

Number = Any

LASTING = {
    "force": Value(1 / ONE_MINUS),
    "weight": Value(H * (1 + BETA) / (4 * ONE_MINUS**2)),
}
"""Equation (5): the slots of `LASTING_FLOW`."""
FOLLOWED = Followed(HEAVY_BALL)
LASTING_FLOW = r"$\dot x=-{force}\nabla\hat E$ of $\hat E:=E{+weight}\lVert\nabla E\rVert^2$"
CHANGING_FLOW = r"$\dot x=-{force}\nabla E-{pull}\gamma_k\nabla^2E\,\nabla E$, $\gamma_k={factor}$"
"""Equation (4), for t from t_k to t_(k+1)."""


def changing(says: Statement, h: Number, beta: Number, k: int) -> dict[Tree, Number]:
    """The field of equation (4) on interval k with what stands in the slots."""
    factor = says.number("factor", k=k, h=h, beta=beta)
    return {
        LEAF: says.number("force", k=k, h=h, beta=beta),
        PAIR: -(says.number("pull", k=k, h=h, beta=beta) * factor),
    }


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
