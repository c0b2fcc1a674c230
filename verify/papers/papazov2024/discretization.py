"""Momentum gradient flow and its discretization: Papazov, Pesme and Flammarion (2024), section 2.

The flow is lambda x'' + x' + grad F = 0; the iteration is heavy ball with step size gamma.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball
from derive.engine.momentum_flow import BACKWARD, EPSILON, GAMMA, LAMBDA, RHO
from derive.language.formula import BETA, MOMENTUM, Formula
from verify.claims.checks.heavy_ball import ONE_MINUS, QUARTIC, value
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.checks.momentum_grid import (
    at,
    closeness_at_fixed_lambda,
    cold,
    draw_pair,
    drawn,
    fixed_lambda,
    on_the_grid,
)
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.running.experiments import Flow
from verify.running.numbers import MPFR
from verify.running.trajectories import iterates

STEPS = (sympy.Gt(GAMMA, 0),)
FLOW = (sympy.Gt(LAMBDA, 0),)


@claim("papazov2024.discretization", catalogue="D01", where="Proposition 1")
def discretization() -> Claim:
    """Solve λ(x₊ - 2x + x₋)/ε² + (x - x₋)/ε + ∇F(x) = 0 for x₊: x₊ = x + (1 - ε/λ)(x - x₋) -
    (ε²/λ)∇F(x). This is heavy ball; with γ = ε²/λ the width is ε = √(λγ), and β = 1 - √(γ/λ).
    """

    def scheme(c: sympy.Expr, draw: random.Random) -> tuple[fmpq, fmpq, fmpq, fmpq]:
        scale, width = drawn(draw), drawn(draw) / 8
        return scale, width, width**2 / scale, at(c, {"lambda": scale, "epsilon": width})

    return Claim(
        statement=(
            r"$\lambda(x_{k+1}-2x_k+x_{k-1})/\epsilon^2+(x_k-x_{k-1})/\epsilon+\nabla F(x_k) = 0$ "
            r"is heavy ball with the step size $\gamma = \epsilon^2/\lambda$ and the momentum "
            "{formula}."
        ),
        printed=Formula("momentumOfWidth", 1 - EPSILON / LAMBDA, given=FLOW),
        checks=(
            identical("the scheme solved for its next point", lambda: BACKWARD.momentum),
            on_the_grid(scheme),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"$\epsilon \le \lambda$, or the momentum is negative. The first step of the iteration "
            r"is free; $\dot x_0 = (x_1-x_0)/\epsilon$ reads it as a velocity."
        ),
    )


@claim("papazov2024.intrinsic-parameter", catalogue="D01", where="Proposition 1")
def intrinsic_parameter() -> Claim:
    """β = 1 - ε/λ and γ = ε²/λ give γ/(1-β) = ε and γ/(1-β)² = λ: one flow for all (γ, β) with the
    same γ/(1-β)². As ε tends to 0 at fixed λ the iterates tend to it like ε.
    """

    def scheme(c: sympy.Expr, draw: random.Random) -> tuple[fmpq, fmpq, fmpq, fmpq]:
        pair = draw_pair(draw)
        step, beta = pair["gamma"], pair["beta"]
        return at(c, pair), step / (1 - beta), step, beta

    return Claim(
        statement=(
            r"Heavy ball with step size $\gamma$ and momentum $\beta$ discretizes "
            r"$\lambda\ddot x+\dot x+\nabla F(x) = 0$ with time steps $\gamma/(1-\beta)$ and "
            r"$\lambda$ equal to {formula}."
        ),
        printed=Formula("intrinsicParameter", GAMMA / ONE_MINUS**2, given=(*STEPS, *MOMENTUM)),
        checks=(
            identical("the scheme solved for lambda", lambda: BACKWARD.flow_parameter),
            on_the_grid(scheme),
            closeness_at_fixed_lambda(1, at, cold),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"The path is that of the flow up to $O(\epsilon)$ and no better, as $\epsilon$ tends "
            r"to 0 at fixed $\lambda$; at fixed $\beta$ the scheme is exact and $\lambda$ tends to "
            "0 with the step."
        ),
    )


def quickened(times: Callable[[random.Random], fmpq]) -> Callable[..., Any]:
    """The scheme of heavy ball with the step size rho^2 gamma and the candidate for a momentum."""

    def scheme(c: sympy.Expr, draw: random.Random) -> tuple[fmpq, fmpq, fmpq, fmpq]:
        pair, rho = draw_pair(draw), times(draw)
        step, beta = pair["gamma"], pair["beta"]
        momentum = at(c, {**pair, "rho": rho})
        return step / (1 - beta) ** 2, rho * step / (1 - beta), rho**2 * step, momentum

    return scheme


def same_path(rho: int) -> Check:
    """rho steps of heavy ball come to one of the quickened one, up to O(epsilon)."""

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(c: sympy.Expr, run: Flow) -> list[np.ndarray]:
            beta = value(c, beta=run.values["beta"], rho=MPFR.convert(fmpq(rho)))
            path = iterates(
                heavy_ball,
                QUARTIC,
                list(run.x0),
                h=rho**2 * run.values["gamma"],
                steps=run.steps // rho,
                parameters={"beta": beta},
                arithmetic=MPFR,
            )
            slow = iterates(
                heavy_ball,
                QUARTIC,
                list(run.x0),
                h=run.values["gamma"],
                steps=run.steps,
                parameters={"beta": run.values["beta"]},
                arithmetic=MPFR,
            )
            return [path[k // rho] if k % rho == 0 else slow[k] for k in range(run.steps + 1)]

        return fixed_lambda(follow, candidate, settings)

    return order_of("observed order against the slower run", errors, 1)


@claim("papazov2024.acceleration-rule", catalogue="D02", where="Corollary 1")
def acceleration_rule() -> Claim:
    """Keep λ and take ρε for ε: γ = ε²/λ becomes ρ²γ, and 1-β = ε/λ becomes ρ(1-β). Both runs
    discretize one flow, with time steps ε and ρε.
    """
    return Claim(
        statement=(
            r"Heavy ball with step size $\rho^2\gamma$ follows the path of $(\gamma, \beta)$ "
            r"$\rho$ times as fast when its momentum is {formula}."
        ),
        printed=Formula("acceleratedMomentum", 1 - RHO * ONE_MINUS, given=MOMENTUM),
        checks=(
            identical("same lambda, wider grid", lambda: BACKWARD.accelerated()[1]),
            on_the_grid(quickened(drawn)),
            same_path(4),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"$\rho \le 1/(1-\beta)$, or the momentum is negative; the paths agree up to "
            r"$O(\epsilon)$ at fixed $\lambda$."
        ),
    )


@claim("papazov2024.twice-as-fast", catalogue="D03", where="Figure 1, caption")
def twice_as_fast() -> Claim:
    """ρ = 2 in the acceleration rule is (4γ, 2β-1), and β² = 2β-1 + (1-β)². The printed pair has
    λ' = 4λ/(1+β)² and the time step 4ε/(1+β): both leave their values, λ and 2ε, by a part of order
    1-β. On a constant gradient the speed γ/(1-β) alone decides, so that no other momentum than
    2β-1 doubles it.
    """

    def terminal(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(20):
            pair = draw_pair(draw)
            speed = pair["gamma"] / (1 - pair["beta"])
            momentum = at(candidate, pair)
            _, (kept,) = heavy_ball.step(
                fmpq(0),
                [-2 * speed],
                lambda x: fmpq(1),
                4 * pair["gamma"],
                {"beta": momentum},
            )
            if kept != -2 * speed:
                return False, f"the speed {-2 * speed} becomes {kept} at beta = {pair['beta']}"
        return True, "twice the speed is kept on a constant gradient, 20 parameters"

    return Claim(
        statement=(
            r"Heavy ball with step size $4\gamma$ follows the path of $(\gamma, \beta)$ twice as "
            "fast when its momentum is {formula}."
        ),
        printed=Formula("twiceAsFastPrinted", BETA**2),
        right=Formula(
            "twiceAsFast",
            2 * BETA - 1,
            given=(sympy.Ge(BETA, sympy.Rational(1, 2)), sympy.Lt(BETA, 1)),
        ),
        checks=(
            identical(
                "same lambda, wider grid",
                lambda: BACKWARD.accelerated(sympy.Integer(2))[1],
                refutes=True,
            ),
            on_the_grid(quickened(lambda draw: fmpq(2)), refutes=True),
            exact("speed on a constant gradient", Kind.ENUMERATION, terminal, refutes=True),
            same_path(2),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"$\beta \ge 1/2$, or the momentum is negative. The printed $\beta^2$ is right to "
            r"first order as $\beta$ tends to 1, and then as good: each is $O(\epsilon)$-close."
        ),
        because=(
            r"$\beta^2$ belongs to $4\lambda/(1+\beta)^2$ and to the speed $4/(1+\beta)$ instead "
            r"of $\lambda$ and 2."
        ),
        counterexample=(
            r"$\beta = 0$: $(4\gamma, 0)$ is gradient descent with four times the step size, four "
            r"times as fast, as the same caption says. $\beta = 9/10$: $\lambda' = 1.108\lambda$ "
            r"and the speed is $2.105$."
        ),
    )
