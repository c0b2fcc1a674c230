"""How the momentum force is correlated over lags, and what variance it gathers."""

from __future__ import annotations

import random
from itertools import pairwise, product

import sympy
from flint import fmpq, fmpq_poly

from derive.batches import averages
from derive.language.formula import BETA, K
from verify.claims.checks.averaging import SAMPLING, deviations, lasting_value
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import bounded
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on
from verify.claims.equality import in_ring
from verify.claims.slots import Batches, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.batch_sequences import (
    Vector,
    averaged,
    dot,
    draw_batches,
    square,
)

LAG = sympy.Symbol("l")
SIZE = 2
"""Batches in the enumerations, and steps of an epoch."""


def covariances(says: Statement, beta: fmpq, lag: int, draw: random.Random) -> list[fmpq]:
    """Cov(grad G_k, grad G_(k+lag)) over that of one batch, k = 0, 1, ..., over all sequences."""
    batches = draw_batches(draw, SIZE)

    def products(history: list[Vector]) -> list[fmpq]:
        centred = deviations(history, beta, batches)
        return [dot(a, b) for a, b in zip(centred, centred[lag:], strict=False)]

    found = averaged(batches, SAMPLING[says["batches"]], 3 * SIZE, beta, products)
    return [value / batches.known["F"] for value in found]


@claim(
    "undertow.force-autocovariance",
    catalogue="A27",
    where="autocovariance of the force",
    printed=OURS,
)
def force_autocovariance() -> Claim:
    r"""Between step $k$ and step $k+l$ the history fades by $\beta^l$ and gains independent
    batches, so the covariance is $\beta^l\,\mathrm{Cov}(\nabla G_k)$, which tends to
    $\beta^l/(1-\beta^2)$ times that of one batch; $(1-\beta)^2$ times that at equal effective
    learning rate.
    """

    def all_sequences(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for lag in range(4):
            beta = fmpq(draw.randint(1, 19), 20) * (-1) ** draw.randint(0, 1)
            found = covariances(says, beta, lag, draw)
            limit, _ = lasting_value(found[:3])
            if not says.equals("limit", limit, l=fmpq(lag), beta=beta):
                return False, f"wrong at the lag {lag}, beta = {beta}"
        return True, "equal over all sequences for four lags"

    def converges(says: Statement, point: Point, settings: Settings) -> bool:
        found = covariances(says, point["beta"], 1, random.Random(settings.seed))
        limit, rate = lasting_value(found[:3])
        return abs(rate) < 1 and says.number("limit", l=fmpq(1), **point) == limit

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"With batches {batches} and gradients at one point, the covariance of $\nabla G_k$ "
            r"and $\nabla G_{k+l}$, $l$ steps later, tends to {limit} times that of one batch "
            r"gradient as $k$ grows, for {domain}.",
            {
                "batches": Batches.INDEPENDENT,
                "limit": Value(BETA**LAG / (1 - BETA**2), "limit"),
                "domain": FADING,
            },
        ),
        checks=(
            on(
                "limit",
                identical(
                    "sums over blocks",
                    lambda: averages.autocovariance(averages.WITH_REPLACEMENT, LAG),
                ),
            ),
            exact("all batch sequences", Kind.ENUMERATION, all_sequences),
            bounded("limit of the enumerated covariances", converges, kind=Kind.ENUMERATION),
        ),
    )


@claim(
    "undertow.accumulated-variance",
    catalogue="A27",
    where="variance of the accumulated force",
    printed=OURS,
)
def accumulated_variance() -> Claim:
    r"""The batch of step $i$ enters the forces of the steps $i,\dots,k-1$ with the weights
    $1,\beta,\dots$, which add up to $(1-\beta^{k-i})/(1-\beta)$. The sum of the squares is
    $(k-2\beta(1-\beta^k)/(1-\beta)+\beta^2(1-\beta^{2k})/(1-\beta^2))/(1-\beta)^2$: at equal
    effective learning rate one batch's a step in the end, as without momentum. Momentum smooths
    the noise of a step, not the noise that accumulates.
    """

    def all_sequences(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        batches = draw_batches(draw, SIZE)
        beta = fmpq(draw.randint(1, 19), 20) * (-1) ** draw.randint(0, 1)
        for steps in (1, 2, 3, 4, 5) if says["batches"] is Batches.INDEPENDENT else (2, 4):

            def total(history: list[Vector]) -> list[fmpq]:
                columns = zip(*deviations(history, beta, batches), strict=True)
                return [square(tuple(sum(column, fmpq(0)) for column in columns))]

            (found,) = averaged(batches, SAMPLING[says["batches"]], steps, beta, total)
            if not says.equals("factor", found / batches.known["F"], k=steps, beta=beta):
                return False, f"wrong for {steps} steps, beta = {beta}"
        return True, "equal over all sequences of 1 ... 5 steps"

    def weights(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The weight of every batch, by running the sum on each of them alone."""
        draw = random.Random(settings.seed)
        for steps in (2, 5, 9):
            beta = fmpq(draw.randint(1, 19), 20)
            if not says.equals("factor", gathered(beta, steps)[-1], k=steps, beta=beta):
                return False, f"wrong for {steps} steps, beta = {beta}"
        return True, "equal for 2, 5 and 9 steps"

    def converges(says: Statement, point: Point, settings: Settings) -> bool:
        last = [after - before for before, after in pairwise(gathered(point["beta"], 250)[-4:])]
        limit = says.number("limit", **point)
        return all(abs(step - limit) < fmpq(1, 10**8) * abs(limit) for step in last)

    u = BETA**K
    return Claim(
        says=Statement(
            Type.LIMIT,
            r"With batches {batches} and gradients at one point, the variance of $\sum_{j<k}\nabla "
            r"G_j$ is {factor} times that of one batch gradient; over $k$ it tends to {limit} "
            r"times that as $k$ grows, for {domain}.",
            {
                "batches": Batches.INDEPENDENT,
                "factor": Value(
                    (
                        K
                        - 2 * BETA * (1 - u) / ONE_MINUS
                        + BETA**2 * (1 - BETA ** (2 * K)) / (1 - BETA**2)
                    )
                    / ONE_MINUS**2
                ),
                "limit": Value(1 / ONE_MINUS**2, "limit"),
                "domain": FADING,
            },
        ),
        checks=(
            on(
                "factor",
                exact("sum of all covariances", Kind.SYMBOLIC, lambda c, _: five_steps(c)),
            ),
            exact("all batch sequences", Kind.ENUMERATION, all_sequences),
            exact("weights of the batches", Kind.SERIES, weights),
            bounded("what a step adds in the end", converges, kind=Kind.SERIES),
        ),
    )


def five_steps(candidate: sympy.Expr) -> tuple[bool, str]:
    """The formula at k = 5 is the double sum of the derived covariances."""
    total = sum(
        (
            averages.history_covariance(averages.WITH_REPLACEMENT, 2, *pair)
            for pair in product(range(5), repeat=2)
        ),
        fmpq_poly(),
    )
    wanted = sympy.Add(*(int(c.p) * BETA**n for n, c in enumerate(total.coeffs())))
    return not in_ring(candidate.subs(K, 5) - wanted), "as polynomials for 5 steps"


def gathered(beta: fmpq, steps: int) -> list[fmpq]:
    """The sum over the batches of the squared weight of each in the accumulated force, by step."""
    squares, weight, reply = [fmpq(0)], fmpq(0), fmpq(1)
    for _ in range(steps):
        weight, reply = weight + reply, reply * beta
        squares.append(squares[-1] + weight**2)
    return squares
