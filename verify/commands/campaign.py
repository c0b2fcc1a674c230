"""`undertow campaign` and `undertow ledger`."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from contextlib import closing
from itertools import compress, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import (
    Digits,
    Format,
    Output,
    Seed,
    counting,
    say,
    say_json,
    settings_from,
)
from verify.commands.ranges import ranged
from verify.running.digits import DEFAULT_DIGITS
from verify.running.limits import say_stopped

if TYPE_CHECKING:
    from verify.campaigns.ledger import Ledger

LEAST_MEGABYTES, MOST_MEGABYTES = 256, 1_000_000
MOST_UNITS, MOST_WORKERS, MOST_SECONDS = 1_000_000, 512, 86_400
Counts = dict[tuple[int, str], dict[str, Counter[str]]]
"""For some digits and code, how many units of each claim had which outcome."""


@command(
    "campaign",
    examples=(
        "campaign heavy-ball ghosh2023.variance-factor --losses 3 --digits 20",
        "campaign --losses 100 --ledger campaign.sqlite",
        "campaign trial:heavy-ball --losses 50 --workers 2",
    ),
    former={"--claims": ""},
)
def campaign(
    losses: Annotated[int, ranged("Random draws for each claim.", 1, MOST_UNITS)],
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID",
            help="As for verify; trial:NAME tries right and wrong formulas of an optimizer.",
        ),
    ] = None,
    seed: Seed = 0,
    digits: Digits = DEFAULT_DIGITS,
    ledger: Annotated[
        Path | None, typer.Option(help="Keep the results here, and go on from those it has.")
    ] = None,
    workers: Annotated[
        int | None,
        ranged("Processes at once; one for each core without it.", 1, MOST_WORKERS),
    ] = None,
    dask: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Run on this cluster, as tcp://host:8786.")
    ] = "",
    seconds: Annotated[int, ranged("Time limit of one check-up.", 1, MOST_SECONDS)] = 120,
    memory: Annotated[
        int,
        ranged("Memory limit of a process.", LEAST_MEGABYTES, MOST_MEGABYTES, metavar="MB"),
    ] = 2048,
    format: Output = Format.TEXT,
) -> None:
    """Check claims on many random losses; exit 1 where a check rejects a formula that holds."""
    from verify.campaigns.campaign import run_campaign
    from verify.campaigns.draws import REJECTED, code_digest, seeds, units
    from verify.campaigns.ledger import Ledger
    from verify.campaigns.processes import Limits
    from verify.campaigns.runner import find_claims, handle

    settings = settings_from(digits, seed)
    names = [name.strip() for text in ids or [] for name in text.split(",")]
    if not all(names):
        raise BadInput(f"{' '.join(ids or [])} names nothing between two commas; write ID,ID,...")
    chosen = [handle(claim) for claim in find_claims(names)]
    total = losses * len(chosen)
    if total > MOST_UNITS:
        raise BadInput(
            f"--losses {losses} make {total} units; up to {MOST_UNITS} are done at once."
        )
    with closing(Ledger(ledger)) as book:
        codes = {claim: code_digest(claim) for claim in chosen}
        book.choose(seeds(losses, seed), codes, settings.digits)
        missing = bytearray(b"\1" * total)
        for place in book.places():
            missing[place] = False
        before = total - sum(missing)
        done = count(before)
        begin = time.perf_counter()
        try:
            with counting(total, "deciding", before) as advance:

                def finished() -> None:
                    next(done)
                    advance("deciding")

                run_campaign(
                    compress(units(chosen, losses, seed, settings.digits), missing),
                    book,
                    limits=Limits(seconds, memory),
                    workers=workers or os.cpu_count() or 1,
                    cluster=dask,
                    finished=finished,
                )
        except KeyboardInterrupt:
            kept = f"; {ledger} has them, the same command goes on" if ledger else ""
            sys.exit(say_stopped(f"{next(done)} of {total} units are done{kept}."))
        passed = time.perf_counter() - begin
        counts = _counts(book)
        new = _outcomes(counts).total() - before
        if format is Format.JSON:
            say_json(_as_json(book) | {"new": new, "seconds": round(passed, 3)})
        else:
            _print(counts, book)
            rate = f"{new / passed:.1f} a second"
            say(f"{new} units in {passed:.1f} s, {rate}; {before} were done before.")
    if _outcomes(counts)[REJECTED]:
        raise typer.Exit(1)


@command("ledger", examples=("ledger campaign.sqlite", "ledger campaign.sqlite --format json"))
def read_ledger(
    file: Annotated[Path, typer.Argument(help="What `undertow campaign --ledger` wrote.")],
    format: Output = Format.TEXT,
) -> None:
    """Read the ledger of a campaign: what passed, and how to run again what did not."""
    from verify.campaigns.ledger import Ledger

    with closing(Ledger(file, create=False)) as book:
        if format is Format.TEXT:
            _print(_counts(book), book)
        else:
            say_json(_as_json(book))


def _as_json(book: Ledger) -> dict[str, Any]:
    return {
        "units": [
            {
                "unit": entry.unit,
                "claim": entry.claim,
                "seed": entry.seed,
                "outcome": entry.outcome,
                "figure": entry.figure,
                "seconds": entry.microseconds / 1e6,
            }
            for entry in book
        ]
    }


def _counts(book: Ledger) -> Counts:
    counts: Counts = {}
    for digits, code, claim, outcome, number in book.counts():
        run = counts.setdefault((digits, code), {})
        run.setdefault(claim, Counter())[outcome] = number
    return counts


def _outcomes(counts: Counts) -> Counter[str]:
    return sum((count for run in counts.values() for count in run.values()), Counter())


def _print(counts: Counts, book: Ledger) -> None:
    from verify.campaigns.draws import OUTCOMES, PASSED
    from verify.report.table import paragraph, table

    for (digits, code), claims in sorted(counts.items()):
        say(f"{digits} digits, code {code[:8]}")
        say()
        rows = [("claim", "units", *OUTCOMES)]
        rows += [_row(claim, count) for claim, count in sorted(claims.items())]
        if len(claims) > 1:
            rows.append(_row("together", sum(claims.values(), Counter())))
        say(table(rows, " rrrr"))
        say()
    for entry in book.other_than(PASSED):
        told = f"{entry.outcome}: {entry.claim}, seed {entry.seed}: {entry.figure}"
        say(paragraph(told, hanging="  "))
        say(f"  undertow verify {entry.claim} --seed {entry.seed} --digits {entry.digits}")


def _row(name: str, count: Counter[str]) -> tuple[str, ...]:
    """How many units there are, and how many with each outcome."""
    from verify.campaigns.draws import OUTCOMES

    return (name, str(count.total()), *(str(count[outcome]) for outcome in OUTCOMES))
