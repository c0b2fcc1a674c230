"""`undertow sweep`: the momentum that settles best under label noise, by step size."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import Format, Output, Seed, number, say, say_json
from verify.commands.ranges import ranged

MOST_SECONDS = 3600


@command(
    "sweep",
    examples=("sweep", "sweep --lr 1e-1,1e-2 --replicas 100 --format json"),
    former={"--steps": "--lr"},
)
def sweep(
    lr: Annotated[str, typer.Option(help="Step sizes, as 1e-1,1e-2.")] = "1e-1,3e-2,1e-2,3e-3,1e-3",
    strength: Annotated[str, typer.Option(help="Variance of the label noise over P.")] = "1e-6",
    replicas: Annotated[int, ranged("Runs side by side for each momentum.", 20, 100_000)] = 600,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Train two linear layers under label noise: the momentum that settles best at each step size.

    The settling time is the sum over the steps of |w|^2/|w_0|^2; 1-beta comes from one grid for all
    step sizes. Intervals are four deviations, over replicas.
    """
    from verify.running.cells import aligned
    from verify.running.numbers import FLOAT
    from verify.simulations.label_noise import seconds_of
    from verify.simulations.label_noise import sweep as run

    sizes = [FLOAT.convert(number("--lr", text)) for text in lr.split(",")]
    if len(sizes) < 2 or not all(0 < h <= 0.5 for h in sizes):
        raise BadInput(f"--lr {lr} needs two or more step sizes in (0, 1/2].")
    noise = FLOAT.convert(number("--strength", strength))
    if not 1e-7 <= noise <= 1e-2:
        raise BadInput(f"--strength {strength} is outside [1e-7, 1e-2].")
    seconds = seconds_of(sizes, strength=noise, replicas=replicas)
    if seconds > MOST_SECONDS:
        raise BadInput(
            f"--lr {lr} and --replicas {replicas} take about {seconds / 60:.0f} minutes; "
            f"up to {MOST_SECONDS // 60} are allowed, so take fewer replicas or larger step sizes."
        )
    if seconds > 10:
        print(f"undertow: this takes about {seconds:.0f} s.", file=sys.stderr)
    found = run(sizes, strength=noise, replicas=replicas, seed=seed)
    if format is Format.JSON:
        say_json(asdict(found))
        return
    matched = (noise / 2) ** (1 / 3)
    rows = [("h", "best 1-beta", "over matched", "settling time")]
    for h, best, time in zip(found.steps, found.dampings, found.times, strict=True):
        ratio = best.value / (matched * h ** (2 / 3))
        value, over = (str(best), f"{ratio:.3f}") if best.is_known else ("-", "-")
        rows.append((f"{h:.0e}", value, over, f"{time:.0f}"))
    say(aligned(rows, right="r rr"))
    say()
    power = found.exponent if found.exponent.is_known else "-"
    say(f"best 1-beta ~ h^p     p = {power}   (2/3 where the times match)")
    say(f"settling time ~ h^q   q = {found.time_exponent:.3f}")
    if not found.exponent.is_known:
        say("-   not known: the best momentum is the first or the last of those tried;")
        say("    take smaller step sizes or more --replicas")
