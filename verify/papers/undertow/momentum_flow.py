"""Momentum flow and modified loss, the two continuous pictures of heavy ball, in each other.

The flow is lambda x'' + x' + grad F = 0; the iteration is heavy ball with step size gamma.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball
from derive.engine.momentum_flow import (
    CENTRAL,
    GAMMA,
    LAMBDA,
    flow_parameter,
    initial_velocity,
    momentum_loss,
)
from derive.language.formula import BETA
from derive.language.trees import Tree
from verify.claims.checks.averaging import lasting_value
from verify.claims.checks.heavy_ball import HEAVY_BALL as HEAVY_BALL_RUN
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, RESIDUAL_BETAS, loss_weights, value
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import CHAIN, FORK
from verify.claims.checks.momentum_grid import drawn, fixed_lambda
from verify.claims.checks.stated import beside, for_losses, observed, remembered
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Choice, Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.models.modes import Mode, heavy_ball_mode
from verify.models.written_fields import damped, second_order
from verify.running.convergence import Flow
from verify.running.families import starting_point
from verify.running.flows import Field
from verify.running.losses import Loss
from verify.running.numbers import PowerSeries, power_series
from verify.running.trajectories import vector

Number = Any
PARAMETER = GAMMA * (1 + BETA) / (2 * ONE_MINUS**2)
HALF = sympy.Rational(1, 2)
FLOW = r"$\lambda\ddot x+\dot x+\nabla F:=0$"


class FixedInLimit(Choice):
    """What is fixed as the step size falls."""

    LAMBDA = r"where $\lambda$ is kept"
    BETA = r"where $\beta$ is kept"


def path(says: Statement, run: Flow, gamma: Number, beta: Number) -> list[np.ndarray]:
    """The flow with the slots `parameter` and `start`, in steps of epsilon."""
    values = {"gamma": gamma, "beta": beta}
    return second_order(run, says.number("parameter", **values), 1, -says.number("start", **values))


def with_lambda_kept(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
    def follow(says: Any, run: Flow) -> list[np.ndarray]:
        return path(says, run, run.values["gamma"], run.values["beta"])

    found: Any = says
    return [(error, error) for error in fixed_lambda(follow, found, settings)]


def with_beta_kept(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
    def follow(says: Statement, run: Flow) -> list[np.ndarray]:
        beta = run.values["beta"]
        slow = replace(run, h=run.h / (1 - beta))
        return path(says, slow, run.h, beta)

    return beside(replace(HEAVY_BALL_RUN, halvings=range(6, 11)), follow)(says, settings)


def close(name: str, kept: str, when: str) -> Check:
    """The flow is as close as stated, when it is stated, where the slot `kept` says."""
    return observed(
        name,
        remembered(
            lambda says, settings: {
                FixedInLimit.LAMBDA: with_lambda_kept,
                FixedInLimit.BETA: with_beta_kept,
            }[says[kept]](says, settings)
        ),
        when=when,
    )


def along_paths(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
    """The two-step rule on polynomial paths needs this mass."""
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


def first_step(says: Statement, loss: Loss, draw: random.Random) -> bool:
    """The flow from the stated velocity meets the first step to epsilon^3, with lambda kept."""
    arithmetic, width = power_series(3), PowerSeries.step(3)
    for scale in (drawn(draw) for _ in range(3)):
        x0 = [arithmetic.convert(x) for x in starting_point(draw, loss.dimension)]
        beta = 1 - width / scale
        try:
            speed = says.number("start", gamma=width * width / scale, beta=beta)
        except ZeroDivisionError:
            return False
        slopes = loss.gradient_function(arithmetic)(vector(x0))
        kick, inverse = [slope * speed for slope in slopes], arithmetic.convert(1 / scale)
        rows = damped(loss).taylor([*x0, *kick], [inverse, inverse], 3, arithmetic)
        for x, slope, row in zip(x0, slopes, rows, strict=False):
            left = row[0] + row[1] * width + row[2] * width**2 - x + slope * width**2 / scale
            if left[1] != 0 or left[2] != 0:
                return False
    return True


@claim(
    "undertow.momentum-flow-parameter",
    catalogue="D04",
    where="order of the momentum flow",
    printed=OURS,
)
def second_order_parameter() -> Claim:
    r"""The two-step rule is $(1-\beta)\dot x+\frac h2(1+\beta)\ddot x+O(h^2)=-\nabla F$ along
    smooth paths. In the time of the flow, $t$ over $1-\beta$, the coefficient of $\ddot x$ is
    $\lambda=\gamma(1+\beta)/(2(1-\beta)^2)=\gamma/(1-\beta)^2-\epsilon/2$: what the central
    difference for $\dot x$ gives. At $\beta=0$ it is $\gamma/2$, half of the intrinsic parameter.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"Heavy ball from a cold start is {{order}}-close, {{when}}, {{kept}}, to {FLOW} with "
            r"$\lambda={parameter}$ from $x_0$ with the velocity ${start}\nabla F(x_0)$, for "
            r"{losses}, $\epsilon:=\gamma/(1-\beta)$ being the time of a step.",
            {"order": Order(2, "epsilon"), "when": When.EVERY_STEP, "kept": FixedInLimit.LAMBDA}
            | {
                "parameter": Value(PARAMETER),
                "start": Value(sympy.Mul(-HALF, ONE_MINUS, evaluate=False)),
            }
            | {"losses": Losses.EVERY},
        ),
        checks=(
            on(
                "parameter",
                identical("B-series engine", lambda: GAMMA * flow_parameter(heavy_ball).as_expr()),
            ),
            on("parameter", identical("central scheme", lambda: CENTRAL.flow_parameter)),
            on("parameter", exact("exact residual on polynomial paths", Kind.SERIES, along_paths)),
            for_losses("exact first step", first_step),
            close("observed order", "kept", "when"),
        ),
    )


