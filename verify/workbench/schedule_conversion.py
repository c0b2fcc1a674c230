"""Two conventions for momentum under a schedule: are they one iteration, and what keeps them so?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from flint import fmpq

from derive.engine.schedules import T, find_schedule
from derive.language.coefficients import exact
from verify.running.expression_losses import loss_from_expression
from verify.running.numbers import FLOAT
from verify.workbench.conventions import (
    START,
    STEPS,
    Agreement,
    Conversion,
    path,
    repair,
    small_steps,
)

DIGITS = 6


@dataclass(frozen=True)
class UnderSchedule:
    """What a schedule does to a conversion.

    Args:
        factors: the learning rate of every step over that of the first.
        apart: the largest distance over the way that is gone, with nothing done about it.
        power: the power of new/old by which the target's memory has to be multiplied where the
            rate changes, so that all iterates are equal; None where no power does, or where they
            are not equal to begin with.
    """

    name: str
    factors: tuple[fmpq, ...]
    apart: float
    power: int | None


def rates(name: str, steps: int = STEPS) -> tuple[fmpq, ...]:
    """The rates of a schedule in the middles of `steps` + 1 intervals, over the first, rounded."""
    schedule = find_schedule(name)
    found: list[fmpq] = []
    for k in range(steps + 1):
        share = fmpq(2 * k + 1, 2 * steps + 2)
        piece = next(e for end, e in schedule.pieces if share <= fmpq(int(end.p), int(end.q)))
        value = loss_from_expression(piece, variables=(T.name,)).value(
            [float(share.p) / float(share.q)]
        )
        found.append(exact(f"{float(value):.{DIGITS}f}"))
    return tuple(rate / found[0] for rate in found)


def under_schedule(conversion: Conversion, name: str) -> UnderSchedule:
    """Both conventions over 20 steps of a schedule whose first rate is the given one.

    Raises:
        BadInput: there is no such schedule.
    """
    factors, target = rates(name), conversion.target
    if target is None or conversion.relation is not Agreement.ITERATES:
        return UnderSchedule(name, factors, float("nan"), None)
    loss = small_steps(conversion.source, max(factors))
    first = conversion.first_step
    own = path(conversion.source, loss, START, FLOAT, factors=factors).astype(float)
    other = path(target, loss, START, FLOAT, first=first, factors=factors).astype(float)
    power = repair(conversion, factors)
    apart = 0.0 if power == 0 else float(np.abs(own - other).max() / np.abs(own - own[0]).max())
    return UnderSchedule(name, factors, apart, power)
