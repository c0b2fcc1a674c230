"""One step of heavy ball as a map, and the loss on which it is gradient descent.

On the slow manifold the velocity is a function of the position, so that a step is a map x -> x + N.
beta is the momentum, h the step size, E the loss; g, H, T are the derivatives of E.
"""

from __future__ import annotations

from typing import Any

import sympy

from derive import discrete_modified_loss, heavy_ball, initial_shift
from derive.language.formula import BETA, H
from derive.language.trees import LEAF
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import CHAIN, FORK, HEAVY_BALL, Point, layer_fades
from verify.claims.checks.one_step_maps import (
    MAP_CURVATURE_TERM,
    MEMORY_LOSS,
    StatedMap,
    curvature_by_engine,
)
from verify.claims.checks.stated import observed
from verify.claims.claim import OURS, Claim, claim, on
from verify.claims.slots import Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.running.residuals import Weights

Number = Any
MAP_TERM = H * BETA / (2 * ONE_MINUS**3)
ON_THE_MAP = (
    r"Heavy ball is {order}-close, {when}, to $x_{k+1}:=x_k-h\nabla S(x_k)$ with "
    r"$S:={scale}E{+square}\lVert\nabla E\rVert^2"
)
STARTED = (
    "when its first velocity is the last displacement of that iteration, for {losses} and {domain}."
)


def map_weights(says: Statement, h: Number, point: Point) -> Weights:
    """x - h grad S of the slots: the gradient of g^T H g is 2HHg + T[g,g]."""
    weights = {
        LEAF: h * says.number("scale", h=h, **point),
        PAIR: h * says.number("square", h=h, **point) * -2,
    }
    if "bend" in says.slots:
        bend = h * says.number("bend", h=h, **point)
        weights |= {CHAIN: bend * 2, FORK: bend}
    return weights


@claim("undertow.map-loss", catalogue="E11", where="one step of heavy ball as a map", printed=OURS)
def map_loss() -> Claim:
    r"""$v_{k+1}=-h\sum\beta^j\nabla E(x_{k-j})$, and $x_{k-j}=x_k+\frac{jh}{1-\beta}\nabla
    E+O(h^2)$ on the slow manifold. So a step is $-\frac h{1-\beta}\nabla E-\frac{h^2}{1-\beta}\sum
    j\beta^j\,\nabla^2E\,\nabla E =-\frac h{1-\beta}\nabla
    E-\frac{h^2\beta}{(1-\beta)^3}\nabla^2E\,\nabla E$, and $\nabla^2E\,\nabla
    E=\frac12\nabla\lVert\nabla E\rVert^2$.
    """

    def by_engine() -> sympy.Expr:
        loss = discrete_modified_loss(heavy_ball, order=2)
        return H * (loss.scale * loss.terms[PAIR]).as_expr()

    followed = StatedMap(map_weights, 2)
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            f"{ON_THE_MAP}$, {STARTED}",
            {"order": Order(2), "when": When.EVERY_STEP, "scale": Value(1 / ONE_MINUS)}
            | {"square": Value(MAP_TERM), "losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("square", identical("B-series of the map", by_engine)),
            observed("observed order", followed.errors(warm=True)),
            *followed.residuals(),
        ),
    )


@claim(
    "undertow.map-loss-curvature",
    catalogue="E11",
    where="one step of heavy ball as a map",
    printed=OURS,
)
def map_loss_curvature() -> Claim:
    r"""With $w=1/(1-\beta)$ and $y$ the point before $x$: $N(x)=\beta N(y)-h\nabla E(x)$ and
    $y=x-N(y)$. From $N=-hwg-h^2\beta w^3Hg+h^3N_3+\dots$ follows $y=x+hwg+h^2w^3Hg+O(h^3)$. At
    $h^3$ the first two terms of $N(y)$ give $-(1+\beta)w^4(HHg+\frac12T[g,g])$. So
    $N_3=-\frac12\beta(1+\beta)w^5(2HHg+T[g,g])$, the gradient of a multiple of $g^THg$.
    """
    followed = StatedMap(map_weights, 3)
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"{ON_THE_MAP}{{+bend}}\nabla E^T\nabla^2E\,\nabla E$, {STARTED}",
            {"order": Order(3), "when": When.EVERY_STEP, "scale": Value(1 / ONE_MINUS)}
            | {"square": Value(MAP_TERM), "bend": Value(MAP_CURVATURE_TERM)}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("bend", identical("B-series of the map", curvature_by_engine)),
            observed("observed order", followed.errors(warm=True)),
            *followed.residuals(),
        ),
    )


@claim(
    "undertow.memoryless-start",
    catalogue="E16",
    where="the memoryless iteration in its limit",
    printed=OURS,
)
def memoryless_start() -> Claim:
    r"""The limits of $F_k$ and $M_k$ from the first step on add
    $-h\sum\beta^{k+1}/(1-\beta)\,\nabla E=-h\beta/(1-\beta)^2\,\nabla E$ to the path. The shift of
    the start takes it back, once $\beta^k$ has died out.
    """

    def by_engine() -> sympy.Expr:
        return -H * initial_shift(heavy_ball, order=1)[LEAF].as_expr()

    def weights(says: Statement, h: Number, point: Point) -> Weights:
        step = says.number("step", h=h, **point)
        return {LEAF: step, PAIR: step * says.number("memory", h=h, **point) * -2}

    followed = StatedMap(weights, 2)
    errors = followed.errors()
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Heavy ball from a cold start is {order}-close, {when} and {early}-close "
            r"{over}, to gradient descent with the step {step} on "
            r"$E{+memory}\lVert\nabla E\rVert^2$ from $x_0{+shift}\nabla E(x_0)$, for {losses} and "
            "{domain}.",
            {"order": Order(2), "when": When.AFTER_START_UP, "early": Order(1)}
            | {"over": When.EVERY_STEP}
            | {"step": Value(H / ONE_MINUS), "memory": Value(MEMORY_LOSS)}
            | {"shift": Value(H * BETA / ONE_MINUS**2), "losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            on("shift", identical("start by B-series", by_engine)),
            on("shift", layer_fades(HEAVY_BALL, lambda c, _: c / 2)),
            observed("observed order", errors),
            observed("observed order over all steps", errors, order="early", when="over"),
            *followed.residuals(),
        ),
    )
