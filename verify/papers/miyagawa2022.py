"""The two counter terms of order h^2 of gradient descent: Miyagawa (2022)."""

from __future__ import annotations

import sympy

from derive.engine.expansion import transient_flow
from derive.language.formula import H, K
from derive.language.trees import Tree
from verify.claims.checks.memory_rules import CHAIN, DESCENT, FORK
from verify.claims.checks.momentum_flows import h2_claim
from verify.claims.claim import Claim, claim


def descent_claim(name: str, wanted: Tree, expr: sympy.Expr) -> Claim:
    """A term of the flow of gradient descent."""
    statement = (
        r"Gradient descent is $O(h^3)$-close to $x' = -\nabla E-h/2\,\nabla^2E\,\nabla E$ plus two "
        "terms of order $h^2$, one of which is {formula}."
    )
    first_step = transient_flow(3)[2].subs(K, 0)
    return h2_claim(name, DESCENT, wanted, expr, statement, first_step)


@claim(
    "miyagawa2022.counter-term-hessian",
    catalogue="E08",
    where="equation of motion; its counter term to second order is derived here",
)
def descent_chain() -> Claim:
    """The flow of F = F0 + hF1 + h²F2, F0 = -g, over the time h is x - hg. With g, H, T the
    derivatives of E: at h² F1 = -F0'F0/2 = -Hg/2; at h³ F2 = -(F0'F1 + F1'F0)/2 - F0'F0'F0/6 -
    F0''[F0,F0]/6. The terms in HHg are -(1/2 + 1/2)/2 + 1/6 = -1/3. So Miyagawa's counter term,
    which times h is subtracted from -g, is Hg/2 + h(HHg/3 + T[g,g]/12) + O(h²).
    """
    return descent_claim("descentChain", CHAIN, -(H**2) / 3)


@claim(
    "miyagawa2022.counter-term-third-derivative",
    catalogue="E08",
    where="equation of motion; its counter term to second order is derived here",
)
def descent_fork() -> Claim:
    """In F2 = -(F0'F1 + F1'F0)/2 - F0'F0'F0/6 - F0''[F0,F0]/6 with F0 = -g and F1 = -Hg/2, the term
    T[g,g] comes from F1'F0, with 1/2, and from F0''[F0,F0], with -1: -1/4 + 1/6 = -1/12.
    """
    return descent_claim("descentFork", FORK, -(H**2) / 12)
