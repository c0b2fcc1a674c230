"""Momentum correction under a schedule: Goyal et al. (2017)."""

from __future__ import annotations

import random
from itertools import pairwise

import sympy
from flint import fmpq

from verify.claims.checks.identities import exact, marked, noted
from verify.claims.claim import RECALLED, Claim, Kind, Settings, claim
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type

OLD, NEW = sympy.symbols("eta_0 eta_1", positive=True)


@claim(
    "goyal2017.momentum-correction",
    catalogue="H03",
    where="remark on momentum correction, as recalled",
    printed=RECALLED,
)
def momentum_correction() -> Claim:
    r"""With $v=\eta b$, $\eta_1b'=\beta\frac{\eta_1}{\eta_0}\,\eta_0b+\eta_1g$: the velocity is the
    buffer in the unit of the rate of its step. From a rate of $0$, as at the first step of some
    warm-ups, there is no such unit.
    """

    def runs(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(5):
            beta = fmpq(draw.randint(1, 9), 10)
            x = y = fmpq(draw.randint(1, 9), 4)
            rates = [fmpq(draw.randint(1, 9), 20) for _ in range(6)]
            buffer = velocity = fmpq(0)
            for old, new in pairwise(rates):
                buffer = beta * buffer + x * x
                x -= new * buffer
                factor = says.number("factor", eta_0=old, eta_1=new)
                velocity = beta * factor * velocity + new * y * y
                y -= velocity
                if x != y:
                    return False, "the iterates differ"
        return True, "25 exact steps on x^3/3 are equal"

    def units(says: Statement, settings: Settings) -> tuple[bool, str]:
        buffer, beta, slope = sympy.symbols("b beta g")
        new = NEW * (beta * buffer + slope)
        kept, written = (
            beta * factor * (OLD * buffer) + NEW * slope
            for factor in (says.expr("factor"), marked(says).expr("factor"))
        )
        left = sympy.expand(kept - new)
        return noted(written, new, left == 0), f"left over: {left}"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With rates $\eta_0$ and $\eta_1$ of the last step and this one, "
            r"$v':=\beta\,({factor})\,v+\eta_1\nabla E(x)$; $x':=x-v'$ takes the steps of "
            r"$b':=\beta b+\nabla E(x)$; $x':=x-\eta_1b'$ from an empty memory.",
            {"factor": Value(NEW / OLD)},
        ),
        checks=(
            exact("both side by side", Kind.ENUMERATION, runs),
            exact("units of the memory", Kind.SYMBOLIC, units),
        ),
    )
