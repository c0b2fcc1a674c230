"""`undertow report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import Digits, Folder, Force, Seed, counted, say, settings_from
from verify.commands.judging import Ids
from verify.running.digits import DEFAULT_DIGITS


@command(
    "report",
    examples=(
        "report --out site",
        "report ghosh2023.variance-factor --out site --digits 20",
        "report --out site --mutants mutants.json --ledger campaign.sqlite",
    ),
)
def report(
    out: Folder,
    ids: Ids = None,
    digits: Digits = DEFAULT_DIGITS,
    seed: Seed = 0,
    mutants: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What 'undertow mutants --format json' printed."),
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What 'undertow campaign --ledger' wrote.")
    ] = None,
    force: Force = False,
) -> None:
    """Check the claims and write a web site on them that opens from its folder."""
    from verify.campaigns.runner import find_claims, judge_all
    from verify.report.trust import read_trials

    try:
        from verify.report.site import SiteContent, check_place, write_site
    except ModuleNotFoundError as error:
        raise BadInput(f"report needs {error.name}: pip install 'undertow[report]'.") from None
    settings = settings_from(digits, seed)
    chosen = find_claims(ids or [])
    check_place(out, force=force)
    trials = read_trials(mutants, ledger)
    results = counted(
        len(chosen),
        "checking",
        lambda done: judge_all(chosen, settings, lambda result: done(result.claim.id)),
    )
    paths = write_site(SiteContent(results, settings, trials), out, force=force)
    say(f"{paths[0]}   {len(results)} claims, {len(paths)} files")
