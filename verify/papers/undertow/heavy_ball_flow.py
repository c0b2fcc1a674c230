"""The second term of the flow of heavy ball, and why it is no gradient.

beta is the momentum, h the step size, E the loss; g, H, T are its derivatives.
"""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq

from derive import initial_shift, modified_flow, modified_loss
from derive.language.formula import BETA, H
from derive.language.trees import Tree
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import Followed, slot_rest
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, QUARTIC, RESIDUAL_BETAS, memory_fades
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import (
    CHAIN,
    FORK,
    HEAVY_BALL,
    along,
    curl,
    on_plane,
    plane_gradient,
    slow_displacement,
)
from verify.claims.checks.momentum_flows import FIRST_TERM, H2_TERMS
from verify.claims.checks.start_up import start_up
from verify.claims.checks.stated import bounded, observed
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on
from verify.claims.slots import Losses, Order, Point, Slot, Value, When
from verify.claims.statement import Statement, Type
from verify.running.families import bounded_polynomial, quadratic
from verify.running.losses import polynomial

PARABOLA = polynomial(1, (((2,), fmpq(1, 2)), ((1,), fmpq(-1, 3))), "x^2/2 - x/3")


def to_second_order(losses: Losses) -> Claim:
    """The flow of heavy ball through h^2; on quadratics its last term vanishes."""
    curved = losses is Losses.EVERY
    followed = Followed(HEAVY_BALL, begins=4)
    loss = QUARTIC if curved else PARABOLA
    errors = followed.errors(loss=loss, time=1, halvings=range(5, 10))

    def engine(t: Tree) -> sympy.Expr:
        return -(H**2) * modified_flow(HEAVY_BALL.optimizer, order=3)[t].as_expr() / t.symmetry

    def lasts(says: Statement, point: Point, settings: Settings) -> bool:
        draw = random.Random(settings.seed)
        loss = bounded_polynomial(draw, 1) if curved else quadratic(draw, 1)
        fades = memory_fades(HEAVY_BALL.optimizer, point)
        return fades and followed.meets(says, loss, draw, point)

    def start() -> sympy.Expr:
        return H**2 * initial_shift(HEAVY_BALL.optimizer, order=2)[PAIR].as_expr()

    slots: dict[str, Slot] = {
        "order": Order(3),
        "when": When.AFTER_START_UP,
        "force": Value(1 / ONE_MINUS),
    }
    slots |= {"pull": Value(FIRST_TERM), "chain": Value(H2_TERMS[CHAIN])}
    slots |= {"fork": Value(H2_TERMS[FORK])} if curved else {}
    slots |= {"shift": Value(H * BETA / ONE_MINUS**2)}
    slots |= {"bend": Value(H**2 * BETA * (2 + BETA) / ONE_MINUS**4)}
    named = r"$g:=\nabla E$, $H:=\nabla^2E$" + (r", $T:=\nabla^3E$" if curved else "")
    last = r"{+fork}T[g,g]" if curved else ""
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball from a cold start is {order}-close, {when}, to the flow "
            rf"$\dot x=-{{force}}g{{+pull}}Hg{{+chain}}HHg{last}$ from "
            rf"$x_0{{+shift}}g{{+bend}}Hg$, for {{losses}} and {{domain}}, {named}.",
            {**slots, "losses": losses, "domain": FADING},
        ),
        checks=(
            on("chain", identical("flow by B-series", lambda: engine(CHAIN))),
            *([on("fork", identical("fork by B-series", lambda: engine(FORK)))] if curved else []),
            on("bend", identical("start by B-series", start)),
            start_up(
                "decay of the h and h^2 terms", slot_rest, lambda beta: [[beta], [beta, beta]]
            ),
            observed("observed order", errors),
            followed.on_losses(),
            bounded("residual and fading memory", lasts),
        ),
    )


