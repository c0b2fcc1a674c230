"""Which flow and which loss momentum follows: Kovachki and Stuart (2021).

In our letters: beta is the momentum (their lambda), h the step size, E the loss (Phi); a is how far
the gradient looks ahead, 0 for heavy ball and beta for Nesterov.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from derive import initial_shift, lessard, modified_flow, modified_loss
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF, Tree
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, SQUARE, loss_weights
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import (
    FAMILY,
    PROBE,
    A,
    Point,
    at,
    flow_from_shift,
    layer_fades,
    leaves_no_residual,
    order_at_each,
)
from verify.claims.checks.momentum_flows import SPEED
from verify.claims.claim import Claim, Verdict, claim
from verify.models.written_fields import second_order
from verify.running.experiments import Flow
from verify.running.residuals import Weights

Number = Any
INERTIA = sympy.Mul(sympy.Rational(1, 2), 1 + BETA - 2 * A * ONE_MINUS, evaluate=False)


def family_path(run: Flow, inertia: Number, speed: Number) -> list[np.ndarray]:
    """h inertia u'' + (1-beta) u' = -grad E(u) from u'(0) = -speed grad E(u(0))."""
    return second_order(run, run.h * inertia, 1 - run.values["beta"], speed)


def family_engine(t: Tree) -> sympy.Expr:
    """The family's coefficient b(t) of the modified flow."""
    flow = modified_flow(lessard.at(alpha=1), order=2)
    return flow[t].as_expr().subs(sympy.Symbol("gamma"), A)


