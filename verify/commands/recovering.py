"""`undertow recovery`."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from derive.language.update_rule import BadInput
from verify.commands.base import Format, Output, Seed, app, say, say_json
from verify.simulations.recovery import SIMULATIONS

MOST_SEEDS = 100


@app.command()
def recovery(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(SIMULATIONS)}.")],
    seeds: Annotated[int, typer.Option(help="How many problems.")] = 8,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Simulate a qualitative statement on sparse recovery; exit 1 where it does not show."""
    if name not in SIMULATIONS:
        raise BadInput(f"no simulation is called '{name}'; there are {', '.join(SIMULATIONS)}.")
    if not 2 <= seeds <= MOST_SEEDS:
        raise BadInput(f"--seeds {seeds} is outside 2 ... {MOST_SEEDS}.")
    found = SIMULATIONS[name](seeds, seed)
    if format is Format.JSON:
        say_json(
            [
                {
                    "name": one.name,
                    "says": one.says,
                    "mean": _finite(one.mean),
                    "interval": [_finite(one.low), _finite(one.high)],
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


def _finite(value: float) -> float | None:
    """JSON has no infinity."""
    return value if math.isfinite(value) else None
