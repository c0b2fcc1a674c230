"""Momentum whose step or momentum changes in time, beside the first-order flow that is stated."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.language.formula import BETA, H
from verify.claims.checks.heavy_ball import QUARTIC
from verify.claims.checks.linearized import Left, written_down
from verify.claims.checks.stated import bounded, drawn_loss, for_losses, observed
from verify.claims.claim import Check, Settings
from verify.claims.slots import Point
from verify.claims.statement import Statement
from verify.running.families import starting_point
from verify.running.flows import evaluate_taylor
from verify.running.losses import Loss
from verify.running.numbers import (
    MPFR,
    Arithmetic,
    PowerSeries,
    evaluate,
    power_series,
    precision,
)
from verify.running.orders import observed_order
from verify.running.phase_flow import Motion
from verify.running.trajectories import vector

Number = Any
Clock = Callable[[Number], Number]
T = sympy.Symbol("t")
RATE = (2 + T) / (2 + 3 * T)
"""A falling rate."""
RISING = BETA + (T - 1) / 16
"""A momentum that is beta at the time 1, where the checks begin."""
TINY, HALVINGS, DIGITS = range(36, 40), range(4, 8), 70

Move = Callable[[np.ndarray, np.ndarray, np.ndarray, Number, Clock, Clock], np.ndarray]
"""x_(k+1) from x_(k-1), x_k, the gradient at x_k, h, and the rate and momentum of step k + i as
functions of i."""


def path_of(
    says: Statement,
    loss: Loss,
    h: Number,
    beta: Number,
    pull: Callable[[Statement, sympy.Expr, sympy.Expr], sympy.Expr],
    momentum: sympy.Expr,
) -> Motion:
    """The stated flow: `pull` stands beside -grad E, and `turn` times -h eta^2 beside H grad E."""
    fixed = {"h": h, "beta": beta}
    turn = says.expr("turn").subs(BETA, momentum)
    terms = {(): -pull(says, RATE, momentum), ((),): -H * turn * RATE**2}
    return Motion(loss, terms, fixed, first_order=True)


def beside_schedule(
    move: Move,
    pull: Callable[[Statement, sympy.Expr, sympy.Expr], sympy.Expr],
    momentum: sympy.Expr = BETA,
) -> tuple[Check, ...]:
    """One short step on the stated flow, by momentum too, and iterates from two on it."""

    def clocks(
        now: Number, h: Number, beta: Number, numbers: Arithmetic = MPFR
    ) -> tuple[Clock, Clock]:
        def at(expr: sympy.Expr) -> Clock:
            return lambda i: evaluate(expr, {"t": now + i * h, "beta": beta}, numbers)

        return at(RATE), at(momentum)

    def left_over(
        says: Statement, loss: Loss, start: Sequence[fmpq], beta: fmpq, h: Number, of: Arithmetic
    ) -> np.ndarray:
        """What the flow leaves of a step from time 1, over h."""
        b, now, here = of.convert(beta), of.convert(fmpq(1)), [of.convert(c) for c in start]
        rows = path_of(says, loss, h, b, pull, momentum).around([*here, now], arithmetic=of)
        before, after = (vector(evaluate_taylor(rows, s)) for s in (-h, h))
        slope = loss.gradient_function(of)(vector(here))
        return (after - move(before, vector(here), slope, h, *clocks(now, h, b, of))) / h

    def order(says: Statement, loss: Loss, start: Sequence[fmpq], beta: fmpq) -> Any:
        with precision(DIGITS):
            steps = (MPFR.convert(fmpq(1, 2**j)) for j in TINY)
            left = [left_over(says, loss, start, beta, h, MPFR) for h in steps]
            return observed_order([float(max(map(abs, each))) for each in left])

    def at_random(says: Statement, draw: random.Random) -> tuple[Left, Mapping[str, fmpq]]:
        """On power series in h."""
        loss = drawn_loss(says["losses"], draw)
        given = loss, starting_point(draw, loss.dimension), fmpq(draw.randint(1, 99), 100)
        series = PowerSeries.step(8), power_series(8)
        return lambda s: left_over(s, *given, *series), {"beta": given[2]}

    def on(says: Statement, loss: Loss, draw: random.Random) -> bool:
        beta = fmpq(draw.randint(1, 12), 16)
        point = starting_point(draw, loss.dimension)
        return order(says, loss, point, beta).supports(says["order"].power)

    def where(says: Statement, point: Point, settings: Settings) -> bool:
        found = order(says, QUARTIC, [fmpq(3, 4)], point["beta"])
        fades = abs(point["beta"]) ** 400 < fmpq(1, 10**6)
        return fades and found.supports(says["order"].power)

    def run(says: Statement, settings: Settings) -> list[tuple[float, float]]:
        result: list[tuple[float, float]] = []
        with precision(30):
            grad, beta = QUARTIC.gradient_function(MPFR), MPFR.convert(fmpq(1, 2))
            for j in HALVINGS:
                h, begin = MPFR.convert(fmpq(1, 2 ** (j + 3))), MPFR.convert(fmpq(1))
                flow = path_of(says, QUARTIC, h, beta, pull, momentum)
                times = [begin + h * k for k in range(2**j + 2)]
                other = flow.path([begin, begin], times, digits=30)
                last, here, gaps = other[0], other[1], list[float]()
                for k in range(1, 2**j + 1):
                    new = move(last, here, grad(here), h, *clocks(times[k], h, beta))
                    last, here = here, new
                    gaps.append(float(abs(here - other[k + 1])[0]))
                result.append((max(gaps), gaps[-1]))
        return result

    return (
        written_down(
            for_losses("in one short step", on), at_random, lambda says: says["order"].power
        ),
        bounded("in one short step, by momentum", where),
        observed("observed order", run),
    )
