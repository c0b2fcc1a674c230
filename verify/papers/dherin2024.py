"""Where the loss falls along straight lines, steps are exact: Dherin and Rosca (2024)."""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq

from verify.claims.checks.identities import exact, identical
from verify.claims.claim import RECALLED, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type
from verify.models.corridors import Corridor, Draw, far_from_a_circle, far_from_a_point, vanishes
from verify.running.numbers import BALL, RATIONAL, Arithmetic, evaluate, precision

LOSS, SQUARED, STEP = sympy.symbols("E S s")


def along_lines(name: str, kind: Kind, draw_loss: Draw, numbers: Arithmetic) -> Check:
    """On x - s grad E the gradient stays, the loss is as stated, and 0 after the stated step."""

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            for _ in range(4):
                loss = draw_loss(draw)
                slope, known = loss.gradient(loss.start), {"E": loss.value, "S": loss.slope**2}

                def ahead(s: Any, slope: list[Any] = slope, loss: Corridor = loss) -> list[Any]:
                    return [x - s * g for x, g in zip(loss.start, slope, strict=True)]

                step = evaluate(says.expr("step"), known, numbers)
                if not vanishes(loss.square(ahead(step))):
                    return False, "the loss is not 0 after the step"
                for part in (fmpq(1, 3), fmpq(4, 5)):
                    s = loss.value / known["S"] * part
                    there = evaluate(says.expr("loss"), {**known, "s": s}, numbers)
                    turned = (a - b for a, b in zip(loss.gradient(ahead(s)), slope, strict=True))
                    if not all(map(vanishes, turned)):
                        return False, "the gradient turns"
                    if not (there > 0 and vanishes(loss.square(ahead(s)) - there**2)):
                        return False, f"another loss at {part} of the way"
        return True, "the same gradient, the stated loss, 0 after the step, 4 times"

    return exact(name, kind, holds)


@claim(
    "dherin2024.corridor-step", catalogue="E25", where="corridor learning rate", printed=RECALLED
)
def corridor_step() -> Claim:
    r"""In a corridor $\nabla^2E\,\nabla E=0$, so along $x-s\nabla E(x)$ the gradient stays: its
    derivative by $s$ is $-\nabla^2E\,\nabla E$. The line is the gradient flow's path, gradient
    descent's at every step size, and on it $E(x-s\nabla E)=E-s\lVert\nabla E\rVert^2$, which is $0$
    for $s=E/\lVert\nabla E\rVert^2$.
    """

    def along_the_line() -> sympy.Expr:
        return sympy.solve(LOSS - STEP * SQUARED, STEP)[0]

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In a corridor, an open set where $\nabla^2E\,\nabla E$ vanishes, the gradient is the "
            r"same along $x-s\nabla E(x)$, gradient flow and gradient descent stay on this line, "
            r"and the loss on it is {loss}, with $S:=\lVert\nabla E\rVert^2$; where the corridor "
            r"reaches so far one step of the size {step} takes it to zero.",
            {"step": Value(LOSS / SQUARED), "loss": Value(LOSS - STEP * SQUARED)},
        ),
        checks=(
            on("step", identical("zero of the loss along the line", along_the_line)),
            along_lines("distance from a point", Kind.ENUMERATION, far_from_a_point, RATIONAL),
            along_lines("distance from a circle", Kind.BALL, far_from_a_circle, BALL),
        ),
    )
