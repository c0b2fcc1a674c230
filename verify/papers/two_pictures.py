"""Momentum flow and modified loss, the two continuous pictures of heavy ball, expanded in each
other; and the flow with weight decay of Tanaka and Kunin (2021).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import sympy
from flint import fmpq

from derive import heavy_ball, modified_flow, modified_loss
from derive.engine.momentum_flow import (
    EPSILON,
    LAMBDA,
    heavy_ball_flow,
    momentum_flow,
    momentum_loss,
)
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF, Tree, tree
from verify.claims.checks.heavy_ball import (
    ONE_MINUS,
    PAIR,
    RESIDUAL_BETAS,
    SQUARE,
    loss_weights,
    two_step_residual,
    value,
)
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.momentum_grid import at, drawn
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.papers.papazov2024.discretization import FLOW
from verify.papers.second_order_flows import ACCELERATION, VELOCITY
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import Field
from verify.running.numbers import PowerSeries, power_series
from verify.running.residuals import Weights, steady_residual
from verify.running.trajectories import vector

Number = Any

CHAIN, FORK = tree("[[[]]]"), tree("[[],[]]")


def slow_solution(
    weights: Callable[[sympy.Expr, PowerSeries], Mapping[Tree, Number]], *, begins: int
) -> Check:
    """A field inserted in lambda x'' + x' + grad E leaves nothing below lambda^begins."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        arithmetic, scale = power_series(begins), PowerSeries.step(begins)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            x0 = vector([arithmetic.convert(x) for x in starting_point(draw, dimension)])
            field = Field(loss, weights(candidate, scale))
            rows = field.program.taylor(list(x0), field.fixed(scale * 0), 3, arithmetic)
            slopes = loss.gradient_function(arithmetic)(x0)
            for row, slope in zip(rows, slopes, strict=True):
                left = row[2] * scale * 2 + row[1] + slope
                power = next((i for i in range(begins) if left[i] != 0), begins)
                if power < begins:
                    return False, f"lambda^{power} is left on E = {loss.text}"
        return True, f"nothing below lambda^{begins}, 3 random losses"

    return exact("exact residual of the flow", Kind.SERIES, holds)


@claim("undertow.momentum-flow-regularizer", catalogue="D04", where="slow motion of the flow")
def momentum_flow_regularizer() -> Claim:
    """On the slow motion x' = -∇S the equation λx'' + x' + ∇E = 0 is (λ/2)∇|∇S|² - ∇S + ∇E = 0: so
    S = E + (λ/2)|∇S|², and S begins with E + (λ/2)|∇E|².
    """
    half = sympy.Rational(1, 2)

    def weights(candidate: sympy.Expr, scale: PowerSeries) -> Mapping[Tree, Number]:
        return loss_weights(at(candidate, {"lambda": scale}), scale * 0 + 1)

    return Claim(
        statement=(
            r"The slow solutions of $\lambda\ddot x+\dot x+\nabla E(x) = 0$ are, up to "
            r"$O(\lambda^2)$, those of gradient flow on $E$ plus {formula}."
        ),
        printed=Formula("momentumFlowRegularizer", half * LAMBDA, SQUARE, given=FLOW),
        checks=(
            identical("B-series of the slow motion", lambda: _term(PAIR)),
            slow_solution(weights, begins=2),
        ),
        expected=Verdict.CONFIRMED,
        condition="After the layer of the initial velocity, which fades like the exponential of "
        r"$-t/\lambda$.",
    )


