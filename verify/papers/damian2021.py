"""The regularizer of label noise without momentum: Damian, Ma and Lee (2021), as recalled.

h is the step size, c the factor between the noise and the Hessian.
"""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import gradient_descent
from derive.language.formula import H
from derive.valleys.zero_loss_manifold import label_noise_regularizer
from verify.claims.checks.stated import bounded
from verify.claims.checks.valley_runs import label_noise_seen
from verify.claims.checks.valleys import (
    DESCENDS,
    LAMBDA,
    identical_slopes,
    label_noise_exactly,
    on_valleys,
)
from verify.claims.claim import RECALLED, Claim, Kind, Settings, claim, on
from verify.claims.slots import Point, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import descent_mode
from verify.running.numbers import evaluate


@claim(
    "damian2021.label-noise-regularizer",
    catalogue="E24",
    where="regularizer, as recalled",
    printed=RECALLED,
)
def regularizer_without_momentum() -> Claim:
    r"""$\beta=0$ in undertow.label-noise-regularizer: $R$ there is twice the one here, whose drift
    in one step is $-ch^2P_L\nabla R$.
    """

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        h = fmpq(random.Random(settings.seed).randint(1, 9), 11)
        curvature, none = point["z"] / h, fmpq(0)
        if not descent_mode(h, none, curvature).settles:
            return False
        slope = evaluate(sympy.diff(says.expr("part"), LAMBDA), {"h": h, "lambda": curvature})
        told = says.number("pull", h=h) * slope
        return bool(told == label_noise_exactly(descent_mode, h, none, curvature))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Under label noise of covariance $cH$ a step of gradient descent moves the limit by "
            r"${pull}\,c\,P_L\nabla R$ along the valley in the mean, where $R$ is the sum of "
            r"$r(\lambda)={part}$ over the curvatures $\lambda$ across it, with {domain} for each "
            r"$z:=h\lambda$.",
            {
                "part": Value(-sympy.log(1 - H * LAMBDA / 2) / (2 * H)),
                "pull": Value(-(H**2)),
                "domain": DESCENDS,
            },
        ),
        checks=(
            on("part", identical_slopes(lambda: label_noise_regularizer(gradient_descent) / 2)),
            bounded("sum over the steps after a kick, solved", holds, kind=Kind.ENUMERATION),
            on(
                "part",
                on_valleys(
                    "limits of the iteration under kicks of covariance H",
                    lambda candidate, trial: label_noise_seen(2 * candidate, trial),
                    optimizer=gradient_descent,
                ),
            ),
        ),
    )
