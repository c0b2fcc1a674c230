"""Where the preconditioned sharpness of Adam settles: Cohen et al. (2022), "Adaptive gradient
methods at the edge of stability".
"""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq

from derive.language.formula import BETA, H
from derive.language.update_rule import Optimizer
from derive.optimizers import ema_momentum, heavy_ball
from derive.quadratics import stability_limit
from verify.claims.checks.identities import exact, noted
from verify.claims.checks.stated import measured, switches
from verify.claims.claim import Claim, Kind, Settings, claim, second_hand
from verify.claims.slots import Choice, Number, Relation, Value
from verify.claims.statement import Statement, Type


class MomentumForm(Choice):
    """How momentum is written."""

    AVERAGE = "an average of gradients"
    SUM = "a sum of gradients"

    @property
    def rule(self) -> Optimizer:
        return ema_momentum if self is MomentumForm.AVERAGE else heavy_ball


class At(Choice):
    """A momentum."""

    NINE = r"$\beta=0.9$"
    EIGHT = r"$\beta=0.8$"


def decays(says: Statement, curvature: fmpq, point: dict[str, fmpq]) -> bool:
    """Whether both multipliers of a mode are below 1 in size, from the declared step at h = 1."""
    rule = says["momentum"].rule
    given = {"beta": point["beta"]}
    rows = [
        rule.step(x, (m,), lambda at: curvature * at, point["h"], given)
        for x, m in ((fmpq(1), fmpq(0)), (fmpq(0), fmpq(1)))
    ]
    (a, (b,)), (c, (d,)) = rows
    trace, determinant = a + d, a * d - b * c
    return bool(abs(determinant) < 1 and abs(trace) < 1 + determinant)


@claim(
    "cohen2022.preconditioned-edge",
    catalogue="F12",
    where="the edge of stability of Adam",
    printed=second_hand(r"\frac2h\frac{1+\beta_1}{1-\beta_1}", "claims-next, F12"),
)
def preconditioned_edge() -> Claim:
    r"""With $P$ fixed the modes are those of $P^{-1/2}HP^{-1/2}$. On a mode of curvature $\lambda$
    the multipliers have the product $\beta$ and the sum $1+\beta-(1-\beta)h\lambda$; the first to
    leave the unit disc does so at $-1$. A sum of gradients is $1/(1-\beta)$ times the average.
    """

    def value(says: Statement, draw: random.Random) -> tuple[fmpq, dict[str, fmpq]]:
        point = {"beta": fmpq(draw.randint(1, 95), 100), "h": fmpq(draw.randint(1, 30), 100)}
        return says.number("edge", **point), point

    def by_limit(says: Statement, settings: Settings) -> tuple[bool, str]:
        wanted = stability_limit(says["momentum"].rule) / H
        left = sympy.cancel(says.expr("edge") - wanted)
        return noted(says.expr("edge"), wanted, left == 0), f"difference {left}"

    def times_step(says: Statement, settings: Settings) -> Any:
        beta = fmpq(9, 10) if says["beta"] is At.NINE else fmpq(4, 5)
        return says.number("edge", beta=beta, h=fmpq(1))

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"With a preconditioner $P$ that stands, $x_{k+1}:=x_k-hP^{-1}m_{k+1}$ with $m$ "
            r"{momentum} tends to the minimum of a quadratic where the largest eigenvalue of "
            r"$P^{-1/2}HP^{-1/2}$ is ${relation}{edge}$, and only there; this is ${number}/h$ at "
            r"{beta}.",
            {"momentum": MomentumForm.AVERAGE, "relation": Relation.BELOW, "number": Number("38")}
            | {"edge": Value(2 * (1 + BETA) / (H * (1 - BETA)), "threshold"), "beta": At.NINE},
        ),
        checks=(
            switches("multipliers of the declared step", decays, value),
            exact("stability limit", Kind.SYMBOLIC, by_limit),
            measured("at the usual momentum", times_step, number="number"),
        ),
    )
