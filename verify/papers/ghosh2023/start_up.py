"""The start-up of heavy ball: Ghosh, Lyu, Zhang and Wang (2023), Theorem 4.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from flint import arb, fmpq

from derive import heavy_ball
from derive.engine.expansion import gamma
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, K
from derive.language.trees import Tree
from verify.claims.checks.heavy_ball import (
    HALF,
    HEAVY_BALL,
    ONE_MINUS,
    QUARTIC,
    RESIDUAL_BETAS,
    cold_start_residual,
    loss_weights,
    settled,
    transient_weights,
    value,
)
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.checks.start_up import Case, start_up
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.running.enclosures import enclosed_flow
from verify.running.experiments import Experiment, Flow
from verify.running.flows import Field
from verify.running.numbers import BALL, MPFR, PowerSeries, evaluate, precision
from verify.running.residuals import advance
from verify.running.trajectories import iterates

Number = Any


@claim("ghosh2023.gamma", catalogue="A03 A05", where="Theorem 4.1, equation (4)")
def transient_factor() -> Claim:
    """Write the velocity as a function of the position, v_k = W_k(x_k). The recurrence for its h^2
    part is linear with forcing a polynomial in k and β^k; its solution with W_0 = 0 gives the field
    on [t_k, t_(k+1)] in closed form. The force is (1-β^(k+1))/(1-β), the regularizer carries γ_k.
    """

    def enumerated(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for beta in RESIDUAL_BETAS:
            for k in range(31):
                sums = [(1 - beta ** (r + 1)) / (1 - beta) for r in range(k + 1)]
                history = sum((beta ** (k - r) * sums[r] ** 2 for r in range(k)), fmpq(0))
                exact_value = (sums[k] ** 2 + 2 * history) * (1 - beta) ** 3 / (1 + beta)
                if value(candidate, k=k, beta=beta) != exact_value:
                    return False, f"wrong at k = {k}, beta = {beta}"
        return True, "equal for k = 0 ... 30 and 9 beta"

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[Any]:
            beta = run.values["beta"]
            return run.changing(
                lambda k: transient_weights(value(candidate, k=k, beta=beta), beta, run.h, k),
                settled(beta, settings.digits),
            )

        return HEAVY_BALL.errors(follow, digits=settings.digits)

    return Claim(
        statement=(
            r"Heavy ball from a cold start is $O(h^2)$-close to the flow of equation (4), whose "
            r"regularizer carries, on the interval from $kh$ to $(k+1)h$, the factor {formula}."
        ),
        printed=Formula(
            "gammaFactor",
            1 - BETA ** (2 * K + 2) - (K + 1) * BETA ** (K + 1) * ONE_MINUS * 4 / (1 + BETA),
            given=(*MOMENTUM, sympy.Ge(K, 0)),
        ),
        checks=(
            identical("closed form derived by hand", gamma),
            exact("sum over the history", Kind.ENUMERATION, enumerated),
            cold_start_residual(
                "exact residual",
                lambda candidate, beta, h, k: transient_weights(
                    value(candidate, k=k, beta=beta), beta, h, k
                ),
            ),
            order_of("observed order", errors, 2),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"The iteration starts cold: its first step is $x_1 = x_0 - h\nabla E(x_0)$.",
    )


GAMMA = transient_factor.formula.expr


@claim("ghosh2023.starting-convention", catalogue="A04", where="Theorem 4.1")
def starting_convention() -> Claim:
    """The theorem lets the recurrence run from k = 1 and does not say what x_1 is. With
    x_1 = x_0 - c h ∇E(x_0) the first step of equation (4), force factor 1, is met for c = 1 only.
    """

    def velocity(candidate: sympy.Expr, beta: fmpq) -> fmpq:
        # x_1 = x_0 - c h g is a first step of heavy ball with v_0 = (1 - c) h g / beta
        return (1 - value(candidate)) / beta

    def weights(_: sympy.Expr, beta: fmpq, h: PowerSeries, k: int) -> Mapping[Tree, Number]:
        return transient_weights(value(GAMMA, k=k, beta=beta), beta, h, k)

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        factor = velocity(candidate, HALF["beta"])
        run = Experiment(
            heavy_ball,
            QUARTIC,
            [fmpq(1)],
            HALF,
            memory=lambda x, g, h: [g * (h * MPFR.convert(factor))],
        )

        def follow(run: Flow) -> list[Any]:
            beta = run.values["beta"]
            return run.changing(
                lambda k: transient_weights(value(GAMMA, k=k, beta=beta), beta, run.h, k),
                settled(beta, settings.digits),
            )

        return run.errors(follow, digits=settings.digits)

    return Claim(
        statement=(
            r"Theorem 4.1 holds for the iteration whose first step is "
            r"$x_1 = x_0 - ch\nabla E(x_0)$ with $c$ equal to {formula}."
        ),
        printed=Formula("startingFactorPrinted", sympy.Integer(0), given=()),
        right=Formula("startingFactor", sympy.Integer(1), given=()),
        checks=(
            cold_start_residual("exact residual", weights, velocity),
            order_of("observed order", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The start is $x_1 = x_0 - h\nabla E(x_0)$, equivalently $x_{-1} = x_0$.",
        because=(
            r"the recurrence is stated for $k = 1, 2, \dots$ without $x_1$; read literally, "
            r"$x_1 = x_0$, it is only $O(h)$-close."
        ),
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_0 = x_1 = 1$, $\beta = 1/2$, $T = 2$: the observed "
            "order is 1."
        ),
    )


@claim("ghosh2023.gamma-not-needed", catalogue="A06", where="Theorem 4.1")
def gamma_not_needed() -> Claim:
    """Each interval adds h² (1-γ_k)(1+β)/(2(1-β)³) ∇²E ∇E to the path, and the sum of 1-γ_k over
    all k is finite: with Σ β^(2k+2) = β²/(1-β²) and Σ (k+1) β^(k+1) = β/(1-β)², it is
    β²/(1-β²) + 4β/((1-β)(1+β)). So the paths differ by O(h²), and an observed order cannot see γ_k.
    """

    def total(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for beta in RESIDUAL_BETAS:
            limit = (beta**2 + 4 * beta) / (1 - beta**2)
            partial = fmpq(0)
            for k in range(30):
                partial += value(candidate, k=k, beta=beta) - value(GAMMA, k=k, beta=beta)
                tail = 4 * (k + 2) * beta ** (k + 1) / (1 - beta) ** 2
                if not 0 <= limit - partial <= tail:
                    return False, f"the sum leaves its bounds at k = {k}, beta = {beta}"
        return True, "30 partial sums within 4(k+2) beta^(k+1)/(1-beta)^2 of the limit, 9 beta"

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[Any]:
            beta = run.values["beta"]
            return run.changing(
                lambda k: transient_weights(value(candidate, k=k, beta=beta), beta, run.h, k),
                settled(beta, settings.digits),
            )

        return HEAVY_BALL.errors(follow, digits=settings.digits)

    return Claim(
        statement=(
            r"Equation (4) stays $O(h^2)$-close to heavy ball when its factor $\gamma$ is "
            r"replaced by {formula}."
        ),
        printed=Formula("gammaReplaced", sympy.Integer(1), given=()),
        checks=(
            exact("sum of 1 - gamma over all steps", Kind.ENUMERATION, total),
            order_of("observed order", errors, 2),
        ),
        expected=Verdict.CONFIRMED,
    )


def shifted_start_errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
    """Errors at the final time of equation (5) started at x_0 + candidate grad E(x_0)."""

    def follow(run: Flow) -> list[Any]:
        beta = run.values["beta"]
        coefficient = run.h * (1 + beta) / (4 * (1 - beta) ** 2)
        shift = value(candidate, h=run.h, beta=beta)
        return run.steady(
            loss_weights(coefficient, 1 / (1 - beta)), run.x0 + run.gradient() * shift
        )

    return HEAVY_BALL.errors(follow, digits=settings.digits, at_end=True)


def certified_errors(candidate: sympy.Expr, settings: Settings) -> Evidence:
    """Balls around the errors at the final time for h = 2^-8 and 2^-10.

    An error of order h falls by about 4 between them, one of order h^2 by about 16.
    """
    errors = []
    with precision(settings.digits):
        beta = BALL.convert(HALF["beta"])
        for h in (fmpq(1, 2**8), fmpq(1, 2**10)):
            path = iterates(
                heavy_ball,
                QUARTIC,
                [arb(1)],
                h=arb(h),
                steps=int(2 / h),
                parameters={"beta": beta},
                arithmetic=BALL,
            )
            shift = evaluate(candidate, {"h": arb(h), "beta": beta}, BALL)
            weights = loss_weights(h * (1 + beta) / (4 * (1 - beta) ** 2), 1 / (1 - beta))
            start = 1 + shift * QUARTIC.gradient_function(BALL)(path[0])[0]
            end = enclosed_flow(Field(QUARTIC, weights), [start], arb(2), digits=settings.digits)
            errors.append(abs(path[-1] - end)[0])
    ratio = errors[0] / errors[1]
    passed = True if ratio > 8 else (False if ratio < 8 else None)
    return Evidence(passed, f"{errors[1].str(8)} at h = 2^-10, {ratio.str(5)} times less than 2^-8")


def past_the_start(candidate: sympy.Expr, case: Case, k: int) -> np.ndarray:
    """x_k - x(kh) for equation (5) started at x_0 + candidate grad E(x_0)."""
    slope = case.loss.gradient_function(case.arithmetic)(case.x0)
    start = case.x0 + slope * value(candidate, h=case.h, beta=case.beta)
    coefficient = case.h * ((1 + case.beta) / (4 * (1 - case.beta) ** 2))
    weights = loss_weights(coefficient, 1 / (1 - case.beta))
    return case.path[k] - advance(case.loss, weights, start, case.h * k, case.arithmetic)


SHIFT = H * BETA / ONE_MINUS**2


@claim("ghosh2023.reduced-flow-order", catalogue="A08", where="Theorem 4.1, equations (5) and (6)")
def reduced_flow_order() -> Claim:
    """The force of the first steps is (1-β^(k+1))/(1-β), not 1/(1-β). The deficit adds up to
    h Σ β^(k+1)/(1-β) = hβ/(1-β)² times ∇E(x_0): dropping the transient moves the start by that
    much, an error of the order that the regularizer was meant to remove.
    """
    return Claim(
        statement=(
            r"At a fixed time, heavy ball is $O(h^2)$-close to the autonomous flow (5) started at "
            r"$x_0 + s\nabla E(x_0)$ with $s$ equal to {formula}."
        ),
        printed=Formula("reducedStartPrinted", sympy.Integer(0), given=()),
        right=Formula("reducedStart", SHIFT, given=(*MOMENTUM, *STEP)),
        checks=(
            order_of("observed order at the final time", shifted_start_errors, 2, refutes=True),
            Check("certified errors at the final time", Kind.BALL, certified_errors, refutes=True),
            start_up("decay of the h term", past_the_start, lambda beta: [[beta]], refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The start-up transient is over: $k \ge 2\log(1/h)/\log(1/\beta)$.",
        because=(
            r"dropping the transient but keeping the start $x_0$ moves the path by "
            r"$h\beta/(1-\beta)^2\,\nabla E(x_0)$, an error of order $h$."
        ),
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_0 = 1$, $\beta = 1/2$, $T = 2$, $h = 2^{-10}$: the largest "
            r"error of (5) from $x_0$ is $0.003806 = 3.9h$, and the observed order is 1."
        ),
    )


@claim("ghosh2023.shifted-start", catalogue="A09", where="repair of Theorem 4.1, equation (6)")
def shifted_start() -> Claim:
    """From the shifted start the h term of x_k - x(kh) is -β^(k+1)/(1-β)² ∇E(x_0): it fades like
    β^k and is below h² once k >= log(1/h)/log(1/β). For small k it stays O(h β^k), so that no
    autonomous flow is O(h²)-close uniformly over k >= 1.
    """

    def first_step(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[Any]:
            beta = run.values["beta"]
            coefficient = run.h * (1 + beta) / (4 * (1 - beta) ** 2)
            shift = value(candidate, h=run.h, beta=beta)
            return run.steady(
                loss_weights(coefficient, 1 / (1 - beta)), run.x0 + run.gradient() * shift
            )

        return HEAVY_BALL.errors(follow, digits=settings.digits)

    return Claim(
        statement=(
            r"After the transient the autonomous flow (5) is $O(h^2)$-close to heavy ball when it "
            r"starts at $x_0 + s\nabla E(x_0)$; over all $k \ge 1$ it stays $O(h)$-close "
            r"only; $s$ is {formula}."
        ),
        printed=Formula("shiftedStart", SHIFT, given=(*MOMENTUM, *STEP)),
        checks=(
            order_of("observed order at the final time", shifted_start_errors, 2),
            start_up("decay of the h term", past_the_start, lambda beta: [[beta]]),
            order_of("observed order over all steps", first_step, 1),
        ),
        expected=Verdict.CONFIRMED,
    )
