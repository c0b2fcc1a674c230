"""Batches that are correlated in time: reshuffled every epoch, or in one order again and again."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import sympy
from flint import fmpq

from derive.batches import averages
from derive.language.formula import BETA, H
from verify.claims.checks.averaging import modified_loss_terms, variance
from verify.claims.checks.epochs import Drawn, Epochs, Times, at_a_point, lasting_claim
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.claim import OURS, Claim, claim
from verify.claims.slots import Value
from verify.models.batch_sequences import all_sequences
from verify.models.cubic_batches import draw_line, path

M, POSITION = averages.BATCHES, averages.POSITION
q, b = BETA ** (POSITION + 1), BETA**M
RATIO = (1 + BETA) / ONE_MINUS
FULL = H * (1 + BETA) / (4 * ONE_MINUS**3)
RESHUFFLED_NOISE = (
    H / 4 / ((M - 1) * ONE_MINUS**2) * (M - RATIO + 2 * BETA * (1 - BETA**M) / (M * ONE_MINUS**2))
)
CYCLIC_NOISE = H / 4 / ((M - 1) * ONE_MINUS**2) * (M * (1 + b) / (1 - b) - RATIO)
SAME_EPOCH = RATIO * (1 + 2 * q - 2 * BETA ** (2 * POSITION + 2) / (1 + b)) - 4 * q * (
    POSITION + 1 + M * b / (1 - b)
)


def along_the_mean(sampling: str, size: int, steps: int, beta: fmpq, draw: random.Random) -> Drawn:
    """The factor of h F/4 in the loss that the mean of x_(k+1) - x_k descends: what the h^2 term of
    the mean over all sequences has more than heavy ball on the mean loss."""
    line = draw_line(draw, size)
    sequences = list(all_sequences(sampling, size, steps))
    alone = path(line.mean, (0,) * steps, beta)
    second = [
        sum((p[2] for p in points), fmpq(0)) / len(sequences)
        for points in zip(*(path(line, s, beta) for s in sequences), strict=True)
    ]
    extra = [a - p[2] for a, p in zip(second, alone, strict=True)]
    noise = [(late - early) / line.spread_slope * -4 for early, late in pairwise(extra)]
    return Drawn(noise, {"M": fmpq(size), "S": fmpq(0), "F": fmpq(1)})


MEAN_LOSS = (
    r"With $M$ batches {batches}, momentum carried across epochs and the point fixed, the mean of "
    r"$IGRM_s$ tends, {times}, $m:=k\bmod M$, to ${full}\,S{+noise}F$ as $k$ grows, for {domain}, "
    r"$S:=\lVert\nabla E\rVert^2$, $F:=\mathbb E\lVert\nabla E_n-\nabla E\rVert^2$."
)
MEAN_PATH = (
    r"With $M$ batches {batches} and momentum carried across epochs, the mean iterate of heavy "
    r"ball descends, beside what heavy ball on $E$ alone does, ${noise}\,F$, {times}, as $k$ grows "
    r"and at leading order in $h$, for {domain}, $F:=\mathbb E\lVert\nabla E_n-\nabla E\rVert^2$."
)


def by_partitions(of: Callable[[averages.Sampling], sympy.Expr], name: str) -> sympy.Expr:
    return H / 4 * of(averages.SAMPLINGS[name])


@claim("undertow.reshuffled-covariance", catalogue="A25", where="reshuffled batches", printed=OURS)
def reshuffled_covariance() -> Claim:
    r"""Two batches of one epoch have the covariance $-C/(M-1)$, those of two epochs none. So
    $M/(M-1)$ times the sum of $\beta^{2(k-r)}$ minus $1/(M-1)$ times the squares of what each epoch
    weighs: the current one $(1-q)/(1-\beta)$, $q=\beta^{m+1}$, those before
    $q\beta^{jM}(1-\beta^M)/(1-\beta)$, a geometric series.
    """
    later = (1 - 2 * q + 2 * BETA ** (2 * POSITION + 2) / (1 + b)) / ONE_MINUS**2
    return lasting_claim(
        r"With $M$ batches {batches}, momentum carried across epochs and gradients at one point, "
        r"the covariance of $\nabla G_k$ tends, {times}, $m:=k\bmod M$, to {noise} times that of "
        r"one batch gradient as $k$ grows, for {domain}.",
        {
            "batches": Epochs.RESHUFFLED,
            "times": Times.EACH,
            "noise": Value((M / (1 - BETA**2) - later) / (M - 1), "limit"),
        },
        at_a_point(variance),
        lambda: averages.lasting(averages.covariance(averages.RESHUFFLED)),
        scale=lambda h, beta, known: fmpq(1),
    )


@claim(
    "undertow.reshuffled-regularizer",
    catalogue="A22",
    where="reshuffled batches, every step",
    printed=OURS,
)
def reshuffled_regularizer() -> Claim:
    r"""$M/(M-1)$ times the sum for independent batches, minus $1/(M-1)$ times the sum over pairs of
    steps in one epoch. With $q=\beta^{m+1}$ and $B=\beta^M$ the force of that one tends to
    $(1-2q+2q^2/(1+B))/(1-\beta)^2$; summed with the weights $2\beta^{k-r}$ it is what is taken from
    $M$.
    """
    return lasting_claim(
        MEAN_LOSS,
        {
            "batches": Epochs.RESHUFFLED,
            "times": Times.EACH,
            "full": Value(FULL, "limit"),
            "noise": Value(H / 4 / ((M - 1) * ONE_MINUS**2) * (M - SAME_EPOCH)),
        },
        at_a_point(modified_loss_terms),
        lambda: averages.lasting(by_partitions(averages.regularizer, "reshuffled")),
    )


@claim(
    "undertow.reshuffled-loss",
    catalogue="A22 E07",
    where="reshuffled batches, a whole epoch",
    printed=OURS,
)
def reshuffled_loss() -> Claim:
    r"""The mean over the positions of an epoch of the $F$ part; it is $(1+\beta)/(1-\beta)$ times
    the mean of $\mathrm{Cov}(\nabla G_k)/C$, since the weights $1,2\beta,2\beta^2,\dots$ add up to
    that. No momentum gives $\frac h4F$, the loss of Smith et al. (2021); many batches give
    $\frac h{4(1-\beta)^2}F$, that of independent ones.
    """
    return lasting_claim(
        MEAN_LOSS.replace(r", $m:=k\bmod M$", ""),
        {
            "batches": Epochs.RESHUFFLED,
            "times": Times.MEAN,
            "full": Value(FULL, "limit"),
            "noise": Value(RESHUFFLED_NOISE),
        },
        at_a_point(modified_loss_terms),
        lambda: by_partitions(averages.mean_regularizer, "reshuffled"),
    )


@claim("undertow.reshuffled-mean-path", catalogue="E07", where="mean of the iterates", printed=OURS)
def reshuffled_mean_path() -> Claim:
    r"""At order $h^2$ the mean of $x_{k+1}-x_k$ holds
    $-h^2\sum\beta^{k-r}\frac{1-\beta^{r-i}}{(1-\beta)(M-1)}\,\frac12\nabla F$ over pairs $i<r$ of
    one epoch: batches that have been used do not come again. Over an epoch the sum of all
    autocovariances of $\nabla G$ vanishes, so nothing is left for a random walk, and the mean feels
    the whole mean of $IGRM_s$.
    """
    return lasting_claim(
        MEAN_PATH,
        {
            "noise": Value(RESHUFFLED_NOISE, "limit"),
            "batches": Epochs.RESHUFFLED,
            "times": Times.MEAN,
        },
        along_the_mean,
        lambda: by_partitions(averages.mean_regularizer, "reshuffled"),
        fading=1,
        sizes=(2, 3),
    )


@claim("undertow.cyclic-loss", catalogue="A22", where="one order, repeated", printed=OURS)
def cyclic_loss() -> Claim:
    r"""Steps a multiple of $M$ apart use one batch, others are anticorrelated by $-1/(M-1)$. So
    $M/(M-1)$ times the sum over the residues minus $1/(M-1)$ times that over all pairs, which is
    the deterministic one.
    """
    return lasting_claim(
        MEAN_LOSS,
        {
            "batches": Epochs.CYCLIC,
            "times": Times.EACH,
            "full": Value(FULL, "limit"),
            "noise": Value(CYCLIC_NOISE),
        },
        at_a_point(modified_loss_terms),
        lambda: by_partitions(averages.mean_regularizer, "cyclic"),
        sizes=(2, 3, 4),
    )


@claim(
    "undertow.cyclic-mean-path",
    catalogue="E07",
    where="mean of the iterates, one order",
    printed=OURS,
)
def cyclic_mean_path() -> Claim:
    r"""As for reshuffled batches: over an epoch all batches occur, so the autocovariances of
    $\nabla G$ cancel and the mean feels the whole mean of $IGRM_s$.
    """
    return lasting_claim(
        MEAN_PATH,
        {
            "noise": Value(CYCLIC_NOISE, "limit"),
            "batches": Epochs.CYCLIC,
            "times": Times.MEAN,
        },
        along_the_mean,
        lambda: by_partitions(averages.mean_regularizer, "cyclic"),
        fading=2,
        sizes=(2, 3, 4),
    )
