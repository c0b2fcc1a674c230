"""How far heavy ball follows a loss that falls along a straight line."""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import heavy_ball, transient
from derive.language.formula import BETA, H, K
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type
from verify.models.corridors import Draw, far_from_a_circle, far_from_a_point, vanishes
from verify.running.numbers import BALL, RATIONAL, Arithmetic, precision

STEPS = 6


def iterates(name: str, kind: Kind, draw_loss: Draw, numbers: Arithmetic) -> Check:
    """Heavy ball from rest takes, in every step, the stated multiple of the gradient at hand."""

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            for _ in range(3):
                loss, before = draw_loss(draw), None
                h = numbers.convert(fmpq(draw.randint(1, 8), 9))
                beta = numbers.convert(fmpq(draw.randint(-8, 8), 9))
                here = before = loss.start
                for k in range(STEPS):
                    slope = loss.gradient(here)
                    taken = [
                        beta * (a - b) - h * g for a, b, g in zip(here, before, slope, strict=True)
                    ]
                    step = says.number("step", k=k, h=h, beta=beta)
                    left = [d + step * g for d, g in zip(taken, slope, strict=True)]
                    if not all(map(vanishes, left)):
                        return False, f"step {k} is another one"
                    before, here = here, [a + d for a, d in zip(here, taken, strict=True)]
        return True, f"{STEPS} steps, 3 times"

    return exact(name, kind, holds)


def along_itself(says: Statement, settings: Settings) -> tuple[bool, str]:
    """In a corridor the gradient changes at the stated rate along itself."""
    draw = random.Random(settings.seed)
    with precision(settings.digits):
        for corridor in (far_from_a_circle(draw) for _ in range(3)):
            slope = corridor.gradient(corridor.start)
            ahead = [x + g / 8 for x, g in zip(corridor.start, slope, strict=True)]
            change = [a - b for a, b in zip(corridor.gradient(ahead), slope, strict=True)]
            if not all(vanishes(c - says.number("bend") / 8) for c in change):
                return False, "the gradient changes at another rate"
    return True, "the gradient is the same ahead, on 3 distances from circles"


@claim("undertow.corridor-momentum", catalogue="E26", where="momentum in a corridor", printed=OURS)
def corridor_momentum() -> Claim:
    r"""Every tree of two nodes or more has a node whose children are all leaves. Where $f'f=0$ on
    an open set, $f$ stays along $x+sf$, so all its derivatives along $f$ vanish, and with them the
    elementary differential of each such tree: of any B-series only the single node is left. For
    heavy ball from rest it has the coefficient $1+\beta+\dots+\beta^k$ in step $k$.
    """

    def by_transient() -> sympy.Expr:
        return H * transient(heavy_ball, order=1)[LEAF].as_expr()

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"While its steps stay in a corridor, an open set with $\nabla^2E\,\nabla E={bend}$, "
            "step $k$ of heavy ball from rest is that of gradient descent with step size {step}.",
            {
                "bend": Value(sympy.Integer(0), "condition"),
                "step": Value(H * (1 - BETA ** (K + 1)) / ONE_MINUS),
            },
        ),
        checks=(
            on("step", identical("first order by B-series", by_transient)),
            iterates("distance from a point", Kind.ENUMERATION, far_from_a_point, RATIONAL),
            iterates("distance from a circle", Kind.BALL, far_from_a_circle, BALL),
            exact("gradient along itself", Kind.SERIES, along_itself),
        ),
    )