@claim("undertow.momentum-flow-second-term", catalogue="D04", where="slow motion of the flow")
def momentum_flow_second_term() -> Claim:
    """S = E + (λ/2)|∇S|² with ∇S = ∇E + λ∇²E∇E + ...: |∇S|² = |∇E|² + 2λ∇Eᵀ∇²E∇E + ..., so the
    next term is λ²∇Eᵀ∇²E∇E. The recursion has a solution to every order: the slow motion is a
    gradient flow, while heavy ball's modified flow is none from h² on.
    """

    def weights(candidate: sympy.Expr, scale: PowerSeries) -> Mapping[Tree, Number]:
        c = at(candidate, {"lambda": scale})
        return {**loss_weights(scale / 2, scale * 0 + 1), CHAIN: c * 2, FORK: c}

    return Claim(
        statement=(
            r"The slow solutions of $\lambda\ddot x+\dot x+\nabla E(x) = 0$ follow $\dot x = "
            r"-\nabla S$ to every order in $\lambda$, with $S = E+\frac{\lambda}{2}|\nabla S|^2$, "
            r"which is up to $O(\lambda^3)$ the sum of $E+\frac{\lambda}{2}|\nabla E|^2$ and "
            "{formula}."
        ),
        printed=Formula(
            "momentumFlowSecondTerm", LAMBDA**2, r"\nabla E^{T}\nabla^{2}E\,\nabla E", given=FLOW
        ),
        checks=(
            identical("B-series of the slow motion", lambda: _term(CHAIN)),
            slow_solution(weights, begins=3),
        ),
        expected=Verdict.CONFIRMED,
    )


def _term(free: Tree) -> sympy.Expr:
    return momentum_loss(order=free.order).terms[free.free].as_expr()