@claim(
    "undertow.momentum-flow-start",
    catalogue="D04",
    where="start of the momentum flow",
    printed=OURS,
)
def second_order_start() -> Claim:
    r"""$x(\epsilon)=x_1+O(\epsilon^3)$ with $x_1=x_0-\gamma\nabla F(x_0)$ and $\lambda\ddot x=-\dot
    x-\nabla F$: $\dot x(0)=-\frac\epsilon{2\lambda}\nabla F(x_0)+O(\epsilon^2)$, which is
    $(x_1-x_0)/(2\epsilon)$. Heavy ball's start-up shifts its lasting flow by
    $\frac\beta{(1-\beta)^2}\gamma\nabla F(x_0)$, the layer of the flow by
    $\lambda(1-c)\nabla F(x_0)$: with $\lambda$ of second order they agree for
    $c=(1-\beta)/(1+\beta)$. This is $\epsilon/(2\lambda)$ exactly, so that one start serves both
    limits.
    """

    def layers(says: Statement, settings: Settings) -> tuple[bool, str]:
        """Where the iterates and the flow end up when the force is a constant 1."""
        for beta in RESIDUAL_BETAS:
            gamma = fmpq(1, 7)
            step = heavy_ball_mode(gamma, beta, fmpq(0))
            first, second, third = (x + gamma / (1 - beta) * k for k, x in pushed(step))
            lag, _ = lasting_value([first, second, third])
            mass, speed = (
                says.number(name, gamma=gamma, beta=beta) for name in ("parameter", "start")
            )
            if mass * (1 + speed) != lag:
                return False, f"the flow is {mass * (1 + speed)} behind, not {lag}"
        return True, "as far behind as the iterates, 9 beta"

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"Heavy ball from a cold start is {{order}}-close, {{when}}, {{kept}}, and {{late}} "
            rf"{{other}}, to {FLOW} with $\lambda={{parameter}}$ from $x_0$ with the velocity "
            r"${start}\nabla F(x_0)$, for {losses}, $\epsilon:=\gamma/(1-\beta)$ being the time "
            r"of a step.",
            {"order": Order(2, "epsilon"), "when": When.EVERY_STEP, "kept": FixedInLimit.LAMBDA}
            | {"late": When.AFTER_START_UP, "other": FixedInLimit.BETA}
            | {
                "parameter": Value(PARAMETER),
                "start": Value(sympy.Mul(-1, ONE_MINUS / (1 + BETA), evaluate=False)),
            }
            | {"losses": Losses.EVERY},
        ),
        checks=(
            on(
                "start",
                identical(
                    "shift against initial layer", lambda: -initial_velocity(heavy_ball).as_expr()
                ),
            ),
            exact("layer under a constant force", Kind.SERIES, layers),
            on("parameter", exact("exact residual on polynomial paths", Kind.SERIES, along_paths)),
            for_losses("exact first step", first_step),
            close("observed order", "kept", "when"),
            close("observed order after the start-up", "other", "late"),
        ),
    )


