"""What claims of several sources say of the potentials of diagonal networks."""

from __future__ import annotations

import sympy
from flint import arb

from derive.networks.potentials import ALPHA, DEPTH, THETA, hyperentropy
from verify.claims.checks.mirror_maps import Weights, ball, grown, moved, started, theta_of
from verify.claims.slots import Value
from verify.claims.statement import Statement
from verify.models.network_conventions import CONVENTIONS

DEPTHS = (3, 4, 5, 6)


def at_depth(candidate: sympy.Expr, depth: int) -> sympy.Expr:
    """A formula at one depth of the network."""
    return sympy.sympify(candidate.subs(DEPTH, depth))


POTENTIAL = (
    2 * ALPHA**2 - sympy.sqrt(4 * ALPHA**4 + THETA**2) + THETA * sympy.asinh(THETA / (2 * ALPHA**2))
)
WOODWORTH = {
    "network": Weights.SQUARES,
    "first": Value(ALPHA, "start"),
    "second": Value(ALPHA, "start"),
}
"""The slots of w_+^2 - w_-^2 from w_+- = alpha."""
FROM_EQUAL = (
    r"{network} from $\lvert w_{+,i}\rvert={first}$ and $\lvert w_{-,i}\rvert={second}$, "
    r"$\alpha:=\alpha_i$,"
)
"""How they stand in a sentence."""


def potential_of(key: str) -> sympy.Expr:
    """The potential of a source's convention from its own start."""
    convention = CONVENTIONS[key]
    return hyperentropy(THETA, convention.start, convention)


def reached(says: Statement, theta: arb, alpha: arb) -> tuple[arb, arb]:
    """Where a pull leads that brings w_+^2 - w_-^2 from alpha to theta, in the network and from
    the start of the slots, and the integral of the pull along the way, from the origin.

    Raises:
        ValueError: that start is not at the origin.
    """
    pull, start = (theta / (2 * alpha**2)).asinh() / 4, started(says, alpha)
    if not theta_of(says["network"], start).contains(0):
        raise ValueError("the flow does not start at the origin.")
    there = theta_of(says["network"], moved(says["network"], start, pull))
    return there, grown(says["network"], start, pull)


def gradient_on_the_flow(says: Statement, potential: sympy.Expr, alpha: arb, pull: arb) -> arb:
    """The derivative of a potential where this pull leads."""
    w = moved(says["network"], started(says, alpha), pull)
    there = {"theta": theta_of(says["network"], w), "alpha": alpha}
    return ball(sympy.diff(potential, THETA), there)
