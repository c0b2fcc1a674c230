"""What variance Nesterov's and the quasi-hyperbolic step keep near a minimum."""

from __future__ import annotations

import sympy

from derive import nesterov, quasi_hyperbolic
from derive.language.formula import BETA, MOMENTUM, Formula, H
from verify.claims.checks.stationary_covariance import variance_claim
from verify.claims.claim import Claim, claim

LAMBDA, NU = sympy.symbols("lambda nu")
SMALL = (*MOMENTUM, sympy.Gt(H, 0))


@claim("undertow.nesterov-variance", catalogue="B10", where="stationary noise")
def nesterov_variance() -> Claim:
    """With A = [[1-z, β(1-z)], [-z, β(1-z)]] and b = -(1, 1) the Lyapunov equation is three linear
    equations. The factor 1-β+βz is 1 minus the determinant of A: as β -> 1 the variance stays
    finite, where that of heavy ball grows like 1/(1-β).
    """
    z = H * LAMBDA
    return variance_claim(
        nesterov,
        r"Nesterov's method has the stationary variance {formula}.",
        Formula(
            "nesterovVariance",
            H
            * (1 + BETA * (1 - z))
            / (LAMBDA * (1 - BETA * (1 - z)) * (2 * (1 + BETA) - (1 + 2 * BETA) * z)),
            beside="s^{2}",
            given=SMALL,
        ),
    )


@claim("undertow.quasi-hyperbolic-variance", catalogue="B10", where="stationary noise")
def quasi_hyperbolic_variance() -> Claim:
    """The same with A = [[1-(1-νβ)z, -νβ], [(1-β)z, β]] and b = -(1-νβ, -(1-β)). ν = 1 is momentum
    as an average, β = 0 or ν = 0 is gradient descent.
    """
    z = H * LAMBDA
    top = 1 - BETA**2 + BETA * (1 - NU) * (1 + BETA - 2 * NU * BETA) * z
    bottom = (1 - BETA + BETA * (1 - NU) * z) * (2 * (1 + BETA) - (1 + BETA - 2 * NU * BETA) * z)
    return variance_claim(
        quasi_hyperbolic,
        r"Quasi-hyperbolic momentum has the stationary variance {formula}.",
        Formula(
            "quasiHyperbolicVariance", H * top / (LAMBDA * bottom), beside="s^{2}", given=SMALL
        ),
        extra=("nu",),
    )
