"""What variance averaged momentum keeps: beside Wang, Malladi, Wang, Lyu and Li (2024)."""

from __future__ import annotations

import sympy

from derive import ema_momentum
from derive.language.formula import BETA, H, Z
from verify.claims.checks.identities import identical
from verify.claims.checks.stationary_covariance import (
    LAMBDA,
    answers_to_kicks,
    derived_variance,
    keeps,
)
from verify.claims.claim import OURS, Claim, claim, on
from verify.claims.slots import Domain, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import ema_mode


@claim(
    "wang2024.stationary-variance",
    catalogue="E21",
    where="momentum beside SGD, a consistency",
    printed=OURS,
)
def averaged_variance() -> Claim:
    r"""Momentum as an average is heavy ball with the step size $(1-\beta)h$: put it into the
    variance $h^2(1+\beta)/(z(1-\beta)(2(1+\beta)-z))$, $z=h\lambda$. For $\beta=0$ it is that of
    SGD, $h/(\lambda(2-h\lambda))$; the quotient tends to 1 with $h\lambda$, as a distance
    $O(\sqrt{h/(1-\beta)})$ between momentum and SGD in the weak sense allows.
    """
    value = H / (LAMBDA * (2 - H * LAMBDA * (1 - BETA) / (1 + BETA)))
    bounds = (BETA > -1, BETA < 1, Z > 0, sympy.Lt(Z, 2 * (1 + BETA) / (1 - BETA)))
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Momentum as an average, $m_{k+1}:=\beta m_k+(1-\beta)(\lambda x_k+n_k)$ and "
            r"$x_{k+1}:=x_k-hm_{k+1}$ with white noise $n$ of variance $s^2$, has for {domain}, "
            r"$z:=h\lambda$, a stationary variance $\mathbb E[x^2]={value}\,s^2$.",
            {"value": Value(value), "domain": Domain(bounds)},
        ),
        checks=(
            on(
                "value",
                identical("derived Lyapunov equation", derived_variance(ema_momentum, (0, 0), 2)),
            ),
            keeps("Lyapunov equation solved exactly", (0, 0), ema_mode),
            on("value", answers_to_kicks((0, 0), ema_mode)),
        ),
    )
