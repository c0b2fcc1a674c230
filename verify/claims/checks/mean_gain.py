"""The gain of a step of a diagonal network, summed over every sequence of single rows.

theta = (w_+^2 - w_-^2)/2 and x = gamma grad L_B; L_B = |X_B (theta - theta*)|^2/(2|B|).
"""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import sympy
from flint import arb, fmpq

from derive.networks.diagonal_networks import ROTATED, X
from verify.models.diagonal_regression import Regression, run

ALPHA, THETA = sympy.symbols("alpha theta")
POTENTIAL = (
    THETA * sympy.log((THETA + sympy.sqrt(THETA**2 + ALPHA**4)) / ALPHA**2)
    - sympy.sqrt(THETA**2 + ALPHA**4)
    + ALPHA**2
) / 2


def gain(x: arb) -> arb:
    """-ln|1 - x^2|."""
    return -abs(1 - x**2).log()


def expected_gain(
    rows: list[list[fmpq]], theta: list[fmpq], gamma: fmpq, length: int
) -> tuple[arb, fmpq, fmpq]:
    """The mean over all sequences of single rows of |Gain|_1 and of sum_k L, and the largest |x|.

    From w_+- = 1 in exact arithmetic; y = X theta.
    """
    x = np.array(rows)
    y = x @ np.array(theta)
    problem = Regression(x, y)
    start = np.array([[fmpq(1)] * len(theta)] * 2)
    total, losses, largest = arb(0), fmpq(0), fmpq(0)
    everything = list(product(range(len(rows)), repeat=length))
    for order in everything:
        here = start
        for step in run(problem, ROTATED, start, gammas=gamma, batches=[[i] for i in order]):
            at_here = (here[0] ** 2 - here[1] ** 2) / 2
            losses += sum((r**2 for r in problem.residual(at_here)), fmpq(0)) / (2 * len(rows))
            total += sum((gain(arb(v)) for v in step.x), arb(0))
            largest = max(largest, *(abs(v) for v in step.x))
            here = step.w
    return total / len(everything), losses / len(everything), largest


HADAMARD = ((1, 1, 1, 1), (1, -1, 1, -1), (1, 1, -1, -1), (1, -1, -1, 1))


def orthogonal_rows(draw: random.Random, count: int) -> tuple[list[list[fmpq]], fmpq]:
    """Orthogonal rational rows of one squared length, which is given beside them."""
    scale = fmpq(draw.randint(1, 9), draw.randint(1, 9))
    chosen = draw.sample(HADAMARD, count)
    signs = [draw.choice([-1, 1]) for _ in range(4)]
    return [
        [scale * s * v for s, v in zip(signs, row, strict=True)] for row in chosen
    ], 4 * scale**2


HALF = sympy.Rational(1, 2)
GAIN = -HALF * sympy.log((1 - X**2) ** 2)


def points(draw: random.Random) -> dict[str, fmpq]:
    """x on both sides of every crossing."""
    return {"x": fmpq(draw.randint(-299, 299), 100) + fmpq(1, 997)}
