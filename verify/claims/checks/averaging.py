"""Averages over every sequence of batches, held against a candidate in exact arithmetic."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any

import sympy
from flint import fmpq
from flint.utils.flint_exceptions import DomainError

from derive.language.formula import BETA, H
from verify.claims.checks.heavy_ball import ONE_MINUS, value
from verify.claims.checks.identities import exact
from verify.claims.checks.stated import bounded
from verify.claims.claim import Check, Kind, Settings
from verify.claims.slots import Batches, Point
from verify.claims.statement import Statement
from verify.models.batch_sequences import (
    BatchLosses,
    Vector,
    averaged,
    draw_batches,
    settle,
    square,
)
from verify.running.families import rational

Number = Any

Measure = Callable[..., Sequence[Number]]
"""What is averaged, at every step, from the history sums, beta and the batches."""

SIZES = {"with-replacement": (2, 3), "reshuffled": (2, 3), "cyclic": (2, 3, 4)}


SAMPLING = {Batches.INDEPENDENT: "with-replacement", Batches.RESHUFFLED: "reshuffled"}


class AtSteps(Enum):
    """At which steps a formula is to hold."""

    EACH_STEP = "each step"
    LASTING = "as k grows, at every position of the epoch"
    EPOCH_MEAN = "as k grows, in the mean over an epoch"


def modified_loss_terms(
    history: list[Vector], beta: fmpq, batches: BatchLosses
) -> Sequence[Number]:
    """|grad G_k|^2 + 2 sum over r < k of beta^(k-r) |grad G_r|^2."""
    return [2 * tail - square(g) for g, tail in zip(history, _tails(history, beta), strict=True)]


def memory_terms(history: list[Vector], beta: fmpq, batches: BatchLosses) -> Sequence[Number]:
    """Sum over r < k of beta^(k-r) |grad G_r|^2."""
    return [tail - square(g) for g, tail in zip(history, _tails(history, beta), strict=True)]


def variance(history: list[Vector], beta: fmpq, batches: BatchLosses) -> Sequence[Number]:
    """|grad G_k - mean|^2, where the mean of grad G_k is grad E times 1 + beta + ... + beta^k."""
    return [square(d) for d in deviations(history, beta, batches)]


def deviations(history: list[Vector], beta: fmpq, batches: BatchLosses) -> list[Vector]:
    """grad G_k minus its mean."""
    found, past = [], fmpq(0)
    for g in history:
        past = 1 + beta * past
        found.append(tuple(a - past * b for a, b in zip(g, batches.mean, strict=True)))
    return found


def _tails(history: list[Vector], beta: fmpq) -> list[Number]:
    tails, tail = [], fmpq(0)
    for g in history:
        tail = beta * tail + square(g)
        tails.append(tail)
    return tails


def enumerated(
    name: str,
    sampling: str,
    measure: Measure,
    when: AtSteps,
    *,
    scale: Callable[[dict[str, fmpq]], fmpq],
    momentum: bool = True,
    refutes: bool = False,
) -> Check:
    """The candidate is `scale` times the mean of `measure` over all sequences of batches.

    As k grows the mean tends to its limit with the powers of beta, twice (k beta^k occurs), and of
    beta^2 for independent batches, of their M-th powers at one position of an epoch else: so four
    values hold the limit exactly.

    Args:
        scale: from h, beta, M and what is known of the batches.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        count = 0
        for size in SIZES[sampling]:
            batches = draw_batches(draw, size)
            epoch = 1 if sampling == "with-replacement" else size
            for _ in range(2):
                beta = fmpq(draw.randint(1, 19), 20) * momentum
                known = batches.known | {"h": rational(draw, 1, 4), "beta": beta}
                means = averaged(
                    batches,
                    sampling,
                    4 * epoch,
                    beta,
                    lambda g, b=beta, e=batches: measure(g, b, e),
                )
                count += len(means)
                for k, mean in _wanted(means, epoch, beta, when):
                    point = known | {"m": fmpq(k % size)}
                    if not agrees(candidate, scale(known) * mean, k=k, **point):
                        return False, f"wrong at k = {k}, beta = {beta}, M = {size}"
        return True, f"equal over all sequences, {count} steps, {when.value}"

    return exact(name, Kind.ENUMERATION, holds, refutes=refutes)


