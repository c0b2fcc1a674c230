"""Drift along minimizers without momentum and with averages of gradients, beside heavy ball.

Damian, Ma and Lee (2021) and Li, Wang and Arora (2022) as recalled; units and signs are those of
`cowsik2022_drift`.
"""

from __future__ import annotations

import sympy
from flint import fmpq

from derive import ema_momentum, gradient_descent
from derive.language.formula import MOMENTUM, STEP, Formula, H
from derive.valleys.zero_loss_manifold import (
    CURVATURE,
    CURVATURES,
    effective_step,
    kernel,
    label_noise_regularizer,
    label_noise_slope,
)
from verify.claims.checks.identities import identical
from verify.claims.checks.valley_runs import label_noise_seen, mixed_seen
from verify.claims.checks.valleys import (
    LAMBDA,
    LAMBDA1,
    LAMBDA2,
    descent_mode,
    ema_mode,
    identical_slopes,
    leading,
    leading_symbol,
    on_valleys,
    pair_sum,
    slope_of_sums,
)
from verify.claims.claim import Claim, Verdict, claim
from verify.papers.cowsik2022.drift import label_noise_exactly


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


@claim(
    "li2022.mixed-drift", catalogue="E23", where="limiting diffusion, the mixed term, as recalled"
)
def mixed_drift_of_descent() -> Claim:
    """After a kick gradient descent stands at -h on a flat mode and at -h(1-hλ)^k on a curved
    one: the products sum to h/λ, for every stable h.
    """
    flat = {CURVATURES[0]: 0, CURVATURES[1]: CURVATURE}
    return Claim(
        statement=(
            "In every step of SGD, noise that couples a curved mode $\\lambda$ with the valley "
            "moves the limit along it by {formula}."
        ),
        printed=Formula(
            "mixedDriftDescent",
            -(H**2) / LAMBDA,
            beside=r"\,P_L\nabla^3L[S_{TL}]",
            given=(*STEP, sympy.Gt(LAMBDA, 0), sympy.Lt(LAMBDA, 2 / H)),
        ),
        checks=(
            identical(
                "series of the declared step", lambda: -H * kernel(gradient_descent).subs(flat)
            ),
            on_valleys(
                "limits of the iteration, differenced twice", mixed_seen, optimizer=gradient_descent
            ),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim(
    "li2022.transverse-drift",
    catalogue="E23",
    where="limiting diffusion, the last term, as recalled",
)
def transverse_drift_of_descent() -> Claim:
    """The products of two curved modes sum to h/(λ1+λ2-hλ1λ2); for h -> 0 this is h times the
    inverse of S -> HS + SH.
    """

    def right(h: fmpq, beta: fmpq, first: fmpq, second: fmpq) -> fmpq:
        return -h / 2 * pair_sum(descent_mode, h, beta, first, second)

    return Claim(
        statement=(
            "In every step of SGD, to leading order as $h \\to 0$, noise between the curved modes "
            "$\\lambda_1$ and $\\lambda_2$ moves the limit along the valley by {formula}."
        ),
        printed=Formula(
            "transverseDriftDescent",
            -(H**2) / (2 * (LAMBDA1 + LAMBDA2)),
            beside=r"\,P_L\nabla^3L[S_{TT}]",
            given=(*STEP, sympy.Gt(LAMBDA1, 0), sympy.Gt(LAMBDA2, 0)),
        ),
        condition=r"exactly, $\lambda_1+\lambda_2-h\lambda_1\lambda_2$ below",
        checks=(
            leading_symbol(
                lambda: (-H / 2 * kernel(gradient_descent)).subs(
                    dict(zip(CURVATURES, (LAMBDA1, LAMBDA2), strict=True))
                )
            ),
            leading(right, gammas=(0,)),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("undertow.label-noise-drift-ema", catalogue="E22", where="label noise at fixed h/(1-beta)")
def label_noise_drift_of_averages() -> Claim:
    """An average of gradients with step h is heavy ball with step (1-β)h, whose effective step is
    h: the drift h²/4 does not depend on β to leading order. Momentum speeds the motion along the
    valley up at fixed learning rate of heavy ball, not at fixed effective step.
    """
    return Claim(
        statement=(
            "With momentum as an exponential average of gradients, label noise of covariance $cH$ "
            "moves the limit in every step, to leading order, by {formula}, for every $\\beta$."
        ),
        printed=Formula(
            "labelNoiseDriftAverages",
            -(H**2) / 4,
            beside=r"\,c\,P_L\nabla\mathrm{Tr}H",
            given=(*MOMENTUM, *STEP),
        ),
        checks=(
            leading_symbol(
                lambda: -(effective_step(ema_momentum) ** 2) / 2 * label_noise_slope(ema_momentum)
            ),
            leading(
                lambda h, beta, _, curvature: label_noise_exactly(ema_mode, h, beta, curvature),
                gammas=(0, 1, 2, 3),
            ),
        ),
        expected=Verdict.CONFIRMED,
    )
