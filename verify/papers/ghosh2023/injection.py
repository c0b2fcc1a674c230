"""Noise injection and the regularizer: Ghosh, Lyu, Zhang and Wang (2023), section 7."""

from __future__ import annotations

import sympy
from flint import fmpq

from derive.batches import averages
from derive.batches.injection import MU, SIGMA, noisy_mean
from derive.language.formula import BETA, STEP, Formula, H
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.noisy_losses import (
    VARIABLES,
    N,
    P,
    T,
    averaged_modified_loss,
    for_any_loss,
    momentum_cases,
    named,
    settled_regularizer,
    three_points,
    value_of_loss,
    value_of_modified_loss,
)
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.running.numbers import RATIONAL, evaluate

NOISE = (sympy.Gt(SIGMA, 0),)


def averaged_loss(loss: sympy.Expr) -> sympy.Expr:
    return noisy_mean(loss, VARIABLES).subs(MU, 3)


@claim("ghosh2023.noise-averaged-loss", catalogue="A29", where="section 7, expansion of R")
def noise_averaged_loss() -> Claim:
    """Taylor: the first and third moments vanish, the second is σ² times the identity. The
    remainder is O(σ³) as printed, and better: of order σ⁴, because the third moment vanishes.
    """
    return Claim(
        statement=(
            r"The mean of $E(x+\eta)$ over $\eta\sim N(0,\sigma^2I)$ is $E$ plus {formula} plus "
            rf"$O(\sigma^4)$, {named(T)}."
        ),
        printed=Formula("noiseAveragedLoss", SIGMA**2 * T / 2, given=NOISE),
        checks=(for_any_loss(averaged_loss, (2,)), three_points(value_of_loss, (2,), (3, 2, 1))),
        expected=Verdict.CONFIRMED,
    )


@claim("ghosh2023.injected-modified-loss", catalogue="A29", where="section 7, last display")
def injected_modified_loss() -> Claim:
    """The mean over Gaussian noise is exp(σ²Δ/2), and Δ|∇E|² = 2‖∇²E‖² + 2∇E·∇Tr∇²E. The
    printed chain loses the factor 1/2 twice: at Tr∇²E between its second and third line, against
    its own expansion of R, and in ∇E(x+η) = ∇E + ∇²E η + ½∇³E[η,η] + ..., whose square contains
    2·½ ∇E·∇³E[η,η] with mean σ² ∇E·∇Tr∇²E. The term in ‖∇²E‖² is right.
    """
    return Claim(
        statement=(
            r"The mean of $E+\frac h4\lVert\nabla E\rVert^2$ at $x+\eta$ is that at $x$ plus "
            rf"{{formula}} plus $O(\sigma^4)$, {named(T, N, P)}."
        ),
        printed=Formula(
            "injectedModifiedLossPrinted",
            SIGMA**2 * T + H / 4 * SIGMA**2 * (N + 2 * P),
            given=(*NOISE, *STEP),
        ),
        right=Formula(
            "injectedModifiedLoss",
            SIGMA**2 * T / 2 + H / 4 * SIGMA**2 * (N + P),
            given=(*NOISE, *STEP),
        ),
        checks=(
            for_any_loss(averaged_modified_loss, (2,), refutes=True),
            three_points(value_of_modified_loss, (2,), (3, 2, 1), refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition="The noise is symmetric; for noise with a third moment the remainder is "
        r"$O(\sigma^3)$.",
        because=(
            r"a factor 1/2 is lost at $\mathrm{Tr}\,\nabla^2E$, and another in the second-order "
            r"term of $\nabla E(x+\eta)$."
        ),
        counterexample=(
            r"$E = x^2/2$: the mean of $E(x+\eta)$ is $E+\sigma^2/2$, not $E+\sigma^2$. "
            r"$E = x^3/6$ at $x = 1$: the mean of $\lVert\nabla E\rVert^2$ is "
            r"$1/4+\frac32\sigma^2+\dots$, printed $1/4+2\sigma^2$."
        ),
    )


@claim(
    "ghosh2023.injected-hessian-with-momentum",
    catalogue="A29",
    where="section 7, last paragraph: the term is expected to get stronger",
)
def injected_hessian_with_momentum() -> Claim:
    """Beside E/(1-β) stands hσ²/(4(1-β)²) ‖∇²E‖², so beside E hσ²/(4(1-β)) ‖∇²E‖². At the same h
    that is 1/(1-β) times the term without momentum; at the same effective learning rate
    h/(1-β) it is the same term. The factor (1+β)/(1-β) of Remark 4.2 belongs to the mean gradient,
    which vanishes at a minimizer; the fresh noise of each step is not amplified.
    """

    def without_and_with(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        world, beta, _ = momentum_cases(settings)
        found = evaluate(sympy.sympify(candidate), {"beta": beta}, RATIONAL)
        effective = 1 - beta
        parts = []
        for momentum, h in ((beta, effective), (fmpq(0), fmpq(1))):
            noise = settled_regularizer(world, momentum)[2]
            full = (1 + momentum) / (1 - momentum) ** 3 * world.values["P"]
            parts.append((noise - full) * h * (1 - momentum))
        with_momentum, without = parts
        return found * without == with_momentum, f"all 4^4 noises of four steps, beta = {beta}"

    def ratio() -> sympy.Expr:
        noise = averages.lasting(averages.regularizer(averages.WITH_REPLACEMENT))
        return noise * ONE_MINUS * ONE_MINUS

    return Claim(
        statement=(
            r"At equal effective learning rate momentum multiplies the term "
            r"$\frac h4\sigma^2\lVert\nabla^2E\rVert_F^2$ of noise injection, in units of the "
            "loss, by {formula}."
        ),
        printed=Formula("injectedAmplificationPrinted", (1 + BETA) / ONE_MINUS),
        right=Formula("injectedAmplification", sympy.Integer(1), given=()),
        checks=(
            identical("fresh noise in the mean regularizer", ratio, refutes=True),
            exact("all noise sequences", Kind.ENUMERATION, without_and_with, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"At equal $h$ the factor is $1/(1-\beta)$ in units of the loss and "
            r"$1/(1-\beta)^2$ beside $E/(1-\beta)$."
        ),
        because=(
            "the amplification of Remark 4.2 needs gradients that repeat from step to step; noise "
            "that is drawn anew does not."
        ),
        counterexample=(
            r"$E = x^2/2$ at $x = 0$: $G_k = \sum\beta^{k-r}\eta_r$ plus a constant, and "
            r"$IGRM_s$ tends to $h\sigma^2/(4(1-\beta)^2)$ in the mean; the effective learning "
            r"rate alone gives the same."
        ),
    )
