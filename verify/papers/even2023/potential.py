"""The potential of a diagonal linear network: Even, Pesme, Gunasekar and Flammarion (2023)."""

from __future__ import annotations

import sympy
from flint import arb

from derive.language.formula import Formula
from derive.networks.potentials import ALPHA, THETA
from verify.claims.checks.mirror_maps import (
    PRODUCT,
    TwoWeights,
    on_the_flow,
    stationary,
    structurally,
)
from verify.claims.checks.potentials import potential_of
from verify.claims.claim import Claim, Verdict, claim

POSITIVE = (sympy.Gt(ALPHA, 0, evaluate=False),)
EVEN = TwoWeights(PRODUCT, lambda a: [arb(2).sqrt() * a, arb(0)], ALPHA)


@claim("even2023.potential", catalogue="C01 C03", where="implicit bias of gradient flow")
def even_potential() -> Claim:
    """With w± = (u±v)/√2, an orthogonal change of coordinates, θ = uv = (w₊²-w₋²)/2, w±' = ∓gw± and
    w±(0) = α: θ = α² sinh(2P), P = arcsinh(θ/α²)/2; integrate.
    """
    return Claim(
        statement=(
            r"Gradient flow on $\theta = u\odot v$ from $u(0) = \sqrt2\alpha$, $v(0) = 0$ is "
            "mirror flow with the sum over coordinates of {formula}."
        ),
        printed=Formula(
            "evenPotential",
            (THETA * sympy.asinh(THETA / ALPHA**2) - sympy.sqrt(THETA**2 + ALPHA**4) + ALPHA**2)
            / 2,
            given=POSITIVE,
        ),
        checks=(
            structurally("integral of the mirror map", lambda: potential_of("even2023")),
            on_the_flow(EVEN),
            stationary(EVEN),
        ),
        expected=Verdict.CONFIRMED,
    )
