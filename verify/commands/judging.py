"""`undertow show` and `undertow verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import (
    CALL_SECONDS,
    Digits,
    Format,
    Output,
    Seconds,
    Seed,
    coloured,
    counted,
    plural,
    say,
    say_json,
    settings_from,
)
from verify.running.digits import DEFAULT_DIGITS

if TYPE_CHECKING:
    from verify.claims.judging import ClaimResult

Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ID",
        help="Claims by id or by the BibTeX key of their source, optimizers by name or as "
        "file.py:rule; all claims where none is named.",
    ),
]


@command(
    "show",
    examples=("show ghosh2023.variance-factor", "show ghosh2023.variance-factor --format json"),
)
def show(
    id: Annotated[str, typer.Argument(help="A claim's id.")],
    digits: Digits = DEFAULT_DIGITS,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Print statement, derivation, verdict and evidence of one claim."""
    from verify.campaigns.runner import find_claims, handle
    from verify.claims.judging import judge
    from verify.claims.mutants import with_survivors
    from verify.report.table import paragraph
    from verify.report.terminal import as_printed, formulas, statement, words

    settings = settings_from(digits, seed)
    claim, *others = find_claims([id])
    if others:
        raise BadInput(
            f"{id} stands for {len(others) + 1} claims; show one, such as {handle(claim)}."
        )
    if format is Format.JSON:
        result = with_survivors(judge(claim, settings), settings)
        told = {"statement": statement(claim), "derivation": claim.derivation}
        say_json(claim.as_json() | told | result.as_json())
        return
    source = ", ".join(filter(None, (claim.source.key, claim.source.where, *claim.catalogue)))
    say(f"{claim.id}   ({words(source)})")
    say()
    for text in (
        statement(claim),
        words(claim.condition),
        words(as_printed(claim)),
        claim.counterexample and f"Counterexample: {words(claim.counterexample)}",
    ):
        if text:
            say(paragraph(text))
    say()
    derived = " ".join(claim.derivation.split())
    say(paragraph(words(derived) if "$" in derived else derived))
    say()
    result = with_survivors(judge(claim, settings), settings)
    say(coloured(f"verdict: {_verdict(result.verdict)}"))
    for check in result.checks:
        told = f"{_mark(check.passed)}  {check.name} ({check.kind}): {check.figure}"
        say(paragraph(told, "  ", "      "))
    say()
    print(formulas(claim))


@command(
    "verify",
    examples=(
        "verify",
        "verify ghosh2023.variance-factor cowsik2022.stability",
        "verify ghosh2023",
        "verify heavy-ball --loss 'x**4/4 + x**2/2'",
        "verify my_rule.py:look_ahead",
        "verify draft.toml",
        "verify --certificates certificates",
        "verify ghosh2023.variance-factor cowsik2022.stability --durations 1",
    ),
)
def verify_claims(
    ids: Ids = None,
    loss: Annotated[
        str, typer.Option(help="Check an optimizer on this loss, such as 'x**4/4 + x**2/2'.")
    ] = "",
    digits: Digits = DEFAULT_DIGITS,
    seed: Seed = 0,
    seconds: Seconds = CALL_SECONDS,
    format: Output = Format.TEXT,
    durations: Annotated[
        int,
        typer.Option(metavar="N", help="List the N claims that took longest.", min=0, max=10_000),
    ] = 0,
    certificates: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write a certificate of each claim here; 'undertow recheck' redoes it.",
        ),
    ] = None,
) -> None:
    """Hold the published claims to account; exit 1 where a verdict is not as recorded."""
    from verify.campaigns.pool import begin_soon

    if not ids:
        begin_soon("verify.campaigns.runner")
    from verify.campaigns.runner import environment, find_claims, judge_all
    from verify.claims.certificates import write_manifest

    settings = settings_from(digits, seed)
    chosen = find_claims(ids or [], loss)
    if certificates is not None:
        try:
            certificates.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"--certificates {certificates}: {error.strerror}.") from None
        write_manifest(certificates, chosen)
    results = counted(
        len(chosen),
        "checking",
        lambda done: judge_all(
            chosen, settings, lambda result: done(result.claim.id), loss, str(certificates or "")
        ),
    )
    if format is Format.JSON:
        say_json(
            {
                "claims": [result.as_json() for result in results],
                "summary": summary(results) | {"digits": digits, "seed": seed},
                "environment": environment(),
            }
        )
    else:
        _print_table(results)
        for result in sorted(results, key=_seconds, reverse=True)[:durations]:
            say(f"{_seconds(result):8.1f} s  {result.claim.id}")
    if not all(result.as_recorded for result in results):
        raise typer.Exit(1)


def summary(results: list[ClaimResult]) -> dict[str, int]:
    """How many claims have which verdict, and how many are not as recorded."""
    from verify.claims.claim import Verdict

    counts = {str(v): sum(result.verdict == v for result in results) for v in Verdict}
    return counts | {"unexpected": sum(not result.as_recorded for result in results)}


def _print_table(results: list[ClaimResult]) -> None:
    from verify.report.table import paragraph, table

    rows = [("claim", "verdict", "checks", "seconds")]
    rows += [
        (
            result.claim.id,
            _verdict(result.verdict),
            f"{sum(check.passed is True for check in result.checks)}/{len(result.checks)}",
            f"{_seconds(result):.1f}",
        )
        for result in results
    ]
    for line in table(rows, "  rr").splitlines():
        say(coloured(line))
    say()
    for result in results:
        if not result.as_recorded:
            say(f"{result.claim.id} is recorded as {_verdict(result.claim.expected)}")
    for result in results:
        for check in result.checks:
            if not check.passed:
                told = f"{result.claim.id}: {_mark(check.passed)} {check.name}: {check.figure}"
                say(paragraph(told, hanging="  "))
        for slip in result.survivors:
            told = f"{result.claim.id}: no check rejects a wrong statement: {slip}"
            say(paragraph(told, hanging="  "))
    counts = summary(results)
    said = ", ".join(f"{number} {_verdict(name)}" for name, number in counts.items() if number)
    say(f"{plural(len(results), 'claim')}: {said}")
    say("'undertow show ID' prints the evidence of one")


def _verdict(verdict: str) -> str:
    """A verdict as it is said: a draft that is refuted is wrong."""
    return "wrong" if verdict == "refuted" else str(verdict)


def _seconds(result: ClaimResult) -> float:
    return sum(check.seconds for check in result.checks)


def _mark(passed: bool | None) -> str:
    return {True: "ok", False: "FAILS", None: "undecided"}[passed]
