"""The weak sense: the stochastic modified equations of SGD, Li, Tai and E (2019), and of momentum,
by exact moments.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import islice, pairwise
from typing import Any

import sympy
from flint import arb, arb_mat, fmpq

from derive import gradient_descent, heavy_ball, modified_loss
from derive.batches.averages import WITH_REPLACEMENT, autocovariance
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.quadratics.linearization import Z, mode_matrix
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, value
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.models.noisy_quadratic import (
    NoisyQuadratic,
    draw_quadratic,
    equation_matrix,
    iterate_moments,
)
from verify.running.numbers import PowerSeries, precision

Number = Any

LENGTH = 4
STEPS = 9
LAMBDA, TIME = sympy.symbols("lambda t")

Equation = Callable[[sympy.Expr, Number, Number, Number], tuple[Number, Number, Number]]
"""Regularizer beside E, diffusion beside the variance of a gradient, and the weight of v in y, from
a candidate, h, beta and the curvature."""


def regularizer(h: Number, beta: Number) -> Number:
    return h * (1 + beta) / ((1 - beta) * (1 - beta) * 4)


def diffusion(h: Number, beta: Number) -> Number:
    return h / ((1 - beta) * (1 - beta))


def _matrix(
    world: NoisyQuadratic, coefficients: tuple[Number, Number, Number], beta: Number
) -> list[list[Number]]:
    pull = world.curvature
    drift = (coefficients[0] * pull * 2 + 1) * pull / (1 - beta)
    return equation_matrix(world, drift, coefficients[1])


def bounded_error(name: str, equation: Equation, betas: Sequence[fmpq]) -> Check:
    """Exactly, in powers of h: at step k the moments differ by nothing at order h and by something
    bounded in k at order h^2, so that over a fixed time the weak error is of order h^2.

    What is bounded is a combination of 1, beta^k, k beta^k, k^2 beta^k, beta^(2k) and k beta^(2k);
    over the steps these are removed one by one, and nothing may be left.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        h = PowerSeries.step(LENGTH)
        for beta in betas:
            world, start = draw_quadratic(draw), fmpq(draw.randint(2, 9), 4)
            coefficients = equation(candidate, h, beta, world.curvature)
            matrix = _matrix(world, coefficients, beta)
            moments = iterate_moments(world, h * 0 + start, h=h, beta=beta, weight=coefficients[2])
            seconds: list[list[fmpq]] = [[], []]
            for k, found in enumerate(islice(moments, STEPS)):
                flowed = _exponential(matrix, h * k, [h * 0 + 1, h * 0 + start, h * 0 + start**2])
                for moment, (a, b) in enumerate(zip(found, flowed[1:], strict=True)):
                    left = a - b
                    if left[0] != 0 or left[1] != 0:
                        return False, f"an error of order h in moment {moment + 1}, beta = {beta}"
                    seconds[moment].append(left[2])
            for moment, errors in enumerate(seconds, 1):
                rest = errors
                for root in (fmpq(1), beta, beta, beta, beta**2, beta**2):
                    rest = [late - root * early for early, late in pairwise(rest)]
                if any(rest):
                    return False, f"moment {moment} drifts off at order h^2, beta = {beta}"
        return True, f"bounded at order h^2 for {len(betas)} beta, noise of both kinds"

    return exact(name, Kind.SERIES, holds)


def _exponential(matrix: list[list[Number]], time: Number, start: list[Number]) -> list[Number]:
    """exp(time matrix) start, where time is a multiple of h."""
    total = term = start
    for n in range(1, LENGTH):
        term = [
            sum((a * b for a, b in zip(row, term, strict=True)), time * 0) * time / n
            for row in matrix
        ]
        total = [a + b for a, b in zip(total, term, strict=True)]
    return total


def weak_order(name: str, equation: Equation, order: int, beta: fmpq) -> Check:
    """The distance of the first two moments at the time 1, for h = 2^-5, 2^-6, ..."""

    def errors(candidate: sympy.Expr, settings: Settings) -> list[float]:
        draw = random.Random(settings.seed)
        world = draw_quadratic(draw)
        start = fmpq(draw.randint(2, 9), 4)
        found = []
        with precision(settings.digits):
            for j in range(5, 10):
                h = arb(1) / 2**j
                coefficients = equation(candidate, h, arb(beta), arb(world.curvature))
                moments = iterate_moments(
                    world, arb(start), h=h, beta=arb(beta), weight=coefficients[2]
                )
                last = next(islice(moments, 2**j, None))
                flowed = arb_mat(_matrix(world, coefficients, arb(beta))).exp() * arb_mat(
                    [[1], [start], [start**2]]
                )
                found.append(float(max(abs(a - flowed[i, 0]) for i, a in enumerate(last, 1))))
        return found

    return order_of(name, errors, order)


BETAS = [fmpq(n, 10) for n in (1, 3, 5, 8, 9)]
HALF = fmpq(1, 2)
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
