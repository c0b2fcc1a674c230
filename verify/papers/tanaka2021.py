"""The second-order flow of momentum with weight decay: Tanaka and Kunin (2021)."""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import heavy_ball
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from verify.claims.checks.heavy_ball import ONE_MINUS, RESIDUAL_BETAS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.momentum_grid import at, drawn
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.running.numbers import PowerSeries

VELOCITY, ACCELERATION = sympy.symbols("v a")
PLACE, DECAY = sympy.symbols("q k_d")


@claim("tanaka2021.second-order-equation", catalogue="E27", where="equation (3)")
def weight_decay_equation() -> Claim:
    """Weight decay adds kq to the gradient: q(t+η) - (1+β)q(t) + βq(t-η) = -η(∇f + kq). The left
    over η is (1-β)q' + (η/2)(1+β)q'' + O(η²).
    """

    def by_hand() -> sympy.Expr:
        jet = PLACE, VELOCITY, ACCELERATION
        ahead, behind = (
            sum(c * s**i / sympy.factorial(i) for i, c in enumerate(jet)) for s in (H, -H)
        )
        left = ahead - (1 + BETA) * PLACE + BETA * behind + H * DECAY * PLACE
        return sympy.expand(left / H)

    def declared(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        h = PowerSeries.step(4)
        for beta in RESIDUAL_BETAS:
            decay = drawn(draw)
            parts = [fmpq(draw.randint(1, 9), 4) for _ in range(5)]
            before, after = (sum((s**i * c for i, c in enumerate(parts)), h * 0) for s in (-h, h))
            known = {"q": parts[0], "v": parts[1], "a": 2 * parts[2], "k_d": decay}
            slope = parts[0] * decay - at(candidate, {"h": h, "beta": beta, **known})
            stepped, _ = heavy_ball.step(
                h * 0 + parts[0],
                [parts[0] - before],
                lambda x, slope=slope: slope,
                h,
                {"beta": beta},
            )
            left = stepped - after
            if any(left[i] != 0 for i in range(3)):
                return False, f"a remainder at beta = {beta}, decay = {decay}"
        return True, "the rule is met to h^3 on random quartic paths, 9 beta"

    return Claim(
        statement=(
            r"Heavy ball with weight decay $k_d$ is, along smooth paths and to $O(\eta^2)$, the "
            r"equation that sets $-\nabla f$ equal to {formula}, $v = \dot q$ and $a = \ddot q$."
        ),
        printed=Formula(
            "weightDecayEquation",
            H / 2 * (1 + BETA) * ACCELERATION + ONE_MINUS * VELOCITY + DECAY * PLACE,
            given=(*MOMENTUM, *STEP),
        ),
        checks=(
            identical("expansion by hand", by_hand),
            exact("declared rule on polynomial paths", Kind.SERIES, declared),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            "The weight decay is part of the gradient, not decoupled from it. Its solutions are "
            r"$O(\eta^2)$-close to the iterates only from the right initial velocity."
        ),
    )
