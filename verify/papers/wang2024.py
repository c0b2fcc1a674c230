"""What variance averaged momentum keeps: Wang, Malladi, Wang, Lyu and Li (2024).

eta is the step size, lambda the curvature, s the variance of the noise.
"""

from __future__ import annotations

import sympy

from derive import ema_momentum
from derive.language.formula import BETA, MOMENTUM, Formula, H
from verify.claims.checks.averaged_momentum import lyapunov, solved
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import identical
from verify.claims.checks.stationary_covariance import variance_claim
from verify.claims.claim import Claim, Verdict, claim

LAMBDA = sympy.Symbol("lambda")
SMALL = (*MOMENTUM, sympy.Gt(H, 0))


@claim("wang2024.stationary-variance", catalogue="E21", where="SGDM against SGD on a quadratic")
def averaged_variance() -> Claim:
    """Momentum as an average is heavy ball with the step size (1-β)h: put it into the variance
    h²(1+β)/(z(1-β)(2(1+β)-z)), z = hλ. For β = 0 it is that of SGD, h/(λ(2-hλ)); the quotient
    tends to 1 with hλ, so that momentum changes the variance by a relative hλβ/(1+β) only.
    """
    return variance_claim(
        ema_momentum,
        r"SGD with momentum as an average has the stationary variance {formula}.",
        Formula(
            "averagedVariance",
            H / (LAMBDA * (2 - H * LAMBDA * (1 - BETA) / (1 + BETA))),
            beside="s^{2}",
            given=SMALL,
        ),
    )


ETA, SAMPLE = sympy.symbols("eta s")
RATE = (sympy.Gt(ETA, 0), sympy.Gt(LAMBDA, 0))
STATIONARY = ETA * SAMPLE / (LAMBDA * (2 - ETA * LAMBDA * ONE_MINUS / (1 + BETA)))


@claim("wang2024.ema-variance", catalogue="E21", where="momentum beside SGD, a consistency")
def stationary_variance() -> Claim:
    """With m the average of gradients and g = λx + ξ the variances of x and m and their covariance
    satisfy three linear equations. Momentum changes the variance of x at relative order ηλ only,
    as a distance O(√(η/(1-β))) between momentum and SGD in the weak sense allows.
    """
    return Claim(
        statement=(
            r"On a mode of curvature $\lambda$ with gradient noise of variance $s$ momentum as an "
            r"average, with learning rate $\eta$, has the stationary variance {formula}."
        ),
        printed=Formula("stationaryVariance", STATIONARY, given=(*MOMENTUM, *RATE)),
        checks=(
            identical("step matrix of heavy ball", lyapunov),
            solved("moment equations of the average"),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$\eta\lambda(1-\beta) < 2(1+\beta)$, so that the iteration is stable.",
    )
