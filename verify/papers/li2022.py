"""Drift along minimizers without momentum: Li, Wang and Arora (2022), as recalled.

Noise n in the gradient has covariance S; T is the third derivative of the loss, P_L the projector
on the tangent space of the minimizers.
"""

from __future__ import annotations

import sympy
from flint import fmpq

from derive import gradient_descent
from derive.language.formula import STEP, Formula, H
from derive.valleys.zero_loss_manifold import CURVATURE, CURVATURES, kernel
from verify.claims.checks.identities import identical
from verify.claims.checks.valley_runs import mixed_seen
from verify.claims.checks.valleys import (
    LAMBDA,
    LAMBDA1,
    LAMBDA2,
    descent_mode,
    leading,
    leading_symbol,
    on_valleys,
    pair_sum,
)
from verify.claims.claim import Claim, Verdict, claim


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
