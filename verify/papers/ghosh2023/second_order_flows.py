"""The second-order ODE beside heavy ball and Nesterov's method: Ghosh, Lyu, Zhang and Wang (2023),
section 4, before Theorem 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy
from flint import arb, fmpq

from derive import heavy_ball, modified_flow, nesterov
from derive.engine.startup import initial_shift
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF
from derive.language.update_rule import Optimizer
from verify.claims.checks.heavy_ball import (
    HALVINGS,
    HEAVY_BALL,
    ONE_MINUS,
    PAIR,
    QUARTIC,
    RESIDUAL_BETAS,
    distances,
    settled,
    value,
)
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.checks.start_up import cold_component
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.models.written_fields import second_order
from verify.running.experiments import Experiment, Flow
from verify.running.numbers import BALL, PowerSeries, evaluate, exp, power_series, precision

Number = Any
VELOCITY, ACCELERATION = sympy.symbols("v a")
MASS, DAMPING = sympy.symbols("m gamma")
NAMED = {MASS: H * (1 + BETA) / 2, DAMPING: ONE_MINUS}
"""The mass m and the damping gamma of heavy ball, as these names are used."""


@claim("ghosh2023.second-order-equation", catalogue="A32", where="section 4, before Theorem 4.1")
def second_order_equation() -> Claim:
    """Divide x(t+h) - (1+β) x(t) + β x(t-h) = -h ∇E by h and expand: the left is (1-β) x' +
    (h/2)(1+β) x'' + O(h²) along every smooth path. So the mass h(1+β)/2 stands before x'' and the
    damping 1-β before x'; the printed equation has the names m and γ the other way round. As mere
    letters it would be right with m = 1-β and γ = h(1+β)/2.
    """

    def coefficients(candidate: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
        named = candidate.subs(NAMED)
        return sympy.diff(named, ACCELERATION), sympy.diff(named, VELOCITY)

    def named(check: Check) -> Check:
        return replace(check, judge=lambda e, settings: check.judge(e.subs(NAMED), settings))

    def by_slow_flow() -> sympy.Expr:
        """The equation whose slow solutions follow the modified flow: x' = w f + h u f'f + ..."""
        steady = modified_flow(heavy_ball, order=2)
        w, u = steady[LEAF].as_expr(), steady[PAIR].as_expr()
        return VELOCITY / w - H * u / w**3 * ACCELERATION

    def along_paths(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        arithmetic, h = power_series(4), PowerSeries.step(4)
        mass, damping = coefficients(candidate)
        for beta in RESIDUAL_BETAS:
            for n in range(1, 6):
                t = arithmetic.convert(fmpq(2, 3))
                left = (t + h) ** n - t**n * (1 + beta) + (t - h) ** n * beta
                second = t ** (n - 2) * (n * (n - 1)) if n > 1 else t * 0
                right = second * value(mass, h=h, beta=beta)
                right = (right + t ** (n - 1) * n * value(damping, h=h, beta=beta)) * h
                power = next((i for i in range(4) if (left - right)[i] != 0), 4)
                if power < 3:
                    return False, f"h^{power} is left on x = t^{n} at beta = {beta}"
        return True, "h times the equation is met to h^3 on x = t, ..., t^5 for 9 beta"

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        mass, damping = coefficients(candidate)

        def follow(run: Flow) -> list[np.ndarray]:
            beta = run.values["beta"]
            known = {"h": run.h, "beta": beta}
            return second_order(run, value(mass, **known), value(damping, **known), 1 / (1 + beta))

        return distances(replace(HEAVY_BALL, halvings=HALVINGS), follow, settings, at_end=True)

    return Claim(
        statement=(
            r"With $v = x'$ and $a = x''$ the two-step rule of heavy ball is, along smooth paths "
            r"and to $O(h^2)$, the equation that sets $-\nabla E$ equal to {formula}."
        ),
        printed=Formula(
            "secondOrderPrinted",
            MASS * VELOCITY + DAMPING * ACCELERATION,
        ),
        right=Formula(
            "secondOrderEquation",
            ONE_MINUS * VELOCITY + H * (1 + BETA) / 2 * ACCELERATION,
            given=(*MOMENTUM, *STEP),
        ),
        checks=(
            named(identical("B-series engine", by_slow_flow, refutes=True)),
            exact("exact residual on polynomial paths", Kind.SERIES, along_paths, refutes=True),
            order_of("observed order at the final time", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"$m$ is the mass $h(1+\beta)/2$ and $\gamma$ the damping $1-\beta$, as these names "
            r"are used; the text gives no value to either."
        ),
        because=r"the names are swapped: $x''$ carries the mass and $x'$ the damping.",
        counterexample=(
            r"$E = 0$, $x = t$: the two-step rule gives $1-\beta$, the printed equation "
            r"$h(1+\beta)/2$."
        ),
    )


def inertia(optimizer: Optimizer, beta: Number) -> Number:
    """The coefficient of h x'' beside (1-beta) x' in the second-order ODE."""
    return (1 + beta) / 2 if optimizer is heavy_ball else (1 - beta + 2 * beta * beta) / 2


