"""The regularizer of label noise without momentum: Damian, Ma and Lee (2021), as recalled.

h is the step size, c the factor between the noise and the Hessian.
"""

from __future__ import annotations

import sympy

from derive import gradient_descent
from derive.language.formula import STEP, Formula, H
from derive.valleys.zero_loss_manifold import label_noise_regularizer
from verify.claims.checks.valley_runs import label_noise_seen
from verify.claims.checks.valleys import (
    LAMBDA,
    descent_mode,
    identical_slopes,
    on_valleys,
    slope_of_sums,
)
from verify.claims.claim import Claim, Verdict, claim


@claim("damian2021.label-noise-regularizer", catalogue="E24", where="regularizer, as recalled")
def regularizer_without_momentum() -> Claim:
    """β = 0 in undertow.label-noise-regularizer: R there is twice the paper's, whose drift in one
    step is -c h² P_L grad R.
    """
    expr = -sympy.log(1 - H * LAMBDA / 2) / (2 * H)
    return Claim(
        statement=(
            "Under label noise of covariance $cH$ gradient descent moves along the valley by "
            "$-c h^2 P_L\\nabla R$ in every step, $R$ being the sum over the curvatures of "
            "{formula}."
        ),
        printed=Formula(
            "labelNoiseRegularizerDescent",
            expr,
            given=(*STEP, sympy.Gt(LAMBDA, 0), sympy.Lt(LAMBDA, 2 / H)),
        ),
        checks=(
            identical_slopes(lambda: label_noise_regularizer(gradient_descent) / 2),
            slope_of_sums(descent_mode, scale=2),
            on_valleys(
                "limits of the iteration under kicks of covariance H",
                lambda candidate, trial: label_noise_seen(2 * candidate, trial),
                optimizer=gradient_descent,
            ),
        ),
        expected=Verdict.CONFIRMED,
    )
