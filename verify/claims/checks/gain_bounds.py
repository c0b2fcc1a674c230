"""Bounds on the mean gain, tried where their two constants differ: on rows that are not orthogonal
and not of one length.
"""

from __future__ import annotations

import random

from flint import arb, fmpq, fmpq_mat

from verify.claims.checks.diagonal_runs import at
from verify.claims.checks.mean_gain import expected_gain, gain, orthogonal_rows
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.slots import Choice
from verify.claims.statement import Statement
from verify.running.numbers import precision

DIGITS = 30


class Constant(Choice):
    """Which of the two constants between H and the mean square of H_B stands in a bound."""

    LEAST = r"the largest $\lambda$ with $\lambda H\preceq\mathbb E[H_B^2]$"
    GREATEST = r"the smallest $\lambda$ with $\mathbb E[H_B^2]\preceq\lambda H$"


def constants(rows: list[list[fmpq]]) -> dict[Constant, arb]:
    """Both, for two rows of which one is drawn: the eigenvalues of H^-1 E[H_B^2]."""
    hessian, square = fmpq_mat(2, 2), fmpq_mat(2, 2)
    for row in rows:
        outer = fmpq_mat([[a * b for b in row] for a in row])
        hessian, square = hessian + outer, square + outer * outer
    product = hessian.inv() * square
    middle = (product[0, 0] + product[1, 1]) / 2
    root = arb(middle**2 - product.det()).sqrt()
    return {Constant.LEAST: middle - root, Constant.GREATEST: middle + root}


def sign(difference: arb) -> int:
    """Of a ball; 0 for a narrow one that contains 0.

    Raises:
        ValueError: it is not finite.
        ArithmeticError: a wide one contains 0.
    """
    if not difference.is_finite():
        raise ValueError(f"{difference} has no sign.")
    if difference.contains(0):
        if not difference.rad() < arb("1e-20"):
            raise ArithmeticError(f"the ball {difference} does not decide.")
        return 0
    return 1 if difference > 0 else -1


def random_sides(says: Statement, draw: random.Random) -> tuple[int, int]:
    """The mean gain beside the bound, over all sequences of two rows of different lengths."""
    with precision(DIGITS):
        rows = [[fmpq(1), fmpq(0)], [fmpq(draw.randint(-2, 2)), fmpq(draw.randint(2, 4))]]
        theta, gamma = (
            [fmpq(draw.randint(-9, 9), 4) for _ in rows],
            fmpq(1, draw.randint(400, 4000)),
        )
        theta[draw.randint(0, 1)] += 9
        found, losses, reach = expected_gain(rows, theta, gamma, 2)
        told = at(says.expr("factor"), c=reach) * constants(rows)[says["constant"]]
        return sign(found - told * arb(gamma**2 * losses)), 0


def one_coordinate(says: Statement, x: arb) -> tuple[int, int]:
    """The gain of a step x beside the bound with one coordinate, where both constants agree."""
    with precision(DIGITS):
        return sign(gain(x) - at(says.expr("factor"), c=x) * x**2 / 2), 0


def sharp(name: str) -> Check:
    """For small steps on orthogonal rows of one length the mean gain comes near the bound."""

    def judge(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(DIGITS):
            for _ in range(3):
                rows, squared = orthogonal_rows(draw, 2)
                theta = [fmpq(draw.randint(1, 9), 5) for _ in range(4)]
                gamma = fmpq(1, 10**6) / squared
                found, losses, reach = expected_gain(rows, theta, gamma, 2)
                told = at(says.expr("factor"), c=reach) * arb(gamma**2 * squared * losses)
                if not abs(found / told - 1) < arb("1e-9"):
                    return Evidence(False, f"{(found / told).str(12, radius=False)} of the bound")
        return Evidence(True, "within 1e-9 of the bound, over all sequences, 3 problems")

    return Check(name, Kind.ENUMERATION, judge)
