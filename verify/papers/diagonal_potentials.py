"""The potentials of diagonal linear networks in three conventions: Woodworth et al. (2020), Even et
al. (2023), Papazov et al. (2024).
"""

from __future__ import annotations

import sympy
from flint import arb

from derive.language.formula import Formula
from derive.networks.potentials import (
    ALPHA,
    DELTA,
    THETA,
    hyperentropy,
)
from verify.claims.checks.mirror_maps import (
    PRODUCT,
    SQUARES,
    TwoWeights,
    on_the_flow,
    stationary,
    structurally,
)
from verify.claims.claim import Claim, Verdict, claim
from verify.models.network_conventions import CONVENTIONS

POSITIVE = (sympy.Gt(ALPHA, 0, evaluate=False),)
ROOT = sympy.sqrt(4 * ALPHA**4 + THETA**2)
WOODWORTH = TwoWeights(SQUARES, lambda a: [a, a], ALPHA, scale=4)
EVEN = TwoWeights(PRODUCT, lambda a: [arb(2).sqrt() * a, arb(0)], ALPHA)
PAPAZOV = TwoWeights(PRODUCT, lambda d: [d.sqrt(), arb(0)], DELTA)
POTENTIAL = 2 * ALPHA**2 - ROOT + THETA * sympy.asinh(THETA / (2 * ALPHA**2))


def potential_of(key: str) -> sympy.Expr:
    """The potential of a source's convention from its own start."""
    convention = CONVENTIONS[key]
    return hyperentropy(THETA, convention.start, convention)


@claim("woodworth2020.potential", catalogue="C01 C02", where="Theorem 1")
def woodworth_potential() -> Claim:
    """w₊' = -2w₊g, w₋' = 2w₋g with g = dL/dθ: w± = α exp(±2P), P = -∫g, θ = 2α² sinh(4P). So
    arcsinh(θ/2α²) = 4P, and P is a combination of the rows of X. That is stationarity of the sum of
    potentials whose derivative is arcsinh(θ/2α²); integrate. It is α²q(θ/α²) with
    q(z) = 2 - √(4+z²) + z arcsinh(z/2).
    """
    return Claim(
        statement=(
            r"Gradient flow on $\theta = w_+^2-w_-^2$ from $w_\pm(0) = \alpha$, if it reaches loss "
            "0, finds the interpolator that minimizes the sum over coordinates of {formula}."
        ),
        printed=Formula("woodworthPotential", POTENTIAL, given=POSITIVE),
        checks=(
            structurally("integral of the mirror map", lambda: potential_of("woodworth2020")),
            on_the_flow(WOODWORTH),
            stationary(WOODWORTH),
        ),
        expected=Verdict.CONFIRMED,
        condition="Recalled from the paper; its wording could not be compared.",
    )


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