def as_drawn(
    name: str,
    stated: Callable[[Statement], sympy.Expr],
    measure: Measure,
    when: AtSteps,
    *,
    refutes: bool = False,
) -> Check:
    """What is stated is h/4 times the mean of `measure` where batches are drawn as the slot
    `batches` says, and not where they are drawn otherwise."""
    checks = {
        drawn: enumerated(name, sampling, measure, when, scale=quarter)
        for drawn, sampling in SAMPLING.items()
    }

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        for drawn, check in checks.items():
            found = check.judge(stated(says), settings)
            if found.passed != (drawn is says["batches"]):
                return False, f"{drawn.plain}: {found.figure}"
        return True, "equal over all sequences of batches that are drawn so, and not else"

    return exact(name, Kind.ENUMERATION, holds, refutes=refutes)


@lru_cache(maxsize=256)
def history_moments(beta: fmpq, steps: int = 400) -> tuple[fmpq, fmpq]:
    """The weights of |grad E|^2 and of F in the mean of IGRM_s/h after so many steps.

    grad G_r = beta grad G_(r-1) + grad E_r with independent batches: the mean and the variance of
    the history sum follow it exactly.
    """
    mean, variance = fmpq(0), fmpq(0)
    past_mean, past_variance = fmpq(0), fmpq(0)
    for _ in range(steps):
        past_mean = beta * (past_mean + mean**2)
        past_variance = beta * (past_variance + variance)
        mean, variance = beta * mean + 1, beta**2 * variance + 1
    return (mean**2 + 2 * past_mean) / 4, (variance + 2 * past_variance) / 4


def settles_at(
    stated: Callable[[Statement, Point], Mapping[int, fmpq]], *, refutes: bool = False
) -> Check:
    """The moments of the history sum settle at what is stated, in the domain and not beyond.

    Args:
        stated: the weights of |grad E|^2 (0) and of F (1) in the mean of IGRM_s/h.
    """

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        found = history_moments(point["beta"])
        near = fmpq(1, 10**9)
        return all(
            abs(found[part] - weight) < near * abs(weight)
            for part, weight in stated(says, point).items()
        )

    return bounded("moments of the history sum", holds, kind=Kind.ENUMERATION, refutes=refutes)


def agrees(candidate: sympy.Expr, wanted: fmpq, k: int = 0, **point: Any) -> bool:
    """Whether a candidate has this value; not where it has no rational value at all."""
    try:
        return bool(value(candidate, k=k, **point) == wanted)
    except (ZeroDivisionError, ValueError, DomainError):
        return False


def _wanted(means: list[fmpq], epoch: int, beta: fmpq, when: AtSteps) -> Sequence[tuple[int, fmpq]]:
    if when is AtSteps.EACH_STEP:
        return list(enumerate(means))
    fade = beta**epoch
    limits = [settle(means[m::epoch], (fade, fade, fade**2)) for m in range(epoch)]
    if when is AtSteps.LASTING:
        return list(enumerate(limits))
    return [(0, sum(limits, fmpq(0)) / epoch)]


def lasting_value(values: Sequence[fmpq]) -> tuple[fmpq, fmpq]:
    """The limit of a sequence whose distances to it fall by a constant factor, and that factor,
    from three values."""
    first, second, third = values
    rate = (third - second) / (second - first) if second != first else fmpq(0)
    return third + (third - second) * rate / (1 - rate), rate


S = sympy.Symbol("S")
NOTATION = (
    r"with $S := \lVert\nabla E\rVert^2$ and $F := \mathbb E\lVert\nabla E_n-\nabla E\rVert^2$ at "
    "one fixed point"
)
FULL_BATCH = H * (1 + BETA) / (4 * ONE_MINUS**3) * S
INDEPENDENT = "with-replacement"


def quarter(scale: dict[str, fmpq]) -> fmpq:
    """h/4."""
    return scale["h"] / 4
