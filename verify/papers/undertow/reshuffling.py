"""Batches that are correlated in time: reshuffled every epoch, or in one order again and again."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import sympy
from flint import fmpq

from derive.batches import averages
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from verify.claims.checks.averaging import (
    FULL_BATCH,
    NOTATION,
    When,
    agrees,
    enumerated,
    modified_loss_terms,
    quarter,
    variance,
)
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.models.batch_sequences import all_sequences, settle
from verify.models.cubic_batches import Line, draw_line, path
from verify.running.families import rational

F = sympy.Symbol("F")
M, POSITION = averages.BATCHES, averages.POSITION
GIVEN = (*MOMENTUM, *STEP, sympy.Ge(M, 2))
AT_POSITION = (*GIVEN, sympy.Ge(POSITION, 0))
q, b = BETA ** (POSITION + 1), BETA**M
RATIO = (1 + BETA) / ONE_MINUS
RESHUFFLED_NOISE = (
    H / 4 / ((M - 1) * ONE_MINUS**2) * (M - RATIO + 2 * BETA * (1 - BETA**M) / (M * ONE_MINUS**2))
)
CYCLIC_NOISE = H / 4 / ((M - 1) * ONE_MINUS**2) * (M * (1 + b) / (1 - b) - RATIO)


def mean_path_noise(line: Line, sampling: str, steps: int, beta: fmpq) -> list[fmpq]:
    """The factor of h F/4 in the loss that the mean of x_(k+1) - x_k descends, k = 0, 1, ...

    It is what the h^2 term of the mean has more than heavy ball on the mean loss.
    """
    sequences = list(all_sequences(sampling, len(line.slopes), steps))
    alone = path(line.mean, (0,) * steps, beta)
    second = [
        sum((p[2] for p in points), fmpq(0)) / len(sequences)
        for points in zip(*(path(line, s, beta) for s in sequences), strict=True)
    ]
    extra = [a - p[2] for a, p in zip(second, alone, strict=True)]
    return [(late - early) / line.spread_slope * -4 for early, late in pairwise(extra)]


def mean_path(sampling: str, sizes: tuple[int, ...], fading: int) -> Check:
    """The mean of heavy ball's iterates over all sequences, at order h^2, averaged over an epoch.

    Args:
        fading: how often beta^M is a root of the approach to the limit.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for size in sizes:
            beta, h = fmpq(draw.randint(1, 19), 20), rational(draw, 1, 4)
            line = draw_line(draw, size)
            noise = mean_path_noise(line, sampling, size * (fading + 1), beta)
            epochs = [sum(noise[i : i + size], fmpq(0)) / size for i in range(0, len(noise), size)]
            wanted = settle(epochs, [beta**size] * fading) * h / 4
            if not agrees(candidate, wanted, beta=beta, h=h, M=fmpq(size)):
                return False, f"wrong for M = {size}, beta = {beta}"
        return True, f"equal for M = {', '.join(map(str, sizes))}, all orders of all epochs"

    return exact("mean of the iterates over all orders", Kind.SERIES, holds)


def by_partitions(of: Callable[[averages.Sampling], sympy.Expr], name: str) -> sympy.Expr:
    return H / 4 * of(averages.SAMPLINGS[name])


