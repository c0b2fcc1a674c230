"""The second-order flows of momentum: Lyu, Wang, Wang and Zhu (2023).

In our letters: beta is the momentum (their mu), h the step size (eta), E the loss. Their equation
is divided by 1 - beta, so that their coefficient alpha of the acceleration is mass over damping.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import modified_flow
from derive.language.formula import BETA, H
from derive.language.trees import LEAF
from verify.claims.checks.damped import EQUATION, equation, slow_solutions
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import Followed
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import HEAVY_BALL, NESTEROV, Rule
from verify.claims.checks.stated import observed
from verify.claims.claim import Claim, claim, on, second_hand
from verify.claims.slots import Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.models.written_fields import second_order
from verify.running.convergence import Flow
from verify.running.numbers import MPFR

Number = Any


def second_order_claim(rule: Rule, who: str, mass: sympy.Expr) -> Claim:
    """Proposition 1 for one of its two methods."""
    followed = Followed(rule, field=slow_solutions)

    def by_engine() -> sympy.Expr:
        flow = modified_flow(rule.optimizer, order=2)
        return -(flow[PAIR] / flow[LEAF] / flow[LEAF]).as_expr() * H * ONE_MINUS

    def from_any_velocity(says: Statement, run: Flow) -> list[np.ndarray]:
        return second_order(run, *equation(says, run.h, run.values), MPFR.convert(fmpq(3, 7)))

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"{who} from a cold start is {{order}}-close, {{when}}, to the solution of {EQUATION} "
            r"from $x_0$ at any velocity, and meets those solutions that have no layer but for "
            r"{single} in a step, for {losses} and {domain}.",
            {"order": Order(1), "when": When.EVERY_STEP}
            | {"mass": Value(mass), "damping": Value(ONE_MINUS, "damping")}
            | {"single": Order(3), "losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("mass", identical("B-series engine", by_engine)),
            observed("observed order", followed.errors(from_any_velocity)),
            followed.on_losses(),
            followed.in_domain(),
        ),
    )


@claim(
    "lyu2023.second-order-flow",
    catalogue="E04",
    where="Proposition 1, heavy ball",
    printed=second_hand(
        r"$\alpha=\frac{\eta(1+\mu)}{2(1-\mu)}$ (HB)",
        "the catalogue of published statements, E04",
    ),
)
def heavy_ball_equation() -> Claim:
    r"""$\frac{1+\beta}2h^2\ddot x+(1-\beta)h\dot x=-h\nabla E$ from
    $x(t+h)-x-\beta(x-x(t-h))$; divide by $h$. It is the modified equation of Kovachki and Stuart
    for $a=0$.
    """
    return second_order_claim(HEAVY_BALL, "Heavy ball", H * (1 + BETA) / 2)


@claim(
    "lyu2023.second-order-flow-nesterov",
    catalogue="E04",
    where="Proposition 1, Nesterov",
    printed=second_hand(
        r"$\frac{\eta(1-\mu+2\mu^2)}{2(1-\mu)}$ (NAG)",
        "the catalogue of published statements, E04",
    ),
)
def nesterov_equation() -> Claim:
    r"""The gradient is taken at $x+\beta(x-x(t-h))=x+\beta h\dot x+O(h^2)$, which adds
    $-\beta h^2\nabla^2E\,\dot x$ on the right; with $-\nabla^2E\,\dot x=(1-\beta)\ddot x+O(h)$ the
    coefficient of $h^2\ddot x$ falls by $\beta(1-\beta)$ to $(1+\beta)/2-\beta(1-\beta)$. It is
    the modified equation of Kovachki and Stuart for $a=\beta$.
    """
    return second_order_claim(NESTEROV, "Nesterov's method", H * (1 - BETA + 2 * BETA**2) / 2)
