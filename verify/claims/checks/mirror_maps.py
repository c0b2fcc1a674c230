"""Two-layer diagonal networks in balls: where gradient flow leads, and which potential that fits.

A coordinate is theta = w^T A w/2 with a symmetric matrix A. Gradient flow is w' = -dL/dtheta A w,
so that w = exp(A P) w(0) with the pull P, minus the integral of dL/dtheta. Nothing here knows a
mirror map: matrix exponentials are FLINT's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import sympy
from flint import arb, arb_mat, fmpq

from derive.networks.potentials import THETA
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.running.numbers import BALL, evaluate, precision

POINTS = 20


@dataclass(frozen=True)
class TwoWeights:
    """One coordinate: its matrix, its start by a scale, and the symbol of that scale.

    `scale` is the potential's: its gradient is scale times the pull.
    """

    matrix: tuple[tuple[int, int], tuple[int, int]]
    start: Callable[[arb], Sequence[arb]]
    symbol: sympy.Symbol
    scale: int = 1

    def weights(self, size: arb, pull: arb) -> list[arb]:
        """The two weights after this pull."""
        w = self.start(size)
        moved = arb_mat([[pull * a for a in row] for row in self.matrix]).exp()
        return [moved[i, 0] * w[0] + moved[i, 1] * w[1] for i in range(2)]

    def theta(self, w: Sequence[arb]) -> arb:
        return sum(
            (w[i] * self.matrix[i][j] * w[j] / 2 for i in range(2) for j in range(2)), arb(0)
        )


SQUARES = ((2, 0), (0, -2))
"""theta = u^2 - v^2."""
PRODUCT = ((0, 1), (1, 0))
"""theta = u v."""


def ball(expr: sympy.Expr, values: Mapping[str, arb]) -> arb:
    """The value in balls; one that holds everything where it is undefined."""
    try:
        return evaluate(sympy.sympify(expr), values, BALL)
    except (ValueError, ZeroDivisionError):
        return arb("nan")


def drawn_ball(draw: random.Random, low: int, high: int) -> arb:
    """A rational number of [low, high]/8 with a denominator no power of 2."""
    return arb(fmpq(draw.randint(low * 7, high * 7), 56) + fmpq(1, 61))


def encloses(
    name: str, gaps: Callable[[sympy.Expr, random.Random], arb], *, refutes: bool = False
) -> Check:
    """Balls that must hold 0, and be narrow; see `verify.claims.checks.identities.enclosed`."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw, widest = random.Random(settings.seed), arb(0)
        with precision(settings.digits):
            bound = arb(10) ** (10 - settings.digits)
            for _ in range(POINTS):
                gap = gaps(candidate, draw)
                if not gap.is_finite():
                    return Evidence(False, "undefined")
                if not gap.contains(0):
                    return Evidence(False, f"off by {gap.str(5, radius=False)}")
                widest = max(widest, gap.rad(), key=float)
        figure = f"0 enclosed {POINTS} times, radius {float(widest):.0e}"
        return Evidence(True if widest < bound else None, figure)

    return Check(name, Kind.BALL, judge, refutes)


def on_the_flow(network: TwoWeights, *, refutes: bool = False) -> Check:
    """The candidate potential where a flow is: scale times the integral of P dtheta.

    By parts it is P theta minus the integral of theta over P, a quarter of the growth of |w|^2.
    """

    def gap(candidate: sympy.Expr, draw: random.Random) -> arb:
        size, pull = drawn_ball(draw, 2, 12), drawn_ball(draw, -8, 8)
        start, w = network.start(size), network.weights(size, pull)
        theta = network.theta(w)
        grown = sum((a * a - b * b for a, b in zip(w, start, strict=True)), arb(0))
        found = ball(candidate, {"theta": theta, network.symbol.name: size})
        return found - network.scale * (pull * theta - grown / 4)

    return encloses("potential on the flow", gap, refutes=refutes)


def stationary(network: TwoWeights, *, refutes: bool = False) -> Check:
    """At the flow's limit the candidate's gradient is orthogonal to the null space of the data.

    Any point on the curve of pulls P = X^T nu is the limit for the right side y = X theta. The
    scales differ from coordinate to coordinate; a factor in front of the potential does not show.
    """

    def gap(candidate: sympy.Expr, draw: random.Random) -> arb:
        slope = sympy.diff(candidate, THETA)
        row = [drawn_ball(draw, 1, 8), drawn_ball(draw, 1, 8)]
        nu, sizes = drawn_ball(draw, 1, 6), [drawn_ball(draw, 2, 12), drawn_ball(draw, 2, 12)]
        slopes = []
        for x, size in zip(row, sizes, strict=True):
            theta = network.theta(network.weights(size, nu * x))
            slopes.append(ball(slope, {"theta": theta, network.symbol.name: size}))
        return slopes[0] * row[1] - slopes[1] * row[0]

    return encloses("stationary at the flow's limit", gap, refutes=refutes)


def structurally(name: str, derived: Callable[[], sympy.Expr], *, refutes: bool = False) -> Check:
    """The expanded difference to what is derived is 0."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        difference = sympy.expand(candidate - derived())
        return Evidence(difference == 0, f"difference {difference}")

    return Check(name, Kind.SYMBOLIC, judge, refutes)
