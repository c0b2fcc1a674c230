"""`undertow recovery`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import Format, Output, Seed, say, say_json

MOST_SEEDS = 100


class Simulation(StrEnum):
    """What can be simulated."""

    LARGE_STEPS = "large-steps"
    SMALL_INERTIA = "small-inertia"
    LEVEL_LINES = "level-lines"
    LEVEL_LINES_RELU = "level-lines-relu"
    NEEDED_START = "needed-start"


@command("recovery", examples=("recovery large-steps", "recovery small-inertia --seeds 4"))
def recovery(
    name: Annotated[Simulation, typer.Argument(help="What to simulate.")],
    seeds: Annotated[int, typer.Option(help="How many problems.")] = 8,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Simulate a qualitative statement on sparse recovery; exit 1 where it does not show."""
    from verify.simulations.recovery import SIMULATIONS

    if not 2 <= seeds <= MOST_SEEDS:
        raise BadInput(f"--seeds {seeds} is outside 2 ... {MOST_SEEDS}.")
    found = SIMULATIONS[name](seeds, seed)
    if format is Format.JSON:
        say_json(
            [
                {
                    "name": one.name,
                    "says": one.says,
                    "mean": one.mean,
                    "interval": [one.low, one.high],
                    "seeds": one.spread,
                    "holds": one.holds,
                }
                for one in found
            ]
        )
    else:
        for one in found:
            interval = f"{one.mean:.3f}   [{one.low:.3f}, {one.high:.3f}], {one.spread} seeds"
            say(f"{'shows' if one.holds else 'does not show'}: {one.says}")
            say(f"    {one.name}")
            say(f"    {interval}")
    if not all(one.holds for one in found):
        raise typer.Exit(1)
