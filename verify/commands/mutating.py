"""`undertow mutants`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from verify.commands.application import command
from verify.commands.base import (
    Digits,
    Format,
    Output,
    Seed,
    counted,
    plural,
    say,
    say_json,
    settings_from,
)
from verify.running.digits import FEW_DIGITS

if TYPE_CHECKING:
    from verify.claims.mutants import MutantResult


@command(
    "mutants",
    examples=("mutants cowsik2022.stability", "mutants --format json > mutants.json"),
)
def mutants(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Claims by id; all claims where none is named."),
    ] = None,
    digits: Digits = FEW_DIGITS,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Try wrong versions of every statement on its checks; exit 1 where one survives."""
    from verify.campaigns.pool import begin_soon

    if not ids:
        begin_soon("verify.campaigns.runner")
    from verify.campaigns.runner import find_claims, mutate_all

    settings = settings_from(digits, seed)
    chosen = find_claims(ids or [])
    results = counted(
        len(chosen),
        "mutating",
        lambda done: mutate_all(chosen, settings, lambda result: done(result.id)),
    )
    if format is Format.JSON:
        say_json({"claims": [result.as_json() for result in results]})
    else:
        _print(results)
    if any(result.survivors for result in results):
        raise typer.Exit(1)


def _print(results: list[MutantResult]) -> None:
    from verify.report.table import table

    rows = [("claim, its slots and checks", "kind", "tried", "rejected")]
    for result in results:
        found = result.as_json()
        rows.append((result.id, "", str(found["tried"]), str(found["rejected"])))
        rows += [
            (f"  {slot['name']}", slot["kind"], str(slot["tried"]), str(slot["rejected"]))
            for slot in found["slots"]
        ]
        for check in found["checks"]:
            shared = "" if check["independent"] else " (shared with the derivation)"
            name = f"  by {check['name']}{shared}"
            rows.append((name, check["kind"], "", str(check["rejected"])))
    say(table(rows, "  rr"))
    say()
    for result in results:
        for slip in result.survivors:
            say(f"{result.id} is open: no independent check rejects {slip}.")
        for name in result.idle:
            say(f"{result.id}: the check '{name}' rejects nothing.")
    tried = sum(len(result.tried) for result in results)
    left = sum(len(result.survivors) for result in results)
    total = f"{plural(len(results), 'claim')}, {plural(tried, 'wrong statement')}"
    say(f"{total}: {tried - left} rejected, {left} survive.")