def second_order_start(
    optimizer: Optimizer, at: fmpq, *, refutes: bool = False
) -> tuple[Check, ...]:
    """The checks of c in x'(0) = -c grad E(x_0); `at` is the beta of the observed orders."""

    def by_layer() -> sympy.Expr:
        """The layer moves the path by (c-w) h u w f, and must move it by the initial shift."""
        steady = modified_flow(optimizer, order=2)
        w = steady[LEAF].as_expr()
        mass = -steady[PAIR].as_expr() / w**3
        return w + initial_shift(optimizer, order=1)[LEAF].as_expr() / (mass * w)

    def modes(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        z = PowerSeries.step(3)
        for beta in RESIDUAL_BETAS:
            c, mass = value(candidate, beta=beta), inertia(optimizer, beta)
            rate, part = z * 0, z * 0 + 1
            for _ in range(3):  # mass r^2 + (1-beta) r + z = 0
                rate = rate - (rate * rate * mass + rate * (1 - beta) + z) / (1 - beta)
            gap = rate * 2 + (1 - beta) / mass
            for _ in range(3):  # x(0) = 1 and x'(0) = -c z leave this on the slow rate
                part = part - (part * gap - (gap - rate - z * c)) * (mass / (1 - beta))
            if part[1] != cold_component(optimizer, beta, 2)[1]:
                return False, f"the slow parts differ at z^1, beta = {beta}"
        return True, "the slow parts of a mode agree through z^1, 9 beta"

    def layers(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            bound = arb(10) ** (10 - settings.digits)
            for exact_beta in RESIDUAL_BETAS:
                beta, last = arb(exact_beta), 2 * settled(exact_beta, settings.digits)
                c = evaluate(candidate, {"beta": beta}, BALL)
                decay = (1 - beta) / inertia(optimizer, beta)
                position = velocity = arb(0)
                left = []
                for k in range(1, last + 1):  # both on the constant gradient 1, with step 1
                    velocity = beta * velocity - 1
                    position = position + velocity
                    if k in (1, last):
                        fast = (c - 1 / (1 - beta)) * (1 - exp(-decay * k)) / decay
                        left.append(position + k / (1 - beta) + fast)
                if not left[1].contains(0):
                    return Evidence(False, f"{left[1].str(5)} of the h term stays at {exact_beta}")
                if left[0].contains(0) or not abs(left[1]) < bound:
                    return Evidence(None, f"undecided at beta = {exact_beta}")
        return Evidence(True, "the h term is not 0 at k = 1 and fades, 9 beta")

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[np.ndarray]:
            beta = run.values["beta"]
            c = value(candidate, beta=beta)
            return second_order(run, run.h * inertia(optimizer, beta), 1 - beta, c)

        run = Experiment(optimizer, QUARTIC, [fmpq(1)], {"beta": at}, halvings=HALVINGS)
        return distances(run, follow, settings, at_end=True)

    return (
        identical("shift against initial layer", by_layer, refutes=refutes),
        exact("slow part of a quadratic mode", Kind.SERIES, modes, refutes=refutes),
        Check("h term of the two layers", Kind.BALL, layers, refutes),
        order_of("observed order at the final time", errors, 2, refutes=refutes),
    )


@claim("ghosh2023.second-order-start", catalogue="A33", where="section 4, before Theorem 4.1")
def second_order_start_of_heavy_ball() -> Claim:
    """From x'(0) = -c∇E(x₀) the layer of (h/2)(1+β)x'' + (1-β)x' + ∇E = 0 fades like
    exp(-2(1-β)k/(1+β)) and moves the path by (1/(1-β) - c)(1+β)/(2(1-β)) h∇E(x₀). Heavy ball's
    start-up moves it by β/(1-β)² h∇E(x₀). They agree for c = 1/(1+β). The layers themselves differ,
    by β/(1-β)² (exp(-2(1-β)k/(1+β)) - β^k) h∇E(x₀), so that over all k no c gives more than O(h).
    """
    return Claim(
        statement=(
            r"After the initial layer, $(h/2)(1+\beta)x'' + (1-\beta)x' + \nabla E = 0$ from "
            r"$x'(0) = -c\nabla E(x_0)$ is $O(h^2)$-close to heavy ball, and over all $k \ge 1$ "
            r"$O(h)$-close, with $c$ equal to {formula}."
        ),
        printed=Formula("secondOrderStartPrinted", sympy.Integer(0), given=()),
        right=Formula("secondOrderStart", 1 / (1 + BETA)),
        checks=second_order_start(heavy_ball, fmpq(1, 2), refutes=True),
        expected=Verdict.CORRECTED,
        condition=(
            r"$\beta > 0$; the path is compared after its initial layer, $k \ge C\log(1/h)$."
        ),
        because=(
            r"'only $O(h)$' holds from rest, $c = 0$, and for $c = 1$ or $1/(1-\beta)$; the order "
            "is lost at the start and not by the equation."
        ),
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_0 = 1$, $\beta = 1/2$, $T = 2$: at the final time the "
            r"observed order is 2 from $c = 2/3$, and 1 from $c = 0$, $1$, $2$."
        ),
    )


@claim(
    "ghosh2023.second-order-start-nesterov",
    catalogue="A33",
    where="section 4, carried over to Nesterov's method",
)
def second_order_start_of_nesterov() -> Claim:
    """As for heavy ball, with the mass h(1-β+2β²)/2: the layer moves the path by (1/(1-β) - c)
    (1-β+2β²)/(2(1-β)) h∇E(x₀), the start-up by β/(1-β)² h∇E(x₀). The layers fade like
    exp(-2(1-β)k/(1-β+2β²)) and β^k, alike for one β only, the root 0.1495... of
    log(1/β) - 2(1-β)/(1-β+2β²), which falls to one minimum and then rises to 0 at β = 1. There
    O(h²) holds over all k.
    """
    return Claim(
        statement=(
            r"After the initial layer, $(h/2)(1-\beta+2\beta^2)x'' + (1-\beta)x' + \nabla E = 0$ "
            r"from $x'(0) = -c\nabla E(x_0)$ is $O(h^2)$-close to Nesterov's method with $c$ equal "
            "to {formula}."
        ),
        printed=Formula("secondOrderStartNesterov", (1 - 2 * BETA) / (1 - BETA + 2 * BETA**2)),
        checks=second_order_start(nesterov, fmpq(1, 3)),
        expected=Verdict.CONFIRMED,
        condition=(
            r"The path is compared after its initial layer, $k \ge C\log(1/h)$. Over all $k \ge 1$ "
            r"it is $O(h)$-close, but for the one $\beta = 0.1495\dots$ at which both layers fade "
            r"alike: there it is $O(h^2)$-close."
        ),
    )
