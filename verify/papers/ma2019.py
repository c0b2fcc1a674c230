"""Which quasi-hyperbolic step is Nesterov's: Ma and Yarats (2019).

beta is the momentum, h the step size, nu the weight of the average in the step.
"""

from __future__ import annotations

import random

import numpy as np
import sympy
from flint import fmpq

from derive import modified_flow, quasi_hyperbolic
from derive.language.formula import BETA, Formula
from derive.language.update_rule import Optimizer
from derive.optimizers import nesterov_extrapolated
from verify.claims.checks.heavy_ball import ONE_MINUS, RESIDUAL_BETAS
from verify.claims.checks.identities import exact
from verify.claims.checks.memory_rules import at
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.claims.equality import in_ring
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import PowerSeries, power_series
from verify.running.recording import JUDGED, recorder
from verify.running.residuals import lowest_power
from verify.running.trajectories import iterates

NU = sympy.Symbol("nu")


@claim("ma2019.nesterov", catalogue="E06", where="recovery of Nesterov's method, in our words")
def quasi_hyperbolic_nesterov() -> Claim:
    """Nesterov at its extrapolated points y: d+ = βd - h'g(y), y+ = y - h'g(y) + βd+. Write
    d = -h'm/(1-β): m+ = βm + (1-β) g(y) and y+ = y - h'/(1-β) ((1-β) g + βm+). Both start at m = 0.
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

    def paths_agree(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw, length = random.Random(settings.seed), 5
        arithmetic, h = power_series(length), PowerSeries.step(length)
        loss = bounded_polynomial(draw, 2)
        start = [arithmetic.convert(x) for x in starting_point(draw, 2)]

        def path(rule: Optimizer, step: PowerSeries, values: dict[str, fmpq]) -> list[np.ndarray]:
            return iterates(
                rule, loss, start, h=step, steps=6, parameters=values, arithmetic=arithmetic
            )

        for beta in RESIDUAL_BETAS:
            nu = at(candidate, h, {"beta": beta})
            average = path(quasi_hyperbolic, h, {"beta": beta, "nu": nu})
            other = path(nesterov_extrapolated, h * (1 - beta), {"beta": beta})
            power = min(lowest_power(x - y) for x, y in zip(average, other, strict=True))
            if power < length:
                return False, f"the iterates differ at h^{power} for beta = {beta}"
        return True, f"6 iterates equal through h^{length - 1} for 9 beta"

    return Claim(
        statement=(
            r"Quasi-hyperbolic momentum is Nesterov's method with step size $h(1-\beta)$, at its "
            r"extrapolated points, for $\nu$ equal to {formula}."
        ),
        printed=Formula("nesterovWeight", BETA),
        checks=(
            exact("modified flows", Kind.SYMBOLIC, flows_agree),
            exact("iterates as power series", Kind.SERIES, paths_agree),
        ),
        expected=Verdict.CONFIRMED,
    )