@claim(
    "undertow.heavy-ball-flow-hessian",
    catalogue="E14",
    where="second-order flow of heavy ball",
    printed=OURS,
)
def heavy_ball_chain() -> Claim:
    r"""$x(t+h)-(1+\beta)x+\beta x(t-h)=-hg$ is, divided by $(1-\beta)h$, with $w=1/(1-\beta)$ and
    up to $O(h^3)$, $\dot x=-wg-\frac{1+\beta}2wh\ddot x-\frac{h^2}6\dddot x$. So $\dot
    x=F_0+hF_1+h^2F_2$ with $F_0=-wg$, $F_1=-\frac{1+\beta}2w^3Hg$. At $h$ the second derivative is
    $F_0'F_1+F_1'F_0=(1+\beta)w^4(HHg+\frac12T[g,g])$, and the third is $-w^3(HHg+T[g,g])+O(h)$. The
    terms in $HHg$ are $-\frac{(1+\beta)^2}2w^5+\frac{w^3}6=-\frac{3(1+\beta)^2-(1-\beta)^2}6w^5$.
    """
    return to_second_order(Losses.QUADRATIC)


@claim(
    "undertow.heavy-ball-flow-third-derivative",
    catalogue="E14",
    where="second-order flow of heavy ball",
    printed=OURS,
)
def heavy_ball_fork() -> Claim:
    r"""In $\dot x=-wg-\frac{1+\beta}2wh\ddot x-\frac{h^2}6\dddot x$, $w=1/(1-\beta)$, the $h$ term
    of the second derivative holds $\frac{1+\beta}2w^4T[g,g]$ and the third holds $-w^3T[g,g]$:
    $-\frac{(1+\beta)^2}4w^5+\frac{w^3}6=-\frac{3(1+\beta)^2-2(1-\beta)^2}{12}w^5$.
    """
    return to_second_order(Losses.EVERY)


@claim(
    "undertow.flow-obstruction",
    catalogue="E08 E14",
    where="second-order flow of heavy ball",
    printed=OURS,
)
def flow_obstruction() -> Claim:
    r"""A field $-h^2(cHHg+dT[g,g])$ is a gradient for every loss only if $c=2d$, as
    $\nabla(g^THg)=2HHg+T[g,g]$. For heavy ball $c-2d=(2(1+4\beta+\beta^2)-(1+10\beta+\beta^2))w^5/6
    =(1-\beta)^2w^5/6$, $w=1/(1-\beta)$; gradient descent is $\beta=0$. It never vanishes.
    """

    def by_engine() -> sympy.Expr:
        (obstruction,) = modified_loss(HEAVY_BALL.optimizer, order=3).obstructions
        return H**2 * (obstruction.values[FORK] - obstruction.values[CHAIN]).as_expr()

    def curls(says: Statement, settings: Settings) -> tuple[bool, str]:
        gradient = plane_gradient(on_plane(bounded_polynomial(random.Random(settings.seed), 2)))
        h = fmpq(1, 3)

        def moved(field: Any, vector: Any) -> tuple[Any, Any]:
            return along(field, vector[0]), along(field, vector[1])

        twisted = curl(moved(moved(gradient, gradient), gradient))
        for beta in RESIDUAL_BETAS:
            # x + N is the flow of F0 + h F1 + h^2 F2 over h
            _, n1, n2, n3 = slow_displacement(gradient, beta, fmpq(0), 3)
            square = moved(n1, n1)
            f1 = tuple(n - s / 2 for n, s in zip(n2, square, strict=True))
            mixed = zip(moved(n1, f1), moved(f1, n1), moved(n1, square), strict=True)
            f2 = tuple(n - (a + b) / 2 - c / 6 for n, (a, b, c) in zip(n3, mixed, strict=True))
            found = [curl(field) for field in (n1, f1, f2)]
            first = next((n for n, c in enumerate(found) if c != 0), len(found))
            if first != says["order"].power:
                return False, f"the curl begins at h^{first}, beta = {beta}"
            if found[2] * h**2 != twisted * says.number("term", h=h, beta=beta):
                return False, f"another curl at beta = {beta}"
        return True, "the curl as a polynomial, for 9 beta"

    return Claim(
        says=Statement(
            Type.EXISTENCE,
            r"The flow that heavy ball follows once its start-up is over is the gradient of some "
            r"loss, for every $E$, below {order}; at this order it is one but for "
            r"${term}\,\nabla^2E\,\nabla^2E\,\nabla E$.",
            {"order": Order(2), "term": Value(-(H**2) / (6 * ONE_MINUS**3))},
        ),
        checks=(
            on("term", identical("obstruction by B-series", by_engine)),
            exact("curl on the plane, without trees", Kind.SERIES, curls),
        ),
    )
