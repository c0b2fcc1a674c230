"""Momentum gradient flow and its discretization: Papazov, Pesme and Flammarion (2024), section 2.

The flow is lambda x'' + x' + grad F = 0; the iteration is heavy ball with step size gamma.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball
from derive.engine.momentum_flow import BACKWARD, EPSILON, GAMMA, LAMBDA, RHO
from derive.language.formula import BETA
from verify.claims.checks.heavy_ball import ONE_MINUS, QUARTIC
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.momentum_grid import (
    at,
    cold,
    draw_pair,
    drawn,
    fixed_lambda,
    on_the_grid,
)
from verify.claims.checks.stated import bounded, measured, tends
from verify.claims.claim import LOST, Check, Claim, Kind, Settings, claim, on, read
from verify.claims.slots import Domain, Instance, Number, Order, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.written_fields import second_order
from verify.running.convergence import Flow
from verify.running.numbers import MPFR
from verify.running.trajectories import iterates

CLOSE = Order(1, "epsilon")
THE_FLOW = r"$\ddot x:=-(\dot x+\nabla F(x))/\lambda$"


@claim(
    "papazov2024.discretization",
    catalogue="D01",
    where="Proposition 1",
    printed=read(
        r"with discretisation step $\varepsilon = \sqrt{\lambda \gamma} = {\gamma} /(1- {\beta} )$"
    ),
)
def discretization() -> Claim:
    r"""Solve $\lambda(x_+-2x+x_-)/\epsilon^2+(x-x_-)/\epsilon+\nabla F(x)=0$ for $x_+$: it is
    $x+(1-\epsilon/\lambda)(x-x_-)-(\epsilon^2/\lambda)\nabla F(x)$, which is heavy ball. The first
    step is free; $\dot x_0=(x_1-x_0)/\epsilon$ reads it as a velocity.
    """

    def scheme(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq, fmpq, fmpq]:
        scale, width = drawn(draw), drawn(draw) / 8
        values = {"lambda": scale, "epsilon": width}
        return scale, width, at(says.expr("step"), values), at(says.expr("momentum"), values)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The scheme $\nabla F(x_k):=-\lambda(x_{k+1}-2x_k+x_{k-1})/\epsilon^2-"
            r"(x_k-x_{k-1})/\epsilon$ is heavy ball with $\gamma={step}$ and $\beta={momentum}$.",
            {
                "momentum": Value(1 - EPSILON / LAMBDA),
                "step": Value(EPSILON**2 / LAMBDA, "step"),
            },
        ),
        checks=(
            on(
                "momentum",
                identical("the scheme solved for its next point", lambda: BACKWARD.momentum),
            ),
            on_the_grid(scheme),
        ),
    )


@claim(
    "papazov2024.intrinsic-parameter",
    catalogue="D01",
    where="Proposition 1",
    printed=read(r"intrinsic quantity $λ= \frac{ γ}{ (1 - β)^2 }$ which uniquely defines"),
)
def intrinsic_parameter() -> Claim:
    r"""$\beta=1-\epsilon/\lambda$ and $\gamma=\epsilon^2/\lambda$ give $\gamma/(1-\beta)=\epsilon$
    and $\gamma/(1-\beta)^2=\lambda$: one flow for all $(\gamma,\beta)$ with the same
    $\gamma/(1-\beta)^2$. As $\epsilon$ tends to 0 at fixed $\lambda$ the iterates tend to it like
    $\epsilon$; at fixed $\beta$ the scheme is exact and $\lambda$ tends to 0 with the step.
    """

    def scheme(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq, fmpq, fmpq]:
        pair = draw_pair(draw)
        scale, width = at(says.expr("inertia"), pair), at(says.expr("width"), pair)
        return scale, width, pair["gamma"], pair["beta"]

    def errors(says: Statement, settings: Settings) -> Sequence[float]:
        def follow(told: Statement, run: Flow) -> list[np.ndarray]:
            scale = at(told.expr("inertia"), run.values)
            return second_order(run, scale, 1, cold(told, run.values))

        return fixed_lambda(follow, says, settings)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Heavy ball with step size $\gamma$ and momentum $\beta$ is the scheme "
            r"$\nabla F(x_k):=-\lambda(x_{k+1}-2x_k+x_{k-1})/\epsilon^2-(x_k-x_{k-1})/\epsilon$ of "
            rf"the flow {THE_FLOW} with $\lambda={{inertia}}$ and $\epsilon={{width}}$; at fixed "
            r"$\lambda$ and as $\epsilon$ falls it is {order}-close to it over a fixed time.",
            {
                "inertia": Value(GAMMA / ONE_MINUS**2),
                "width": Value(GAMMA / ONE_MINUS, "step"),
                "order": CLOSE,
            },
        ),
        checks=(
            on(
                "inertia",
                identical("the scheme solved for lambda", lambda: BACKWARD.flow_parameter),
            ),
            on_the_grid(scheme),
            tends("observed order at fixed lambda", errors, order="order"),
        ),
    )


def quickened(says: Statement, pair: dict[str, fmpq], rho: fmpq) -> tuple[fmpq, fmpq, fmpq, fmpq]:
    """The scheme of the quickened heavy ball, for the flow of the slower one."""
    step, beta = pair["gamma"], pair["beta"]
    values = {**pair, "rho": rho}
    momentum, longer = at(says.expr("momentum"), values), at(says.expr("step"), values)
    width = at(says.expr("quicker"), values) * step / (1 - beta)
    return step / (1 - beta) ** 2, width, longer, momentum


def same_path(rho: int) -> Check:
    """A step of the quickened heavy ball comes to where rho slower ones come, to this order."""

    def errors(says: Statement, settings: Settings) -> Sequence[float]:
        def follow(told: Statement, run: Flow) -> list[np.ndarray]:
            values = {**run.values, "rho": MPFR.convert(fmpq(rho))}

            def path(step: Any, beta: Any, steps: int) -> list[np.ndarray]:
                return iterates(
                    heavy_ball,
                    QUARTIC,
                    list(run.x0),
                    h=step,
                    steps=steps,
                    parameters={"beta": beta},
                    arithmetic=MPFR,
                )

            gamma, beta = run.values["gamma"], run.values["beta"]
            step = gamma * 0 + at(told.expr("step"), values)
            momentum = beta * 0 + at(told.expr("momentum"), values)
            quick = path(step, momentum, run.steps // rho)
            slow = path(gamma, beta, run.steps)
            return [quick[k // rho] if k % rho == 0 else slow[k] for k in range(run.steps + 1)]

        return fixed_lambda(follow, says, settings)

    return tends("observed order against the slower run", errors, order="order")


QUICKENED = (
    r"Heavy ball with the step size ${step}$ and the momentum ${momentum}$ is the scheme of the "
    rf"flow {THE_FLOW} of heavy ball with $\gamma$ and $\beta$, with ${{quicker}}$ times its "
    r"$\epsilon$; their paths differ by {order} at fixed $\lambda$"
)


@claim(
    "papazov2024.acceleration-rule",
    catalogue="D02",
    where="Corollary 1",
    printed=LOST,
)
def acceleration_rule() -> Claim:
    r"""Keep $\lambda$ and take $\rho\epsilon$ for $\epsilon$: $\gamma=\epsilon^2/\lambda$ becomes
    $\rho^2\gamma$, and $1-\beta=\epsilon/\lambda$ becomes $\rho(1-\beta)$. Both runs discretize one
    flow, with time steps $\epsilon$ and $\rho\epsilon$.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            QUICKENED + ".",
            {
                "momentum": Value(1 - RHO * ONE_MINUS),
                "step": Value(RHO**2 * GAMMA, "step"),
                "quicker": Value(RHO, "speed"),
                "order": CLOSE,
            },
        ),
        checks=(
            on("momentum", identical("same lambda, wider grid", lambda: BACKWARD.accelerated()[1])),
            on_the_grid(lambda says, draw: quickened(says, draw_pair(draw), drawn(draw))),
            same_path(4),
        ),
    )


