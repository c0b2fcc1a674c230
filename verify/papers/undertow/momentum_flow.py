"""Momentum flow and modified loss, the two continuous pictures of heavy ball, in each other.

The flow is lambda x'' + x' + grad F = 0; the iteration is heavy ball with step size gamma.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy
from flint import fmpq

from derive import heavy_ball, modified_flow, modified_loss
from derive.engine.momentum_flow import (
    CENTRAL,
    EPSILON,
    GAMMA,
    LAMBDA,
    flow_parameter,
    heavy_ball_flow,
    initial_velocity,
    momentum_flow,
    momentum_loss,
)
from derive.language.formula import BETA, MOMENTUM, Formula
from derive.language.trees import LEAF, Tree, tree
from verify.claims.checks.heavy_ball import (
    ONE_MINUS,
    PAIR,
    QUARTIC,
    RESIDUAL_BETAS,
    SQUARE,
    loss_weights,
    two_step_residual,
    value,
)
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.checks.momentum_grid import Values, at, closeness_at_fixed_lambda, drawn
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.models.written_fields import damped, second_order
from verify.running.experiments import Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import Field
from verify.running.numbers import MPFR, PowerSeries, power_series, precision
from verify.running.residuals import Weights, steady_residual
from verify.running.trajectories import iterates, vector

STEPS = (sympy.Gt(GAMMA, 0),)
FLOW = (sympy.Gt(LAMBDA, 0),)
Number = Any


@claim("undertow.momentum-flow-parameter", catalogue="D04", where="order of the momentum flow")
def second_order_parameter() -> Claim:
    """The two-step rule is (1-β)x' + (h/2)(1+β)x'' + O(h²) = -∇F along smooth paths. In the time of
    the flow, t over (1-β), the coefficient of x'' is λ = γ(1+β)/(2(1-β)²) = γ/(1-β)² - ε/2: what
    the central difference for x' gives. At β = 0 it is γ/2, half of the intrinsic parameter.
    """

    def by_engine() -> sympy.Expr:
        return GAMMA * flow_parameter(heavy_ball).as_expr()

    def along_paths(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        arithmetic, h = power_series(4), PowerSeries.step(4)
        t = arithmetic.convert(drawn(random.Random(settings.seed)))
        for beta in RESIDUAL_BETAS:
            mass = value(candidate, gamma=h, beta=beta) * (1 - beta) ** 2
            for n in range(1, 6):
                left = (t + h) ** n - t**n * (1 + beta) + (t - h) ** n * beta
                second = t ** (n - 2) * (n * (n - 1)) if n > 1 else t * 0
                rest = left - (second * mass + t ** (n - 1) * (n * (1 - beta))) * h
                if any(rest[i] != 0 for i in range(3)):
                    return False, f"a remainder on x = t^{n} at beta = {beta}"
        return True, "the rule is met to h^3 on x = t, ..., t^5 for 9 beta"

    return Claim(
        statement=(
            r"Heavy ball is $O(\epsilon^2)$-close to $\lambda\ddot x+\dot x+\nabla F(x) = 0$ at a "
            r"fixed $\lambda$, $\epsilon = \gamma/(1-\beta)$, when $\lambda$ is {formula}."
        ),
        printed=Formula(
            "secondOrderParameter",
            GAMMA * (1 + BETA) / (2 * ONE_MINUS**2),
            given=(*STEPS, *MOMENTUM),
        ),
        checks=(
            identical("B-series engine", by_engine),
            identical("central scheme", lambda: CENTRAL.flow_parameter),
            exact("exact residual on polynomial paths", Kind.SERIES, along_paths),
            closeness_at_fixed_lambda(2, at, lambda c, v: (1 - v["beta"]) / 2),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"A cold start, $\dot x(0) = -\frac{1-\beta}{2}\nabla F(x_0)$.",
    )


@claim("undertow.momentum-flow-start", catalogue="D04", where="start of the momentum flow")
def second_order_start() -> Claim:
    """x(ε) = x₁ + O(ε³) with x₁ = x₀ - γ∇F(x₀) and λx'' = -x' - ∇F: x'(0) = -(ε/2λ)∇F(x₀) + O(ε²),
    which is (x₁-x₀)/(2ε). Heavy ball's start-up shifts its lasting flow by β/(1-β)² γ∇F(x₀), the
    layer of the flow by λ(1-c)∇F(x₀): with λ of second order they agree for c = (1-β)/(1+β). This
    is ε/(2λ) exactly, so that one start serves both limits, ε to 0 at fixed λ and at fixed β.
    """

    def first_step(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        arithmetic, width = power_series(3), PowerSeries.step(3)
        for _ in range(10):
            scale = drawn(draw)
            loss = bounded_polynomial(draw, 2)
            x0 = [arithmetic.convert(x) for x in starting_point(draw, 2)]
            beta = 1 - width / scale
            try:
                speed = value(candidate, beta=beta)
            except ZeroDivisionError:
                return False, "infinite at beta = 1"
            slopes = loss.gradient_function(arithmetic)(vector(x0))
            kick = [slope * -speed for slope in slopes]
            inverse = arithmetic.convert(1 / scale)
            rows = damped(loss).taylor([*x0, *kick], [inverse, inverse], 3, arithmetic)
            for x, slope, row in zip(x0, slopes, rows, strict=False):
                left = row[0] + row[1] * width + row[2] * width**2 - x + slope * width**2 / scale
                if left[1] != 0 or left[2] != 0:
                    return False, f"the first step is missed at lambda = {scale}"
        return True, "the first step is met to epsilon^3, 10 lambda, 10 random losses"

    def at_fixed_beta(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        errors = []
        with precision(settings.digits):
            beta = MPFR.convert(fmpq(1, 2))
            for j in range(6, 11):
                h, steps = MPFR.convert(fmpq(1, 2**j)), 2 ** (j + 1)
                x0 = vector([MPFR.convert(fmpq(1))])
                path = iterates(
                    heavy_ball,
                    QUARTIC,
                    list(x0),
                    h=h,
                    steps=steps,
                    parameters={"beta": beta},
                    arithmetic=MPFR,
                )
                run = Flow(QUARTIC, x0, h / (1 - beta), steps, {}, settings.digits)
                mass = h * (1 + beta) / (2 * (1 - beta) ** 2)
                try:
                    other = second_order(run, mass, 1, value(candidate, beta=beta))
                except ArithmeticError:
                    return [1.0] * 5
                errors.append(float(abs(path[-1] - other[-1])[0]))
        return errors

    def mass(candidate: sympy.Expr, values: Values) -> Number:
        beta = values["beta"]
        return values["gamma"] * (1 + beta) / (2 * (1 - beta) ** 2)

    return Claim(
        statement=(
            r"The momentum flow with $\lambda = \gamma(1+\beta)/(2(1-\beta)^2)$ from "
            r"$\dot x(0) = -c\nabla F(x_0)$ is close to heavy ball to second order, at fixed "
            r"$\lambda$ over all steps and at fixed $\beta$ after the start-up, with $c$ equal to "
            "{formula}."
        ),
        printed=Formula("momentumFlowStart", ONE_MINUS / (1 + BETA)),
        checks=(
            identical(
                "shift against initial layer", lambda: initial_velocity(heavy_ball).as_expr()
            ),
            exact("exact first step", Kind.SERIES, first_step),
            closeness_at_fixed_lambda(2, mass, lambda c, values: value(c, beta=values["beta"])),
            order_of("observed order at fixed beta", at_fixed_beta, 2),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"A cold start. $(x_1-x_0)/(2\epsilon)$ is $c = (1-\beta)/2$: the same to first order "
            r"at fixed $\lambda$, and only of first order at fixed $\beta$."
        ),
    )


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
