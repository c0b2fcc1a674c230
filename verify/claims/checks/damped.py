r"""The equation -grad E = damping x' + mass x'' that a statement's slots say, beside a rule.

Its slots are `damping` and `mass`, and `speed` c for a start at the velocity -c grad E(x_0).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.language.trees import LEAF
from verify.claims.checks.followed import Values, letters
from verify.claims.checks.heavy_ball import PAIR
from verify.claims.statement import Statement
from verify.models.written_fields import second_order
from verify.running.convergence import Flow
from verify.running.residuals import Weights

Number = Any
EQUATION = r"$-\nabla E=({damping})\dot x+({mass})\ddot x$"


def equation(says: Statement, h: Number, point: Values) -> tuple[Number, Number]:
    """The mass and the damping."""
    known = letters(point)
    return says.number("mass", h=h, **known), says.number("damping", h=h, **known)


def slow_solutions(says: Statement, h: Number, point: Values) -> Weights:
    """The first-order flow of the solutions without a layer."""
    mass, damping = equation(says, h, point)
    force = 1 / damping
    return {LEAF: force, PAIR: -(mass * force**3)}


def solution(says: Statement, run: Flow) -> list[np.ndarray]:
    """The path of the equation from x_0 with the velocity that is stated."""
    mass, damping = equation(says, run.h, run.values)
    speed = says.number("speed", h=run.h, **letters(run.values))
    return second_order(run, mass, damping, speed)
