"""The weak sense: stochastic modified equations of SGD and of momentum, by exact moments.

Li, Tai and E (2019), and Wang, Malladi, Wang, Lyu and Li (2023).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import sympy
from flint import arb, arb_mat, fmpq, fmpq_mat

from derive import gradient_descent, heavy_ball, modified_loss
from derive.averages import WITH_REPLACEMENT, autocovariance
from derive.backward_error import slow_manifold
from derive.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.linearization import Z, mode_matrix
from derive.trees import LEAF
from verify.checks import exact, identical, order_of
from verify.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.moments import NoisyQuadratic, draw_quadratic, equation_matrix, iterate_moments
from verify.numbers import PowerSeries, precision
from verify.papers.averaging import agrees
from verify.papers.heavy_ball import ONE_MINUS, PAIR, value

Number = Any

LENGTH = 4
STEPS = 9
ETA, LAMBDA, SAMPLE, TIME = sympy.symbols("eta lambda s t")
RATE = (sympy.Gt(ETA, 0), sympy.Gt(LAMBDA, 0))

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
            for moment, row in enumerate(seconds):
                for root in (fmpq(1), beta, beta, beta, beta**2, beta**2):
                    row = [late - root * early for early, late in zip(row, row[1:], strict=False)]
                if any(row):
                    return False, f"moment {moment + 1} drifts off at order h^2, beta = {beta}"
        return (
            True,
            f"bounded at order h^2 for {len(betas)} beta, additive and multiplicative noise",
        )

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
    """One step has the mean x - hg and the second moment of its noise h²Σ. The equation
    dX = -∇(f + h/4 |∇f|²) dt + √h Σ^(1/2) dW has over the time h the mean x - hg - h²/2 Hg + h²/2 Hg
    and the variance h²Σ, both up to O(h³); third moments are O(h³) on both sides. The term F of the
    mean of IGRM_s has no place here: dW is taken before the step.
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
            r"SGD with momentum, read as $y = x+\frac{\beta}{1-\beta}v$, is followed from $y_0 = x_0$ "
            r"in the weak sense of order 2 by "
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


def stationary(eta: fmpq, pull: fmpq, noise: fmpq, beta: fmpq) -> fmpq:
    """The variance of x that one step of the averaged momentum keeps, by solving for it.

    m <- beta m + (1-beta)(pull x + xi), x <- x - eta m; the unknowns are Var x, Cov(x, m), Var m.
    """
    new = 1 - beta
    # the new m in terms of (x, m), the new x in terms of (x, m), and the noise in each
    m_row, m_noise = (new * pull, beta), new
    x_row, x_noise = (1 - eta * m_row[0], -eta * m_row[1]), -eta * m_noise
    rows, right = [], []
    for (a, an), (b, bn) in (
        ((x_row, x_noise), (x_row, x_noise)),
        ((x_row, x_noise), (m_row, m_noise)),
        ((m_row, m_noise), (m_row, m_noise)),
    ):
        rows.append([a[0] * b[0], a[0] * b[1] + a[1] * b[0], a[1] * b[1]])
        right.append([an * bn * noise])
    identity = [[fmpq(i == j) for j in range(3)] for i in range(3)]
    system = fmpq_mat(
        [[e - a for e, a in zip(*pair, strict=True)] for pair in zip(identity, rows, strict=True)]
    )
    return system.solve(fmpq_mat(right))[0, 0]


def stationary_cases(settings: Settings) -> list[dict[str, fmpq]]:
    draw = random.Random(settings.seed)
    return [
        {
            "eta": fmpq(draw.randint(1, 9), 10),
            "lambda": fmpq(draw.randint(1, 9), 5),
            "s": fmpq(draw.randint(1, 9)),
            "beta": fmpq(draw.randint(0, 19), 20),
        }
        for _ in range(12)
    ]


def solved(name: str, *, ratio: bool = False, refutes: bool = False) -> Check:
    """The candidate is the stationary variance, or its ratio to that without momentum."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for case in stationary_cases(settings):
            known = (case["eta"], case["lambda"], case["s"])
            wanted = stationary(*known, case["beta"])
            if ratio:
                wanted /= stationary(*known, fmpq(0))
            if not agrees(candidate, wanted, **case):
                shown = ", ".join(f"{name} = {number}" for name, number in case.items())
                return False, f"wrong at {shown}"
        return True, "equal to the solution of the moment equations at 12 points"

    return exact(name, Kind.SERIES, holds, refutes=refutes)


def lyapunov() -> sympy.Expr:
    """The stationary variance from the step matrix of heavy ball at h = eta (1 - beta)."""
    p, r, q = sympy.symbols("p r q")
    step = mode_matrix(heavy_ball).subs(Z, ETA * ONE_MINUS * LAMBDA)
    covariance = sympy.Matrix([[p, r], [r, q]])
    noise = (ETA * ONE_MINUS) ** 2 * SAMPLE * sympy.ones(2, 2)
    equations = list(step * covariance * step.T + noise - covariance)
    solution = sympy.solve(equations, [p, r, q], dict=True)[0]
    return sympy.factor(solution[p])


STATIONARY = ETA * SAMPLE / (LAMBDA * (2 - ETA * LAMBDA * ONE_MINUS / (1 + BETA)))


@claim("wang2023.stationary-variance", catalogue="E21", where="momentum beside SGD, a consistency")
def stationary_variance() -> Claim:
    """With m the average of gradients and g = λx + ξ the variances of x and m and their covariance
    satisfy three linear equations. Momentum changes the variance of x at relative order ηλ only,
    as a distance O(√(η/(1-β))) between momentum and SGD in the weak sense allows.
    """
    return Claim(
        statement=(
            r"On a mode of curvature $\lambda$ with gradient noise of variance $s$ momentum as an "
            r"average, with learning rate $\eta$, has the stationary variance {formula}."
        ),
        printed=Formula("stationaryVariance", STATIONARY, given=(*MOMENTUM, *RATE)),
        checks=(
            identical("step matrix of heavy ball", lyapunov),
            solved("moment equations of the average"),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$\eta\lambda(1-\beta) < 2(1+\beta)$, so that the iteration is stable.",
    )


@claim("ghosh2023.variance-of-the-iterates", catalogue="E21 A27", where="Remark 5.5")
def variance_of_the_iterates() -> Claim:
    """Remark 5.5 takes the smaller variance of the force for a smaller variance of the iterates.
    But the forces of successive steps are correlated, and what they add up to has the variance of
    SGD. The iterates' variance changes at relative order ηλ only.
    """
    return Claim(
        statement=(
            "At equal effective learning rate the stationary variance of the iterates on a mode is "
            "that without momentum times {formula}."
        ),
        printed=Formula("iterateVariancePrinted", ONE_MINUS / (1 + BETA)),
        right=Formula(
            "iterateVariance",
            (2 - ETA * LAMBDA) / (2 - ETA * LAMBDA * ONE_MINUS / (1 + BETA)),
            given=(*MOMENTUM, *RATE),
        ),
        checks=(
            identical(
                "step matrix of heavy ball",
                lambda: lyapunov() / lyapunov().subs(BETA, 0),
                refutes=True,
            ),
            solved("moment equations of the average", ratio=True, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"Both iterations are stable, $\eta\lambda < 2$.",
        because="momentum lowers the variance of one force, not that of the sum of the forces.",
        counterexample=(
            r"$\beta = 9/10$, $\eta\lambda = 1/10$: the factor is $361/379 = 0.953$, not $1/19$."
        ),
    )