def pushed(step: Mode) -> Iterator[tuple[int, fmpq]]:
    """k and x_k under the constant gradient 1, from rest, for three k."""
    state = step.kick * 0
    for k in range(1, 4):
        state = step.matrix * state + step.kick
        yield k, state[0, 0]


def slow_solution(weights: Callable[[Statement, PowerSeries], Mapping[Tree, Number]]) -> Check:
    """The field inserted in lambda x'' + x' + grad E leaves the stated power of lambda, for the
    stated losses."""

    def holds(says: Statement, loss: Loss, draw: random.Random) -> bool:
        power = says["order"].power
        arithmetic, scale = power_series(power + 1), PowerSeries.step(power + 1)
        x0 = vector([arithmetic.convert(x) for x in starting_point(draw, loss.dimension)])
        field = Field(loss, weights(says, scale))
        rows = field.program.taylor(list(x0), field.fixed(scale * 0), 3, arithmetic)
        slopes = loss.gradient_function(arithmetic)(x0)
        left = [r[2] * scale * 2 + r[1] + slope for r, slope in zip(rows, slopes, strict=True)]
        return power == next(
            (n for n in range(power + 1) if any(e[n] != 0 for e in left)), power + 1
        )

    return for_losses("exact residual of the flow", holds)


def slots_of(says: Statement, scale: PowerSeries) -> Mapping[Tree, Number]:
    """The gradient flow of E with the slots `weight` and `bend`."""
    weights = loss_weights(says.number("weight", **{"lambda": scale}), scale * 0 + 1)
    if "bend" in says.slots:
        bend = says.number("bend", **{"lambda": scale})
        weights |= {CHAIN: bend * 2, FORK: bend}
    return weights


SLOW = rf"The slow solutions of {FLOW.replace('F', 'E')} follow the gradient flow of $E{{+weight}}"


@claim(
    "undertow.momentum-flow-regularizer",
    catalogue="D04",
    where="slow motion of the flow",
    printed=OURS,
)
def momentum_flow_regularizer() -> Claim:
    r"""On the slow motion $\dot x=-\nabla S$ the equation $\lambda\ddot x+\dot x+\nabla E=0$ is
    $\frac\lambda2\nabla\lVert\nabla S\rVert^2-\nabla S+\nabla E=0$: so
    $S=E+\frac\lambda2\lVert\nabla S\rVert^2$, and $S$ begins with
    $E+\frac\lambda2\lVert\nabla E\rVert^2$. It is reached after the layer of the initial velocity,
    which fades like $e^{-t/\lambda}$.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"{SLOW}\lVert\nabla E\rVert^2$ up to {{order}} in $\dot x$, for {{losses}}.",
            {"weight": Value(LAMBDA / 2), "order": Order(2, "lambda"), "losses": Losses.EVERY},
        ),
        checks=(
            on("weight", identical("B-series of the slow motion", lambda: _term(PAIR))),
            slow_solution(slots_of),
        ),
    )


@claim(
    "undertow.momentum-flow-second-term",
    catalogue="D04",
    where="slow motion of the flow",
    printed=OURS,
)
def momentum_flow_second_term() -> Claim:
    r"""$S=E+\frac\lambda2\lVert\nabla S\rVert^2$ with $\nabla S=\nabla E+\lambda\nabla^2E\,\nabla
    E+\dots$: $\lVert\nabla S\rVert^2=\lVert\nabla E\rVert^2+2\lambda\nabla E^T\nabla^2E\,\nabla
    E+\dots$, so the next term is $\lambda^2\nabla E^T\nabla^2E\,\nabla E$. The recursion has a
    solution to every order: the slow motion is a gradient flow, while heavy ball's modified flow is
    none from $h^2$ on.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"{SLOW}\lVert\nabla E\rVert^2{{+bend}}\nabla E^T\nabla^2E\,\nabla E$ up to {{order}} "
            r"in $\dot x$, for {losses}.",
            {"weight": Value(LAMBDA / 2), "bend": Value(LAMBDA**2)}
            | {"order": Order(3, "lambda"), "losses": Losses.EVERY},
        ),
        checks=(
            on("bend", identical("B-series of the slow motion", lambda: _term(CHAIN))),
            slow_solution(slots_of),
        ),
    )


def _term(free: Tree) -> sympy.Expr:
    return momentum_loss(order=free.order).terms[free.free].as_expr()
