"""How far a rule's slow motion is from a gradient, seen from its iterates alone.

Runs from neighbouring starts have forgotten their memory after many steps; how their later points
depend on one another is the derivative of the one-step map, or of the flow, on the slow manifold.
What is not symmetric in it is the curl.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

import gmpy2
import numpy as np
from flint import fmpq

from derive.language.update_rule import Optimizer
from verify.running.losses import VectorField
from verify.running.numbers import MPFR, precision
from verify.running.trajectories import iterates

SAMPLED = 10
"""Differences that the velocity of the flow is made of: its error is O(h^SAMPLED)."""
DIGITS = 110
APART = fmpq(1, 10**40)
"""Between neighbouring starts; a central difference is wrong by its square."""


def curls(
    rule: Optimizer,
    values: Mapping[str, fmpq],
    loss: VectorField,
    start: Sequence[fmpq],
    *,
    rate: float,
    flow: bool,
    halvings: range,
) -> list[float]:
    """The curl in the plane at h = 2^-n, for the flow or for the one-step map.

    Args:
        loss: of two variables.
        rate: how much of the memory is left after a step.
    """
    forgotten = math.ceil(60 * math.log(10) / -math.log(rate)) if rate else len(rule.memory)
    found = []
    with precision(DIGITS):
        numbers = {name: MPFR.convert(v) for name, v in values.items()}
        for n in halvings:
            h = MPFR.convert(fmpq(1, 2**n))

            def ends(shift: Sequence[fmpq], h: gmpy2.mpfr = h) -> tuple[np.ndarray, np.ndarray]:
                begin = [MPFR.convert(x + d) for x, d in zip(start, shift, strict=True)]
                path = iterates(
                    rule,
                    loss,
                    begin,
                    h=h,
                    steps=forgotten + SAMPLED,
                    parameters=numbers,
                    arithmetic=MPFR,
                )[forgotten:]
                return path[0], _velocity(path, h) if flow else path[1]

            here, moved = [], []
            for i in range(2):
                ahead = ends([APART * (i == j) for j in range(2)])
                behind = ends([-APART * (i == j) for j in range(2)])
                here.append(ahead[0] - behind[0])
                moved.append(ahead[1] - behind[1])
            (a, c), (b, d) = here  # the columns of the derivative of x_K by x_0
            (p, r), (q, s) = moved
            # of moved here^(-1) the entries off the diagonal
            found.append(float(abs((q * a - p * b - (r * d - s * c)) / (a * d - b * c))))
    return found


def _velocity(path: Sequence[np.ndarray], h: gmpy2.mpfr) -> np.ndarray:
    """x' at the first point, from forward differences: h x' = sum of (-1)^(j+1) Delta^j x / j."""
    row, total = list(path), path[0] * 0
    for j in range(1, SAMPLED + 1):
        row = [after - before for before, after in pairwise(row)]
        total = total + row[0] * ((-1) ** (j + 1)) / j
    return total / h
