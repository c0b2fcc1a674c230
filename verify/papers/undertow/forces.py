"""How the momentum force is correlated over lags, and what variance it gathers."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

import sympy
from flint import fmpq, fmpq_poly

from derive.batches import averages
from derive.language.formula import BETA, MOMENTUM, Formula, K
from verify.claims.checks.averaging import INDEPENDENT, agrees, deviations
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.models.batch_sequences import (
    Batches,
    Vector,
    averaged,
    dot,
    draw_batches,
    settle,
    square,
)

LAG = sympy.Symbol("l")


@claim("undertow.force-autocovariance", catalogue="A27", where="autocovariance of the force")
def force_autocovariance() -> Claim:
    """Between step k and step k+l the history fades by β^l and gains independent batches, so the
    covariance is β^l Cov(∇G_k), and (1-β)² Cov(∇G_k) tends to (1-β)/(1+β) C.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for lag, batches, beta in lags_and_batches(settings):
            first, second = averaged(
                batches,
                INDEPENDENT,
                2 + lag,
                beta,
                lambda g, b=beta, e=batches, lag=lag: [
                    dot(early, late) for early, late in pairs_at_lag(deviations(g, b, e), lag)
                ],
            )
            limit = settle([first, second], [beta**2]) / batches.known["F"]
            if not agrees(candidate, limit * (1 - beta) ** 2, l=fmpq(lag), beta=beta):
                return False, f"wrong at the lag {lag}, beta = {beta}"
        return True, "equal over all sequences for the lags 0 ... 4"

    return Claim(
        statement=(
            r"As $k$ grows the covariance of $(1-\beta)\nabla G_k$ and "
            r"$(1-\beta)\nabla G_{k+l}$ is that of one batch gradient times {formula}."
        ),
        printed=Formula("forceAutocovariance", ONE_MINUS / (1 + BETA) * BETA**LAG),
        checks=(
            identical(
                "sums over blocks",
                lambda: ONE_MINUS**2 * averages.autocovariance(averages.WITH_REPLACEMENT, LAG),
            ),
            exact("all batch sequences", Kind.ENUMERATION, holds),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"Batches are drawn with replacement; $l \ge 0$.",
    )


@claim("undertow.accumulated-variance", catalogue="A27", where="variance of the accumulated force")
def accumulated_variance() -> Claim:
    """The batch of step i enters the forces of the steps i, i+1, ..., k-1 with the weights
    1-β, (1-β)β, ..., which add up to 1-β^(k-i). The sum of the squares is
    k - 2β(1-β^k)/(1-β) + β²(1-β^(2k))/(1-β²): over many steps one C a step, as without momentum.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for steps, batches, beta in lags_and_batches(settings):
            (total,) = averaged(
                batches,
                INDEPENDENT,
                steps + 1,
                beta,
                lambda g, b=beta, e=batches: [
                    square(tuple(sum(c, fmpq(0)) for c in zip(*deviations(g, b, e), strict=True)))
                ],
            )
            wanted = total * (1 - beta) ** 2 / (steps + 1) / batches.known["F"]
            if not agrees(candidate, wanted, k=steps + 1, beta=beta):
                return False, f"wrong for {steps + 1} steps, beta = {beta}"
        return True, "equal over all sequences of 1 ... 5 steps"

    def double_sum(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for steps in range(1, 7):
            pairs = product(range(steps), repeat=2)
            total = sum(
                (averages.history_covariance(averages.WITH_REPLACEMENT, 2, *p) for p in pairs),
                fmpq_poly(),
            )
            for beta in (fmpq(n, 20) for n in range(1, 20)):
                wanted = total(beta) * (1 - beta) ** 2 / steps
                if not agrees(candidate, wanted, k=steps, beta=beta):
                    return False, f"wrong for {steps} steps, beta = {beta}"
        return True, "equal for 1 ... 6 steps at 19 beta, more than the degree"

    u = BETA**K
    return Claim(
        statement=(
            r"The variance of $\sum_{j<k}(1-\beta)\nabla G_j$, over $k$, is that of one batch "
            r"gradient times {formula}, which tends to 1: momentum smooths the noise of a step, "
            "not the noise that accumulates."
        ),
        printed=Formula(
            "accumulatedVariance",
            1
            - 2 * BETA * (1 - u) / (K * ONE_MINUS)
            + BETA**2 * (1 - BETA ** (2 * K)) / (K * (1 - BETA**2)),
            given=(*MOMENTUM, sympy.Ge(K, 1)),
        ),
        checks=(
            exact("sum of all covariances", Kind.SYMBOLIC, double_sum),
            exact("all batch sequences", Kind.ENUMERATION, holds),
        ),
        expected=Verdict.CONFIRMED,
        condition="Batches are drawn with replacement and the point is fixed.",
    )


def lags_and_batches(settings: Settings) -> Iterator[tuple[int, Batches, fmpq]]:
    """0 to 4, each with three random batches and a random momentum."""
    draw = random.Random(settings.seed)
    for number in range(5):
        yield number, draw_batches(draw, 3), fmpq(draw.randint(1, 19), 20)


def pairs_at_lag(path: list[Vector], lag: int) -> Iterator[tuple[Vector, Vector]]:
    return zip(path, path[lag:], strict=False)
