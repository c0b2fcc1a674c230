"""What the claims on heavy ball without noise share: fields from candidates, exact residuals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball, modified_loss
from derive.language.formula import BETA, H, K
from derive.language.trees import LEAF, Tree, tree
from derive.language.update_rule import Optimizer
from verify.claims.claim import Settings
from verify.models.modes import mode_of
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.losses import polynomial
from verify.running.numbers import MPFR, evaluate

Number = Any

PAIR = tree("[[]]")
QUARTIC = polynomial(1, (((4,), fmpq(1, 4)), ((2,), fmpq(1, 2))), "x^4/4 + x^2/2")
HALF = {"beta": fmpq(1, 2)}
HEAVY_BALL = ConvergenceStudy(heavy_ball, QUARTIC, [fmpq(1)], HALF, time=1)
SQUARE = r"\lVert\nabla E\rVert^{2}"
ONE_MINUS = 1 - BETA
RESIDUAL_BETAS = [fmpq(n, 10) for n in range(1, 10)]
HALVINGS = range(6, 11)
FULL = 2
"""The residual of a flow with two trees must begin at h^(FULL+1)."""


def loss_weights(coefficient: Number, scale: Number) -> dict[Tree, Number]:
    """x' = -scale grad(E + coefficient |grad E|^2) in elementary differentials of -grad E."""
    return {LEAF: scale, PAIR: -2 * coefficient * scale}


def value(expr: sympy.Expr, k: int = 0, **values: Number) -> Number:
    """A candidate on exact numbers, power series or multiprecision numbers."""
    fixed = sympy.sympify(expr.subs(K, k))
    multiprecision = any(type(v).__name__ == "mpfr" for v in values.values())
    return evaluate(fixed, values, MPFR) if multiprecision else evaluate(fixed, values)


def memory_fades(rule: Optimizer, parameters: Mapping[str, fmpq]) -> bool:
    """Without a force, a displacement in the memory dies out: the rule's matrix where E = 0.

    With an exact residual this makes iterates and flow close (Dahlquist's equivalence).
    """
    step = mode_of(rule, fmpq(1), parameters, fmpq(0)).matrix
    matrix = np.array([[int(e.p) / int(e.q) for e in row] for row in step.tolist()])
    with np.errstate(all="ignore"):
        late = np.linalg.matrix_power(matrix, 2**12)
        return bool(np.all(abs(late @ matrix - late) < 1e-6))


def settled(beta: Number, digits: int) -> int:
    """The step from which beta^k no longer shows at this many digits."""
    return math.ceil((digits + 2) * math.log(10) / -math.log(float(beta)))


def distances(
    run: ConvergenceStudy,
    follow: Callable[[Flow], list[np.ndarray]],
    settings: Settings,
    *,
    at_end: bool = False,
) -> list[float]:
    """The errors of a flow for every h; always 1 for one that runs to infinity."""
    try:
        return run.errors(follow, digits=settings.digits, at_end=at_end)
    except ArithmeticError:
        return [1.0] * len(run.halvings)


def by_engine(optimizer: Optimizer) -> sympy.Expr:
    """The term beside E at order h of the modified loss, as the B-series engine gives it."""
    return H * modified_loss(optimizer, order=2).terms[PAIR].as_expr()
