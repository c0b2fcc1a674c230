"""The weak sense: the stochastic modified equations of SGD, Li, Tai and E (2019)."""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import arb, fmpq

from derive import gradient_descent, modified_loss
from derive.batches.averages import WITH_REPLACEMENT, autocovariance
from derive.language.formula import BETA, STEP, Formula, H
from verify.claims.checks.heavy_ball import PAIR, value
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.checks.weak_moments import bounded_error, regularizer, weak_order
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.models.noisy_quadratic import draw_quadratic
from verify.running.numbers import PowerSeries, precision

Number = Any
LENGTH = 4
LAMBDA, TIME = sympy.symbols("lambda t")
NONE = [fmpq(0)] * 5


@claim("li2019.drift", catalogue="E20", where="second-order equation, drift, as recalled")
def sgd_drift() -> Claim:
    """One step has the mean x - hg and the second moment of its noise h²Σ. Over the time h the
    equation has the mean x - hg - h²/2 Hg + h²/2 Hg and the variance h²Σ, both up to O(h³); third
    moments are O(h³) on both sides. The term F of the mean of IGRM_s has no place here: dW is taken
    before the step.
    """

    def equation(c: sympy.Expr, h: Number, b: Number, _: Number) -> tuple[Number, Number, Number]:
        return value(c, h=h), h, b * 0

    return Claim(
        statement=(
            r"SGD is followed in the weak sense of order 2 by "
            r"$dX = -\nabla(f+R)\,dt+\sqrt h\,\Sigma^{1/2}dW$ with $R$ equal to {formula}."
        ),
        printed=Formula("weakDrift", H / 4, r"\lVert\nabla f\rVert^{2}", given=STEP),
        checks=(
            identical(
                "B-series engine",
                lambda: H * modified_loss(gradient_descent, order=2).terms[PAIR].as_expr(),
            ),
            bounded_error("moments in powers of h", equation, NONE),
            weak_order("observed weak order", equation, 2, fmpq(0)),
        ),
        expected=Verdict.CONFIRMED,
        condition="Checked where the moments are exact: quadratics, noise additive and "
        "proportional to x.",
    )


@claim("li2019.diffusion", catalogue="E20", where="second-order equation, diffusion, as recalled")
def sgd_diffusion() -> Claim:
    """The variance of one step is h²Σ, that of the equation over the time h is h times its
    diffusion: h Σ.
    """

    def equation(c: sympy.Expr, h: Number, b: Number, _: Number) -> tuple[Number, Number, Number]:
        return regularizer(h, b), value(c, h=h), b * 0

    return Claim(
        statement=(
            r"In the second-order equation of SGD the covariance of the noise, over $dt$, is "
            r"$\Sigma$ times {formula}."
        ),
        printed=Formula("weakDiffusion", H, given=STEP),
        checks=(
            identical(
                "sum of the autocovariances",
                lambda: H * autocovariance(WITH_REPLACEMENT, sympy.Integer(0)).subs(BETA, 0),
            ),
            bounded_error("moments in powers of h", equation, NONE),
            weak_order("observed weak order", equation, 2, fmpq(0)),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("li2019.first-order", catalogue="E20", where="first-order equation, as recalled")
def first_order() -> Claim:
    """Without the regularizer the mean decays by e^(-λh) a step instead of 1-λh: after the time t
    the iterates' mean is (1 - hλ²t/2 + O(h²)) times the equation's. So the weak order is 1 and no
    better. At that order the noise itself does not show: it adds h to the variance, as much as is
    neglected, and the gradient flow alone is of weak order 1 as well.
    """
    pull = sympy.Rational(9, 8)

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        h = PowerSeries.step(LENGTH)
        for k in range(1, 8):
            world = draw_quadratic(draw)
            decay = h * world.curvature * k
            flowed = 1 - decay + decay * decay / 2 - decay * decay * decay / 6
            ratio = (1 - h * world.curvature) ** k / flowed - 1
            found = value(
                sympy.sympify(candidate.subs({LAMBDA: sympy.Symbol("z"), TIME: sympy.Symbol("t")})),
                h=h,
                z=world.curvature,
                t=h * k,
            )
            if ratio[2] != (found + h * 0)[2] or (found + h * 0)[1] != 0:
                return False, f"wrong at h^2 after {k} steps"
        return True, "equal at the leading order after 1 ... 7 steps"

    def errors(candidate: sympy.Expr, settings: Settings) -> list[float]:
        found = []
        with precision(settings.digits):
            for j in range(5, 10):
                h, rate = arb(1) / 2**j, arb(9) / 8
                relative = (1 - h * rate) ** (2**j) / (-rate).exp() - 1
                predicted = value(sympy.sympify(candidate.subs({LAMBDA: pull, TIME: 1})), h=h)
                found.append(float(abs(relative - predicted)))
        return found

    return Claim(
        statement=(
            r"SGD is followed in the weak sense of order 1, and no better, by "
            r"$dX = -\nabla f\,dt+\sqrt h\,\Sigma^{1/2}dW$: on a mode of curvature $\lambda$ the "
            "mean is off after the time $t$ by the fraction {formula} plus $O(h^2)$."
        ),
        printed=Formula(
            "weakFirstOrder", -H * LAMBDA**2 * TIME / 2, given=(*STEP, sympy.Gt(LAMBDA, 0))
        ),
        checks=(
            exact("mean in powers of h", Kind.SERIES, holds),
            order_of("order of what is left", errors, 2),
        ),
        expected=Verdict.CONFIRMED,
        condition="The gradient flow without noise is of weak order 1 too.",
    )
