"""What variance the iterates keep: Ghosh, Lyu, Zhang and Wang (2023), remark 5.5."""

from __future__ import annotations

import sympy

from derive.language.formula import BETA, MOMENTUM, Formula
from verify.claims.checks.averaged_momentum import lyapunov, solved
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import identical
from verify.claims.claim import Claim, Verdict, claim

ETA, LAMBDA = sympy.symbols("eta lambda")
RATE = (sympy.Gt(ETA, 0), sympy.Gt(LAMBDA, 0))


@claim("ghosh2023.variance-of-the-iterates", catalogue="E21 A27", where="Remark 5.5")
def variance_of_the_iterates() -> Claim:
    """Remark 5.5 takes the smaller variance of the force for a smaller variance of the iterates.
    But the forces of successive steps are correlated, and what they add up to has the variance of
    SGD. The iterates' variance changes at relative order ηλ only.
    """
    return Claim(
        statement=(
            "At equal effective learning rate the stationary variance of the iterates on a mode is "
            "that without momentum times {formula}."
        ),
        printed=Formula("iterateVariancePrinted", ONE_MINUS / (1 + BETA)),
        right=Formula(
            "iterateVariance",
            (2 - ETA * LAMBDA) / (2 - ETA * LAMBDA * ONE_MINUS / (1 + BETA)),
            given=(*MOMENTUM, *RATE),
        ),
        checks=(
            identical(
                "step matrix of heavy ball",
                lambda: lyapunov() / lyapunov().subs(BETA, 0),
                refutes=True,
            ),
            solved("moment equations of the average", ratio=True, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"Both iterations are stable, $\eta\lambda < 2$.",
        because="momentum lowers the variance of one force, not that of the sum of the forces.",
        counterexample=(
            r"$\beta = 9/10$, $\eta\lambda = 1/10$: the factor is $361/379 = 0.953$, not $1/19$."
        ),
    )
