"""Examples: Ghosh, Lyu, Zhang and Wang (2023), the model of section 4.1 and its Figure 1."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import arb, fmpq

from derive import gradient_descent, heavy_ball
from derive.language.formula import BETA, STEP, Formula, H
from derive.optimizers import heavy_ball_two_step
from verify.claims.checks.heavy_ball import ONE_MINUS, RESIDUAL_BETAS, by_engine, distances, value
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.models.written_fields import follow_written
from verify.running.experiments import Experiment
from verify.running.losses import Loss, polynomial
from verify.running.numbers import (
    MPFR,
    RATIONAL,
    PowerSeries,
    evaluate,
    log,
    power_series,
    precision,
)
from verify.running.tape import Node, gradient, record
from verify.running.trajectories import iterates

Number = Any
X, Y, W1, W2 = sympy.symbols("x y w1 w2")
MODEL = (Y - W1 * W2 * X) ** 2 / 2


@lru_cache(maxsize=64)
def model(x: fmpq, y: fmpq) -> Loss:
    """The loss (y - w1 w2 x)^2/2 of the scalar two-layer network."""
    terms = (((0, 0), y * y / 2), ((1, 1), -x * y), ((2, 2), x * x / 2))
    return polynomial(2, terms, f"({y} - {x} w1 w2)^2/2")


@claim("ghosh2023.model-regularizer", catalogue="A16", where="section 4.1")
def model_regularizer() -> Claim:
    """With r = y - w₁w₂x the gradient is -rx (w₂, w₁), so |∇E|² = r²x²(w₁²+w₂²). Since r² = 2E, it
    is 2x²(w₁²+w₂²)E, and h/4 of it is hx²/2 (w₁²+w₂²)E. The printed h/4 would need 2x² = 1.
    """

    def polynomial_identity() -> sympy.Expr:
        square = sum(sympy.diff(MODEL, w) ** 2 for w in (W1, W2))
        quotient, rest = sympy.div(
            sympy.expand(H / 4 * square), sympy.expand((W1**2 + W2**2) * MODEL), W1, W2
        )
        if rest != 0:
            raise ArithmeticError(f"{rest} is left of the division by the model")
        return quotient

    def enumerated(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(20):
            x, y, a, b = (fmpq(draw.randint(-9, 9), 7) + fmpq(1, 2) for _ in range(4))
            slopes = model(x, y).gradient_function(RATIONAL)(np.array([a, b], dtype=object))
            loss = (y - a * b * x) ** 2 / 2
            regularizer = sum(slope * slope for slope in slopes) / 4
            if value(candidate, h=fmpq(1), x=x) * (a * a + b * b) * loss != regularizer:
                return False, f"wrong at (x, y, w1, w2) = ({x}, {y}, {a}, {b})"
        return True, "equal at 20 rational points"

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        coefficient = sympy.sympify(candidate.subs({X: sympy.Rational(3, 2)}))
        loss = model(fmpq(3, 2), fmpq(3, 5))

        def compute(nodes: list[Node]) -> list[Node]:
            weights, h = nodes[:2], nodes[2]
            size = sum((w * w for w in weights), weights[0] * 0)
            modified = loss.value(weights) * (size * evaluate(coefficient, {"h": h}) + 1)
            return [-slope for slope in gradient(modified, weights)]

        program = record(3, compute)
        return distances(
            Experiment(gradient_descent, loss, [fmpq(1), fmpq(1, 2)]),
            lambda run: follow_written(run, program, (run.h,), list(run.x0)),
            settings,
        )

    return Claim(
        statement=(
            r"On $E = (y - w_1 w_2 x)^2/2$ gradient descent has the implicit regularizer "
            r"$(h/4)\lVert\nabla E\rVert^2$, which is {formula}."
        ),
        printed=Formula("modelRegularizerPrinted", H / 4, r"(w_1^{2}+w_2^{2})E", given=STEP),
        right=Formula("modelRegularizer", H * X**2 / 2, r"(w_1^{2}+w_2^{2})E", given=STEP),
        checks=(
            identical("division of polynomials", polynomial_identity, refutes=True),
            exact("gradient at rational points", Kind.ENUMERATION, enumerated, refutes=True),
            order_of("observed order of the modified loss", errors, 2, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The printed factor is right only where $x^2 = 1/2$.",
        because=r"the factor $2x^2$ of $\lVert\nabla E\rVert^2 = 2x^2(w_1^2+w_2^2)E$ is missing.",
        counterexample=(
            r"$x = w_1 = w_2 = 1$, $y = 0$: $\lVert\nabla E\rVert^2 = 2$ and "
            r"$(w_1^2+w_2^2)E = 1$, so that the regularizer is $h/2$ and not $h/4$."
        ),
    )


MOMENTA = (fmpq(0), fmpq(1, 2), fmpq(4, 5), fmpq(9, 10))
"""The momenta of Figure 1; their step size is 1 - beta over 100."""
FROM = (fmpq(14, 5), fmpq(17, 5))
FIGURE = ((fmpq(1), fmpq(3, 5)), (fmpq(1), fmpq(1)))
"""Values of (x, y) for which the order of Figure 1 is checked; the text does not give its own."""
ELSEWHERE = ((fmpq(2), fmpq(1)),)


@lru_cache(maxsize=64)
def limit_norm(x: fmpq, y: fmpq, beta: fmpq, digits: int) -> arb:
    """An enclosure of the norm of the limit of heavy ball on the model, written out in balls.

    Args:
        digits: the enclosure is narrower than 10^-digits.
    Raises:
        ArithmeticError: no limit is certified within about 100 steps a digit.
    """
    with precision(4 * digits + 100):  # the balls widen as fast as the path converges
        h, b, scale = arb((1 - beta) / 100), arb(beta), arb(x)
        w1, w2, v1, v2 = arb(FROM[0]), arb(FROM[1]), arb(0), arb(0)
        for step in range(1, 100 * (digits + 100)):
            pull = h * scale * (arb(y) - w1 * w2 * scale)
            v1, v2 = b * v1 + pull * w2, b * v2 + pull * w1
            w1, w2 = w1 + v1, w2 + v2
            if step % 200 == 0:
                norm = (w1 * w1 + w2 * w2).sqrt()
                rest = _remaining_travel(
                    norm, abs(arb(y) - w1 * w2 * scale), v1 * v1 + v2 * v2, abs(scale), h, b
                )
                if rest is not None and rest < arb(10) ** (-digits - 1):
                    return norm + arb(0, rest)
    raise ArithmeticError(f"no limit is certified at (x, y) = ({x}, {y}), beta = {beta}")


def _remaining_travel(norm: arb, r: arb, speed: arb, x: arb, h: arb, beta: arb) -> arb | None:
    """A bound on the length of the path from here on, None where none is found.

    Let |r| be the residual |y - w1 w2 x|, speed |v|^2. In a ball of radius 1/100 the Hessian's norm
    is at most L and |grad E|^2 = 2 x^2 |w|^2 E >= 2 mu E. With V = E + beta |v|^2/(2h), the descent
    lemma for v_(k+1) = beta v_k - h g gives V_(k+1) <= V_k - (c/h)|v_(k+1)|^2, c = 1-beta-hL/2, and
    E <= |g|^2/(2 mu) gives V_k <= (|v_k|^2 + |v_(k+1)|^2)(1/(mu h^2) + 1/(2h)). Hence
    V_(k+2) <= V_k/(1+eta), eta = c mu h/(1 + mu h/2), and the sum of |v| is a geometric series. It
    and the next step must stay in the ball.
    """
    ball = arb(1) / 100
    far = norm + ball
    lipschitz = (x * far) ** 2 + x * (r + x * ball * far)
    mu = (x * (norm - ball)) ** 2
    c = 1 - beta - h * lipschitz / 2
    if not (c > 0 and norm > ball):
        return None
    v = (r * r / 2 + beta * speed / (2 * h)).upper()
    eta = c * mu * h / (1 + mu * h / 2)
    travel = 2 * (h * v / c).sqrt() / (1 - 1 / (1 + eta).sqrt())
    jump = (2 * beta * h * v).sqrt() + h * x * far * (2 * v).sqrt()
    return travel if travel + jump < ball else None


def certified_fall(cases: Sequence[tuple[fmpq, fmpq]]) -> Check:
    """Enclosures of the norms fall from beta = 0 to the candidate, and rise or end there."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        figures = []
        for x, y in cases:
            norms = [limit_norm(x, y, beta, settings.digits) for beta in MOMENTA]
            shown = ", ".join(norm.str(7, radius=False) for norm in norms)
            figures.append(f"({x}, {y}): {shown}")
            if any(not (a > b or a < b) for a, b in pairwise(norms)):
                return Evidence(None, f"enclosures overlap at (x, y) = {figures[-1]}")
            if evaluate(candidate, {}) != _end_of_fall(norms):
                return Evidence(False, f"|w*| falls otherwise at (x, y) = {figures[-1]}")
        return Evidence(True, f"|w*| for beta = 0, .5, .8, .9 at (x, y) = {'; '.join(figures)}")

    return Check("enclosures of the limits", Kind.BALL, judge, refutes=True)