@claim("kovachki2021.rescaled-flow", catalogue="E01", where="first theorem, as recalled")
def rescaled_flow() -> Claim:
    """On a slow curve u_n - u_(n-1) = h u' + O(h²), so the update says (1-β) h u' = h f(u) + O(h²):
    the look-ahead a does not enter. The first steps lack h β^(n+1)/(1-β) f each, in sum O(h), and
    the method is stable for f with a bounded derivative: O(h) at every step up to a fixed time.
    """

    def weights(c: Number, h: Number, point: Point) -> Weights:
        return {LEAF: c}

    return Claim(
        statement=(
            r"The iteration $u_{n+1} = u_n+\beta(u_n-u_{n-1})+hf(u_n+a(u_n-u_{n-1}))$, "
            r"$f = -\nabla E$, started at rest, is $O(h)$-close to $u' = cf(u)$ with $c$ equal to "
            r"{formula}."
        ),
        printed=Formula("rescaledForce", 1 / ONE_MINUS),
        checks=(
            identical("B-series engine", lambda: family_engine(LEAF)),
            leaves_no_residual("exact residual", FAMILY, weights, begins=2),
            order_at_each(
                "observed order over all steps",
                FAMILY,
                lambda c, run: run.steady({LEAF: c}),
                1,
                at_end=False,
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$f$ is bounded with a bounded derivative.",
    )


@claim("kovachki2021.modified-equation", catalogue="E02", where="modified equation, as recalled")
def modified_equation() -> Claim:
    """For any smooth curve u(t+h) - u - β(u - u(t-h)) = (1-β) h u' + (1+β) h² u''/2 + O(h³), and
    f(u + a(u - u(t-h))) = f(u) + a h f'(u) u' + O(h²). If (1-β) u' + h α u'' = f(u), then
    f'(u) u' = (1-β) u'' + O(h), and the update is met to O(h³) for α = (1+β)/2 - a(1-β).
    The slow solutions are those of u' = f/(1-β) - hα f'f/(1-β)³ + O(h²). The paper's rate is O(h),
    and holds for every bounded u'(0); for one it is O(h²), see the claim on the starting velocity.
    """

    def weights(c: Number, h: Number, point: Point) -> Weights:
        force = 1 / (1 - point["beta"])
        return {LEAF: force, PAIR: -(h * (c * force**3))}

    return Claim(
        statement=(
            r"The iteration with momentum $\beta$ and look-ahead $a$ follows "
            r"$h\alpha u''+(1-\beta)u' = -\nabla E(u)$ with $\alpha$ equal to {formula}."
        ),
        printed=Formula("familyInertia", INERTIA),
        checks=(
            identical("B-series engine", lambda: -family_engine(PAIR) * ONE_MINUS**3),
            leaves_no_residual("exact residual of the slow solutions", FAMILY, weights),
            order_at_each(
                "observed order of the second-order equation",
                FAMILY,
                lambda c, run: family_path(run, c, at(SPEED, run.h, run.values)),
                2,
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"$\alpha > 0$, that is $2a(1-\beta) < 1+\beta$; heavy ball ($a = 0$) and Nesterov "
            r"($a = \beta$) always meet it."
        ),
    )


@claim("kovachki2021.starting-velocity", catalogue="E02", where="modified equation, sharpened")
def starting_velocity() -> Claim:
    """From u'(0) = c f the velocity relaxes to f/(1-β) at the rate (1-β)/(hα); the slow solution
    starts at u_0 + (c - 1/(1-β)) hα/(1-β) f. A cold-started iteration tends to the slow solution
    from u_0 - hβ/(1-β)² f. Both agree for c = (1 - β/α)/(1-β); with 2α = 1+β - 2a(1-β) this is the
    formula: 1/(1+β) for heavy ball, (1-2β)/(1-β+2β²) for Nesterov. During the first steps the two
    layers differ, so over all n >= 1 the order is 1 for every c.
    """

    def by_engine() -> sympy.Expr:
        shift = initial_shift(lessard.at(alpha=1), order=1)[LEAF].as_expr()
        inertia = -family_engine(PAIR) * ONE_MINUS**3
        return 1 / ONE_MINUS + shift * ONE_MINUS / inertia

    def shift(c: Number, point: Point) -> Number:
        beta = point["beta"]
        return (1 / (1 - beta) - c) * at(INERTIA, PROBE, point) / (1 - beta)

    return Claim(
        statement=(
            r"Started at rest, the iteration is $O(h^2)$-close after its start-up to the "
            r"modified equation with $u'(0) = -c\nabla E(u_0)$ for exactly one $c$, which is "
            r"{formula}."
        ),
        printed=Formula("familyStartingVelocity", SPEED),
        checks=(
            identical("initial shift by the engine", by_engine),
            layer_fades(FAMILY, shift),
            order_at_each(
                "observed order at the final time",
                FAMILY,
                lambda c, run: family_path(run, at(INERTIA, run.h, run.values), c),
                2,
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"The start-up is over: $n \ge 2\log(1/h)/\log(1/\beta)$; and $\alpha > 0$.",
    )


@claim("kovachki2021.modified-loss", catalogue="E03", where="first-order flow on the manifold")
def family_loss() -> Claim:
    """The slow solutions of the modified equation satisfy u' = f/(1-β) - hα f'f/(1-β)³ + O(h²), and
    f'f = ∇|∇E|²/2: this is -1/(1-β) times the gradient of E + hα/(2(1-β)²) |∇E|².
    """

    def weights(c: Number, h: Number, point: Point) -> Weights:
        return loss_weights(c, 1 / (1 - point["beta"]))

    def by_engine() -> sympy.Expr:
        loss = modified_loss(lessard.at(alpha=1), order=2)
        return H * loss.terms[PAIR].as_expr().subs(sympy.Symbol("gamma"), A)

    return Claim(
        statement=(
            r"On its slow manifold the iteration with momentum $\beta$ and look-ahead $a$ follows, "
            r"to $O(h^2)$, $-1/(1-\beta)$ times the gradient of {formula}."
        ),
        printed=Formula(
            "familyLoss",
            H * (1 + BETA - 2 * A * ONE_MINUS) / (4 * ONE_MINUS**2),
            SQUARE,
            "E+",
            (*MOMENTUM, *STEP),
        ),
        checks=(
            identical("B-series engine", by_engine),
            leaves_no_residual("exact residual", FAMILY, weights),
            flow_from_shift(FAMILY, weights),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"The flow starts on the manifold, or after a start at rest from $x_0$ at "
            r"$x_0+h\beta/(1-\beta)^2\,\nabla E(x_0)$."
        ),
    )
