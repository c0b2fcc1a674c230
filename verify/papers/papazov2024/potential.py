"""The potential of a diagonal linear network: Papazov, Pesme and Flammarion (2024)."""

from __future__ import annotations

import sympy
from flint import arb

from derive.language.formula import Formula
from derive.networks.potentials import DELTA, THETA, hyperentropy
from verify.claims.checks.mirror_maps import (
    PRODUCT,
    TwoWeights,
    on_the_flow,
    stationary,
    structurally,
)
from verify.claims.claim import Claim, Verdict, claim
from verify.models.network_conventions import CONVENTIONS

PAPAZOV = TwoWeights(PRODUCT, lambda d: [d.sqrt(), arb(0)], DELTA)


@claim("papazov2024.hyperentropy", catalogue="C01 D08", where="Lemma 1, the potential")
def papazov_potential() -> Claim:
    """With w± = u±v, θ = uv = (w₊²-w₋²)/4, Δ = |w₊w₋| = |u²-v²|: θ = (Δ/2) sinh(2P) and
    P = arcsinh(2θ/Δ)/2; integrate.
    """
    return Claim(
        statement=(
            r"Gradient flow on $\theta = u\odot v$ with $|u^2-v^2| = \Delta$ is mirror flow with "
            "the sum over coordinates of {formula}."
        ),
        printed=Formula(
            "hyperentropy",
            (
                2 * THETA * sympy.asinh(2 * THETA / DELTA)
                - sympy.sqrt(4 * THETA**2 + DELTA**2)
                + DELTA
            )
            / 4,
            given=(sympy.Gt(DELTA, 0, evaluate=False),),
        ),
        checks=(
            structurally(
                "integral of the mirror map",
                lambda: hyperentropy(THETA, DELTA, CONVENTIONS["papazov2024"]),
            ),
            on_the_flow(PAPAZOV),
            stationary(PAPAZOV),
        ),
        expected=Verdict.CONFIRMED,
    )
