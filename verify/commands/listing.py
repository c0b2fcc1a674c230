"""`undertow claims` and `undertow coverage`."""

from __future__ import annotations

from dataclasses import asdict

from verify.commands.application import command
from verify.commands.base import Format, Output, say, say_json


@command("claims", examples=("claims", "claims --format json"))
def claims(format: Output = Format.TEXT) -> None:
    """List the claims without running a check."""
    import verify.papers  # noqa: F401  (registers the claims)
    from verify.claims.claim import REGISTRY
    from verify.claims.sources import NOT_CLAIMS
    from verify.report.terminal import statement

    everything = REGISTRY.find([])
    if format is Format.JSON:
        say_json(
            {
                "claims": [
                    {
                        "id": claim.id,
                        "catalogue": list(claim.catalogue),
                        "source": {"key": claim.source.key, "where": claim.source.where},
                        "statement": statement(claim),
                        "verdict": str(claim.expected),
                    }
                    for claim in everything
                ],
                "not_claims": NOT_CLAIMS,
            }
        )
        return
    for claim in everything:
        say(f"{claim.id}   [{', '.join(claim.catalogue)}]   {claim.expected}")
        say(f"    {statement(claim)}")
    for entry, why in NOT_CLAIMS.items():
        say(f"{entry} is no claim: {why}.")


@command("coverage", examples=("coverage", "coverage --format json"))
def show_coverage(format: Output = Format.TEXT) -> None:
    """List the published statements with the claims made of them, or why there are none."""
    import verify.papers  # noqa: F401  (registers the claims)
    from verify.claims.catalogue import coverage
    from verify.claims.claim import REGISTRY

    covered = coverage(REGISTRY.find([]))
    if format is Format.JSON:
        say_json(
            [
                asdict(found.entry)
                | {"claims": [claim.id for claim in found.claims], "reason": found.reason}
                for found in covered
            ]
        )
        return
    for found in covered:
        entry = found.entry
        say(f"{entry.number}   {entry.source}, {entry.place}: {entry.says}")
        for claim in found.claims:
            say(f"      {claim.expected:9}   {claim.id}")
        if found.reason:
            say(f"      no claim: {found.reason}")
    claimed = sum(bool(found.claims) for found in covered)
    others = len(covered) - claimed
    say(f"\n{len(covered)} statements: {claimed} held to account, {others} no claim.")
