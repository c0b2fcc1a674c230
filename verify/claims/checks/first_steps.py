"""What the first steps of a rule lack of those of gradient flow, and the flow's start that makes up
for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import sympy
from flint import fmpq

from derive.language.formula import BETA
from derive.language.trees import LEAF
from verify.claims.checks.identities import exact
from verify.claims.checks.memory_rules import Rule, written
from verify.claims.checks.stated import bounded
from verify.claims.claim import Check, Kind, Settings
from verify.claims.slots import Domain, Point
from verify.claims.statement import Statement
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import PowerSeries, power_series
from verify.running.residuals import advance, lowest_power
from verify.running.trajectories import iterates, vector

FADING = Domain((sympy.Gt(BETA, -1), sympy.Lt(BETA, 1)))
"""The momenta whose memory fades."""
Parameters = Callable[[Point], Mapping[str, fmpq]]


def first_steps(rule: Rule) -> Check:
    """x_k minus gradient flow with the slot `force`, both from x_0, is the slot `term` times
    grad E(x_0) at k = 1 ... 7, and what is left begins at the power of h in the slot `error`."""

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, power = random.Random(settings.seed), says["error"].power
        loss, start = bounded_polynomial(draw, 2), starting_point(draw, 2)
        length = power + 1
        numbers, h = power_series(length), PowerSeries.step(length)
        x0 = vector([numbers.convert(x) for x in start])
        slope = loss.gradient_function(numbers)(x0)
        for point in rule.grid:
            path = iterates(
                rule.optimizer, loss, list(x0), h=h, steps=7, parameters=point, arithmetic=numbers
            )
            for k, x in enumerate(path[1:], 1):
                time = h * k * says.number("force", **point)
                flow = advance(loss, {LEAF: h * 0 + 1}, x0, time, numbers)
                left = x - flow - slope * says.number("term", k=k, h=h, **point)
                share = (x - flow)[0][1] / slope[0][0]
                equal = says.equals("term", share, k=k, **{**point, "h": fmpq(1)})
                if not equal or lowest_power(left) != power:
                    return False, f"h^{lowest_power(left)} is left at k = {k}, {written(point)}"
        return True, f"begins at h^{power} for k = 1 ... 7 at {len(rule.grid)} parameters"

    return exact("first steps in powers of h", Kind.SERIES, holds)


def fades(parameters: Parameters = dict) -> Check:
    """The slot `term` tends to the slot `limit` as k grows, at a constant rate, in the domain."""

    def converges(says: Statement, point: Point, settings: Settings) -> bool:
        whole = {**parameters(point), "h": fmpq(1, 3)}
        gaps = [
            says.number("term", k=k, **whole) - says.number("limit", **whole) for k in (1, 2, 3)
        ]
        constant = gaps[1] ** 2 == gaps[0] * gaps[2]
        return constant and (abs(gaps[1]) < abs(gaps[0]) or not any(gaps))

    return bounded("limit of the terms", converges, kind=Kind.ENUMERATION)
