"""Drift and diffusion along the minimizers: Cowsik, Can and Glorioso (2022), equations (3) to (7).

Units: h is the paper's eta; the velocity of heavy ball is h times the paper's momentum. Noise n in
the gradient has covariance S (the paper's epsilon^2 sigma sigma^T); T is the third derivative of
the loss, P_L the projector on the tangent space of the minimizers, the kernel of the Hessian.
"""

from __future__ import annotations

import sympy

from derive import heavy_ball
from derive.language.formula import BETA, Formula, H
from derive.valleys.zero_loss_manifold import effective_step, label_noise_slope, response
from verify.claims.checks.identities import identical
from verify.claims.checks.valley_runs import bend_seen, kick_moves, momentum_moves, position_moves
from verify.claims.checks.valleys import (
    LAMBDA,
    VALLEY,
    heavy_ball_mode,
    label_noise_exactly,
    leading,
    leading_symbol,
    mixed_exactly,
    mixed_kernel,
    on_valleys,
)
from verify.claims.claim import Claim, Verdict, claim

Q = 1 - BETA
E = H / Q
"""The effective step of heavy ball."""
CURVED = (*VALLEY, sympy.Gt(LAMBDA, 0), sympy.Lt(LAMBDA, 2 * (1 + BETA) / H))
WHERE = "equation (6), at finite learning rate and momentum"


