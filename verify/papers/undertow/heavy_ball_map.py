"""One step of heavy ball as a map, and the loss on which it is gradient descent.

On the slow manifold the velocity is a function of the position, so that a step is a map x -> x + N.
beta is the momentum, h the step size, E the loss; g, H, T are the derivatives of E.
"""

from __future__ import annotations

import numpy as np
import sympy

from derive import discrete_modified_loss, heavy_ball, initial_shift
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, SQUARE
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import (
    CHAIN,
    FORK,
    HEAVY_BALL,
    PROBE,
    Number,
    Point,
    Weighed,
    at,
    layer_fades,
    order_at_each,
    shifted,
)
from verify.claims.checks.one_step_maps import (
    MAP_CURVATURE_TERM,
    MEMORY_LOSS,
    curvature_by_engine,
    map_path,
    same_step,
)
from verify.claims.claim import Check, Claim, Verdict, claim
from verify.running.experiments import Flow
from verify.running.residuals import Weights

HERE = (*MOMENTUM, *STEP)
BESIDE_CURVATURE = r"\nabla^{2}E[\nabla E,\nabla E]"


def map_from_shift(weights: Weighed, order: int) -> Check:
    """The candidate's map, started where the lasting flow starts, is this close at the end."""

    def follow(c: Number, run: Flow) -> list[np.ndarray]:
        step = weights(c, run.h, run.values)
        return map_path(run, lambda _: step, shifted(run, HEAVY_BALL, order - 1))

    return order_at_each("observed order, shifted start", HEAVY_BALL, follow, order)


MAP_TERM = H * BETA / (2 * ONE_MINUS**3)


@claim("undertow.map-loss", catalogue="E11", where="one step of heavy ball as a map")
def map_loss() -> Claim:
    """v_(k+1) = -h Σ β^j g(x_(k-j)) and x_(k-j) = x_k + jhg/(1-β) + O(h²) on the slow manifold. So
    a step is -hg/(1-β) - h²/(1-β) Σ jβ^j Hg = -hg/(1-β) - h²β/(1-β)³ Hg, and Hg = ∇|∇E|²/2.
    """

    def weights(c: Number, h: Number, point: Point) -> Weights:
        return {LEAF: h / (1 - point["beta"]), PAIR: -(h * c * 2)}

    def by_engine() -> sympy.Expr:
        loss = discrete_modified_loss(heavy_ball, order=2)
        return H * (loss.scale * loss.terms[PAIR]).as_expr()

    return Claim(
        statement=(
            r"On its slow manifold heavy ball is $x_{k+1} = x_k-h\nabla S(x_k)+O(h^3)$ with "
            r"$S = E/(1-\beta)$ plus {formula}."
        ),
        printed=Formula("mapLoss", MAP_TERM, SQUARE, given=HERE),
        checks=(
            identical("B-series engine", by_engine),
            same_step("exact residual of the map", weights, begins=3),
            map_from_shift(weights, 2),
        ),
        expected=Verdict.CONFIRMED,
    )


def curvature_weights(c: Number, h: Number, point: Point) -> Weights:
    """The map of E/(1-beta) + MAP_TERM |grad E|^2 + c gHg, whose gradient is 2HHg + T[g,g]."""
    return {
        LEAF: h / (1 - point["beta"]),
        PAIR: -(h * at(MAP_TERM, h, point) * 2),
        CHAIN: h * c * 2,
        FORK: h * c,
    }


@claim("undertow.map-loss-curvature", catalogue="E11", where="one step of heavy ball as a map")
def map_loss_curvature() -> Claim:
    """With w = 1/(1-β) and y the point before x: N(x) = βN(y) - hg(x) and y = x - N(y). From
    N = -hwg - h²βw³ Hg + h³N3 + ... follows y = x + hwg + h²w³ Hg + O(h³). At h³ the first two
    terms of N(y) give -(1+β)w⁴ (HHg + T[g,g]/2). So N3 = -β(1+β)w⁵/2 (2HHg + T[g,g]), and
    2HHg + T[g,g] is the gradient of gHg.
    """
    return Claim(
        statement=(
            r"On its slow manifold heavy ball is $x_{k+1} = x_k-h\nabla S(x_k)+O(h^4)$ with "
            r"$S = E/(1-\beta)+h\beta/(2(1-\beta)^3)\,\lVert\nabla E\rVert^2$ plus {formula}."
        ),
        printed=Formula("mapLossCurvature", MAP_CURVATURE_TERM, BESIDE_CURVATURE, given=HERE),
        checks=(
            identical("B-series engine", curvature_by_engine),
            same_step("exact residual of the map", curvature_weights, begins=4),
            map_from_shift(curvature_weights, 3),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("undertow.memoryless-start", catalogue="E16", where="the memoryless iteration in its limit")
def memoryless_start() -> Claim:
    """The limits of F_k and M_k from the first step on add h Σ β^(k+1)/(1-β) (-g) = -hβ/(1-β)² g to
    the path. As for the flow, this map is O(h)-close from x_0, and O(h²)-close from
    x_0 + hβ/(1-β)² ∇E(x_0) once β^k has died out.
    """

    def by_engine() -> sympy.Expr:
        return -H * initial_shift(heavy_ball, order=1)[LEAF].as_expr()

    def follow(c: Number, run: Flow) -> list[np.ndarray]:
        force = run.h / (1 - run.values["beta"])
        steady = {LEAF: force, PAIR: -(at(MEMORY_LOSS, run.h, run.values) * force * 2)}
        return map_path(run, lambda _: steady, run.x0 + run.gradient() * c)

    return Claim(
        statement=(
            r"After its start-up heavy ball is $O(h^2)$-close to gradient descent with step "
            r"$h/(1-\beta)$ on $E+h\beta/(2(1-\beta)^2)\,\lVert\nabla E\rVert^2$ started at "
            r"$x_0+s\nabla E(x_0)$, and from $x_0$ only $O(h)$-close; $s$ is {formula}."
        ),
        printed=Formula("memorylessStart", H * BETA / ONE_MINUS**2, given=HERE),
        checks=(
            identical("B-series engine", by_engine),
            layer_fades(HEAVY_BALL, lambda c, _: c / PROBE),
            order_at_each("observed order at the final time", HEAVY_BALL, follow, 2),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"The start-up is over: $k \ge 2\log(1/h)/\log(1/\beta)$.",
    )
