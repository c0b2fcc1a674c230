"""One step of heavy ball and the directional smoothness: Lyu et al. (2025).

beta is the momentum, h the step size, E the loss; g, H, T are the derivatives of E.
"""

from __future__ import annotations

import random

import sympy
from flint import arb, arb_series, fmpq

from verify.claims.checks.heavy_ball import RESIDUAL_BETAS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import (
    PROBE,
    at,
    displaced,
    on_plane,
    plane_gradient,
    slow_displacement,
)
from verify.claims.checks.one_step_maps import MAP_CURVATURE_TERM, curvature_by_engine
from verify.claims.claim import OURS, Check, Claim, Evidence, Kind, Settings, claim, on
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import BALL, precision


@claim(
    "lyu2025.directional-smoothness",
    catalogue="E13",
    where="regularization of the directional smoothness, autonomous",
    printed=OURS,
)
def directional_smoothness() -> Claim:
    r"""The $h^2$ term of the map's loss is $h^2\beta(1+\beta)/(2(1-\beta)^5)\,gHg$. Along the unit
    vector $u=g/|g|$ the loss has the second derivative $uHu=gHg/|g|^2$: $gHg$ is $|g|^2$ times the
    curvature of $E$ in the direction in which it is steepest. The paper's own coefficients, of a
    flow that changes with $k$, were not at hand.
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
        says=Statement(
            Type.EQUALITY,
            r"One step of heavy ball, after the start-up, descends a loss whose $h^2$ term is "
            r"${factor}\,\lVert\nabla E\rVert^2\,\partial_u^2E$, $u:=\nabla E/\lVert\nabla "
            r"E\rVert$.",
            {"factor": Value(MAP_CURVATURE_TERM)},
        ),
        checks=(
            on("factor", identical("B-series engine", curvature_by_engine)),
            on(
                "factor",
                exact("potential on the plane, without trees", Kind.SERIES, potential),
            ),
            on(
                "factor",
                Check(
                    "second derivative along the unit gradient", Kind.BALL, along_the_unit_gradient
                ),
            ),
        ),
    )
