"""One step of heavy ball as gradient descent on a loss: Cattaneo and Shigida (2025)."""

from __future__ import annotations

import random

import sympy

from derive import discrete_modified_loss, heavy_ball, lessard
from derive.language.formula import Formula
from verify.claims.checks.heavy_ball import RESIDUAL_BETAS
from verify.claims.checks.identities import exact
from verify.claims.checks.memory_rules import (
    PROBE,
    at,
    curl,
    on_plane,
    plane_gradient,
    slow_displacement,
)
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.claims.equality import in_ring
from verify.running.families import bounded_polynomial
from verify.running.recording import JUDGED, recorder


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
