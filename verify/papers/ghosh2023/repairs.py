"""How the start-up is repaired: Ghosh, Lyu, Zhang and Wang (2023), section 4.

The flow (5) misses the start of heavy ball by a term of order h. A delay, a warm start, a corrected
reading of the iterates and a shift each put it right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball, modified_flow, nesterov
from derive.engine.backward_error import slow_manifold
from derive.engine.startup import initial_shift
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF, Tree
from derive.language.update_rule import Optimizer
from verify.claims.checks.heavy_ball import (
    HALF,
    HALVINGS,
    HEAVY_BALL,
    ONE_MINUS,
    PAIR,
    QUARTIC,
    RESIDUAL_BETAS,
    distances,
    loss_weights,
    value,
)
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.checks.start_up import Case, cold_component, start_up
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.running.experiments import Experiment, Flow
from verify.running.flows import Field, evaluate_field, flow, weights_of
from verify.running.numbers import MPFR
from verify.running.residuals import advance
from verify.running.trajectories import iterates

Number = Any

START = (*MOMENTUM, *STEP)


def reduced(beta: Number, h: Number) -> dict[Tree, Number]:
    """Equation (5)."""
    return loss_weights(h * ((1 + beta) / (4 * (1 - beta) ** 2)), 1 / (1 - beta))


def force() -> sympy.Expr:
    """The factor of -grad E in the lasting flow of heavy ball."""
    return modified_flow(heavy_ball, order=1)[LEAF].as_expr()


def shift() -> sympy.Expr:
    """The factor of h grad E(x_0) by which the lasting flow's start is off x_0."""
    return -initial_shift(heavy_ball, order=1)[LEAF].as_expr()


def steady_velocity() -> sympy.Expr:
    """The factor of -h grad E in the velocity that lasts."""
    return slow_manifold(heavy_ball, order=1)["v"][LEAF].as_expr()


