"""One step of heavy ball as a map: Cattaneo and Shigida (2025), Lyu et al. (2025), and our own.

On the slow manifold the velocity is a function of the position, so that a step is a map x -> x + N.
beta is the momentum, h the step size, E the loss; g, H, T are the derivatives of E.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_series, fmpq

from derive import discrete_modified_loss, heavy_ball, lessard
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, RESIDUAL_BETAS, SQUARE
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import (
    CHAIN,
    FORK,
    HEAVY_BALL,
    PROBE,
    Point,
    Weighed,
    at,
    curl,
    displaced,
    on_plane,
    order_at_each,
    plane_gradient,
    shifted,
    slow_displacement,
    written,
)
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.claims.equality import in_ring
from verify.running.experiments import Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import Field
from verify.running.losses import VectorField
from verify.running.numbers import BALL, MPFR, Arithmetic, PowerSeries, power_series, precision
from verify.running.recording import JUDGED, recorder
from verify.running.residuals import Weights, lowest_power
from verify.running.trajectories import vector

Number = Any
HERE = (*MOMENTUM, *STEP)
BESIDE_CURVATURE = r"\nabla^{2}E[\nabla E,\nabla E]"


def displacement(
    loss: VectorField, weights: Weights, x: np.ndarray, arithmetic: Arithmetic
) -> np.ndarray:
    """The sum of weights[t] F(t)(x)."""
    field = Field(loss, weights)
    return vector(field.program.at([*x, *field.fixed(x[0] * 0)], arithmetic))


def same_step(name: str, weights: Weighed, *, begins: int) -> Check:
    """On the iterates of the map x -> x + sum weights[t] F(t)(x) the declared step is that map.

    Up to, and without, this power of h. The memory comes from the point before, found by iterating
    before = here - (the map's displacement at before).
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        length = begins + 1
        arithmetic, h = power_series(length), PowerSeries.step(length)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            here = vector([arithmetic.convert(x) for x in starting_point(draw, dimension)])
            grad = loss.gradient_function(arithmetic)
            for point in HEAVY_BALL.grid:
                step = weights(at(candidate, h, point), h, point)
                before = here
                for _ in range(length):
                    before = here - displacement(loss, step, before, arithmetic)
                after, _ = heavy_ball.step(here, [here - before], grad, h, dict(point))
                power = lowest_power(after - here - displacement(loss, step, here, arithmetic))
                if power < begins:
                    return False, f"h^{power} is left at {written(point)} on E = {loss.text}"
        return True, f"begins at h^{begins} on 3 losses, at {len(HEAVY_BALL.grid)} parameters each"

    return exact(name, Kind.SERIES, holds)


def map_path(run: Flow, weights: Callable[[int], Weights], start: np.ndarray) -> list[np.ndarray]:
    """start and its images under the maps x -> x + sum weights(k)[t] F(t)(x)."""
    path = [start]
    for k in range(run.steps):
        path.append(path[-1] + displacement(run.loss, weights(k), path[-1], MPFR))
    return path


def map_from_shift(weights: Weighed, order: int) -> Check:
    """The candidate's map, started where the lasting flow starts, is this close at the end."""

    def follow(c: Number, run: Flow) -> list[np.ndarray]:
        step = weights(c, run.h, run.values)
        return map_path(run, lambda _: step, shifted(run, HEAVY_BALL, order - 1))

    return order_at_each("observed order, shifted start", HEAVY_BALL, follow, order)


MAP_TERM = H * BETA / (2 * ONE_MINUS**3)
MAP_CURVATURE_TERM = H**2 * BETA * (1 + BETA) / (2 * ONE_MINUS**5)


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


def curvature_by_engine() -> sympy.Expr:
    loss = discrete_modified_loss(heavy_ball, order=3)
    return H**2 * (loss.scale * loss.terms[CHAIN]).as_expr()


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


@claim("cattaneo2025.exact-modified-loss", catalogue="E11", where="abstract")
def exact_modified_loss() -> Claim:
    """Heavy ball in (x, v) multiplies the symplectic form by β, so the form vanishes on the slow
    manifold v = V(x), which attracts: V is a gradient, and so is the step βV - h∇E, to every order.
    With a look-ahead a the coefficients of the step on the two rootings of the path of three nodes
    differ by a/(1-β)⁴: of the family only heavy ball, a = 0, is gradient descent on some loss.
    """

    def by_trees(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        gamma = sympy.Symbol("gamma")
        for obstruction in discrete_modified_loss(lessard.at(alpha=1), order=3).obstructions:
            first, other = obstruction.values.values()
            gap = in_ring((first - other).as_expr().subs(gamma, candidate))
            if (log := recorder()) is not None:
                left, right = (side.as_expr().subs(gamma, JUDGED) for side in (first, other))
                log.identity(left, right, not gap)
            if gap:
                return False, f"at h^3 the coefficients differ by {gap}"
        further = discrete_modified_loss(heavy_ball, order=9).obstructions
        return not further, "one value on all rootings of the trees of up to 9 nodes"

    def on_the_plane(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        gradient = plane_gradient(on_plane(bounded_polynomial(random.Random(settings.seed), 2)))
        for beta in RESIDUAL_BETAS:
            look_ahead = at(candidate, PROBE, {"beta": beta})
            for order in (3, 9):
                steps = slow_displacement(gradient, beta, look_ahead, order)
                for n, step in enumerate(steps):
                    if curl(step):
                        return False, f"the Jacobian is not symmetric at h^{n}, beta = {beta}"
        return True, "the map's Jacobian is symmetric through h^9 for 9 beta, as polynomials"

    return Claim(
        statement=(
            "On its slow manifold the iteration "
            r"$x_{k+1} = x_k+\beta(x_k-x_{k-1})-h\nabla E(x_k+a(x_k-x_{k-1}))$ is exactly gradient "
            "descent on a modified loss for heavy ball only, that is for $a$ equal to {formula}."
        ),
        printed=Formula("gradientLookAhead", sympy.Integer(0), given=()),
        checks=(
            exact("coefficients on the rootings of a tree", Kind.SYMBOLIC, by_trees),
            exact("Jacobian on the plane, without trees", Kind.SERIES, on_the_plane),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            "To every order in $h$, checked through $h^9$. That heavy ball is gradient descent is "
            "the paper's statement; that no other $a$ is, is added here."
        ),
    )


@claim(
    "lyu2025.directional-smoothness",
    catalogue="E13",
    where="regularization of the directional smoothness; the coefficient is derived here",
)
def directional_smoothness() -> Claim:
    """The h² term of the map's loss is h²β(1+β)/(2(1-β)⁵) gHg. Along the unit vector u = g/|g| the
    loss has the second derivative uHu = gHg/|g|²: gHg is |g|² times the curvature of E in the
    direction in which it is steepest.
    """

    def potential(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        value = on_plane(bounded_polynomial(random.Random(settings.seed), 2))
        gradient = plane_gradient(value)
        rest = (value * 0, value * 0)
        # s -> E(x + s g) has the second derivative gHg = |g|^2 uHu
        form = 2 * displaced(value, [rest, gradient], 2)
        for beta in RESIDUAL_BETAS:
            step = slow_displacement(gradient, beta, fmpq(0), 3)[3]
            c = at(candidate, PROBE, {"beta": beta}) / PROBE**2
            if any(p != -c * form.derivative(axis) for p, axis in zip(step, "xy", strict=True)):
                return False, f"not the gradient of the h^3 term at beta = {beta}"
        return True, "the h^3 term of the map is minus its gradient, as polynomials, for 9 beta"

    def along_the_unit_gradient(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            bound, widest = arb(10) ** (10 - settings.digits), arb(0)
            for dimension in (1, 2, 3) * 4:
                loss, x = bounded_polynomial(draw, dimension), starting_point(draw, dimension)
                beta, h = fmpq(draw.randint(1, 99), 100), fmpq(1, 8)
                g = loss.gradient.at([arb(c) for c in x], BALL)
                size = sum((c * c for c in g), start=arb(0)).sqrt()
                line = [arb_series([arb(c), d / size], prec=3) for c, d in zip(x, g, strict=True)]
                curvature = 2 * loss.value(line)[2]
                bent = loss.derivative(1).at([*map(arb, x), *g], BALL)
                form = sum((c * d for c, d in zip(g, bent, strict=True)), start=arb(0))
                exactly = at(curvature_by_engine(), h, {"beta": beta})
                gap = at(candidate, h, {"beta": beta}) * size**2 * curvature - exactly * form
                if not gap.contains(0):
                    return Evidence(False, f"off by {gap.str(5, radius=False)} at beta = {beta}")
                widest = max(widest, gap.rad(), key=float)
        figure = f"0 enclosed 12 times, radius {float(widest):.0e}"
        return Evidence(True if widest < bound else None, figure)

    return Claim(
        statement=(
            r"The $h^2$ term of the loss that one step of heavy ball descends is {formula} times "
            r"the curvature of $E$ along the direction of its gradient."
        ),
        printed=Formula("directionalSmoothness", MAP_CURVATURE_TERM, SQUARE, given=HERE),
        checks=(
            identical("B-series engine", curvature_by_engine),
            exact("potential on the plane, without trees", Kind.SERIES, potential),
            Check("second derivative along the unit gradient", Kind.BALL, along_the_unit_gradient),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            "For the map after the start-up. The paper's own coefficients, of a flow that changes "
            "with $k$, were not at hand."
        ),
    )