@claim(
    "papazov2024.twice-as-fast",
    catalogue="D03",
    where="Figure 1, caption",
    printed=read(
        r"MGD$(4 \gamma, \beta^2)$ follows the same trajectory as MGD$(\gamma, \beta)$ but twice"
    ),
)
def twice_as_fast() -> Claim:
    r"""$\rho=2$ in the acceleration rule is $(4\gamma,2\beta-1)$, and
    $\beta^2=2\beta-1+(1-\beta)^2$. The printed pair has $\lambda'=4\lambda/(1+\beta)^2$ and the
    time step $4\epsilon/(1+\beta)$: both leave their values, $\lambda$ and $2\epsilon$, by a part
    of order $1-\beta$, so that it is close to the same order. On a constant gradient the speed
    $\gamma/(1-\beta)$ alone decides, so that no other momentum than $2\beta-1$ doubles it.
    """

    def terminal(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(20):
            pair = draw_pair(draw)
            speed = pair["gamma"] / (1 - pair["beta"]) * at(says.expr("quicker"), pair)
            _, (kept,) = heavy_ball.step(
                fmpq(0),
                [-speed],
                lambda x: fmpq(1),
                at(says.expr("step"), pair),
                {"beta": at(says.expr("momentum"), pair)},
            )
            if kept != -speed:
                return False, f"the speed {-speed} becomes {kept} at beta = {pair['beta']}"
        return True, "twice the speed is kept on a constant gradient, 20 parameters"

    def fades(says: Statement, point: Point, settings: Settings) -> bool:
        """The memory of both fades: the momenta are within the unit circle."""
        return abs(point["beta"]) < 1 and abs(says.number("momentum", **point)) < 1

    def printed(says: Statement, power: int) -> fmpq:
        """4 gamma over a power of 1 - beta^2, over gamma over the same power of 1 - beta."""
        beta = says["example"][r"\beta"]
        return 4 * ((1 - beta) / (1 - beta**2)) ** power

    return Claim(
        says=Statement(
            Type.EQUALITY,
            QUICKENED + ", and the memory of both fades for {domain}.",
            {
                "momentum": Value(2 * BETA - 1),
                "step": Value(4 * GAMMA, "step"),
                "quicker": Value(sympy.Integer(2), "speed"),
                "order": CLOSE,
                "domain": Domain((sympy.Gt(BETA, 0), sympy.Lt(BETA, 1))),
                "example": Instance(None, {r"\beta": "9/10"}),
                "ratio": Number("1.108"),
                "speed": Number("2.105"),
            },
        ),
        misprint={"momentum": Value(BETA**2)},
        because=r"the square of $\beta$ changes $\lambda$ as well; to the order of the path "
        r"it is as "
        r"good.",
        counterexample=r"{example}: the printed pair has {ratio} times the $\lambda$ and {speed} "
        r"times the $\epsilon$.",
        checks=(
            on(
                "momentum",
                identical(
                    "same lambda, wider grid",
                    lambda: BACKWARD.accelerated(sympy.Integer(2))[1],
                    refutes=True,
                ),
            ),
            on_the_grid(lambda says, draw: quickened(says, draw_pair(draw), fmpq(2)), refutes=True),
            exact("speed on a constant gradient", Kind.ENUMERATION, terminal, refutes=True),
            same_path(2),
            bounded("fading memory", fades, kind=Kind.ENUMERATION),
            measured("printed lambda", lambda says, _: printed(says, 2), number="ratio"),
            measured("printed step of time", lambda says, _: printed(says, 1), number="speed"),
        ),
    )
