"""Drift along minimizers at finite step size and momentum, and what label noise then favours.

h is the step size; noise n in the gradient has covariance S; T is the third derivative of the loss,
P_L the projector on the tangent space of the minimizers, the kernel of the Hessian.
"""

from __future__ import annotations

import random

import sympy
from flint import arb, fmpq

from derive import ema_momentum, heavy_ball
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.valleys.zero_loss_manifold import (
    CURVATURES,
    effective_step,
    kernel,
    label_noise_regularizer,
    label_noise_slope,
    matched_exponent,
)
from verify.claims.checks.identities import identical
from verify.claims.checks.valley_runs import label_noise_seen, mixed_seen, transverse_seen
from verify.claims.checks.valleys import (
    LAMBDA,
    LAMBDA1,
    LAMBDA2,
    VALLEY,
    effective,
    exactly,
    identical_slopes,
    label_noise_exactly,
    leading,
    leading_symbol,
    mixed_exactly,
    mixed_kernel,
    on_valleys,
    pair_sum,
    slope_of_sums,
    sums_of_positions,
)
from verify.claims.claim import Claim, Verdict, claim
from verify.models.modes import ema_mode, heavy_ball_mode
from verify.running.numbers import evaluate, precision

Q = 1 - BETA
CURVED = (*VALLEY, sympy.Gt(LAMBDA, 0), sympy.Lt(LAMBDA, 2 * (1 + BETA) / H))
PAIR = (*VALLEY, sympy.Gt(LAMBDA1, 0), sympy.Gt(LAMBDA2, 0))
SPREAD = (
    Q**2 * ((1 + BETA) * (LAMBDA1 + LAMBDA2) - H * LAMBDA1 * LAMBDA2)
    + BETA * H * (LAMBDA1 - LAMBDA2) ** 2
)
WHERE = "equation (6), at finite learning rate and momentum"


def transverse_exactly(h: fmpq, beta: fmpq, first: fmpq, second: fmpq) -> fmpq:
    e = effective(heavy_ball_mode, h, beta)
    return -e / 2 * pair_sum(heavy_ball_mode, h, beta, first, second)


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


D, A, B, C = sympy.symbols("d a b c")


def crossing(h: fmpq, fast: tuple[int, int], slow: tuple[int, int]) -> arb:
    """log(1-beta)/log h where h^a (1-beta)^b is the same for both, by halving intervals."""
    logs = arb(h).log()
    low, high = arb(0), arb(20)
    for _ in range(60):
        middle = (low + high) / 2
        rest = (middle * logs).exp()
        first, second = (arb(h) ** a * rest**b for a, b in (fast, slow))
        low, high = (middle, high) if first < second else (low, middle)
    return (low + high) / 2


@claim("undertow.matching-exponent", catalogue="B20", where="any two timescales")
def general_matching_exponent() -> Claim:
    """a + bγ = c + dγ. For heavy ball near minimizers (a, b) = (0, -1) and (c, d) = (-2, 2)."""

    def holds(candidate: sympy.Expr, draw: random.Random) -> tuple[bool, str]:
        with precision(30):
            for _ in range(8):
                a, c = -draw.randint(0, 2), -draw.randint(3, 5)
                b, d = -draw.randint(1, 3), draw.randint(1, 3)
                point = {"a": fmpq(a), "b": fmpq(b), "c": fmpq(c), "d": fmpq(d)}
                said = arb(evaluate(candidate, point))
                if not abs(crossing(fmpq(1, 1000), (a, b), (c, d)) - said) < arb("1e-12"):
                    return False, f"wrong at {point}"
        return True, "where the times cross, by bisection, at 8 random powers"

    return Claim(
        statement=(
            r"The times $h^a(1-\beta)^b$ and $h^c(1-\beta)^d$ are equal for $1-\beta = h^\gamma$, "
            r"$\gamma$ being {formula}."
        ),
        printed=Formula(
            "generalMatchingExponent", (A - C) / (D - B), given=(sympy.Lt(B, 0), sympy.Gt(D, 0))
        ),
        checks=(
            identical("solved for gamma", lambda: matched_exponent((A, B), (C, D))),
            exactly("times compared by bisection", holds),
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