@claim("undertow.two-pictures", catalogue="D04", where="momentum flow beside modified loss")
def two_pictures() -> Claim:
    """The momentum flow of λ = γ/(1-β)² has the regularizer (λ/2)|∇E|² = γ/(2(1-β)²)|∇E|², heavy
    ball's modified loss γ(1+β)/(4(1-β)²)|∇E|².
    """

    def by_engines() -> sympy.Expr:
        flow = momentum_loss(order=2).terms[PAIR].as_expr().subs(LAMBDA, 1 / ONE_MINUS**2)
        return modified_loss(heavy_ball, order=2).terms[PAIR].as_expr() / flow

    return Claim(
        statement=(
            r"The regularizer of heavy ball's modified loss is that of the momentum flow with "
            r"$\lambda = \gamma/(1-\beta)^2$ times {formula}."
        ),
        printed=Formula("twoPictures", (1 + BETA) / 2),
        checks=(
            identical("both B-series", by_engines),
            two_step_residual(
                "exact residual",
                lambda c, beta, h: loss_weights(
                    h * value(c, beta=beta) / (2 * (1 - beta) ** 2), 1 / (1 - beta)
                ),
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"The ratio is 1 for $\lambda = \gamma(1+\beta)/(2(1-\beta)^2)$.",
    )


@claim("undertow.two-pictures-gap", catalogue="D04", where="momentum flow beside modified flow")
def two_pictures_gap() -> Claim:
    """Heavy ball is the central scheme λ(x₊-2x+x₋)/ε² + (x₊-x₋)/(2ε) = -∇E of the flow with
    λ = γ(1+β)/(2(1-β)²). On its slow solutions λx'' + x' + (ε²/6)x''' + O(λε²) = -∇E, and to lowest
    order x''' = -∇²E∇²E∇E - ∇³E[∇E,∇E]. So the modified flow, in the time of the momentum flow, has
    (ε²/6)(∇²E∇²E∇E + ∇³E[∇E,∇E]) more. All further differences are multiples of ε² too.
    """

    def by_series(t: Tree) -> Callable[[], sympy.Expr]:
        def derived() -> sympy.Expr:
            gap = heavy_ball_flow(order=3)[t] - momentum_flow(order=3)[t]
            return -gap.as_expr() / t.symmetry

        return derived

    def by_engine() -> sympy.Expr:
        """The term beside T[g,g], with epsilon = 1/(1-beta) for gamma = 1."""
        parameter = (1 + BETA) / (2 * ONE_MINUS**2)
        flow = modified_flow(heavy_ball, order=3)[FORK].as_expr() * ONE_MINUS
        return (2 * parameter**2 - flow) / FORK.symmetry

    def in_momentum(check: Check) -> Check:
        inside = {EPSILON: 1 / ONE_MINUS}
        return Check(check.name, check.kind, lambda e, s: check.judge(e.subs(inside), s))

    def residual(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)

        def weights(h: PowerSeries, beta: fmpq) -> Weights:
            scale, speed = h * (1 + beta) / (2 * (1 - beta) ** 2), 1 / (1 - beta)
            gap = value(candidate, epsilon=h * speed)
            return {
                LEAF: h * 0 + speed,
                PAIR: scale * -speed,
                CHAIN: (scale**2 * 2 - gap) * speed,
                FORK: (scale**2 - gap) * speed,
            }

        for dimension in (1, 2):
            loss = bounded_polynomial(draw, dimension)
            start = starting_point(draw, dimension)
            for beta in RESIDUAL_BETAS:
                power = steady_residual(
                    heavy_ball,
                    loss,
                    start,
                    lambda h, b=beta: weights(h, b),
                    parameters={"beta": beta},
                    length=5,
                    memory=lambda here, before, h: [here - before],
                )
                if power < 4:
                    return False, f"h^{power} is left at beta = {beta} on E = {loss.text}"
        return True, "begins at h^4 for 9 beta, 2 random losses"

    return Claim(
        statement=(
            r"In the time of the momentum flow with $\lambda = \gamma(1+\beta)/(2(1-\beta)^2)$, "
            r"heavy ball's modified flow has at order $\gamma^2$ the additional part {formula}, "
            r"$\epsilon = \gamma/(1-\beta)$."
        ),
        printed=Formula(
            "twoPicturesGap",
            EPSILON**2 / 6,
            r"(\nabla^{2}E\,\nabla^{2}E\,\nabla E+\nabla^{3}E[\nabla E,\nabla E])",
            given=(sympy.Gt(EPSILON, 0),),
        ),
        checks=(
            identical("B-series of the scheme, chain", by_series(CHAIN)),
            identical("B-series of the scheme, fork", by_series(FORK)),
            in_momentum(identical("B-series engine", by_engine)),
            exact("exact residual", Kind.SERIES, residual),
        ),
        expected=Verdict.CONFIRMED,
    )


PLACE, DECAY = sympy.symbols("q k_d")


@claim("tanaka2021.second-order-equation", catalogue="E27", where="equation (3)")
def weight_decay_equation() -> Claim:
    """Weight decay adds kq to the gradient: q(t+η) - (1+β)q(t) + βq(t-η) = -η(∇f + kq). The left
    over η is (1-β)q' + (η/2)(1+β)q'' + O(η²).
    """

    def by_hand() -> sympy.Expr:
        jet = PLACE, VELOCITY, ACCELERATION
        ahead, behind = (
            sum(c * s**i / sympy.factorial(i) for i, c in enumerate(jet)) for s in (H, -H)
        )
        left = ahead - (1 + BETA) * PLACE + BETA * behind + H * DECAY * PLACE
        return sympy.expand(left / H)

    def declared(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        h = PowerSeries.step(4)
        for beta in RESIDUAL_BETAS:
            decay = drawn(draw)
            parts = [fmpq(draw.randint(1, 9), 4) for _ in range(5)]
            before, after = (sum((s**i * c for i, c in enumerate(parts)), h * 0) for s in (-h, h))
            known = {"q": parts[0], "v": parts[1], "a": 2 * parts[2], "k_d": decay}
            slope = parts[0] * decay - at(candidate, {"h": h, "beta": beta, **known})
            stepped, _ = heavy_ball.step(
                h * 0 + parts[0],
                [parts[0] - before],
                lambda x, slope=slope: slope,
                h,
                {"beta": beta},
            )
            left = stepped - after
            if any(left[i] != 0 for i in range(3)):
                return False, f"a remainder at beta = {beta}, decay = {decay}"
        return True, "the rule is met to h^3 on random quartic paths, 9 beta"

    return Claim(
        statement=(
            r"Heavy ball with weight decay $k_d$ is, along smooth paths and to $O(\eta^2)$, the "
            r"equation that sets $-\nabla f$ equal to {formula}, $v = \dot q$ and $a = \ddot q$."
        ),
        printed=Formula(
            "weightDecayEquation",
            H / 2 * (1 + BETA) * ACCELERATION + ONE_MINUS * VELOCITY + DECAY * PLACE,
            given=(*MOMENTUM, *STEP),
        ),
        checks=(
            identical("expansion by hand", by_hand),
            exact("declared rule on polynomial paths", Kind.SERIES, declared),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            "The weight decay is part of the gradient, not decoupled from it. Its solutions are "
            r"$O(\eta^2)$-close to the iterates only from the right initial velocity."
        ),
    )
