"""`undertow experiment`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import Format, Output, counted, say, say_json
from verify.commands.ranges import ranged

MOST_SEEDS = 1000


@command(
    "experiment",
    examples=(
        "experiment",
        "experiment explicit --seeds 3",
        "experiment drift --ledger drift.jsonl --format json",
    ),
)
def experiment(
    name: Annotated[str, typer.Argument(help="The experiment; all are listed without it.")] = "",
    seeds: Annotated[
        int | None, ranged("Seeds, as many as it asks for without it.", 1, MOST_SEEDS)
    ] = None,
    scale: Annotated[
        float, typer.Option(help="Share of the steps of the full size.", min=0.001, max=10.0)
    ] = 1.0,
    ledger: Annotated[
        Path | None,
        typer.Option(help="Keep each seed's figures here, and go on from those it has."),
    ] = None,
    format: Output = Format.TEXT,
) -> None:
    """Try a statement on deep networks with a small one, on scikit-learn's digits.

    It is seen, not seen, or undecided at this size: by the interval at 95 % of the mean over the
    seeds. Exit 1 where one is not seen, else 3 where one is undecided.
    """
    from verify.networks.experiments import NOT_SEEN, UNDECIDED, perform
    from verify.networks.predictions import EXPERIMENTS

    if not name:
        listed = {e.name: [s.says for s in e.statements] for e in EXPERIMENTS.values()}
        if format is Format.JSON:
            say_json({"experiments": listed})
            return
        for title, sentences in listed.items():
            for says in sentences:
                say(f"{title:<22} {says}")
        return
    if name not in EXPERIMENTS:
        raise BadInput(f"no experiment is called '{name}'; there are {', '.join(EXPERIMENTS)}.")
    asked = EXPERIMENTS[name]
    chosen = range(seeds or asked.seeds)
    outcome = counted(
        len(chosen),
        "training",
        lambda done: perform(asked, seeds=chosen, scale=scale, ledger=ledger, done=done),
    )
    if format is Format.JSON:
        say_json(outcome.as_json())
    else:
        for seed, figures in zip(chosen, outcome.figures, strict=True):
            told = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
            say(f"seed {seed}    {told}")
        for found in outcome.findings:
            (low, high), asked_for = found.interval, found.statement
            say()
            say(asked_for.says)
            say(f"source    {asked_for.source}")
            say(f"fails if  {asked_for.fails}")
            say(f"{asked_for.quantity}: {found.mean:.4g}, between {low:.4g} and {high:.4g} at 95 %")
            say(f"verdict   {found.verdict}")
    verdicts = {found.verdict for found in outcome.findings}
    for verdict, code in ((NOT_SEEN, 1), (UNDECIDED, 3)):
        if verdict in verdicts:
            raise typer.Exit(code)
