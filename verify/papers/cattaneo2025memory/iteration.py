"""The memoryless iteration: Cattaneo and Shigida (2025), "How memory in optimization algorithms
implicitly modifies the loss".

Their theorem replaces all past positions by the present one, which gives F_k, and corrects for it
by M_k. beta is the momentum, h the step size, E the loss; g and H are its derivatives.
"""

from __future__ import annotations

import random

import numpy as np
import sympy
from flint import fmpq

from derive import discrete_modified_loss, gradient_descent, heavy_ball, modified_loss, transient
from derive.engine.bseries import BSeries, exp, log
from derive.language.coefficients import Ring
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, K
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import (
    ONE_MINUS,
    PAIR,
    RESIDUAL_BETAS,
    SQUARE,
    loss_weights,
    value,
)
from verify.claims.checks.identities import enclosed, exact, identical, momentum_points
from verify.claims.checks.memory_rules import (
    HEAVY_BALL,
    PROBE,
    Number,
    Point,
    at,
    leaves_no_residual,
    order_at_each,
    written,
)
from verify.claims.checks.one_step_maps import MEMORY_LOSS, displacement, map_path, same_step
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.running.experiments import Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import PowerSeries, power_series
from verify.running.residuals import Weights, advance, lowest_power
from verify.running.trajectories import iterates, vector

HERE = (*MOMENTUM, *STEP)


def force_of(point: Point, k: int) -> Number:
    """The force of F_k: the sum of the weights beta^0 ... beta^k of the gradients."""
    return (1 - point["beta"] ** (k + 1)) / (1 - point["beta"])


@claim(
    "cattaneo2025memory.memoryless-iteration",
    catalogue="E16",
    where="Theorem 3.2, Corollary 3.3 and the example of heavy ball",
)
def memoryless_iteration() -> Claim:
    """F_k = -(1-β^(k+1))/(1-β) g. As x_(k-j) = x_k + hjg/(1-β) + O(h²) after the start-up, past
    gradients add -Σ β^j hj/(1-β) Hg = -hβ/(1-β)³ Hg, which is -1/(1-β) times the gradient of
    hβ/(2(1-β)²) |∇E|². With the limit of this correction instead of its value at k the path moves
    by O(h²), since their differences have a finite sum. With the limit of F_k it moves by O(h): see
    the claim on the start of the limiting map.
    """

    def by_engine() -> sympy.Expr:
        return H * discrete_modified_loss(heavy_ball, order=2).terms[PAIR].as_expr()

    def weights(c: Number, h: Number, point: Point) -> Weights:
        force = h / (1 - point["beta"])
        return {LEAF: force, PAIR: -(c * force * 2)}

    def follow(c: Number, run: Flow) -> list[np.ndarray]:
        steady = weights(c, run.h, run.values)[PAIR]
        return map_path(
            run, lambda k: {LEAF: run.h * force_of(run.values, k), PAIR: steady}, run.x0
        )

    return Claim(
        statement=(
            r"Heavy ball is $O(h^2)$-close over all steps to the memoryless iteration "
            r"$x_{k+1} = x_k+h(F_k(x_k)+M(x_k))$ from the same start, with "
            r"$F_k = -(1+\beta+\dots+\beta^k)\,\nabla E$ and $M$ equal to $-1/(1-\beta)$ times "
            "the gradient of {formula}."
        ),
        printed=Formula("memoryLoss", MEMORY_LOSS, SQUARE, given=HERE),
        checks=(
            identical("B-series engine", by_engine),
            same_step("exact residual of the map", weights, begins=3),
            order_at_each("observed order over all steps", HEAVY_BALL, follow, 2, at_end=False),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            "$F_k$ keeps its dependence on $k$; with its limit in its place the start has to move."
        ),
    )


