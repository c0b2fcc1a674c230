"""What variance Nesterov's and the quasi-hyperbolic step keep near a minimum."""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import nesterov, quasi_hyperbolic
from derive.language.formula import BETA, H
from derive.language.update_rule import Optimizer
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stationary_covariance import LAMBDA, derived_variance
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type
from verify.models.modes import kept, mode_of

NU = sympy.Symbol("nu")


def variance_claim(rule: Optimizer, who: str, value: sympy.Expr) -> Claim:
    """The variance that a rule keeps on a mode, wherever it is stable."""

    def equation(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, met = random.Random(settings.seed), 0
        while met < 20:
            h, curvature = fmpq(draw.randint(1, 20), 10), fmpq(draw.randint(1, 30), 10)
            point = {name: fmpq(draw.randint(-9, 15), 10) for name in rule.parameters}
            mode = mode_of(rule, h, point, curvature)
            if not mode.settles:
                continue
            met += 1
            stated = says.number("value", h=h, **point, **{"lambda": curvature})
            if stated != kept(mode, mode)[0, 0]:
                return False, f"another variance at h = {h}, lambda = {curvature}, {point}"
        return True, "equal at 20 points, some with a negative momentum"

    def summed(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The squared answers to single kicks add up to the stated value, from below."""
        draw = random.Random(settings.seed)
        h, curvature = fmpq(draw.randint(5, 9), 10), fmpq(draw.randint(5, 9), 10)
        values = (fmpq(1, 3), fmpq(2, 3))
        point = dict(zip(rule.parameters, values, strict=False))
        mode = mode_of(rule, h, point, curvature)
        total, answer = fmpq(0), mode.kick
        for _ in range(60):
            total, answer = total + answer[0, 0] ** 2, mode.matrix * answer
        rest = says.number("value", h=h, **point, **{"lambda": curvature}) - total
        return 0 <= rest < fmpq(1, 10**9), f"{float(int(rest.p) / int(rest.q)):.0e} after 60 steps"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On a mode of curvature $\lambda$ with white noise of variance $s^2$ in the gradient "
            rf"{who} keeps the variance ${{value}}\,s^2$, wherever it is stable.",
            {"value": Value(value)},
        ),
        checks=(
            on("value", identical("derived Lyapunov equation", derived_variance(rule, (0, 0), 2))),
            exact("Lyapunov equation solved exactly", Kind.ENUMERATION, equation),
            exact("answers to single kicks", Kind.SERIES, summed),
        ),
    )


@claim("undertow.nesterov-variance", catalogue="B10", where="stationary noise", printed=OURS)
def nesterov_variance() -> Claim:
    r"""With $A=((1-z,\beta(1-z)),(-z,\beta(1-z)))$ and $b=-(1,1)$ the Lyapunov equation is three
    linear equations. The factor $1-\beta+\beta z$ is 1 minus the determinant of $A$: as
    $\beta\to1$ the variance stays finite, where that of heavy ball grows like $1/(1-\beta)$.
    """
    z = H * LAMBDA
    top = H * (1 + BETA * (1 - z))
    bottom = (1 - BETA * (1 - z)) * (2 * (1 + BETA) - (1 + 2 * BETA) * z)
    return variance_claim(nesterov, "Nesterov's method", top / (LAMBDA * bottom))


@claim(
    "undertow.quasi-hyperbolic-variance", catalogue="B10", where="stationary noise", printed=OURS
)
def quasi_hyperbolic_variance() -> Claim:
    r"""The same with $A=((1-(1-\nu\beta)z,-\nu\beta),((1-\beta)z,\beta))$ in units of $h$ and
    $b=-(1-\nu\beta,-(1-\beta))$. $\nu=1$ is momentum as an average, $\beta=0$ or $\nu=0$ is
    gradient descent.
    """
    z = H * LAMBDA
    top = 1 - BETA**2 + BETA * (1 - NU) * (1 + BETA - 2 * NU * BETA) * z
    bottom = (1 - BETA + BETA * (1 - NU) * z) * (2 * (1 + BETA) - (1 + BETA - 2 * NU * BETA) * z)
    return variance_claim(
        quasi_hyperbolic, "quasi-hyperbolic momentum", H * top / (LAMBDA * bottom)
    )
