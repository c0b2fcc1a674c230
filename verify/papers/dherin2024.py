"""Where the loss falls along straight lines, steps are exact: Dherin and Rosca (2024)."""

from __future__ import annotations

import random
from collections.abc import Callable

import sympy

from derive.language.formula import Formula
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.models.corridors import KINDS, Draw, vanishes
from verify.running.numbers import Arithmetic, evaluate, precision

Holds = Callable[[sympy.Expr, Settings], tuple[bool, str]]
LOSS, SQUARED = sympy.symbols("E S")


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
