"""The stochastic modified equation of momentum in the weak sense, by exact moments."""

from __future__ import annotations

from typing import Any

import sympy
from flint import fmpq

from derive import heavy_ball, modified_loss
from derive.batches.averages import WITH_REPLACEMENT, autocovariance
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.quadratics.linearization import Z, mode_matrix
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, value
from verify.claims.checks.identities import identical
from verify.claims.checks.weak_moments import bounded_error, regularizer, weak_order
from verify.claims.claim import Claim, Verdict, claim

Number = Any


def diffusion(h: Number, beta: Number) -> Number:
    return h / ((1 - beta) * (1 - beta))


BETAS = [fmpq(n, 10) for n in (1, 3, 5, 8, 9)]
HALF = fmpq(1, 2)


@claim("undertow.momentum-weak-drift", catalogue="E20", where="momentum, drift")
def momentum_drift() -> Claim:
    """y = x + β/(1-β) v moves by -h/(1-β) g(x): no memory is left. With x = y + hβ/(1-β)² g + noise
    of mean 0 that is uncorrelated with the new batch, the mean step is that of heavy ball without
    noise, up to O(h³), and so is the drift, for y as for x.
    """

    def equation(c: sympy.Expr, h: Number, b: Number, _: Number) -> tuple[Number, Number, Number]:
        return value(c, h=h, beta=b), diffusion(h, b), b / (1 - b)

    return Claim(
        statement=(
            r"SGD with momentum, read as $y = x+\frac{\beta}{1-\beta}v$, is followed from "
            r"$y_0 = x_0$ in the weak sense of order 2 by "
            r"$dY = -\frac1{1-\beta}\nabla(f+R)\,dt+\frac{\sqrt h}{1-\beta}\Sigma^{1/2}dW$ with "
            r"$R$ equal to {formula}."
        ),
        printed=Formula(
            "momentumWeakDrift",
            H * (1 + BETA) / (4 * ONE_MINUS**2),
            r"\lVert\nabla f\rVert^{2}",
            given=(*MOMENTUM, *STEP),
        ),
        checks=(
            identical(
                "B-series engine",
                lambda: H * modified_loss(heavy_ball, order=2).terms[PAIR].as_expr(),
            ),
            bounded_error("moments in powers of h", equation, BETAS),
            weak_order("observed weak order", equation, 2, HALF),
        ),
        expected=Verdict.CONFIRMED,
        condition="Noise independent from step to step; checked on quadratics with additive and "
        "multiplicative noise.",
    )


@claim("undertow.momentum-weak-diffusion", catalogue="E20 A27", where="momentum, diffusion")
def momentum_diffusion() -> Claim:
    """Each batch moves y by h/(1-β) times its gradient, once: the variance of a step is
    h²/(1-β)² Σ, as for SGD at the effective learning rate.
    """

    def equation(c: sympy.Expr, h: Number, b: Number, _: Number) -> tuple[Number, Number, Number]:
        return regularizer(h, b), value(c, h=h, beta=b), b / (1 - b)

    def accumulated() -> sympy.Expr:
        """The sum of the autocovariances of the force over all lags."""
        force = autocovariance(WITH_REPLACEMENT, sympy.Integer(0))
        return H * force * (1 + 2 * BETA / ONE_MINUS)

    return Claim(
        statement=(
            r"In the second-order equation of SGD with momentum the covariance of the noise, over "
            r"$dt$, is $\Sigma$ times {formula}."
        ),
        printed=Formula("momentumWeakDiffusion", H / ONE_MINUS**2, given=(*MOMENTUM, *STEP)),
        checks=(
            identical("sum of the autocovariances", accumulated),
            bounded_error("moments in powers of h", equation, BETAS),
            weak_order("observed weak order", equation, 2, HALF),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("undertow.momentum-weak-state", catalogue="E20", where="momentum, what is followed")
def momentum_state() -> Claim:
    """(1-β)x + βv' with v' the last displacement moves without memory; over 1-β it is
    x + β/(1-β) v, and at the start v = 0. Read as x the start-up leaves an error of order h.
    """

    def equation(c: sympy.Expr, h: Number, b: Number, _: Number) -> tuple[Number, Number, Number]:
        return regularizer(h, b), diffusion(h, b), value(c, beta=b)

    def at_rest() -> sympy.Expr:
        """On a mode without curvature y must not change while v fades."""
        matrix = mode_matrix(heavy_ball).subs(Z, 0)
        return matrix[0, 1] / (1 - matrix[1, 1])

    return Claim(
        statement=(
            "The equation of SGD with momentum follows, from the first step on, $x$ plus $v$ times "
            "{formula}."
        ),
        printed=Formula("momentumWeakState", BETA / ONE_MINUS),
        checks=(
            identical("a mode without curvature", at_rest),
            bounded_error("moments in powers of h", equation, BETAS),
            weak_order("observed weak order", equation, 2, HALF),
        ),
        expected=Verdict.CONFIRMED,
    )
