"""The modified loss of heavy ball: Ghosh, Lyu, Zhang and Wang (2023), sections 3 and 4."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from flint import fmpq

from derive import gradient_descent, heavy_ball
from derive.engine.expansion import steady_flow
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import Tree
from verify.claims.checks.heavy_ball import (
    FULL,
    HEAVY_BALL,
    ONE_MINUS,
    QUARTIC,
    SQUARE,
    by_engine,
    loss_weights,
    two_step_residual,
    value,
)
from verify.claims.checks.identities import enclosed, exact, identical, momentum_points, order_of
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.running.experiments import Experiment, Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import PowerSeries
from verify.running.residuals import steady_residual

Number = Any


def by_hand() -> sympy.Expr:
    """The same from the expansion in h without trees: half the ratio of the two first fields."""
    field = steady_flow(2)
    e1, e2 = sympy.symbols("E1 E2")
    force = sympy.sympify(field[0]).subs(e1, 1)
    pull = sympy.sympify(field[1]).subs({e1: 1, e2: 1})
    return H * pull / force / 2


@claim("ghosh2023.gradient-descent", catalogue="A01", where="equation (3)")
def gradient_descent_loss() -> Claim:
    """Expand one step in h: x - h g against the flow of -g - 2c H g over the time h, which is
    x - h g + h^2 H g/2 - 2 h c H g + O(h^3) for c of order h. They agree to O(h^3) for c = h/4.
    """

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[Any]:
            return run.steady(loss_weights(value(candidate, h=run.h), 1))

        return Experiment(gradient_descent, QUARTIC, [fmpq(1)]).errors(
            follow, digits=settings.digits
        )

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            power = steady_residual(
                gradient_descent,
                loss,
                starting_point(draw, dimension),
                lambda h: loss_weights(value(candidate, h=h), 1),
                parameters={},
                length=FULL + 2,
                memory=lambda *_: [],
            )
            if power <= FULL:
                return False, f"h^{power} is left on E = {loss.text}"
        return True, "begins at h^3 on 3 losses"

    return Claim(
        statement=(
            "Gradient descent stays $O(h^2)$-close to the gradient flow of the loss "
            r"{formula}."
        ),
        printed=Formula("gradientDescentLoss", H / 4, SQUARE, "E+", STEP),
        checks=(
            identical("B-series engine", lambda: by_engine(gradient_descent)),
            exact("exact residual", Kind.SERIES, holds),
            order_of("observed order", errors, 2),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("ghosh2023.modified-loss", catalogue="A07", where="equation (5)")
def heavy_ball_loss() -> Claim:
    """On its slow manifold heavy ball satisfies x(t+h) - (1+β) x(t) + β x(t-h) = -h ∇E(x(t)).
    Expanding, (1-β) h x' + (1+β) h² x''/2 + O(h³) = -h ∇E. At leading order x' = -∇E/(1-β),
    so x'' = ∇²E ∇E/(1-β)², and x' = -(∇E + h(1+β)/(2(1-β)²) ∇²E ∇E)/(1-β) + O(h²),
    which is -1/(1-β) times the gradient of the modified loss.
    """

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        def follow(run: Flow) -> list[Any]:
            beta = run.values["beta"]
            weights = loss_weights(value(candidate, h=run.h, beta=beta), 1 / (1 - beta))
            return run.steady(weights, run.x0 + run.gradient() * (run.h * beta / (1 - beta) ** 2))

        return HEAVY_BALL.errors(follow, digits=settings.digits, at_end=True)

    return Claim(
        statement=(
            r"After its start-up heavy ball follows $-1/(1-\beta)$ times the gradient of "
            r"{formula}."
        ),
        printed=Formula(
            "heavyBallLoss",
            H * (1 + BETA) / (4 * ONE_MINUS**2),
            SQUARE,
            "E+",
            (*MOMENTUM, *STEP),
        ),
        checks=(
            identical("B-series engine", lambda: by_engine(heavy_ball)),
            identical("expansion by hand", by_hand),
            two_step_residual(
                "exact residual",
                lambda candidate, beta, h: loss_weights(
                    value(candidate, h=h, beta=beta), 1 / (1 - beta)
                ),
            ),
            order_of("observed order, shifted start", errors, 2),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("ghosh2023.amplification", catalogue="A15", where="Remarks 4.1 to 4.3")
def amplification() -> Claim:
    """At the effective learning rate h/(1-β) gradient descent carries h/(4(1-β)) |∇E|² beside E;
    heavy ball carries h(1+β)/(4(1-β)²) |∇E|². Their ratio does not depend on h.
    """

    def ratio() -> sympy.Expr:
        plain = by_engine(gradient_descent).subs(H, H / ONE_MINUS)
        return by_engine(heavy_ball) / plain

    def weights(candidate: sympy.Expr, beta: fmpq, h: PowerSeries) -> Mapping[Tree, Number]:
        plain = h / (1 - beta) * fmpq(1, 4)
        return loss_weights(plain * value(candidate, beta=beta), 1 / (1 - beta))

    def by_multiplier() -> sympy.Expr:
        """On a quadratic kappa = exp(-c z - r z^2 - ...): r/c^2, twice what it is at beta = 0."""
        z, second = sympy.symbols("z d")
        force = 1 / ONE_MINUS
        kappa = 1 - force * z + second * z**2
        quadratic = sympy.expand(kappa**2 - (1 + BETA - z) * kappa + BETA).coeff(z, 2)
        (found,) = sympy.solve(quadratic, second)
        return (force**2 / 2 - found) / force**2 * 2

    return Claim(
        statement=(
            "At equal effective learning rate the implicit regularizer of heavy ball is that of "
            "gradient descent times {formula}."
        ),
        printed=Formula("amplification", (1 + BETA) / ONE_MINUS),
        checks=(
            identical("ratio of the two modified losses", ratio),
            two_step_residual("exact residual", weights),
            enclosed("multipliers of a quadratic mode", by_multiplier, momentum_points),
        ),
        expected=Verdict.CONFIRMED,
    )