@claim("undertow.reshuffled-covariance", catalogue="A25", where="reshuffled batches")
def reshuffled_covariance() -> Claim:
    """Two batches of one epoch have the covariance -C/(M-1), those of two epochs none. So M/(M-1)
    times the sum of β^(2(k-r)) minus 1/(M-1) times the squares of what each epoch weighs: the
    current one (1-q)/(1-β), q = β^(m+1), those before q β^(jM)(1-β^M)/(1-β), a geometric series.
    """
    return Claim(
        statement=(
            r"With batches reshuffled every epoch the covariance of $\nabla G_k$ tends, at the "
            r"position $m$ of the epoch, to that of one batch gradient times {formula}."
        ),
        printed=Formula(
            "reshuffledCovariance",
            (
                M / (1 - BETA**2)
                - (1 - 2 * q + 2 * BETA ** (2 * POSITION + 2) / (1 + b)) / ONE_MINUS**2
            )
            / (M - 1),
            given=(*MOMENTUM, sympy.Ge(M, 2), sympy.Ge(POSITION, 0)),
        ),
        checks=(
            identical(
                "sums over blocks",
                lambda: averages.lasting(averages.covariance(averages.RESHUFFLED)),
            ),
            enumerated(
                "all orders of four epochs",
                "reshuffled",
                variance,
                When.LASTING,
                scale=lambda known: 1 / known["F"],
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$k$ grows with $m = k \bmod M$ fixed, momentum is carried across epochs.",
    )


def noise_at_each_position(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
    check = enumerated("", "reshuffled", modified_loss_terms, When.LASTING, scale=quarter)
    found = check.judge(FULL_BATCH + candidate * F, settings)
    return bool(found.passed), found.figure


@claim("undertow.reshuffled-regularizer", catalogue="A22", where="reshuffled batches, every step")
def reshuffled_regularizer() -> Claim:
    """M/(M-1) times the sum for independent batches, minus 1/(M-1) times the sum over pairs of
    steps in one epoch. With q = β^(m+1) and B = β^M the force of that one tends to
    (1 - 2q + 2q²/(1+B))/(1-β)²; summed with the weights 2β^(k-r) it is what is taken from M.
    """
    same_epoch = RATIO * (1 + 2 * q - 2 * BETA ** (2 * POSITION + 2) / (1 + b)) - 4 * q * (
        POSITION + 1 + M * b / (1 - b)
    )
    return Claim(
        statement=(
            r"With batches reshuffled every epoch the $F$ part of the mean of $IGRM_s$ tends, at "
            r"the position $m$ of the epoch, to $F$ times {formula}."
        ),
        printed=Formula(
            "reshuffledRegularizer",
            H / 4 / ((M - 1) * ONE_MINUS**2) * (M - same_epoch),
            given=AT_POSITION,
        ),
        checks=(
            identical(
                "sums over blocks",
                lambda: averages.lasting(by_partitions(averages.regularizer, "reshuffled")),
            ),
            exact("all orders of four epochs", Kind.ENUMERATION, noise_at_each_position),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"$k$ grows with $m = k \bmod M$ fixed, momentum is carried across epochs, the point "
            "is fixed."
        ),
    )


@claim("undertow.reshuffled-loss", catalogue="A22 E07", where="reshuffled batches, a whole epoch")
def reshuffled_loss() -> Claim:
    """The mean over the positions of an epoch of the F part; it is (1+β)/(1-β) times the mean of
    Cov(∇G_k)/C, since the weights 1, 2β, 2β², ... add up to that. No momentum gives F h/4, the
    loss of Smith et al. (2021); many batches give F h/(4(1-β)²), that of independent ones.
    """
    return Claim(
        statement=(
            "With batches reshuffled every epoch the mean of $IGRM_s$ over the orders and an epoch "
            rf"tends to {{formula}}, {NOTATION}."
        ),
        printed=Formula("reshuffledLoss", FULL_BATCH + RESHUFFLED_NOISE * F, given=GIVEN),
        checks=(
            identical(
                "sums over blocks",
                lambda: FULL_BATCH + F * by_partitions(averages.mean_regularizer, "reshuffled"),
            ),
            enumerated(
                "all orders of four epochs",
                "reshuffled",
                modified_loss_terms,
                When.EPOCH_MEAN,
                scale=quarter,
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition="Momentum is carried across epochs, the point is fixed, and $k$ is large.",
    )


@claim("undertow.reshuffled-mean-path", catalogue="E07", where="mean of the iterates")
def reshuffled_mean_path() -> Claim:
    """At order h² the mean of x_(k+1) - x_k holds -h² Σ β^(k-r) (1-β^(r-i))/(1-β)/(M-1) ∇F/2 over
    pairs i < r of one epoch: batches that have been used do not come again. Over an epoch the sum
    of all autocovariances of ∇G vanishes, so nothing is left for a random walk, and the mean feels
    the whole mean of IGRM_s.
    """
    return Claim(
        statement=(
            "With batches reshuffled every epoch the mean iterate descends, beside what heavy ball "
            r"on $E$ alone does, the regularizer $F$ times {formula}, averaged over an epoch."
        ),
        printed=Formula("reshuffledMeanPath", RESHUFFLED_NOISE, given=GIVEN),
        checks=(
            identical(
                "sums over blocks", lambda: by_partitions(averages.mean_regularizer, "reshuffled")
            ),
            mean_path("reshuffled", (2, 3, 4), fading=1),
        ),
        expected=Verdict.CONFIRMED,
        condition="Momentum is carried across epochs; up to order $h$, after the start-up.",
    )


@claim("undertow.cyclic-loss", catalogue="A22", where="one order, repeated")
def cyclic_loss() -> Claim:
    """Steps a multiple of M apart use one batch, others are anticorrelated by -1/(M-1). So M/(M-1)
    times the sum over the residues minus 1/(M-1) times that over all pairs, which is the
    deterministic one.
    """
    return Claim(
        statement=(
            "With one random order of the batches, repeated, the mean of $IGRM_s$ over the orders "
            rf"tends to {{formula}}, at every position of the epoch, {NOTATION}."
        ),
        printed=Formula("cyclicLoss", FULL_BATCH + CYCLIC_NOISE * F, given=GIVEN),
        checks=(
            identical(
                "sums over blocks",
                lambda: FULL_BATCH + F * by_partitions(averages.mean_regularizer, "cyclic"),
            ),
            enumerated("all orders", "cyclic", modified_loss_terms, When.LASTING, scale=quarter),
        ),
        expected=Verdict.CONFIRMED,
        condition="The point is fixed and $k$ is large.",
    )


@claim("undertow.cyclic-mean-path", catalogue="E07", where="mean of the iterates, one order")
def cyclic_mean_path() -> Claim:
    """As for reshuffled batches: over an epoch all batches occur, so the autocovariances of ∇G
    cancel and the mean feels the whole mean of IGRM_s.
    """
    return Claim(
        statement=(
            "With one random order of the batches, repeated, the mean iterate descends, beside "
            r"what heavy ball on $E$ alone does, the regularizer $F$ times {formula}, averaged "
            "over an epoch."
        ),
        printed=Formula("cyclicMeanPath", CYCLIC_NOISE, given=GIVEN),
        checks=(
            identical(
                "sums over blocks", lambda: by_partitions(averages.mean_regularizer, "cyclic")
            ),
            mean_path("cyclic", (2, 3, 4), fading=2),
        ),
        expected=Verdict.CONFIRMED,
        condition="The mean is over the orders; up to order $h$, after the start-up.",
    )
