"""The second-order flows of momentum: Lyu, Wang, Wang and Zhu (2023).

In our letters: beta is the momentum (their mu), h the step size (eta), E the loss; a is how far the
gradient looks ahead, 0 for heavy ball and beta for Nesterov.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from derive import modified_flow
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, value
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import (
    HEAVY_BALL,
    NESTEROV,
    A,
    Point,
    Rule,
    leaves_no_residual,
    order_at_each,
)
from verify.claims.checks.momentum_flows import SPEED
from verify.claims.claim import Claim, Verdict, claim
from verify.models.written_fields import second_order
from verify.running.experiments import Flow
from verify.running.residuals import Weights

Number = Any


def second_order_claim(
    name: str, rule: Rule, who: str, look_ahead: sympy.Expr, expr: sympy.Expr
) -> Claim:
    """Proposition 1 for one of its two methods."""

    def weights(c: Number, h: Number, point: Point) -> Weights:
        force = 1 / (1 - point["beta"])
        return {LEAF: force, PAIR: -(c * force**2)}

    def by_engine() -> sympy.Expr:
        flow = modified_flow(rule.optimizer, order=2)
        return -H * (flow[PAIR] / flow[LEAF] / flow[LEAF]).as_expr()

    def follow(c: Number, run: Flow) -> list[np.ndarray]:
        beta = run.values["beta"]
        speed = value(SPEED.subs(A, look_ahead), beta=beta)
        return second_order(run, c * (1 - beta), 1 - beta, speed)

    return Claim(
        statement=(
            f"{who} is $O(h)$-close to "
            r"$\alpha x''+x'+\nabla E(x)/(1-\beta) = 0$ with $\alpha$ equal to {formula}."
        ),
        printed=Formula(name, expr, given=(*MOMENTUM, *STEP)),
        checks=(
            identical("B-series engine", by_engine),
            leaves_no_residual("exact residual of the slow solutions", rule, weights),
            order_at_each("observed order after the start-up", rule, follow, 2),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            "After the start-up it is $O(h^2)$-close for the one starting velocity of the modified "
            "equation, and $O(h)$-close for every other."
        ),
    )


@claim("lyu2023.second-order-flow", catalogue="E04", where="Proposition 1, heavy ball")
def heavy_ball_equation() -> Claim:
    """(1+β) h²x''/2 + (1-β) h x' = -h ∇E from x(t+h) - x - β(x - x(t-h)); divide by (1-β) h. It is
    the modified equation of Kovachki and Stuart for a = 0 over 1-β.
    """
    expr = H * (1 + BETA) / ONE_MINUS / 2
    return second_order_claim("heavyBallInertia", HEAVY_BALL, "Heavy ball", sympy.Integer(0), expr)


@claim("lyu2023.second-order-flow-nesterov", catalogue="E04", where="Proposition 1, Nesterov")
def nesterov_equation() -> Claim:
    """The gradient is taken at x + β(x - x(t-h)) = x + βh x' + O(h²), which adds -βh² ∇²E x' on the
    right; with -∇²E x' = (1-β) x'' + O(h) the coefficient of h² x'' falls by β(1-β) to
    (1+β)/2 - β(1-β). It is the modified equation of Kovachki and Stuart for a = β over 1-β.
    """
    expr = H * (1 - BETA + 2 * BETA**2) / ONE_MINUS / 2
    return second_order_claim("nesterovInertia", NESTEROV, "Nesterov's method", BETA, expr)
