"""`undertow recheck`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import Format, Output, say, say_json


@command("recheck", examples=("recheck certificates", "recheck certificates --format json"))
def recheck(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where 'undertow verify --certificates' wrote.")
    ],
    format: Output = Format.TEXT,
) -> None:
    """Redo the exact arithmetic of certificates; exit 1 where one is rejected.

    Of a claim of undertow's the words, the domain and the orders are compared with its own.
    Exit 3 where all are accepted, and one holds nothing that proves its formula.
    """
    import verify.papers  # noqa: F401 (registers the claims)
    from verify.claims.certificates import differences
    from verify.recheck import recheck as redo

    try:
        results = redo(folder)
    except OSError as error:
        raise BadInput(str(error)) from None
    for result in results:
        if result["accepted"] and (other := differences(folder, result["claim"])):
            result |= {"accepted": False, "why": f"undertow's claim has another {other}"}
    rejected = [result["claim"] for result in results if not result["accepted"]]
    silent = [r["claim"] for r in results if r["accepted"] and not r["proves"]]
    if format is Format.JSON:
        say_json({"certificates": results, "rejected": rejected, "proves_nothing": silent})
    else:
        for result in results:
            say(f"{result['claim']}   {_told(result)}")
            if result["claim"] in silent:
                say("    proves nothing about the formula")
            for name in result.get("without", []):
                say(f"    nothing to redo: {name}")
        say(f"\n{len(results)} certificates, {len(rejected)} rejected")
    if rejected:
        raise typer.Exit(1)
    if silent:
        raise typer.Exit(3)


def _told(result: dict) -> str:
    if not result["accepted"]:
        return f"REJECTED: {result['why']}"
    return ", ".join(f"{count} {kind}" for kind, count in result["redone"].items()) or "nothing"
