"""Leading terms along h -> 0 with beta = 1 - C h^gamma, at steps far too small to run.

gamma = 0 is a fixed beta. What is left beside a leading term is computed in balls of many digits.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from flint import arb, fmpq

from verify.claims.checks.stated import bounded
from verify.claims.claim import Check, Kind, Settings
from verify.claims.slots import Point
from verify.claims.statement import Statement
from verify.models.modes import heavy_ball_mode
from verify.running.numbers import BALL, evaluate, precision

HALVINGS = 2400
"""The step is 2^-2400, or nearly so: h^(1/50) is still small."""
NEARER = 1800
"""The larger step beside it, for the power with which something falls."""
SMALL = fmpq(1, 10**7)
"""Below a millionth, by which a wrong constant may be wrong."""


@dataclass(frozen=True)
class ScalingPoint:
    """A step size and a momentum on the path, and two curvatures."""

    h: fmpq
    beta: fmpq
    scale: fmpq
    gamma: fmpq
    first: fmpq
    second: fmpq

    @property
    def values(self) -> dict[str, fmpq]:
        """By the names that formulas have for them; the one curvature is the first."""
        return {"h": self.h, "beta": self.beta, "C": self.scale, "gamma": self.gamma} | {
            "lambda": self.first,
            "lambda1": self.first,
            "lambda2": self.second,
        }

    @property
    def settles(self) -> bool:
        """Whether heavy ball is stable on both modes."""
        modes = (heavy_ball_mode(self.h, self.beta, c) for c in (self.first, self.second))
        return all(mode.settles for mode in modes)

    def stated(self, says: Statement, name: str, **more: fmpq) -> arb:
        """A formula of the statement here, as a ball; `more` are other symbols in it."""
        balls = {key: arb(value) for key, value in {**self.values, **more}.items()}
        return evaluate(says.expr(name), balls, BALL)


def along(gamma: fmpq, halvings: int, draw: random.Random) -> ScalingPoint:
    """h = 2^-halvings, rounded so that h^gamma is rational, and random constants.

    C < 1, and the curvatures differ; the first is below C^2/4, so that it does not oscillate at
    gamma = 1/2.
    """
    p, q = int(gamma.p), int(gamma.q)
    n = max(1, halvings // q)
    scale = fmpq(draw.randint(28, 40), 41)
    first = scale**2 * fmpq(draw.randint(20, 24), 101)
    return ScalingPoint(
        fmpq(1, 2 ** (q * n)),
        1 - scale * fmpq(2) ** (-p * n),
        scale,
        gamma,
        first,
        first * fmpq(draw.randint(300, 400), 97),
    )


def to_leading_order(
    name: str,
    ratio: Callable[[Statement, ScalingPoint], arb],
    *,
    rate: str = "",
    refutes: bool = False,
) -> Check:
    """The stated leading term over the exact value tends to 1 for gamma in the stated domain, and
    not on a bound that is excluded nor beyond.

    Args:
        ratio: one over the other.
        rate: the slot with p where what is left falls like h^p; that it falls, without it.
    """

    def left(says: Statement, gamma: fmpq, halvings: int, seed: int) -> arb | None:
        place = along(gamma, halvings, random.Random(seed))
        return abs(ratio(says, place) - 1) if place.settles else None

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        gamma = point["gamma"]
        with precision(5 * HALVINGS // 2):
            far = left(says, gamma, HALVINGS, settings.seed)
            if far is None or not far < SMALL:
                return False
            if not rate:
                return True
            near = left(says, gamma, NEARER, settings.seed)
            if near is None or not (far > 0 and near > 0):
                return False
            fallen = (near / far).log() / arb(2).log()
            n, more = (max(1, h // int(gamma.q)) for h in (NEARER, HALVINGS))
            stated = evaluate(says.expr(rate), {"gamma": arb(gamma)}, BALL)
            return bool(abs(fallen - stated * int(gamma.q) * (more - n)) < fmpq(1, 2500))

    return bounded(name, holds, kind=Kind.BALL, refutes=refutes)
