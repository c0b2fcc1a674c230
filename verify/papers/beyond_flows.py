"""Which flows do momentum methods follow? Kovachki and Stuart, Lyu et al., Miyagawa, and our own.

The papers' letters are written in ours: beta is the momentum (lambda, mu), h the step size (eta), E
the loss (Phi, L); a is how far the gradient looks ahead, 0 for heavy ball and beta for Nesterov.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from derive import initial_shift, lessard, modified_flow, modified_loss
from derive.engine.expansion import steady_flow, transient_flow
from derive.language.differentials import latex_differential
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, K
from derive.language.trees import LEAF, Tree
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, SQUARE, loss_weights, value
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import (
    CHAIN,
    DESCENT,
    FAMILY,
    FORK,
    HEAVY_BALL,
    NESTEROV,
    PROBE,
    A,
    Point,
    Rule,
    at,
    flow_from_shift,
    layer_fades,
    leaves_no_residual,
    order_at_each,
)
from verify.claims.claim import Claim, Verdict, claim
from verify.models.written_fields import second_order
from verify.running.experiments import Flow
from verify.running.residuals import Weights

Number = Any

INERTIA = sympy.Mul(sympy.Rational(1, 2), 1 + BETA - 2 * A * ONE_MINUS, evaluate=False)
SPEED = (1 - 2 * A) / (1 + BETA - 2 * A * ONE_MINUS)
"""See the claims on the modified equation and on its starting velocity."""


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


FIRST_TERM = -H * (1 + BETA) / (2 * ONE_MINUS**3)
H2_TERMS = {
    CHAIN: -(H**2) * (1 + 4 * BETA + BETA**2) / (3 * ONE_MINUS**5),
    FORK: -(H**2) * (1 + 10 * BETA + BETA**2) / (12 * ONE_MINUS**5),
}
"""Heavy ball's x' beside HHg and T[g,g]; at beta = 0, gradient descent's."""


def h2_claim(
    name: str, rule: Rule, wanted: Tree, expr: sympy.Expr, statement: str, by_hand: sympy.Expr
) -> Claim:
    """One of the two terms of order h^2, the other one being as it stands in H2_TERMS."""
    other = CHAIN if wanted is FORK else FORK

    def number(expr: sympy.Expr, h: Number, point: Point) -> Number:
        return value(expr if point else expr.subs(BETA, 0), h=h, **point)

    def weights(c: Number, h: Number, point: Point) -> Weights:
        return {
            LEAF: rule.force(point),
            PAIR: number(FIRST_TERM, h, point),
            wanted: -c,
            other: -number(H2_TERMS[other], h, point),
        }

    def by_engine() -> sympy.Expr:
        coefficient = modified_flow(rule.optimizer, order=3)[wanted]
        return -(H**2) * coefficient.as_expr() / wanted.symmetry

    def taken() -> sympy.Expr:
        e1, e2, e3 = sympy.symbols("E1 E2 E3")  # the derivatives of E: the terms E1 E2^2, E1^2 E3
        return H**2 * by_hand.subs({e1: 1, e2: int(wanted is CHAIN), e3: int(wanted is FORK)})

    return Claim(
        statement=statement,
        printed=Formula(
            name,
            expr,
            latex_differential(wanted),
            given=(*(MOMENTUM if rule.grid[0] else ()), *STEP),
        ),
        checks=(
            identical("B-series engine", by_engine),
            identical("expansion by hand in one dimension", taken),
            leaves_no_residual("exact residual", rule, weights, begins=4),
            flow_from_shift(rule, weights, order=3, at_end=rule is not DESCENT),
        ),
        expected=Verdict.CONFIRMED,
    )


def descent_claim(name: str, wanted: Tree, expr: sympy.Expr) -> Claim:
    """A term of the flow of gradient descent."""
    statement = (
        r"Gradient descent is $O(h^3)$-close to $x' = -\nabla E-h/2\,\nabla^2E\,\nabla E$ plus two "
        "terms of order $h^2$, one of which is {formula}."
    )
    first_step = transient_flow(3)[2].subs(K, 0)
    return h2_claim(name, DESCENT, wanted, expr, statement, first_step)


@claim(
    "miyagawa2022.counter-term-hessian",
    catalogue="E08",
    where="equation of motion; its counter term to second order is derived here",
)
def descent_chain() -> Claim:
    """The flow of F = F0 + hF1 + h²F2, F0 = -g, over the time h is x - hg. With g, H, T the
    derivatives of E: at h² F1 = -F0'F0/2 = -Hg/2; at h³ F2 = -(F0'F1 + F1'F0)/2 - F0'F0'F0/6 -
    F0''[F0,F0]/6. The terms in HHg are -(1/2 + 1/2)/2 + 1/6 = -1/3. So Miyagawa's counter term,
    which times h is subtracted from -g, is Hg/2 + h(HHg/3 + T[g,g]/12) + O(h²).
    """
    return descent_claim("descentChain", CHAIN, -(H**2) / 3)


@claim(
    "miyagawa2022.counter-term-third-derivative",
    catalogue="E08",
    where="equation of motion; its counter term to second order is derived here",
)
def descent_fork() -> Claim:
    """In F2 = -(F0'F1 + F1'F0)/2 - F0'F0'F0/6 - F0''[F0,F0]/6 with F0 = -g and F1 = -Hg/2, the term
    T[g,g] comes from F1'F0, with 1/2, and from F0''[F0,F0], with -1: -1/4 + 1/6 = -1/12.
    """
    return descent_claim("descentFork", FORK, -(H**2) / 12)


def heavy_ball_claim(name: str, wanted: Tree) -> Claim:
    """A term of the flow of heavy ball."""
    statement = (
        r"After its start-up heavy ball is $O(h^3)$-close to the flow of its modified loss plus "
        "two terms of order $h^2$ in $x'$, one of which is {formula}."
    )
    by_hand = steady_flow(3)[2]
    return h2_claim(name, HEAVY_BALL, wanted, H2_TERMS[wanted], statement, by_hand)


@claim("undertow.heavy-ball-flow-hessian", catalogue="E14", where="second-order flow of heavy ball")
def heavy_ball_chain() -> Claim:
    """x(t+h) - (1+β) x + β x(t-h) = -hg is, divided by (1-β) h, with w = 1/(1-β) and up to O(h³),
    x' = -wg - (1+β)wh x''/2 - h² x'''/6. So x' = F0 + hF1 + h²F2 with F0 = -wg, F1 = -(1+β)w³ Hg/2.
    At h x'' is F0'F1 + F1'F0 = (1+β)w⁴ (HHg + T[g,g]/2), and x''' is -w³ (HHg + T[g,g]) + O(h). The
    terms in HHg are -(1+β)²w⁵/2 + w³/6 = -(3(1+β)² - (1-β)²)w⁵/6 = -(1+4β+β²)w⁵/3.
    """
    return heavy_ball_claim("heavyBallChain", CHAIN)


@claim(
    "undertow.heavy-ball-flow-third-derivative",
    catalogue="E14",
    where="second-order flow of heavy ball",
)
def heavy_ball_fork() -> Claim:
    """In x' = -wg - (1+β)wh x''/2 - h² x'''/6, w = 1/(1-β), the h term of x'' holds (1+β)w⁴/2 times
    T[g,g] and x''' holds -w³ T[g,g]: -(1+β)²w⁵/4 + w³/6 = -(3(1+β)² - 2(1-β)²)w⁵/12, which is
    -(1+10β+β²)w⁵/12.
    """
    return heavy_ball_claim("heavyBallFork", FORK)
