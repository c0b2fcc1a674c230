"""The implicit regularizer as it was defined: Barrett and Dherin (2021)."""

from __future__ import annotations

import random

import sympy

from derive import gradient_descent
from derive.language.formula import H
from verify.claims.checks.followed import Followed, Values
from verify.claims.checks.heavy_ball import QUARTIC, by_engine, loss_weights
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import DESCENT
from verify.claims.checks.stated import for_losses, observed
from verify.claims.claim import RECALLED, Claim, Kind, Settings, claim, on
from verify.claims.slots import Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.running.convergence import Flow
from verify.running.families import bounded_polynomial, quadratic
from verify.running.losses import Loss
from verify.running.residuals import Weights

PARAMETERS = sympy.Symbol("m")


@claim("barrett2021.regularizer", catalogue="E32", where="definition", printed=RECALLED)
def implicit_regularizer() -> Claim:
    r"""The modified loss of gradient descent is $E+h/4\lVert\nabla E\rVert^2$. With $R=\lVert\nabla
    E\rVert^2/m$, the mean over the $m$ parameters, it is $E+\lambda R$ for $\lambda=hm/4$: a rate
    that grows with the number of parameters because $R$ is a mean.
    """

    def of_dimension(dimension: int) -> Followed:
        def field(says: Statement, h: object, point: Values) -> Weights:
            rate = says.number("rate", h=h, m=dimension)
            return loss_weights(rate / dimension, 1)

        return Followed(DESCENT, field=field)

    def meets(says: Statement, loss: Loss, draw: random.Random) -> bool:
        return of_dimension(loss.dimension).meets(says, loss, draw, {})

    def in_dimensions(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2, 3):
            for loss in (bounded_polynomial(draw, dimension), quadratic(draw, dimension)):
                if not meets(says, loss, draw):
                    return False, f"fails on E = {loss.text}"
        return True, "6 losses of 1, 2 and 3 parameters"

    def follow(says: Statement, run: Flow) -> list:
        return run.steady(of_dimension(1).field(says, run.h, {}))

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Gradient descent is {order}-close, {when}, and {single}-close after one step, to the "
            r"gradient flow of $E{+rate}R$ from $x_0$, where $R:=\lVert\nabla E\rVert^2/m$ is the "
            r"mean square of the $m$ partial derivatives, for {losses}.",
            {"order": Order(2), "when": When.EVERY_STEP, "single": Order(3)}
            | {"rate": Value(H * PARAMETERS / 4), "losses": Losses.EVERY},
        ),
        checks=(
            on(
                "rate",
                identical("B-series engine", lambda: PARAMETERS * by_engine(gradient_descent)),
            ),
            exact("residual in each dimension", Kind.SERIES, in_dimensions),
            for_losses("exact residual", meets),
            observed("observed order", of_dimension(1).errors(follow, loss=QUARTIC)),
        ),
    )
