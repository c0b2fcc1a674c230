"""What the claims on the momentum flow share: its scheme on exact iterates, and runs at fixed
lambda.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball
from verify.claims.checks.heavy_ball import QUARTIC, value
from verify.claims.checks.identities import exact
from verify.claims.claim import Check, Kind, Settings
from verify.running.convergence import Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import MPFR, RATIONAL, precision
from verify.running.trajectories import iterates, vector

Number = Any
Values = Mapping[str, fmpq]
HALVINGS = range(4, 9)


def at(expr: sympy.Expr, values: Mapping[str, Number]) -> Number:
    """`value` for names that Python keeps to itself, such as lambda."""
    return value(expr, 0, **values)


def drawn(draw: random.Random) -> fmpq:
    """A positive rational number, neither 1 nor 2 nor 1/2."""
    return fmpq(draw.choice([3, 5, 7, 9, 11]), draw.choice([4, 8, 13, 16]))


def draw_pair(draw: random.Random) -> dict[str, fmpq]:
    """A step size and a momentum."""
    return {"gamma": drawn(draw) / 64, "beta": fmpq(draw.randint(1, 19), 20)}


def on_the_grid(
    scheme: Callable[[sympy.Expr, random.Random], tuple[fmpq, fmpq, fmpq, fmpq]],
    *,
    refutes: bool = False,
) -> Check:
    """Four steps of heavy ball satisfy the backward scheme of the flow without a remainder.

    Args:
        scheme: lambda, epsilon, gamma and beta from the candidate.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2):
            loss = bounded_polynomial(draw, dimension)
            grad = loss.gradient_function(RATIONAL)
            for _ in range(5):
                scale, width, step, beta = scheme(candidate, draw)
                kick = vector(starting_point(draw, dimension))
                path = iterates(
                    heavy_ball,
                    loss,
                    starting_point(draw, dimension),
                    h=step,
                    steps=4,
                    parameters={"beta": beta},
                    arithmetic=RATIONAL,
                    memory=lambda x, g, h, kick=kick: [kick],
                )
                for last, here, after in zip(path, path[1:], path[2:], strict=False):
                    bend = (after - 2 * here + last) * (scale / (width * width))
                    if any(bend + (here - last) / width + grad(here)):
                        return False, f"a remainder at gamma = {step}, beta = {beta}"
        return True, "no remainder, 10 parameters, 2 random losses, 4 steps"

    return exact("scheme on exact iterates", Kind.SERIES, holds, refutes=refutes)


def fixed_lambda(
    follow: Callable[[sympy.Expr, Flow], list[np.ndarray]],
    candidate: sympy.Expr,
    settings: Settings,
) -> Sequence[float]:
    """The distances of heavy ball from a flow at epsilon = 2^-j, lambda = 1 kept: beta tends to 1.

    `follow` finds gamma and beta in the run's values and epsilon as its step.
    """
    errors = []
    with precision(settings.digits):
        for j in HALVINGS:
            width, steps = MPFR.convert(fmpq(1, 2**j)), 2 ** (j + 1)
            values = {"gamma": width * width, "beta": 1 - width}
            x0 = vector([MPFR.convert(fmpq(1))])
            path = iterates(
                heavy_ball,
                QUARTIC,
                list(x0),
                h=values["gamma"],
                steps=steps,
                parameters={"beta": values["beta"]},
                arithmetic=MPFR,
            )
            try:
                other = follow(candidate, Flow(QUARTIC, x0, width, steps, values, settings.digits))
            except ArithmeticError:
                return [1.0] * len(HALVINGS)
            gaps = (abs(a - b)[0] for a, b in zip(path, other, strict=True))
            errors.append(float(max(gaps)))
    return errors


def cold(candidate: sympy.Expr, values: Values) -> Number:
    """gamma/epsilon: the speed over the gradient of the first step taken as (w_1-w_0)/epsilon."""
    return 1 - values["beta"]
