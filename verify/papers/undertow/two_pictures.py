"""Momentum flow and modified loss beside each other: what they agree on, and where they part.

The flow is lambda x'' + x' + grad F = 0; the iteration is heavy ball with step size gamma.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import sympy

from derive import heavy_ball, modified_flow, modified_loss
from derive.engine.momentum_flow import (
    EPSILON,
    LAMBDA,
    heavy_ball_flow,
    momentum_flow,
    momentum_loss,
)
from derive.language.formula import BETA
from derive.language.trees import LEAF, Tree
from verify.claims.checks.followed import Followed
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, loss_weights
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import CHAIN, FORK, HEAVY_BALL
from verify.claims.claim import OURS, Check, Claim, claim, on
from verify.claims.slots import Losses, Order, Value
from verify.claims.statement import Statement, Type
from verify.papers.undertow.momentum_flow import PARAMETER, slots_of, slow_solution
from verify.running.residuals import Weights

Number = Any


@claim(
    "undertow.two-pictures",
    catalogue="D04",
    where="momentum flow beside modified loss",
    printed=OURS,
)
def two_pictures() -> Claim:
    r"""The momentum flow of $\lambda=\gamma/(1-\beta)^2$ has the regularizer
    $\frac\lambda2\lVert\nabla E\rVert^2=\frac\gamma{2(1-\beta)^2}\lVert\nabla E\rVert^2$, heavy
    ball's modified loss $\frac{\gamma(1+\beta)}{4(1-\beta)^2}\lVert\nabla E\rVert^2$. The ratio is
    1 for $\lambda=\gamma(1+\beta)/(2(1-\beta)^2)$.
    """

    def by_engines() -> sympy.Expr:
        flow = momentum_loss(order=2).terms[PAIR].as_expr().subs(LAMBDA, 1 / ONE_MINUS**2)
        return modified_loss(heavy_ball, order=2).terms[PAIR].as_expr() / flow

    def field(says: Statement, h: Number, point: Mapping[str, Number]) -> Weights:
        beta = point["beta"]
        plain = says.number("weight", **{"lambda": h / (1 - beta) ** 2})
        return loss_weights(plain * says.number("factor", beta=beta), 1 / (1 - beta))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Up to {order} momentum flow descends $E{+weight}\lVert\nabla E\rVert^2$ in its slow "
            r"solutions; with $\lambda:=\gamma/(1-\beta)^2$ the second term of heavy ball's "
            r"modified loss is that times {factor}, for {losses}.",
            {"order": Order(2, "lambda"), "weight": Value(LAMBDA / 2, "regularizer")}
            | {
                "factor": Value(sympy.Mul(sympy.Rational(1, 2), 1 + BETA, evaluate=False)),
                "losses": Losses.EVERY,
            },
        ),
        checks=(
            on("factor", identical("both B-series", by_engines)),
            slow_solution(slots_of),
            Followed(HEAVY_BALL, field=field).on_losses(),
        ),
    )


@claim(
    "undertow.two-pictures-gap",
    catalogue="D04",
    where="momentum flow beside modified flow",
    printed=OURS,
)
def two_pictures_gap() -> Claim:
    r"""Heavy ball is the central scheme
    $\lambda(x_+-2x+x_-)/\epsilon^2+(x_+-x_-)/(2\epsilon)=-\nabla E$ of the flow with
    $\lambda=\gamma(1+\beta)/(2(1-\beta)^2)$. On its slow solutions
    $\lambda\ddot x+\dot x+\frac{\epsilon^2}6\dddot x+O(\lambda\epsilon^2)=-\nabla E$, and to lowest
    order $\dddot x=-\nabla^2E\,\nabla^2E\,\nabla E-\nabla^3E[\nabla E,\nabla E]$. So the modified
    flow, in the time of the momentum flow, has
    $\frac{\epsilon^2}6(\nabla^2E\,\nabla^2E\,\nabla E+\nabla^3E[\nabla E,\nabla E])$ more.
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
        return replace(check, judge=lambda e, s: check.judge(e.subs(inside), s))

    def field(says: Statement, h: Number, point: Mapping[str, Number]) -> Weights:
        beta = point["beta"]
        speed = 1 / (1 - beta)
        scale = says.number("parameter", gamma=h, beta=beta)
        gap = says.number("gap", epsilon=h * speed)
        return {
            LEAF: h * 0 + speed,
            PAIR: scale * -speed,
            CHAIN: (scale**2 * 2 - gap) * speed,
            FORK: (scale**2 - gap) * speed,
        }

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In the time of the momentum flow with $\lambda={parameter}$, heavy ball's modified "
            r"flow is that of its slow solutions but for ${gap}(\nabla^2E\,\nabla^2E\,\nabla "
            r"E+\nabla^3E[\nabla E,\nabla E])$ at order $\gamma^2$, $\epsilon:=\gamma/(1-\beta)$, "
            r"for {losses}.",
            {"parameter": Value(PARAMETER), "gap": Value(EPSILON**2 / 6), "losses": Losses.EVERY},
        ),
        checks=(
            on("gap", identical("B-series of the scheme, chain", by_series(CHAIN))),
            on("gap", identical("B-series of the scheme, fork", by_series(FORK))),
            on("gap", in_momentum(identical("B-series engine", by_engine))),
            Followed(HEAVY_BALL, begins=4, field=field).on_losses(),
        ),
    )
