"""What the claims on the first three orders of the flow of momentum share.

a is how far the gradient looks ahead, 0 for heavy ball and beta for Nesterov.
"""

from __future__ import annotations

from typing import Any

import sympy

from derive import modified_flow
from derive.language.differentials import latex_differential
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF, Tree
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, value
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import (
    CHAIN,
    DESCENT,
    FORK,
    A,
    Point,
    Rule,
    flow_from_shift,
    leaves_no_residual,
)
from verify.claims.claim import Claim, Verdict
from verify.running.residuals import Weights

Number = Any
SPEED = (1 - 2 * A) / (1 + BETA - 2 * A * ONE_MINUS)
"""See the claims on the modified equation and on its starting velocity."""
FIRST_TERM = -H * (1 + BETA) / (2 * ONE_MINUS**3)
H2_TERMS = {
    CHAIN: -(H**2) * (1 + 4 * BETA + BETA**2) / (3 * ONE_MINUS**5),
    FORK: -(H**2) * (1 + 10 * BETA + BETA**2) / (12 * ONE_MINUS**5),
}
"""Heavy ball's x' beside HHg and T[g,g]; at beta = 0, gradient descent's."""


def h2_claim(
    name: str, rule: Rule, wanted: Tree, expr: sympy.Expr, statement: str, by_hand: sympy.Expr
) -> Claim:
    """One of the two terms of order h^2, the other one being as it stands in H2_TERMS."""
    other = CHAIN if wanted is FORK else FORK

    def number(expr: sympy.Expr, h: Number, point: Point) -> Number:
        return value(expr if point else expr.subs(BETA, 0), h=h, **point)

    def weights(c: Number, h: Number, point: Point) -> Weights:
        return {
            LEAF: rule.force(point),
            PAIR: number(FIRST_TERM, h, point),
            wanted: -c,
            other: -number(H2_TERMS[other], h, point),
        }

    def by_engine() -> sympy.Expr:
        coefficient = modified_flow(rule.optimizer, order=3)[wanted]
        return -(H**2) * coefficient.as_expr() / wanted.symmetry

    def taken() -> sympy.Expr:
        e1, e2, e3 = sympy.symbols("E1 E2 E3")  # the derivatives of E: the terms E1 E2^2, E1^2 E3
        return H**2 * by_hand.subs({e1: 1, e2: int(wanted is CHAIN), e3: int(wanted is FORK)})

    return Claim(
        statement=statement,
        printed=Formula(
            name,
            expr,
            latex_differential(wanted),
            given=(*(MOMENTUM if rule.grid[0] else ()), *STEP),
        ),
        checks=(
            identical("B-series engine", by_engine),
            identical("expansion by hand in one dimension", taken),
            leaves_no_residual("exact residual", rule, weights, begins=4),
            flow_from_shift(rule, weights, order=3, at_end=rule is not DESCENT),
        ),
        expected=Verdict.CONFIRMED,
    )
