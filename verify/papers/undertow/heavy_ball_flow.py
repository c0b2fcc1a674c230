"""The second term of the flow of heavy ball, and why it is no gradient.

beta is the momentum, h the step size, E the loss.
"""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq

from derive import modified_loss
from derive.engine.expansion import steady_flow
from derive.language.differentials import latex_differential
from derive.language.formula import MOMENTUM, STEP, Formula, H
from derive.language.trees import Tree
from verify.claims.checks.heavy_ball import ONE_MINUS, RESIDUAL_BETAS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import (
    CHAIN,
    FORK,
    HEAVY_BALL,
    PROBE,
    along,
    at,
    curl,
    on_plane,
    plane_gradient,
    slow_displacement,
)
from verify.claims.checks.momentum_flows import H2_TERMS, h2_claim
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.running.families import bounded_polynomial


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


HERE = (*MOMENTUM, *STEP)


@claim("undertow.flow-obstruction", catalogue="E08 E14", where="second-order flow of heavy ball")
def flow_obstruction() -> Claim:
    """A field -h²(c HHg + d T[g,g]) is a gradient for every loss only if c = 2d, as
    ∇(gHg) = 2HHg + T[g,g]. For heavy ball c - 2d = (2(1+4β+β²) - (1+10β+β²))/(6(1-β)⁵), which is
    (1-β)²/(6(1-β)⁵); gradient descent is β = 0. It never vanishes: no modified loss to h².
    """

    def by_engine() -> sympy.Expr:
        (obstruction,) = modified_loss(HEAVY_BALL.optimizer, order=3).obstructions
        return H**2 * (obstruction.values[FORK] - obstruction.values[CHAIN]).as_expr()

    def curls(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        gradient = plane_gradient(on_plane(bounded_polynomial(random.Random(settings.seed), 2)))

        def moved(field: Any, vector: Any) -> tuple[Any, Any]:
            return along(field, vector[0]), along(field, vector[1])

        twisted = curl(moved(moved(gradient, gradient), gradient))
        for beta in RESIDUAL_BETAS:
            # x + N is the flow of F0 + h F1 + h^2 F2 over h
            _, n1, n2, n3 = slow_displacement(gradient, beta, fmpq(0), 3)
            square = moved(n1, n1)
            f1 = tuple(n - s / 2 for n, s in zip(n2, square, strict=True))
            mixed = zip(moved(n1, f1), moved(f1, n1), moved(n1, square), strict=True)
            f2 = [n - (a + b) / 2 - c / 6 for n, (a, b, c) in zip(n3, mixed, strict=True)]
            if curl((f2[0], f2[1])) != twisted * (at(candidate, PROBE, {"beta": beta}) / PROBE**2):
                return False, f"another curl at beta = {beta}"
        return True, "the curl as a polynomial, for 9 beta"

    return Claim(
        statement=(
            "At order $h^2$ the flow of heavy ball, and of gradient descent, is a gradient for "
            "every loss but for the term {formula}."
        ),
        printed=Formula(
            "flowObstruction", -(H**2) / (6 * ONE_MINUS**3), latex_differential(CHAIN), given=HERE
        ),
        checks=(
            identical("the engine's obstruction", by_engine),
            identical("from the two terms", lambda: H2_TERMS[CHAIN] - 2 * H2_TERMS[FORK]),
            exact("curl on the plane, without trees", Kind.SERIES, curls),
        ),
        expected=Verdict.CONFIRMED,
    )
