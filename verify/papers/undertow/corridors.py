"""How far heavy ball follows a loss that falls along a straight line."""

from __future__ import annotations

import random
from collections.abc import Callable

import sympy
from flint import fmpq

from derive import heavy_ball, transient
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, K
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.models.corridors import KINDS, Draw, vanishes
from verify.running.numbers import Arithmetic, evaluate, precision

Holds = Callable[[sympy.Expr, Settings], tuple[bool, str]]
STEPS = 6


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