@claim("cowsik2022.noise-kick", catalogue="B16", where="equation (3)")
def noise_kick() -> Claim:
    """On a flat direction a kick n of the momentum moves the position by h n, then by β h n,
    β² h n, ...: h/(1-β) in all. Across the valley a kick dies out.
    """
    return Claim(
        statement=(
            "At a minimizer, one kick $n$ of the paper's momentum moves the limit of the noiseless "
            "iteration by {formula}."
        ),
        printed=Formula("noiseKick", E, beside=r"\,P_L n", given=VALLEY),
        checks=(
            identical("effective step of the declared rule", lambda: effective_step(heavy_ball)),
            on_valleys("limits of the iteration, differenced", kick_moves),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.limit-map-position", catalogue="B28", where="Lemma C.1")
def limit_map_position() -> Claim:
    """Linearized at a minimizer, a displacement along the valley stays (κ = 1), all others die
    out: the derivative of the limit is the projector on the tangent space.
    """
    return Claim(
        statement=(
            "At a minimizer with momentum 0, a displacement $p$ of the position moves the limit by "
            "{formula}."
        ),
        printed=Formula("limitMapPosition", sympy.Integer(1), beside=r"\,P_L p", given=VALLEY),
        checks=(
            identical(
                "eigenvalue 1 of the step on a flat mode",
                lambda: response(heavy_ball)[0][0, 0] + response(heavy_ball)[0][1, 0],
            ),
            on_valleys("limits of the iteration, differenced", position_moves),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.limit-map-momentum", catalogue="B28", where="Lemma C.1, equation (48)")
def limit_map_momentum() -> Claim:
    """A momentum p on a flat direction moves the position by h β p, h β² p, ...: hβ/(1-β) in all.
    With the position moved by h n at once, a kick gives h + hβ/(1-β) = h/(1-β).
    """

    def derived() -> sympy.Expr:
        matrix, _, _ = response(heavy_ball)
        return H * matrix[0, 1] / (1 - matrix[1, 1])

    return Claim(
        statement=(
            "At a minimizer, a displacement $p$ of the paper's momentum moves the limit by "
            "{formula}."
        ),
        printed=Formula("limitMapMomentum", H * BETA / Q, beside=r"\,P_L p", given=VALLEY),
        checks=(
            identical("velocity that fades on a flat mode", derived),
            on_valleys("limits of the iteration, differenced", momentum_moves),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.valley-bend", catalogue="B17 B29", where=WHERE)
def valley_bend() -> Claim:
    """The limit lies on the valley. Moved along it by t it is w + t - H^+ T[t, t]/2 + ..., because
    H y'' = -T[t, t] for a curve y of minimizers; t = -(h/(1-β)) P_L n, averaged over n.
    """
    return Claim(
        statement=(
            "In every step noise along the valley adds a mean displacement normal to it, which "
            "keeps the motion on the valley: {formula}."
        ),
        printed=Formula(
            "valleyBend", -(E**2) / 2, beside=r"\,H^{\dagger}\nabla^3L[S_{LL}]", given=VALLEY
        ),
        checks=(
            identical(
                "half the squared effective step", lambda: -(effective_step(heavy_ball) ** 2) / 2
            ),
            on_valleys("limits of the iteration, differenced twice", bend_seen),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.limiting-drift", catalogue="B18", where="equation (6), the mixed term")
def limiting_drift() -> Claim:
    """The exact coefficient -(h/(1-β))² (1/λ - βh/((1-β)²(1+β)+βhλ)) with ρ = h/(1-β)² tends to
    -(h/(1-β))² 2/(λ(2+ρλ)) as β -> 1. The operator of Definition 3.3 with one curvature 0 is
    λ + ρλ²/2 = λ(2+ρλ)/2: the right equation (6) is that operator's inverse on all of S but S_LL,
    on the mixed block as on the transverse one.
    """
    return Claim(
        statement=(
            "To leading order as $h \\to 0$ with $1-\\beta = C h^\\gamma$, noise that couples a "
            "curved mode $\\lambda$ with the valley moves the limit along it by {formula} in every "
            "step, for every $\\gamma$ in $(0, 1)$."
        ),
        printed=Formula(
            "mixedDriftPrinted", -(E**2) / LAMBDA, beside=r"\,P_L\nabla^3L[S_{TL}]", given=CURVED
        ),
        right=Formula(
            "mixedDriftLeading",
            -2 * H**2 / (LAMBDA * (2 * Q**2 + H * LAMBDA)),
            beside=r"\,P_L\nabla^3L[S_{TL}]",
            given=CURVED,
        ),
        condition=r"the printed term stands for $\gamma < 1/2$, and where $S_{TL} = 0$",
        because=(
            r"it is the right one times $1+\rho\lambda/2$, $\rho = h/(1-\beta)^2$, which the "
            r"paper's operator keeps in the transverse term. For $\gamma > 1/2$ the mixed drift is "
            "of higher order and the printed term is not"
        ),
        counterexample=(
            r"$h = 1/4$, $\beta = 9/10$, $\lambda = 1$: printed $-25/4$, exact $-475/976$, "
            "right to leading order $-25/54$"
        ),
        checks=(
            leading_symbol(mixed_kernel, refutes=True),
            leading(mixed_exactly, refutes=True),
        ),
        expected=Verdict.CORRECTED,
    )


@claim("cowsik2022.label-noise-drift", catalogue="B21", where="equation (7), Corollary 3.5")
def label_noise_drift() -> Claim:
    """With S = c H the mixed and the tangent block vanish and the transverse one commutes with H:
    the sum is c/(2(1-β)) h to leading order on every curved mode. P_L T[P_T] = P_L grad Tr H,
    because P_L T[P_L] = 0.
    """
    return Claim(
        statement=(
            "Under label noise of covariance $cH$ the limit moves in every step, to leading order "
            "as $h \\to 0$ for every $\\gamma$ in $(0, 1)$, by {formula}, without diffusion."
        ),
        printed=Formula(
            "labelNoiseDrift", -(E**2) / 4, beside=r"\,c\,P_L\nabla\mathrm{Tr}H", given=VALLEY
        ),
        condition=r"exactly, it is divided by $1-h\lambda/(2(1+\beta))$ on each mode",
        checks=(
            leading_symbol(
                lambda: -(effective_step(heavy_ball) ** 2) / 2 * label_noise_slope(heavy_ball)
            ),
            leading(
                lambda h, beta, _, curvature: label_noise_exactly(
                    heavy_ball_mode, h, beta, curvature
                ),
            ),
        ),
        expected=Verdict.CONFIRMED,
    )
