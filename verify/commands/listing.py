"""`undertow claims` and `undertow coverage`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import Format, Output, coloured, say, say_json

if TYPE_CHECKING:
    from verify.claims.claim import Claim


@command(
    "claims",
    examples=("claims", "claims --source ghosh2023 --verdict corrected", "claims --format json"),
)
def claims(
    source: Annotated[str, typer.Option(help="Only of this source, by its BibTeX key.")] = "",
    verdict: Annotated[str, typer.Option(help="Only with this verdict.")] = "",
    search: Annotated[str, typer.Option(help="Only those that hold this text.")] = "",
    format: Output = Format.TEXT,
) -> None:
    """List the claims without running a check."""
    from verify.claims.catalogue import not_claimed
    from verify.report.table import paragraph
    from verify.report.terminal import statement

    found = _chosen(source, verdict, search)
    reasons = {} if source or verdict or search else not_claimed()
    if format is Format.JSON:
        say_json(
            {
                "claims": [claim.as_json() | {"statement": statement(claim)} for claim in found],
                "not_claims": reasons,
            }
        )
        return
    for claim in found:
        say(coloured(f"{claim.id}   [{', '.join(claim.catalogue)}]   {claim.expected}"))
        say(paragraph(statement(claim), "    "))
    for entry, why in reasons.items():
        say(f"{entry} is no claim: {why}.")
    if not found:
        say("No claim is like that; 'undertow claims' lists all.")


def _chosen(source: str, verdict: str, search: str) -> list[Claim]:
    """The claims of a source, with a verdict, that hold a text."""
    import verify.papers  # noqa: F401  (registers the claims)
    from verify.claims.claim import REGISTRY, Verdict
    from verify.report.terminal import statement

    if verdict and verdict not in list(Verdict):
        raise BadInput(f"--verdict {verdict} is none; choose one of {', '.join(Verdict)}.")
    found = REGISTRY.of_source(source) if source else REGISTRY.find([])

    def holds(claim: Claim) -> bool:
        text = " ".join([claim.id, *claim.catalogue, claim.sentence, statement(claim)])
        return search.casefold() in text.casefold()

    return [c for c in found if (not verdict or c.expected == verdict) and holds(c)]


@command("coverage", examples=("coverage", "coverage --format json"))
def show_coverage(format: Output = Format.TEXT) -> None:
    """List the published statements with the claims made of them, or why there are none."""
    import verify.papers  # noqa: F401  (registers the claims)
    from verify.claims.catalogue import coverage
    from verify.claims.claim import REGISTRY
    from verify.report.table import paragraph

    covered = coverage(REGISTRY.find([]))
    if format is Format.JSON:
        say_json(
            [
                asdict(found.entry) | {"claims": [claim.id for claim in found.claims]}
                for found in covered
            ]
        )
        return
    for found in covered:
        entry = found.entry
        told = f"{entry.number}   {entry.source}, {entry.place}: {entry.says}"
        say(paragraph(told, hanging="      "))
        for claim in found.claims:
            say(coloured(f"      {claim.expected:15} {claim.id}"))
        if found.reason:
            say(paragraph(f"no claim: {found.reason}", "      "))
    claimed = sum(bool(found.claims) for found in covered)
    others = len(covered) - claimed
    say(f"\n{len(covered)} statements: {claimed} held to account, {others} no claim.")
