"""What claims of several sources say of the potentials of diagonal networks."""

from __future__ import annotations

import sympy

from derive.networks.potentials import ALPHA, DEPTH, THETA, hyperentropy
from verify.claims.checks.mirror_maps import SQUARES, TwoWeights
from verify.models.network_conventions import CONVENTIONS

DEPTHS = (3, 4, 5, 6)


def at_depth(candidate: sympy.Expr, depth: int) -> sympy.Expr:
    """A formula at one depth of the network."""
    return sympy.sympify(candidate.subs(DEPTH, depth))


ROOT = sympy.sqrt(4 * ALPHA**4 + THETA**2)
WOODWORTH = TwoWeights(SQUARES, lambda a: [a, a], ALPHA, scale=4)
POTENTIAL = 2 * ALPHA**2 - ROOT + THETA * sympy.asinh(THETA / (2 * ALPHA**2))


def potential_of(key: str) -> sympy.Expr:
    """The potential of a source's convention from its own start."""
    convention = CONVENTIONS[key]
    return hyperentropy(THETA, convention.start, convention)
