"""Drift and diffusion along the minimizers: Cowsik, Can and Glorioso (2022), equations (3) to (7).

Units: h is the paper's eta; the velocity of heavy ball is h times the paper's momentum. Noise n in
the gradient has covariance S (the paper's epsilon^2 sigma sigma^T); T is the third derivative of
the loss, P_L the projector on the tangent space of the minimizers, the kernel of the Hessian.
"""

from __future__ import annotations

import sympy
from flint import fmpq

from derive import heavy_ball
from derive.language.formula import BETA, Formula, H
from derive.valleys.zero_loss_manifold import (
    CURVATURE,
    CURVATURES,
    effective_step,
    kernel,
    label_noise_regularizer,
    label_noise_slope,
    response,
)
from verify.claims.checks.identities import identical
from verify.claims.checks.valley_runs import (
    bend_seen,
    kick_moves,
    label_noise_seen,
    mixed_seen,
    momentum_moves,
    position_moves,
    transverse_seen,
)
from verify.claims.checks.valleys import (
    LAMBDA,
    LAMBDA1,
    LAMBDA2,
    VALLEY,
    Mode,
    effective,
    heavy_ball_mode,
    identical_slopes,
    leading,
    leading_symbol,
    on_valleys,
    pair_sum,
    slope_of_sums,
    sums_of_positions,
)
from verify.claims.claim import Claim, Verdict, claim

Q = 1 - BETA
E = H / Q
"""The effective step of heavy ball."""
CURVED = (*VALLEY, sympy.Gt(LAMBDA, 0), sympy.Lt(LAMBDA, 2 * (1 + BETA) / H))
PAIR = (*VALLEY, sympy.Gt(LAMBDA1, 0), sympy.Gt(LAMBDA2, 0))
SPREAD = (
    Q**2 * ((1 + BETA) * (LAMBDA1 + LAMBDA2) - H * LAMBDA1 * LAMBDA2)
    + BETA * H * (LAMBDA1 - LAMBDA2) ** 2
)
WHERE = "equation (6), at finite learning rate and momentum"


def mixed_kernel() -> sympy.Expr:
    """-e M(0, lambda) of heavy ball, as derived."""
    flat = kernel(heavy_ball).subs(dict(zip(CURVATURES, (0, CURVATURE), strict=True)))
    return -effective_step(heavy_ball) * flat


def mixed_exactly(h: fmpq, beta: fmpq, _: fmpq, curvature: fmpq) -> fmpq:
    e = effective(heavy_ball_mode, h, beta)
    return -e * pair_sum(heavy_ball_mode, h, beta, fmpq(0), curvature)


def transverse_exactly(h: fmpq, beta: fmpq, first: fmpq, second: fmpq) -> fmpq:
    e = effective(heavy_ball_mode, h, beta)
    return -e / 2 * pair_sum(heavy_ball_mode, h, beta, first, second)


def label_noise_exactly(mode: Mode, h: fmpq, beta: fmpq, curvature: fmpq) -> fmpq:
    """What stands before c P_L grad Tr H: half of -e M(lambda, lambda) lambda."""
    return -effective(mode, h, beta) / 2 * pair_sum(mode, h, beta, curvature, curvature) * curvature


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


@claim("undertow.valley-mixed-drift", catalogue="B17", where=WHERE)
def mixed_drift() -> Claim:
    """After a kick a flat mode stands at -h(1-β^k)/(1-β) and a curved one at -h g_k, with
    g_1 + g_2 z + ... = 1/(1-(1+β-hλ)z+βz²). Each step feels the gradient T[y, y]/2, whose tangent
    part moves the limit by -h/(1-β) of it. The sum over k of the products is a value of the
    generating function at z = 1 minus one at z = β:
    h²/(1-β) (1/(hλ) - β/((1-β)²(1+β)+βhλ)).
    """
    expr = -(H**2) * (1 + BETA) / (LAMBDA * (Q**2 * (1 + BETA) + BETA * H * LAMBDA))
    return Claim(
        statement=(
            "In every step, noise that couples a curved mode $\\lambda$ with the valley moves the "
            "limit along the valley by {formula}, exactly in $h$ and $\\beta$."
        ),
        printed=Formula("mixedDrift", expr, beside=r"\,P_L\nabla^3L[S_{TL}]", given=CURVED),
        checks=(
            identical("series of the declared step", mixed_kernel),
            sums_of_positions(mixed_exactly, flat=True),
            on_valleys("limits of the iteration, differenced twice", mixed_seen),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("undertow.valley-transverse-drift", catalogue="B17", where=WHERE)
def transverse_drift() -> Claim:
    """As for the mixed term: -h/(1-β) times half the sum over the steps of the product of two
    curved modes after one kick. That sum times the covariance of the kicks is the stationary
    covariance of the position.
    """
    expr = -(H**2) * (1 + BETA) / (2 * SPREAD)
    return Claim(
        statement=(
            "In every step, noise between the curved modes $\\lambda_1$ and $\\lambda_2$ moves the "
            "limit along the valley by {formula}, exactly in $h$ and $\\beta$."
        ),
        printed=Formula("transverseDrift", expr, beside=r"\,P_L\nabla^3L[S_{TT}]", given=PAIR),
        checks=(
            identical(
                "series of the declared step",
                lambda: (-effective_step(heavy_ball) * kernel(heavy_ball) / 2).subs(
                    dict(zip(CURVATURES, (LAMBDA1, LAMBDA2), strict=True))
                ),
            ),
            sums_of_positions(transverse_exactly),
            on_valleys("limits of the iteration, differenced twice", transverse_seen),
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


@claim("undertow.label-noise-regularizer", catalogue="B22 E24", where="equation (7), exactly")
def regularizer() -> Claim:
    """On a mode the stationary covariance under S = c H is c h(1+β)/((1-β)(2(1+β)-hλ)): the drift
    is -(c/2)(h/(1-β))² P_L T[r'(H)] with r' = (1+β)/(2(1+β)-hλ), and T[r'(H)] = grad tr r(H).
    β = 0 gives the regularizer of label noise SGD; for h -> 0, r = λ/2.
    """
    logarithm = sympy.log(1 - H * LAMBDA / (2 * (1 + BETA)))
    expr = sympy.Mul(-1, 1 + BETA, logarithm, 1 / H, evaluate=False)
    return Claim(
        statement=(
            "Under label noise of covariance $cH$ the limit moves in every step by "
            "$-(c/2)(h/(1-\\beta))^2 P_L\\nabla R$, exactly in $h$ and $\\beta$, $R$ being the "
            "sum over the curvatures of {formula}."
        ),
        printed=Formula("labelNoiseRegularizer", expr, given=CURVED),
        checks=(
            identical_slopes(lambda: label_noise_regularizer(heavy_ball)),
            slope_of_sums(heavy_ball_mode),
            on_valleys("limits of the iteration under kicks of covariance H", label_noise_seen),
        ),
        expected=Verdict.CONFIRMED,
    )
