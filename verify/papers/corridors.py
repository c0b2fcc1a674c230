"""Where the loss falls along straight lines, and the first regularizer as it was defined."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from flint import arb, fmpq

from derive import gradient_descent, heavy_ball, transient
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, K
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import FULL, ONE_MINUS, loss_weights, value
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.papers.ghosh2023.modified_loss import by_engine
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import BALL, RATIONAL, Arithmetic, evaluate, precision
from verify.running.residuals import steady_residual

Number = Any
Point = Sequence[Number]
Holds = Callable[[sympy.Expr, Settings], tuple[bool, str]]

LOSS, SQUARED, PARAMETERS = sympy.symbols("E S m")
STEPS = 6
STRAIGHT = ((3, 4, 0), (2, 3, 6), (1, 4, 8), (4, 4, 7))
"""Directions of whole length, so that a distance along them is rational."""


@dataclass(frozen=True)
class Corridor:
    """A loss with nabla^2 E nabla E = 0 and a start far from where it is 0."""

    start: Point
    value: Number
    slope: Number
    """The length of the gradient."""
    square: Callable[[Point], Number]
    """The squared loss."""
    gradient: Callable[[Point], list[Number]]


def far_from_a_point(draw: random.Random) -> Corridor:
    """slope |x - a| on a line through a, in rationals."""
    centre = [fmpq(draw.randint(-9, 9), 4) for _ in range(3)]
    direction = draw.choice(STRAIGHT)
    length, far, slope = _norm(direction), fmpq(draw.randint(60, 80)), fmpq(draw.randint(2, 9), 3)
    start = [c + far * d / length for c, d in zip(centre, direction, strict=True)]

    def gradient(x: Point) -> list[Number]:
        along = sum((a - c) * d for a, c, d in zip(x, centre, direction, strict=True))
        sign = 1 if along > 0 else -1
        return [sign * slope * d / length for d in direction]

    def square(x: Point) -> Number:
        return slope**2 * sum((a - c) ** 2 for a, c in zip(x, centre, strict=True))

    return Corridor(start, slope * far, slope, square, gradient)


def far_from_a_circle(draw: random.Random) -> Corridor:
    """slope times the distance from a circle in space, in balls."""
    radius, slope = arb(draw.randint(150, 180)), arb(draw.randint(2, 9)) / 3
    start = [arb(draw.randint(11, 40)), arb(draw.randint(11, 40)), arb(draw.randint(5, 30))]

    def distance(x: Point) -> tuple[Number, Number, Number]:
        across = (x[0] ** 2 + x[1] ** 2).sqrt()
        return across, across - radius, (across - radius) ** 2 + x[2] ** 2

    def gradient(x: Point) -> list[Number]:
        across, inwards, squared = distance(x)
        length = squared.sqrt()
        return [slope * p * inwards / (across * length) for p in x[:2]] + [slope * x[2] / length]

    def square(x: Point) -> Number:
        return slope**2 * distance(x)[2]

    return Corridor(start, square(start).sqrt(), slope, square, gradient)


def _norm(direction: Sequence[int]) -> fmpq:
    return fmpq(round(sum(d * d for d in direction) ** 0.5))


Draw = Callable[[random.Random], Corridor]
KINDS: tuple[tuple[Draw, Arithmetic], ...] = (
    (far_from_a_point, RATIONAL),
    (far_from_a_circle, BALL),
)


def vanishes(number: Number) -> bool:
    """0 itself, or a ball around it."""
    return number.contains(0) if isinstance(number, arb) else number == 0


@claim("dherin2024.corridor-step", catalogue="E25", where="corridor learning rate")
def corridor_step() -> Claim:
    """In a corridor ∇²E ∇E = 0, so along x - s∇E(x) the gradient stays: its derivative by s is
    -∇²E ∇E. The line is the gradient flow's path, gradient descent's at every step size, and on
    it E(x - s∇E) = E - s|∇E|², which is 0 for s = E/|∇E|².
    """

    def along_the_line() -> sympy.Expr:
        s = sympy.Symbol("s")
        return sympy.solve(LOSS - s * SQUARED, s)[0]

    def reaches(draw_loss: Draw, numbers: Arithmetic) -> Holds:
        def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
            draw = random.Random(settings.seed)
            with precision(settings.digits):
                for _ in range(4):
                    loss = draw_loss(draw)
                    step = evaluate(candidate, {"E": loss.value, "S": loss.slope**2}, numbers)
                    slope = loss.gradient(loss.start)
                    end = [x - step * g for x, g in zip(loss.start, slope, strict=True)]
                    if not vanishes(loss.square(end)):
                        return False, f"the squared loss is {loss.square(end)} after the step"
            return True, "the loss is 0 after one step, 4 times"

        return holds

    return Claim(
        statement=(
            r"In a corridor, where $\nabla^2E\,\nabla E = 0$, gradient descent stays on the path "
            r"of gradient flow, and one step takes the loss to 0 if its size is {formula}, with "
            r"$S = \lVert\nabla E\rVert^2$."
        ),
        printed=Formula("corridorStep", LOSS / SQUARED, given=(sympy.Gt(SQUARED, 0),)),
        condition="The corridor reaches down to where the loss is 0.",
        checks=(
            identical("zero of the loss along the line", along_the_line),
            exact("distance from a point", Kind.ENUMERATION, reaches(*KINDS[0])),
            exact("distance from a circle", Kind.BALL, reaches(*KINDS[1])),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("undertow.corridor-momentum", catalogue="E26", where="momentum in a corridor")
def corridor_momentum() -> Claim:
    """Every tree of two nodes or more has a node whose children are all leaves. Where f'f = 0 on
    an open set, f stays along x + sf, so all its derivatives along f vanish, and with them the
    elementary differential of each such tree: of any B-series only the single node is left. For
    heavy ball from rest it has the coefficient 1 + β + ... + β^k in step k. All terms of modified
    losses beside E vanish: in a corridor nothing is regularized.
    """

    def by_transient() -> sympy.Expr:
        return H * transient(heavy_ball, order=1)[LEAF].as_expr()

    def iterates(draw_loss: Draw, numbers: Arithmetic) -> Holds:
        def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
            draw = random.Random(settings.seed)
            with precision(settings.digits):
                for _ in range(3):
                    loss = draw_loss(draw)
                    h, beta = (numbers.convert(fmpq(draw.randint(1, 8), 9)) for _ in range(2))
                    before = here = loss.start
                    for k in range(STEPS):
                        slope = loss.gradient(here)
                        taken = [
                            beta * (a - b) - h * g
                            for a, b, g in zip(here, before, slope, strict=True)
                        ]
                        step = evaluate(candidate.subs(K, k), {"h": h, "beta": beta}, numbers)
                        left = [d + step * g for d, g in zip(taken, slope, strict=True)]
                        if not all(map(vanishes, left)):
                            return False, f"step {k} is another one"
                        before, here = here, [a + d for a, d in zip(here, taken, strict=True)]
            return True, f"{STEPS} steps, 3 times"

        return holds

    return Claim(
        statement=(
            r"In a corridor, where $\nabla^2E\,\nabla E = 0$, every implicit regularizer vanishes, "
            r"and step $k$ of heavy ball from rest is that of gradient descent with the step size "
            "{formula}."
        ),
        printed=Formula(
            "corridorMomentum",
            H * (1 - BETA ** (K + 1)) / ONE_MINUS,
            given=(*MOMENTUM, *STEP, sympy.Ge(K, 0)),
        ),
        condition="The steps stay in the corridor, an open set.",
        checks=(
            identical("B-series engine", by_transient),
            exact("distance from a point", Kind.ENUMERATION, iterates(*KINDS[0])),
            exact("distance from a circle", Kind.BALL, iterates(*KINDS[1])),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("barrett2021.regularizer", catalogue="E32", where="definition, as recalled")
def implicit_regularizer() -> Claim:
    """The modified loss of gradient descent is E + h/4 |∇E|². With R = |∇E|²/m, the mean over the
    m parameters, it is E + λR for λ = hm/4: a rate that grows with the number of parameters
    because R is a mean.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            m = fmpq(dimension)
            power = steady_residual(
                gradient_descent,
                loss,
                starting_point(draw, dimension),
                lambda h, m=m: loss_weights(value(candidate, h=h, m=m) / m, 1),
                parameters={},
                length=FULL + 2,
                memory=lambda *_: [],
            )
            if power <= FULL:
                return False, f"h^{power} is left on E = {loss.text}, with {dimension} parameters"
        return True, "begins at h^3 on losses of 1, 2 and 3 parameters"

    return Claim(
        statement=(
            r"With $R = (1/m)\sum_i(\partial_iE)^2$, the mean over the $m$ parameters, gradient "
            "descent is $O(h^2)$-close to the gradient flow of {formula}."
        ),
        printed=Formula(
            "implicitRegularizationRate",
            H * PARAMETERS / 4,
            r"\,R",
            "E+",
            (*STEP, sympy.Ge(PARAMETERS, 1)),
        ),
        checks=(
            identical("B-series engine", lambda: PARAMETERS * by_engine(gradient_descent)),
            exact("exact residual", Kind.SERIES, holds),
        ),
        expected=Verdict.CONFIRMED,
    )
