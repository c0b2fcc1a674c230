"""Noise injection and the regularizer: Ghosh, Lyu, Zhang and Wang (2023), section 7."""

from __future__ import annotations

import random
from itertools import product

import sympy
from flint import fmpq

from derive.batches import averages
from derive.batches.injection import MU, SIGMA, noisy_loss, noisy_mean, noisy_momentum_loss
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from verify.claims.checks.averaging import modified_loss_terms
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
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
    Sextic,
    T,
    W,
    draw_sextic,
    for_any_loss,
    named,
    three_points,
    value_of_loss,
    value_of_modified_loss,
)
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.models.batch_sequences import Batches, average, averaged, settle
from verify.running.families import rational
from verify.running.numbers import RATIONAL, PowerSeries, evaluate

NOISE = (sympy.Gt(SIGMA, 0),)


def averaged_loss(loss: sympy.Expr) -> sympy.Expr:
    return noisy_mean(loss, VARIABLES).subs(MU, 3)


def averaged_modified_loss(loss: sympy.Expr) -> sympy.Expr:
    return noisy_loss(loss, VARIABLES)


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


def sign_noise(world: Sextic) -> Batches:
    """Four equally likely losses: the noise is s or -s in each coordinate, in powers of s."""
    around = [world.around(pair) for pair in product((-1, 1), repeat=2)]
    values = tuple(world.loss.value(x) for x in around)
    return Batches(tuple(map(world.gradient, around)), values)


def settled_regularizer(world: Sextic, beta: fmpq) -> PowerSeries:
    """The limit of |grad G_k|^2 + 2 sum of beta^(k-r) |grad G_r|^2, averaged over the noise."""
    batches = sign_noise(world)
    means = averaged(
        batches, "with-replacement", 4, beta, lambda g: modified_loss_terms(g, beta, batches)
    )
    return settle(means, (beta, beta, beta**2))


def momentum_cases(settings: Settings) -> tuple[Sextic, fmpq, fmpq]:
    draw = random.Random(settings.seed)
    return draw_sextic(draw), fmpq(draw.randint(1, 19), 20), rational(draw, 1, 4)


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
