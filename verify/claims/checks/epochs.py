"""What averages over batches tend to, over all sequences or orders of a few epochs."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from flint import fmpq

from derive import heavy_ball
from verify.claims.checks.averaging import Measure
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import memory_fades
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import bounded
from verify.claims.claim import Claim, Kind, Settings, on
from verify.claims.slots import Choice, Point, Slot
from verify.claims.statement import Statement, Type
from verify.models.batch_sequences import averaged, draw_batches, settle

Number = Any


class Epochs(Choice):
    """How the batches of the steps are drawn; the value ends a sentence's "batches"."""

    INDEPENDENT = "drawn independently in every step"
    RESHUFFLED = "reshuffled in every epoch"
    CYCLIC = "in one random order, repeated in every epoch"


class Times(Choice):
    """At which steps of an epoch something holds."""

    EACH = r"at every position $m$ of an epoch"
    MEAN = "in the mean over an epoch"


SAMPLING = {
    Epochs.INDEPENDENT: "with-replacement",
    Epochs.RESHUFFLED: "reshuffled",
    Epochs.CYCLIC: "cyclic",
}


@dataclass(frozen=True)
class Drawn:
    """What is measured at every step of a few epochs, and what is known of the batches."""

    values: Sequence[fmpq]
    known: dict[str, fmpq]


Measured = Callable[[str, int, int, fmpq, random.Random], Drawn]
"""From the sampling, the number of batches, the steps, beta and a source of choice."""


Scale = Callable[[fmpq, fmpq, dict[str, fmpq]], fmpq]
"""What a measured value is multiplied by, from h, beta and what is known of the batches."""


def quarter_step(h: fmpq, beta: fmpq, known: dict[str, fmpq]) -> fmpq:
    """h/4."""
    return h / 4


def at_a_point(measure: Measure) -> Measured:
    """The mean over all sequences of what the history sums give at one point."""

    def drawn(sampling: str, size: int, steps: int, beta: fmpq, draw: random.Random) -> Drawn:
        batches = draw_batches(draw, size)
        values = averaged(batches, sampling, steps, beta, lambda g: measure(g, beta, batches))
        return Drawn(values, batches.known)

    return drawn


def stated(says: Statement, h: fmpq, beta: fmpq, known: dict[str, fmpq], m: int) -> fmpq:
    """The slots `full` and `noise` beside S and F."""
    point = {"h": h, "beta": beta, "M": known["M"], "m": fmpq(m)}
    total = says.number("noise", **point) * known["F"]
    return total + says.number("full", **point) * known["S"] if "full" in says.slots else total


def limits(
    says: Statement,
    measured: Measured,
    scale: Scale,
    fading: int,
    size: int,
    beta: fmpq,
    draw: random.Random,
) -> bool:
    """The limits at the positions of an epoch are as stated; a mean over an epoch is stated only
    where they differ, as they do with a memory."""
    h = fmpq(draw.randint(1, 30), 8)
    epoch = 1 if says["batches"] is Epochs.INDEPENDENT else size
    drawn = measured(SAMPLING[says["batches"]], size, (fading + 1) * epoch, beta, draw)
    roots = [beta**epoch] * min(fading, 2) + [beta ** (2 * epoch)] * (fading - 2)
    factor = scale(h, beta, drawn.known)
    ends = [settle(drawn.values[m::epoch], roots) * factor for m in range(epoch)]
    right = [stated(says, h, beta, drawn.known, m) for m in range(epoch)]
    if "times" not in says.slots or says["times"] is Times.EACH:
        return ends == right
    return sum(ends, fmpq(0)) / epoch == right[0] and (len(set(ends)) > 1 or beta == 0)


def lasting_claim(
    text: str,
    slots: dict[str, Slot],
    measured: Measured,
    engine: Callable[[], sympy.Expr],
    *,
    scale: Scale = quarter_step,
    fading: int = 3,
    sizes: tuple[int, ...] = (2, 3),
) -> Claim:
    """A limit as k grows, with its checks over all sequences.

    Args:
        fading: the powers of beta^M that are removed; twice it and once its square where there are
            three.
    """

    def sequences(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for size in sizes:
            beta = fmpq(draw.randint(1, 19), 20)
            if not limits(says, measured, scale, fading, size, beta, draw):
                return False, f"wrong for M = {size}, beta = {beta}"
        return True, f"equal for M = {', '.join(map(str, sizes))}, all orders of all epochs"

    def converges(says: Statement, point: Point, settings: Settings) -> bool:
        draw, beta = random.Random(settings.seed), point["beta"]
        fades = memory_fades(heavy_ball, point)
        return fades and limits(says, measured, scale, fading, 2, beta, draw)

    return Claim(
        says=Statement(Type.LIMIT, text, {**slots, "domain": FADING}),
        checks=(
            on("noise", identical("sums over blocks", engine)),
            exact("all orders of a few epochs", Kind.ENUMERATION, sequences),
            bounded("limit and fading memory", converges, kind=Kind.ENUMERATION),
        ),
    )