def simulated_fall(cases: Sequence[tuple[fmpq, fmpq]]) -> Check:
    """The same by the declared two-step rule at high precision, 3000 steps."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        with precision(settings.digits):
            for x, y in cases:
                norms = []
                for beta in MOMENTA:
                    path = iterates(
                        heavy_ball_two_step,
                        model(x, y),
                        [MPFR.convert(w) for w in FROM],
                        h=MPFR.convert((1 - beta) / 100),
                        steps=3000,
                        parameters={"beta": MPFR.convert(beta)},
                        arithmetic=MPFR,
                    )
                    norms.append(sum(w * w for w in path[-1]))
                if evaluate(candidate, {}) != _end_of_fall(norms):
                    return False, f"the norm falls otherwise at (x, y) = ({x}, {y})"
        return True, f"after 3000 steps, {len(cases)} (x, y)"

    return exact("declared iteration", Kind.SIMULATION, holds, refutes=True)


def _end_of_fall(norms: Sequence[Number]) -> fmpq:
    """The momentum up to which the norms of Figure 1 fall."""
    rises = (beta for beta, (a, b) in zip(MOMENTA, pairwise(norms), strict=False) if a < b)
    return next(rises, MOMENTA[-1])


NORMS_FALL = Formula("normsFallPrinted", sympy.Rational(9, 10), given=())


@claim("ghosh2023.figure-norms", catalogue="A17", where="section 4.1 (b), Figure 1")
def figure_norms() -> Claim:
    """Heavy ball is iterated in balls until the rest of the path is bounded below the last digit:
    with V = E + β|v|²/(2h) the descent lemma gives V to drop by (1-β-hL/2)/h |v|² a step, and
    |∇E|² = 2x²|w|²E makes the drop geometric. So the limit exists, is a minimum, and its norm is
    enclosed. The text does not give (x, y); (1, 3/5) and (1, 1) are assumed here.
    """
    return Claim(
        statement=(
            r"With $h/(1-\beta) = 10^{-2}$ from $(2.8, 3.4)$ the norm of the limit falls over "
            r"$\beta = 0, 0.5, 0.8, 0.9$ up to {formula}."
        ),
        printed=NORMS_FALL,
        checks=(certified_fall(FIGURE), simulated_fall(FIGURE)),
        expected=Verdict.CONFIRMED,
        condition=(
            r"$(x, y)$ is assumed to be $(1, 3/5)$, where the norms are $1.946793$, $1.892996$, "
            r"$1.735539$, $1.455675$, or $(1, 1)$, where they are $2.031343$, $1.989464$, "
            r"$1.869909$, $1.672159$; the text does not give it."
        ),
    )


@claim("ghosh2023.figure-norms-elsewhere", catalogue="A17", where="section 4.1 (b)")
def figure_norms_elsewhere() -> Claim:
    """The observation is made without a value of (x, y). At (2, 1), with the same start and steps,
    the limits are enclosed as before: the norm falls up to β = 0.8 and has risen again at β = 0.9.
    The regularizer is the first term of a series in h, and at the start h/(1-β) times the curvature
    x²|w|² is 0.78, not small.
    """
    return Claim(
        statement=(
            r"With $h/(1-\beta) = 10^{-2}$ from $(2.8, 3.4)$, at $(x, y) = (2, 1)$, the norm of "
            r"the limit falls over $\beta = 0, 0.5, 0.8, 0.9$ up to {formula}."
        ),
        printed=NORMS_FALL,
        right=Formula("normsFallElsewhere", sympy.Rational(4, 5), given=()),
        checks=(certified_fall(ELSEWHERE), simulated_fall(ELSEWHERE)),
        expected=Verdict.CORRECTED,
        condition=(
            r"How far the norm falls depends on $(x, y)$, which the text does not give, and on "
            r"$h/(1-\beta)$; as $h/(1-\beta)$ tends to 0 it falls for all four."
        ),
        because=r"that the norm falls as $\beta$ grows is no law at a fixed step size.",
        counterexample=(
            r"$(x, y) = (2, 1)$: the norms for $\beta = 0, 0.5, 0.8, 0.9$ are $1.807681$, "
            r"$1.595575$, $1.000724$, $1.776450$."
        ),
    )


@claim("ghosh2023.imbalance", catalogue="A17", where="section 4.1 (b) and Remark 4.2")
def imbalance() -> Claim:
    """Let D = w₁∂₁ - w₂∂₂. It annuls w₁w₂, so DE = 0 and D|∇E|² = 2r²x²(w₁²-w₂²). Along the flow
    of E + c|∇E|², in the time of the effective step, (log|w₁²-w₂²|)' = -4cr²x²: gradient descent
    has c = h/(4(1-β)), heavy ball (1+β)/(1-β) times that. In a minimum |w|⁴ is (w₁²-w₂²)² + 4y²/x².
    So for small steps the norm falls as β grows, unless the start is a minimum or w₁² = w₂².
    """

    def by_loss() -> sympy.Expr:
        def rate(c: sympy.Expr) -> sympy.Expr:
            loss = MODEL + c * (sympy.diff(MODEL, W1) ** 2 + sympy.diff(MODEL, W2) ** 2)
            return sympy.expand(W1 * sympy.diff(loss, W1) - W2 * sympy.diff(loss, W2))

        plain = by_engine(gradient_descent).subs(H, H / ONE_MINUS)
        return sympy.cancel(rate(by_engine(heavy_ball)) / rate(plain))

    def by_iteration(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        arithmetic, h = power_series(3), PowerSeries.step(3)
        for beta in RESIDUAL_BETAS:
            path = iterates(
                heavy_ball,
                model(fmpq(2), fmpq(3)),
                [arithmetic.convert(w) for w in FROM],
                h=h,
                steps=8,
                parameters={"beta": arithmetic.convert(beta)},
                arithmetic=arithmetic,
            )
            rate = [(w[0] ** 2 - w[1] ** 2)[2] for w in path]
            for root in (fmpq(1), beta, beta, beta**2):
                rate = [b - root * a for a, b in pairwise(rate)]
            lasting = {r / ((1 - beta) ** 2 * (1 - beta**2)) for r in rate}
            w1, w2 = FROM
            plain = -((2 * (3 - 2 * w1 * w2) / (1 - beta)) ** 2) * (w1**2 - w2**2)
            if lasting != {plain * value(candidate, beta=beta)}:
                return False, f"another rate at beta = {beta}"
        return True, "the lasting h^2 part of a step's change of w1^2 - w2^2, 9 beta"

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        beta = fmpq(1, 2)
        with precision(settings.digits):
            ratio = value(candidate, beta=MPFR.convert(beta))
            steps = [fmpq(1, 2**j) for j in range(8, 13)]
            return [float(abs(_shrunk(beta, h) / _shrunk(fmpq(0), h) - ratio)) for h in steps]

    return Claim(
        statement=(
            "As the effective step size tends to 0, the logarithm of the factor by which heavy "
            r"ball shrinks $w_1^2-w_2^2$ is that of gradient descent times {formula}."
        ),
        printed=Formula("imbalanceFactor", (1 + BETA) / ONE_MINUS),
        checks=(
            identical("derivative of the modified loss", by_loss),
            exact("exact iteration", Kind.SERIES, by_iteration),
            order_of("approach to the limit", errors, 1),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"The start is no minimum and $w_1^2 \neq w_2^2$ there.",
    )


def _shrunk(beta: fmpq, effective: fmpq) -> Number:
    """log of the last w1^2 - w2^2 over the first one, on the model (1, 3/5)."""
    h, b, y = map(MPFR.convert, (effective * (1 - beta), beta, FIGURE[0][1]))
    w1, w2 = map(MPFR.convert, FROM)
    before, v1, v2, r = w1 * w1 - w2 * w2, h * 0, h * 0, y
    while abs(r) + abs(v1) > 1e-12:
        r = y - w1 * w2
        v1, v2 = b * v1 + h * r * w2, b * v2 + h * r * w1
        w1, w2 = w1 + v1, w2 + v2
    return log((w1 * w1 - w2 * w2) / before)
