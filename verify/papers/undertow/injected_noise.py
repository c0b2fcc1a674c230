"""What is left of injected noise at the fourth order, and with momentum."""

from __future__ import annotations

import sympy

from derive.batches.injection import MU, SIGMA, noisy_mean, noisy_momentum_loss
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact
from verify.claims.checks.noisy_losses import (
    VARIABLES,
    A,
    B,
    C,
    D,
    G,
    N,
    P,
    Q,
    T,
    W,
    averaged_modified_loss,
    for_any_loss,
    momentum_cases,
    named,
    settled_regularizer,
    sign_noise,
    three_points,
    value_of_loss,
    value_of_modified_loss,
)
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.models.batch_sequences import average
from verify.running.numbers import RATIONAL, evaluate

NOISE = (sympy.Gt(SIGMA, 0),)


@claim("undertow.noise-averaged-remainder", catalogue="A29", where="remainder of R")
def noise_averaged_remainder() -> Claim:
    """The fourth moments: μσ⁴ of one coordinate, σ⁴ of two. Together σ⁴/8 Δ²E where μ = 3, and
    (μ-3)/24 σ⁴ times the sum of the unmixed fourth derivatives more for other noise.
    """
    return Claim(
        statement=(
            r"For independent symmetric coordinates with the fourth moment $\mu\sigma^4$ the "
            r"remainder of $E+\frac{\sigma^2}{2}T$ is {formula} plus $O(\sigma^6)$, "
            rf"{named(T, D, Q)}."
        ),
        printed=Formula(
            "noiseAveragedRemainder", SIGMA**4 * (D / 8 + (MU - 3) * Q / 24), given=NOISE
        ),
        checks=(
            for_any_loss(lambda loss: noisy_mean(loss, VARIABLES), (4,)),
            three_points(value_of_loss, (4,), (3, 2, 1)),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"Gaussian noise has $\mu = 3$.",
    )


@claim("undertow.injected-fourth-order", catalogue="A29", where="remainder of the last display")
def injected_fourth_order() -> Claim:
    """Once more the Laplacian: Δ²|∇E|² = 4‖∇³E‖² + 8⟨∇²E,∇²T⟩ + 2‖∇T‖² + 2∇E·∇Δ²E, over 8."""
    gaussian = A / 2 + B + C / 4 + G / 4
    return Claim(
        statement=(
            r"For independent symmetric coordinates with the fourth moment $\mu\sigma^4$ the next "
            r"term of the mean of $E+\frac h4\lVert\nabla E\rVert^2$ is {formula}, "
            rf"{named(T, D, Q, A, B, C, G, W)}, $S = \lVert\nabla E\rVert^2$."
        ),
        printed=Formula(
            "injectedFourthOrder",
            SIGMA**4 * (D / 8 + H / 4 * gaussian + (MU - 3) * (Q + H / 4 * W) / 24),
            given=(*NOISE, *STEP),
        ),
        checks=(
            for_any_loss(averaged_modified_loss, (4,)),
            three_points(value_of_modified_loss, (4,), (3, 2, 1)),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("undertow.injected-loss-with-momentum", catalogue="A29", where="section 7, with momentum")
def injected_loss_with_momentum() -> Claim:
    """Noisy losses E(x+η_k) are batches drawn independently: their mean is R = E + σ²T/2 and their
    F is σ²‖∇²E‖². The mean of IGRM_s is h/4 ((1+β)/(1-β)³ |∇R|² + F/(1-β)²), and |∇R|² is
    |∇E|² + σ² ∇E·∇T.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        world, beta, h = momentum_cases(settings)
        wanted = settled_regularizer(world, beta) * (h / 4)
        mean = average(sign_noise(world).losses) / (1 - beta)
        known = world.values | {"h": h, "beta": beta}
        for power in range(4):
            coefficient = sympy.sympify(sympy.expand(candidate).coeff(SIGMA, power))
            right = wanted[power] + mean[power] if power == 2 else 0
            if evaluate(coefficient, known, RATIONAL) != right:
                return False, f"the power {power} of sigma is wrong for beta = {beta}"
        return True, f"all 4^4 noises of four steps, beta = {beta}"

    return Claim(
        statement=(
            r"With new noise in each step of heavy ball the mean modified loss gains, at order "
            rf"$\sigma^2$ and as $k$ grows, {{formula}}, {named(T, N, P)}."
        ),
        printed=Formula(
            "injectedLossWithMomentum",
            SIGMA**2
            * (T / (2 * ONE_MINUS) + H / 4 * ((1 + BETA) / ONE_MINUS**3 * P + N / ONE_MINUS**2)),
            given=(*MOMENTUM, *STEP, *NOISE),
        ),
        checks=(
            for_any_loss(lambda loss: noisy_momentum_loss(loss, VARIABLES), (2,)),
            exact("all noise sequences", Kind.ENUMERATION, holds),
        ),
        expected=Verdict.CONFIRMED,
        condition="The noise of the steps is independent and the point is fixed.",
    )
