"""One step of heavy ball as gradient descent on a loss: Cattaneo and Shigida (2025)."""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import discrete_modified_loss, heavy_ball, lessard
from verify.claims.checks.heavy_ball import RESIDUAL_BETAS
from verify.claims.checks.identities import exact, noted
from verify.claims.checks.memory_rules import curl, on_plane, plane_gradient, slow_displacement
from verify.claims.claim import Claim, Kind, Settings, claim, on, second_hand
from verify.claims.equality import in_ring
from verify.claims.slots import Order, Value
from verify.claims.statement import Statement, Type
from verify.running.families import bounded_polynomial
from verify.running.recording import JUDGED


@claim(
    "cattaneo2025.exact-modified-loss",
    catalogue="E11",
    where="abstract",
    printed=second_hand("exactly plain GD with a modified loss", "the catalogue, E11"),
)
def exact_modified_loss() -> Claim:
    r"""Heavy ball in $(x,v)$ multiplies the symplectic form by $\beta$, so the form vanishes on the
    slow manifold $v=V(x)$, which attracts: $V$ is a gradient, and so is the step
    $\beta V-h\nabla E$, to every order. With a look-ahead $a$ the coefficients of the step on the
    two rootings of the path of three nodes differ by $a/(1-\beta)^4$: of the family only heavy
    ball, $a=0$, is gradient descent on some loss.
    """

    def by_trees(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        gamma = sympy.Symbol("gamma")
        for obstruction in discrete_modified_loss(lessard.at(alpha=1), order=3).obstructions:
            first, other = obstruction.values.values()
            apart = (first - other).as_expr()
            gap = in_ring(apart.subs(gamma, candidate))
            if not noted(apart.subs(gamma, JUDGED), sympy.Integer(0), not gap):
                return False, f"at h^3 the coefficients differ by {gap}"
        further = discrete_modified_loss(heavy_ball, order=9).obstructions
        return not further, "one value on all rootings of the trees of up to 9 nodes"

    def on_the_plane(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        gradient = plane_gradient(on_plane(bounded_polynomial(draw, 2)))
        ahead = says.number("ahead")
        for beta in RESIDUAL_BETAS[::2]:
            for order in (3, 7):
                steps = slow_displacement(gradient, beta, ahead, order)
                if any(map(curl, steps)):
                    return False, f"the Jacobian is not symmetric at beta = {beta}"
            other = ahead + fmpq(draw.choice([-5, -2, 1, 3, 7]), 8)
            curls = map(curl, slow_displacement(gradient, beta, other, 4))
            power = next(n for n, c in enumerate(curls) if c)
            if power != says["order"].power:
                return False, f"at a = {other} the Jacobian is not symmetric at h^{power}"
        return True, "the map's Jacobian is symmetric through h^7, as polynomials, for 5 beta"

    return Claim(
        says=Statement(
            Type.EXISTENCE,
            r"On its slow manifold $x_{k+1}:=x_k+\beta(x_k-x_{k-1})-h\nabla E(x_k+a(x_k-x_{k-1}))$ "
            r"is gradient descent on a modified loss, for every $E$ and order, where $a={ahead}$, "
            r"as for heavy ball; for any other $a$ it is none at {order}.",
            {"ahead": Value(sympy.Integer(0)), "order": Order(3)},
        ),
        checks=(
            on("ahead", exact("coefficients on the rootings of a tree", Kind.SYMBOLIC, by_trees)),
            exact("Jacobian on the plane, without trees", Kind.SERIES, on_the_plane),
        ),
    )
