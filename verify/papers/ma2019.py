"""Which quasi-hyperbolic step is Nesterov's: Ma and Yarats (2019).

beta is the momentum, h the step size, nu the weight of the average in the step.
"""

from __future__ import annotations

import random

import numpy as np
import sympy
from flint import fmpq

from derive import modified_flow, nesterov, quasi_hyperbolic
from derive.language.formula import BETA, H
from derive.language.update_rule import Optimizer
from derive.optimizers import nesterov_extrapolated
from verify.claims.checks.heavy_ball import ONE_MINUS, RESIDUAL_BETAS
from verify.claims.checks.identities import exact
from verify.claims.claim import RECALLED, Claim, Kind, Settings, claim, on
from verify.claims.equality import in_ring
from verify.claims.slots import Choice, Value
from verify.claims.statement import Statement, Type
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import PowerSeries, power_series
from verify.running.recording import JUDGED, recorder
from verify.running.residuals import lowest_power
from verify.running.trajectories import iterates

NU = sympy.Symbol("nu")


class Points(Choice):
    """What the gradients of Nesterov's method are taken at, and what follows them."""

    EXTRAPOLATED = "extrapolated points"
    ITERATES = "iterates"

    @property
    def rule(self) -> Optimizer:
        return nesterov_extrapolated if self is Points.EXTRAPOLATED else nesterov


@claim(
    "ma2019.nesterov",
    catalogue="E06",
    where="recovery of Nesterov's method, in our words",
    printed=RECALLED,
)
def quasi_hyperbolic_nesterov() -> Claim:
    r"""Nesterov at its extrapolated points $y$: $d_+=\beta d-h'g(y)$,
    $y_+=y-h'g(y)+\beta d_+$. Write $d=-h'm/(1-\beta)$: $m_+=\beta m+(1-\beta)g(y)$ and
    $y_+=y-h'/(1-\beta)\,((1-\beta)g+\beta m_+)$. Both start at $m=0$.
    """

    def flows_agree(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        average = modified_flow(quasi_hyperbolic, order=4)
        for t, b in modified_flow(nesterov_extrapolated, order=4).items():
            scaled = b.as_expr() * ONE_MINUS**t.order
            difference = in_ring(average[t].as_expr().subs(NU, candidate) - scaled)
            if (log := recorder()) is not None:
                log.identity(average[t].as_expr().subs(NU, JUDGED), scaled, not difference)
            if difference:
                return False, f"the flows differ by {difference} at the tree {t}"
        return True, "equal at the 8 trees of up to 4 nodes"

    def paths_agree(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, length = random.Random(settings.seed), 5
        arithmetic, h = power_series(length), PowerSeries.step(length)
        loss = bounded_polynomial(draw, 2)
        start = [arithmetic.convert(x) for x in starting_point(draw, 2)]

        def path(rule: Optimizer, step: PowerSeries, values: dict[str, fmpq]) -> list[np.ndarray]:
            return iterates(
                rule, loss, start, h=step, steps=6, parameters=values, arithmetic=arithmetic
            )

        for beta in RESIDUAL_BETAS:
            average = path(
                quasi_hyperbolic, h, {"beta": beta, "nu": says.number("weight", h=h, beta=beta)}
            )
            step = h * 0 + says.number("step", h=h, beta=beta)
            other = path(says["points"].rule, step, {"beta": beta})
            power = min(lowest_power(x - y) for x, y in zip(average, other, strict=True))
            if power < length:
                return False, f"the iterates differ at h^{power} for beta = {beta}"
        return True, f"6 iterates equal through h^{length - 1} for 9 beta"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Quasi-hyperbolic momentum with the weight $\nu={weight}$ makes the steps of "
            r"Nesterov's method with step size ${step}$, at its {points}.",
            {
                "weight": Value(BETA),
                "step": Value(H * ONE_MINUS),
                "points": Points.EXTRAPOLATED,
            },
        ),
        checks=(
            on("weight", exact("modified flows", Kind.SYMBOLIC, flows_agree)),
            exact("iterates as power series", Kind.SERIES, paths_agree),
        ),
    )
