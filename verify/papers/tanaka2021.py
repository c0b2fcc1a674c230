"""The second-order flow of momentum with weight decay: Tanaka and Kunin (2021)."""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import heavy_ball
from derive.language.formula import BETA, H
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.momentum_grid import drawn
from verify.claims.claim import Claim, Kind, Settings, claim, on, second_hand
from verify.claims.slots import Choice, Order, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import PowerSeries

PLACE, DECAY = sympy.symbols("q k_d")


class Decay(Choice):
    """Where the weight decay enters the step."""

    COUPLED = "added to the gradient"
    DECOUPLED = "taken off the weights beside the velocity"


@claim(
    "tanaka2021.second-order-equation",
    catalogue="E27",
    where="equation (3)",
    printed=second_hand(
        r"$\frac\eta2(1+\beta)\ddot q+(1-\beta)\dot q+\nabla f+kq=0$",
        "tanaka2021, equation (3), as quoted to us",
    ),
)
def weight_decay_equation() -> Claim:
    r"""Weight decay adds $kq$ to the gradient:
    $q(t+h)-(1+\beta)q(t)+\beta q(t-h)=-h(\nabla f+kq)$. The left over $h$ is
    $(1-\beta)q'+(h/2)(1+\beta)q''+O(h^2)$. The solutions are $O(h^2)$-close to the iterates only
    from the right initial velocity.
    """

    def by_hand(power: int) -> sympy.Expr:
        """What the derivative of this order has before it, over h."""
        jet = [sympy.Symbol(f"q{i}") for i in range(3)]
        ahead, behind = (
            sum(c * s**i / sympy.factorial(i) for i, c in enumerate(jet)) for s in (H, -H)
        )
        left = ahead - (1 + BETA) * jet[0] + BETA * behind + H * DECAY * jet[0]
        return sympy.expand(left / H).coeff(jet[power], 1)

    def declared(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, h = random.Random(settings.seed), PowerSeries.step(5)
        for _ in range(9):
            beta, decay = fmpq(draw.randint(-9, 9), 10), drawn(draw)
            parts = [fmpq(draw.randint(1, 9), 4) for _ in range(5)]
            before, after = (sum((s**i * c for i, c in enumerate(parts)), h * 0) for s in (-h, h))
            inertia, friction, pull = (
                says.number(name, h=h, beta=beta, k_d=decay)
                for name in ("inertia", "friction", "decay")
            )
            force = -(inertia * 2 * parts[2] + friction * parts[1] + pull * parts[0])
            coupled, here = says["where"] is Decay.COUPLED, h * 0 + parts[0]
            slope = force + (decay * parts[0] if coupled else 0)
            velocity = here - before + (0 if coupled else h * decay * before)
            stepped, _ = heavy_ball.step(
                here, [velocity], lambda x, slope=slope: slope, h, {"beta": beta}
            )
            left = stepped - after - (0 if coupled else h * decay * here)
            power = next(i for i in range(5) if left[i] != 0)
            if power != says["order"].power:
                return False, f"h^{power} is left at beta = {beta}, decay = {decay}"
        return True, "the residual has the stated order on random quartic paths, 9 beta"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"A smooth path with $-\nabla f={inertia}\,\ddot q+({friction})\,\dot q{+decay}\,q$ "
            r"meets a step of heavy ball with the weight decay $k_dq$ {where}, up to {order}.",
            {
                "inertia": Value(H * (1 + BETA) / 2),
                "friction": Value(ONE_MINUS),
                "decay": Value(DECAY),
                "where": Decay.COUPLED,
                "order": Order(3),
            },
        ),
        checks=(
            on("inertia", identical("expansion by hand, q''", lambda: by_hand(2))),
            on("friction", identical("expansion by hand, q'", lambda: by_hand(1))),
            on("decay", identical("expansion by hand, q", lambda: by_hand(0))),
            exact("declared rule on polynomial paths", Kind.SERIES, declared),
        ),
    )