@claim(
    "cattaneo2025memory.memory-term",
    catalogue="E16",
    where="Theorem 3.2, its correction for heavy ball, derived here",
)
def memory_term() -> Claim:
    """Let S_s = (1-β^(s+1))/(1-β). To first order x_(k-j) = x_k + h Σ S_s g over s = k-j ... k-1.
    So -Σ β^j g(x_(k-j)) = -S_k g - h Σ_j β^j Σ_s S_s Hg + O(h²), and the double sum is
    (β - β^(2k+2) - (2k+1)(1-β)β^(k+1))/(1-β)³; it vanishes at k = 0, where there is no past.
    """

    def by_engine() -> sympy.Expr:
        return -H * exp(transient(heavy_ball, order=2))[PAIR].as_expr() / 2

    def enumerated(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for beta in RESIDUAL_BETAS:
            for k in range(21):
                forces = [(1 - beta ** (s + 1)) / (1 - beta) for s in range(k)]
                total = sum((beta**j * sum(forces[k - j :]) for j in range(1, k + 1)), fmpq(0))
                if value(candidate, k=k, h=PROBE, beta=beta) != total * PROBE / 2:
                    return False, f"wrong at k = {k}, beta = {beta}"
        return True, "equal for k = 0 ... 20 and 9 beta"

    def one_step_errors(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        arithmetic, h = power_series(4), PowerSeries.step(4)
        for dimension in (1, 2):
            loss = bounded_polynomial(draw, dimension)
            start = [arithmetic.convert(x) for x in starting_point(draw, dimension)]
            for point in HEAVY_BALL.grid:
                path = iterates(
                    heavy_ball, loss, start, h=h, steps=6, parameters=point, arithmetic=arithmetic
                )
                for k in range(6):
                    c = value(candidate, k=k, h=h, **point)
                    weights = {LEAF: h * force_of(point, k), PAIR: -(h * c * 2)}
                    moved = displacement(loss, weights, path[k], arithmetic)
                    power = lowest_power(path[k + 1] - path[k] - moved)
                    if power < 3:
                        return False, f"h^{power} is left in step {k} at {written(point)}"
        return True, "the first 6 steps, each from the iterate, begin at h^3 for 9 beta"

    return Claim(
        statement=(
            r"From a start at rest step $k$ of heavy ball is $x_{k+1} = x_k-h\nabla L(x_k)+O(h^3)$ "
            r"with $L = (1+\beta+\dots+\beta^k)\,E$ plus {formula}."
        ),
        printed=Formula(
            "memoryTerm",
            H
            * (BETA - BETA ** (2 * K + 2) - (2 * K + 1) * ONE_MINUS * BETA ** (K + 1))
            / (2 * ONE_MINUS**3),
            SQUARE,
            given=(*HERE, sympy.Ge(K, 0)),
        ),
        checks=(
            identical("B-series engine", by_engine),
            exact("double sum over the past", Kind.ENUMERATION, enumerated),
            exact("exact residual of single steps", Kind.SERIES, one_step_errors),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim(
    "cattaneo2025memory.discretization",
    catalogue="E17",
    where="the differential equation of the memoryless iteration",
)
def discretization() -> Claim:
    """The flow of F0 + hF1 over h is x + hF0 + h²(F1 + F0'F0/2) + O(h³). It is x + hG1 + h²G2 for
    F0 = G1 and F1 = G2 - G1'G1/2. In the flow's own expansion the term is +h²G1'G1/2.
    """

    def by_engine() -> sympy.Expr:
        ring = Ring(("m",))
        step = BSeries(2, ring.number(1), {LEAF: ring.number(1), PAIR: ring.parameter("m")})
        return (log(step)[PAIR] - ring.parameter("m")).as_expr()

    def residual(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        arithmetic, h = power_series(4), PowerSeries.step(4)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            start = vector([arithmetic.convert(x) for x in starting_point(draw, dimension)])
            for m in (fmpq(-2), fmpq(0), fmpq(1, 3), fmpq(5)):
                flow = {LEAF: h * 0 + 1, PAIR: h * (m + value(candidate))}
                after = advance(loss, flow, start, h, arithmetic)
                step = displacement(loss, {LEAF: h, PAIR: h * h * m}, start, arithmetic)
                power = lowest_power(start + step - after)
                if power < 3:
                    return False, f"h^{power} is left at G2 = {m} G1'G1 on E = {loss.text}"
        return True, "begins at h^3 on 3 losses, for 4 multiples G2 of G1'G1"

    return Claim(
        statement=(
            r"The iteration $x_{k+1} = x_k+hG_1(x_k)+h^2G_2(x_k)$ is $O(h^2)$-close to "
            r"$x' = G_1+h(G_2+cG_1'G_1)$ with $c$ equal to {formula}."
        ),
        printed=Formula("discretizationFactor", -sympy.Rational(1, 2), given=()),
        checks=(
            identical("logarithm of a B-series", by_engine),
            exact("exact residual", Kind.SERIES, residual),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim(
    "cattaneo2025memory.decomposition",
    catalogue="E17",
    where="memory and discretization in the modified loss of heavy ball",
)
def decomposition() -> Claim:
    """With G1 = -g/(1-β), -hG1'G1/2 = -h/(2(1-β)²) Hg is -1/(1-β) times the gradient of
    h/(4(1-β)) |∇E|², gradient descent's at the step h/(1-β). With the memory's hβ/(2(1-β)²) it is
    h(2β + 1-β)/(4(1-β)²) = h(1+β)/(4(1-β)²), the flow's modified loss.
    """

    def difference() -> sympy.Expr:
        flow, step = (f(heavy_ball, order=2) for f in (modified_loss, discrete_modified_loss))
        return H * (flow.terms[PAIR] - step.terms[PAIR]).as_expr()

    def rescaled_descent() -> sympy.Expr:
        return modified_loss(gradient_descent, order=2).terms[PAIR].as_expr() * H / ONE_MINUS

    def weights(c: Number, h: Number, point: Point) -> Weights:
        return loss_weights(c + at(MEMORY_LOSS, h, point), 1 / (1 - point["beta"]))

    def rest() -> sympy.Expr:
        return H * (1 + BETA) / (4 * ONE_MINUS**2) - MEMORY_LOSS

    return Claim(
        statement=(
            r"In the flow's modified loss of heavy ball, $h(1+\beta)/(4(1-\beta)^2)\,"
            r"\lVert\nabla E\rVert^2$ beside $E$, memory accounts for $h\beta/(2(1-\beta)^2)$ and "
            "discretization for {formula}."
        ),
        printed=Formula("discretizationLoss", H / ONE_MINUS / 4, SQUARE, given=HERE),
        checks=(
            identical("flow's loss minus map's loss", difference),
            identical("gradient descent at the effective step", rescaled_descent),
            leaves_no_residual("exact residual of the sum", HEAVY_BALL, weights),
            enclosed(
                "the sum in balls", rest, lambda draw: {**momentum_points(draw), "h": fmpq(1, 8)}
            ),
        ),
        expected=Verdict.CONFIRMED,
    )
