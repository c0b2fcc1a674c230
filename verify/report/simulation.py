"""A simulation as text and JSON: measured beside predicted, with standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from derive.batches.averages import SAMPLINGS, full_batch_regularizer, lasting, mean_regularizer
from derive.language.coefficients import exact
from derive.language.formula import BETA
from verify.running.cells import aligned
from verify.running.numbers import FLOAT, evaluate
from verify.simulations.sgd_moments import BatchedTraining, Moments

ROWS = 10


@dataclass(frozen=True)
class PredictedMoments:
    """A simulation and its prediction."""

    world: BatchedTraining
    names: Sequence[str]
    runs: int
    seed: int
    measured: Moments
    predicted: Moments


def as_json(shown: PredictedMoments) -> dict[str, Any]:
    """Every step, with what is predicted and the standard errors."""
    world, measured, predicted = shown.world, shown.measured, shown.predicted
    return {
        "sampling": world.sampling,
        "losses": [loss.text for loss in world.losses],
        "variables": list(shown.names),
        "lr": world.h,
        "beta": world.beta,
        "runs": shown.runs,
        "seed": shown.seed,
        "steps": [
            {
                "k": k,
                "mean": measured.mean[k].tolist(),
                "mean_error": measured.mean_error[k].tolist(),
                "mean_predicted": predicted.mean[k].tolist(),
                "variance": measured.variance[k].tolist(),
                "variance_error": measured.variance_error[k].tolist(),
                "variance_predicted": predicted.variance[k].tolist(),
            }
            for k in range(world.steps + 1)
        ],
    }


def as_text(shown: PredictedMoments) -> str:
    """The answer for a terminal."""
    world = shown.world
    head = (
        f"heavy ball   {len(world.losses)} batches, {SAMPLINGS[world.sampling].summary}\n"
        f"{shown.runs} runs, seed {shown.seed}, lr {world.h:g}, beta {world.beta:g}"
    )
    parts = [head, _loss(world)]
    for i, name in enumerate(shown.names):
        parts.append(_table(shown, i, name))
    return "\n\n".join(parts)


def _loss(world: BatchedTraining) -> str:
    """The mean modified loss in numbers."""
    known = {"beta": exact(world.beta), "M": fmpq(len(world.losses))}
    full = lasting(full_batch_regularizer()) * (1 - BETA)
    noise = mean_regularizer(SAMPLINGS[world.sampling]) * (1 - BETA)
    on_full, on_noise = (FLOAT.convert(evaluate(e, known)) for e in (full, noise))
    return (
        "the mean modified loss as k grows, averaged over an epoch, times 1−β\n"
        f"E + h/4 ({on_full:.4g} ‖∇E‖² + {on_noise:.4g} F)"
    )


def _table(shown: PredictedMoments, i: int, name: str) -> str:
    """Some steps, and how many standard errors measured and predicted are apart."""
    last = shown.world.steps
    chosen = sorted({round(last * n / ROWS) for n in range(1, ROWS + 1)} | {1})
    rows: list[tuple[str, ...]] = [
        ("k", f"mean {name}", "+-", "predicted", "off", "variance", "+-", "predicted", "off")
    ]
    for k in chosen:
        cells = [str(k)]
        for value, error, wanted in (
            (shown.measured.mean, shown.measured.mean_error, shown.predicted.mean),
            (shown.measured.variance, shown.measured.variance_error, shown.predicted.variance),
        ):
            here, spread, there = value[k, i], error[k, i], wanted[k, i]
            off = f"{(here - there) / spread:+.1f}" if spread > 0 else "-"
            cells += [f"{here:.5g}", f"{spread:.1g}", f"{there:.5g}", off]
        rows.append(tuple(cells))
    told = "off: measured minus predicted, in standard errors"
    return f"{aligned(rows, right='r' * len(rows[0]))}\n{told}"
