"""The implicit regularizer as it was defined: Barrett and Dherin (2021)."""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import gradient_descent
from derive.language.formula import STEP, Formula, H
from verify.claims.checks.heavy_ball import FULL, by_engine, loss_weights, value
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.running.families import bounded_polynomial, starting_point
from verify.running.residuals import steady_residual

PARAMETERS = sympy.Symbol("m")


@claim("barrett2021.regularizer", catalogue="E32", where="definition, as recalled")
def implicit_regularizer() -> Claim:
    """The modified loss of gradient descent is E + h/4 |∇E|². With R = |∇E|²/m, the mean over the
    m parameters, it is E + λR for λ = hm/4: a rate that grows with the number of parameters
    because R is a mean.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            m = fmpq(dimension)
            power = steady_residual(
                gradient_descent,
                loss,
                starting_point(draw, dimension),
                lambda h, m=m: loss_weights(value(candidate, h=h, m=m) / m, 1),
                parameters={},
                length=FULL + 2,
                memory=lambda *_: [],
            )
            if power <= FULL:
                return False, f"h^{power} is left on E = {loss.text}, with {dimension} parameters"
        return True, "begins at h^3 on losses of 1, 2 and 3 parameters"

    return Claim(
        statement=(
            r"With $R = (1/m)\sum_i(\partial_iE)^2$, the mean over the $m$ parameters, gradient "
            "descent is $O(h^2)$-close to the gradient flow of {formula}."
        ),
        printed=Formula(
            "implicitRegularizationRate",
            H * PARAMETERS / 4,
            r"\,R",
            "E+",
            (*STEP, sympy.Ge(PARAMETERS, 1)),
        ),
        checks=(
            identical("B-series engine", lambda: PARAMETERS * by_engine(gradient_descent)),
            exact("exact residual", Kind.SERIES, holds),
        ),
        expected=Verdict.CONFIRMED,
    )
