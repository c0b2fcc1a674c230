"""Modified flows in ball arithmetic: the balls hold the truncation of the Taylor series as well.

A step first finds, by Picard's operator, a box in which the solution stays for its whole length;
the first omitted Taylor coefficient, evaluated on that box, bounds the remainder of Lagrange.

Source: Moore, Kearfott, Cloud, Introduction to Interval Analysis (2009), chapter 10.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import arb, fmpq

from verify.running.flows import Field, evaluate_taylor, radius
from verify.running.numbers import BALL
from verify.running.trajectories import vector

Number = Any

SHORTEN = math.e**3
"""The step is the radius of convergence over this: short enough for a box to be found."""
MARGIN = 6
"""Terms beyond those that the step needs, because the remainder is taken over a whole box."""
TRIES = 12


def enclosed_flow(field: Field, start: Sequence[arb], time: arb, *, digits: int) -> np.ndarray:
    """Balls that hold x(time) for x(0) = start.

    Args:
        field: its weights are balls.
        digits: about the number of decimal digits that the remainder leaves right.
    Raises:
        ArithmeticError: no box was found that holds the solution over a step.
    """
    terms = math.ceil(digits * math.log(10) / math.log(SHORTEN)) + MARGIN
    fixed, program = field.fixed(arb(0)), field.program
    here, left = list(start), time
    while not left <= 0:
        coefficients = program.taylor(here, fixed, terms, BALL)
        reach = BALL.convert(fmpq(*(radius(coefficients) / SHORTEN).as_integer_ratio()))
        if not reach < left:
            reach = left
        box, reach = _box(field, here, reach)
        tail = program.taylor(box, fixed, terms + 1, BALL)
        here = [
            value + row[terms] * reach**terms
            for value, row in zip(evaluate_taylor(coefficients, reach), tail, strict=True)
        ]
        left = left - reach
    return vector(here)


def _box(field: Field, here: Sequence[arb], reach: arb) -> tuple[list[arb], arb]:
    """Balls in which the solution from `here` stays over a step, and the length of that step."""
    fixed = field.fixed(arb(0))
    for _ in range(TRIES):
        span = (reach / 2).union(arb(0)).union(reach)
        box = list(here)
        for _ in range(TRIES):
            slope = field.program.at([*box, *fixed], BALL)
            image = [x + span * f for x, f in zip(here, slope, strict=True)]
            if all(old.contains(new) for old, new in zip(box, image, strict=True)):
                return image, reach
            box = [arb(x.mid(), x.rad() * 2) for x in map(arb.union, image, here)]
        reach = reach / 2
    raise ArithmeticError("no box holds the modified flow over a step; shorten the time.")
