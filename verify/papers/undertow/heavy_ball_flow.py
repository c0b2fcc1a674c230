"""The second term of the flow of heavy ball, and why it is no gradient.

beta is the momentum, h the step size, E the loss; g, H, T are its derivatives.
"""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq

from derive import modified_loss
from derive.language.formula import H
from verify.claims.checks.heavy_ball import ONE_MINUS, RESIDUAL_BETAS
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
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on
from verify.claims.slots import Order, Value
from verify.claims.statement import Statement, Type
from verify.running.families import bounded_polynomial


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