@claim("ghosh2023.delay", catalogue="A10", where="repair of Theorem 4.1, equation (6)")
def delay() -> Claim:
    """To first order the shift hβ/(1-β)² ∇E(x₀) of the start is a step back along the flow
    x' = -∇E/(1-β), by the time hβ/(1-β). So the flow need not be moved in space: it is late by
    β/(1-β) steps, the mean age Σ r(1-β)β^r of the gradients that the velocity holds. At order h² no
    delay does: it moves the start by β(1+2β)/(2(1-β)⁴) h² ∇²E∇E, the start-up by β(2+β)/(1-β)⁴.
    """

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[np.ndarray]:
            beta = run.values["beta"]
            weights = reduced(beta, run.h)
            time = -run.h * value(candidate, beta=beta)
            ahead = {t: w if time >= 0 else -w for t, w in weights.items()}
            field = Field(run.loss, ahead)
            (start,) = flow(field, list(run.x0), [abs(time)], digits=run.digits, arithmetic=MPFR)
            return run.steady(weights, start)

        return distances(HEAVY_BALL, follow, settings, at_end=True)

    def late(candidate: sympy.Expr, case: Case, k: int) -> np.ndarray:
        time = case.h * (k - value(candidate, beta=case.beta))
        return case.path[k] - case.flow(reduced(case.beta, case.h), time)

    return Claim(
        statement=(
            r"After the transient, heavy ball at step $k$ is $O(h^2)$-close to the flow (5) from "
            r"$x_0$ at the time $(k-\tau)h$ with $\tau$ equal to {formula}."
        ),
        printed=Formula("delayPrinted", sympy.Integer(0), given=()),
        right=Formula("delay", BETA / ONE_MINUS),
        checks=(
            identical(
                "shift over force",
                lambda: shift() / force(),
                refutes=True,
            ),
            identical(
                "mean age of a gradient",
                lambda: ONE_MINUS * BETA * sympy.diff(1 / ONE_MINUS, BETA),
                refutes=True,
            ),
            start_up("decay of the h term", late, lambda beta: [[beta]], refutes=True),
            order_of("observed order at the final time", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The start-up transient is over: $k \ge 2\log(1/h)/\log(1/\beta)$.",
        because=r"the force of the first steps is smaller; the path is late by $\beta/(1-\beta)$.",
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_0 = 1$, $\beta = 1/2$, $T = 2$: without delay the observed "
            "order is 1."
        ),
    )


@claim("ghosh2023.warm-start", catalogue="A10", where="repair of Theorem 4.1, equation (6)")
def warm_start() -> Claim:
    """On the slow manifold v = -h∇E/(1-β) + O(h²): the fixed point of v = βv - h∇E. Started there,
    the deficit of the first forces is gone, and x₁ = x₀ - h∇E(x₀)/(1-β). What is left of the
    transient is of order h², so that (5) from x₀ is O(h²)-close over all k >= 1. Theorem 4.1 does
    not fix x₁: equation (4) needs x₁ = x₀ - h∇E(x₀), and equation (6) for (5) needs this start.
    """

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        beta = MPFR.convert(HALF["beta"])
        run = replace(HEAVY_BALL, memory=lambda x, g, h: [g * value(candidate, h=h, beta=beta)])
        return distances(run, lambda run: run.steady(reduced(run.values["beta"], run.h)), settings)

    return Claim(
        statement=(
            r"Over all $k \ge 1$, heavy ball is $O(h^2)$-close to the flow (5) from $x_0$ if its "
            r"first displacement $x_0 - x_{-1}$ is $\nabla E(x_0)$ times {formula}."
        ),
        printed=Formula("firstDisplacementPrinted", sympy.Integer(0), given=()),
        right=Formula("firstDisplacement", -H / ONE_MINUS, given=START),
        checks=(
            identical(
                "slow manifold",
                lambda: -H * steady_velocity(),
                refutes=True,
            ),
            start_up(
                "no h term at any step",
                lambda _, case, k: case.path[k] - case.flow(reduced(case.beta, case.h), case.h * k),
                lambda beta: [[]],
                velocity=lambda candidate, beta, h: value(candidate, h=h, beta=beta),
                refutes=True,
            ),
            order_of("observed order over all steps", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The iteration starts warm: $x_1 = x_0 - h\nabla E(x_0)/(1-\beta) + O(h^2)$.",
        because=r"from $x_{-1} = x_0$ the first forces are too small.",
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_{-1} = x_0 = 1$, $\beta = 1/2$, $T = 2$: the observed "
            "order is 1."
        ),
    )


@claim("ghosh2023.corrected-iterate", catalogue="A10", where="repair of Theorem 4.1, equation (6)")
def corrected_iterate() -> Claim:
    """Let z_k = x_k + τ(x_k - x_(k-1)). Then z_(k+1) - z_k = ((1+τ)β - τ) v_k - (1+τ) h ∇E(x_k),
    where the velocity drops out for τ = β/(1-β): z makes full steps h/(1-β) from z₀ = x₀ on, and
    has no start-up. On the flow z(t) = x(t + τh) + O(h²), which solves (5) as x does.
    """

    def read(candidate: sympy.Expr, path: list[np.ndarray], k: int, beta: Number) -> np.ndarray:
        return path[k] + (path[k] - path[k - 1]) * value(candidate, beta=beta)

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[np.ndarray]:
            beta = run.values["beta"]
            path = iterates(
                heavy_ball,
                run.loss,
                list(run.x0),
                h=run.h,
                steps=run.steps,
                parameters=run.values,
                arithmetic=MPFR,
            )
            there = run.steady(reduced(beta, run.h))
            return path[:1] + [
                there[k] + path[k] - read(candidate, path, k, beta) for k in range(1, len(path))
            ]

        return distances(replace(HEAVY_BALL, halvings=HALVINGS), follow, settings)

    def without_velocity() -> sympy.Expr:
        ahead = sympy.Symbol("tau")
        (found,) = sympy.solve((1 + ahead) * BETA - ahead, ahead)
        return sympy.factor(found)

    return Claim(
        statement=(
            r"From a cold start, over all $k \ge 1$, the flow (5) from $x_0$ is $O(h^2)$-close to "
            r"$x_k + \tau(x_k - x_{k-1})$ with $\tau$ equal to {formula}."
        ),
        printed=Formula("iterateWeightPrinted", sympy.Integer(0), given=()),
        right=Formula("iterateWeight", BETA / ONE_MINUS),
        checks=(
            identical("the velocity drops out", without_velocity, refutes=True),
            identical(
                "shift over slow manifold",
                lambda: shift() / steady_velocity(),
                refutes=True,
            ),
            start_up(
                "no h term at any step",
                lambda candidate, case, k: (
                    read(candidate, case.path, k, case.beta)
                    - case.flow(reduced(case.beta, case.h), case.h * k)
                ),
                lambda beta: [[]],
                refutes=True,
            ),
            order_of("observed order over all steps", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The iterates are read as $x_k + \beta/(1-\beta)\,(x_k - x_{k-1})$.",
        because=r"the iterates themselves, $\tau = 0$, are late by $\beta/(1-\beta)$ steps.",
        counterexample=(
            r"$E = x^4/4 + x^2/2$, $x_0 = 1$, $\beta = 1/2$, $T = 2$: for $\tau = 0$ the observed "
            "order is 1."
        ),
    )


def second_shift(optimizer: Optimizer, beta: fmpq) -> tuple[Check, ...]:
    """The checks of the h^2 term of the shift; beta is that of the observed order."""

    def rest(candidate: sympy.Expr, case: Case, k: int) -> np.ndarray:
        field = modified_flow(optimizer.at(beta=case.beta), order=2)
        weights = {t: case.h ** (t.order - 1) * c.at({}) for t, c in field.items()}
        moved = {
            LEAF: case.h * (-case.beta / (1 - case.beta) ** 2),
            PAIR: value(candidate, h=case.h, beta=case.beta),
        }
        start = case.x0 + evaluate_field(case.loss, moved, case.x0, case.arithmetic)
        return case.path[k] - advance(case.loss, weights, start, case.h * k, case.arithmetic)

    def modes(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for b in RESIDUAL_BETAS:
            part = cold_component(optimizer, b, 3)[2]
            if value(candidate, h=fmpq(1, 3), beta=b) != part / 9:
                return False, f"on a mode the z^2 term is {part} at beta = {b}"
        return True, "the z^2 term of the slow part of the cold start, 9 beta"

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[np.ndarray]:
            b = run.values["beta"]
            field = modified_flow(optimizer.at(beta=beta), order=3)
            weights = {t: MPFR.convert(c.at({})) for t, c in field.items()}
            moved = {LEAF: -run.h * b / (1 - b) ** 2, PAIR: value(candidate, h=run.h, beta=b)}
            start = run.x0 + evaluate_field(run.loss, moved, run.x0, MPFR)
            return run.steady(weights_of(weights, run.h, MPFR), start)

        run = Experiment(optimizer, QUARTIC, [fmpq(1)], {"beta": beta}, halvings=HALVINGS)
        return distances(run, follow, settings, at_end=True)

    return (
        identical(
            "B-series engine",
            lambda: H**2 * initial_shift(optimizer, order=2)[PAIR].as_expr(),
        ),
        exact("slow part of a quadratic mode", Kind.SERIES, modes),
        start_up(
            "decay of the h and h^2 terms",
            rest,
            lambda beta: [[beta], [beta, beta]],
            optimizer=optimizer,
        ),
        order_of("observed order at the final time", errors, 3),
    )


@claim("ghosh2023.second-shift", catalogue="A12", where="repair of Theorem 4.1, equation (6)")
def second_shift_of_heavy_ball() -> Claim:
    """On a mode x_k = A κ₊^k + B κ₋^k: the slow part of the cold start is A = (1-z-κ₋)/(κ₊-κ₋), and
    its expansion 1 + βz/(1-β)² + β(2+β)z²/(1-β)⁴ + ... gives the coefficients of the shift at the
    trees without branching. Order h² has no other tree. With the flow through h² it is O(h³).
    """
    return Claim(
        statement=(
            r"After the transient heavy ball is $O(h^3)$-close to its flow through $h^2$ from "
            r"$x_0 + h\beta/(1-\beta)^2\,\nabla E$ plus {formula}."
        ),
        printed=Formula(
            "secondShift",
            H**2 * BETA * (2 + BETA) / ONE_MINUS**4,
            r"\nabla^{2}E\nabla E",
            given=START,
        ),
        checks=second_shift(heavy_ball, fmpq(1, 2)),
        expected=Verdict.CONFIRMED,
        condition=r"The start-up transient is over: $k \ge 3\log(1/h)/\log(1/\beta)$.",
    )


@claim(
    "ghosh2023.second-shift-nesterov",
    catalogue="A12",
    where="the repair carried over to Nesterov's method",
)
def second_shift_of_nesterov() -> Claim:
    """As for heavy ball, with the trace (1+β)(1-z) and the determinant β(1-z) of Nesterov's step:
    A = 1 + βz/(1-β)² + β(1+β+β²)z²/(1-β)⁴ + ... The term of order h is the same.
    """
    return Claim(
        statement=(
            r"After the transient Nesterov's method is $O(h^3)$-close to its flow through $h^2$ "
            r"from $x_0 + h\beta/(1-\beta)^2\,\nabla E$ plus {formula}."
        ),
        printed=Formula(
            "secondShiftNesterov",
            H**2 * BETA * (1 + BETA + BETA**2) / ONE_MINUS**4,
            r"\nabla^{2}E\nabla E",
            given=START,
        ),
        checks=second_shift(nesterov, fmpq(1, 2)),
        expected=Verdict.CONFIRMED,
        condition=r"The start-up transient is over: $k \ge 3\log(1/h)/\log(1/\beta)$.",
    )
