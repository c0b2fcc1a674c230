"""The `undertow` command."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from derive.optimizers import ZOO, find_optimizer
from derive.update_rule import BadInput
from verify.claim import REGISTRY, Claim, ClaimResult, Settings, Verdict, judge
from verify.numbers import DEFAULT_DIGITS
from verify.report import derivation
from verify.report.book import export as write_book
from verify.report.derivation import Quantity
from verify.report.terminal import fit, formula, statement, words
from verify.runner import environment, judge_all
from verify.sources import NOT_CLAIMS

LEAST_DIGITS = 15

app = typer.Typer(
    help="Which loss, and which flow, does an optimizer really follow?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class DeriveFormat(StrEnum):
    TEXT = "text"
    LATEX = "latex"
    JSON = "json"
    SYMPY = "sympy"


class Format(StrEnum):
    TEXT = "text"
    JSON = "json"


Ids = Annotated[list[str] | None, typer.Argument(help="Claims by id; all where none is named.")]
Digits = Annotated[int, typer.Option(help="Decimal digits of the numerical checks.")]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn at random.")]
Output = Annotated[Format, typer.Option("--format", help="Text for people, JSON for programs.")]


def say(text: str = "") -> None:
    """A line on standard output, in ASCII where the terminal has no Unicode."""
    print(fit(text))


def say_json(value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(text if fit(text) == text else json.dumps(value, indent=2))


@app.command()
def derive(
    optimizer: Annotated[str, typer.Argument(help="An optimizer, such as heavy-ball.")],
    order: Annotated[int, typer.Option(help="The largest number of nodes of a tree.")] = 3,
    quantity: Annotated[Quantity, typer.Option(help="What to derive.")] = Quantity.MODIFIED_FLOW,
    k: Annotated[
        int | None, typer.Option(help="The step of the transient; closed forms in k without it.")
    ] = None,
    give: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Give a parameter exactly, as beta=9/10; repeatable.",
        ),
    ] = None,
    format: Annotated[
        DeriveFormat, typer.Option("--format", help="How to write the result.")
    ] = DeriveFormat.TEXT,
) -> None:
    """Derive what an optimizer follows, to any order."""
    rule = find_optimizer(optimizer).at(**_assignments(give or []))
    derived = derivation.find(rule, quantity, order=order, k=k)
    if format is DeriveFormat.JSON:
        say_json(derivation.as_json(derived))
    elif format is DeriveFormat.LATEX:
        print(derivation.as_latex(derived))
    elif format is DeriveFormat.SYMPY:
        print(derivation.as_sympy(derived))
    else:
        say(derivation.as_text(derived))


def _assignments(given: list[str]) -> dict[str, str]:
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadInput(f"--set {text} is not NAME=VALUE, such as beta=9/10.")
        values[name.strip()] = value.strip()
    return values


@app.command()
def optimizers() -> None:
    """List the optimizers that are known by name."""
    for name, rule in ZOO.items():
        ranges = ", ".join(f"{p.name} in {p.range}" for p in rule.declared)
        say(f"{name}   {ranges}".rstrip())
        say(f"    {rule.summary}")


@app.command()
def claims(format: Output = Format.TEXT) -> None:
    """List the claims without running a check."""
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


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="A claim's id.")],
    digits: Digits = DEFAULT_DIGITS,
    seed: Seed = 0,
) -> None:
    """Print statement, derivation, verdict and evidence of one claim."""
    settings = _settings(digits, seed)
    (claim,) = REGISTRY.find([id])
    say(f"{claim.id}   ({claim.source.key}, {claim.source.where}; {', '.join(claim.catalogue)})")
    say()
    say(statement(claim))
    for text in (
        claim.condition,
        claim.because and f"As printed: {formula(claim.printed)}; {claim.because}",
    ):
        if text:
            say(words(text))
    if claim.counterexample:
        say(f"Counterexample: {words(claim.counterexample)}")
    say()
    say(claim.derivation)
    say()
    result = judge(claim, settings)
    say(f"verdict: {result.verdict}")
    for check in result.checks:
        say(f"  {_mark(check.passed)}  {check.name} ({check.kind}): {check.figure}")
    say()
    print(claim.formula.latex)


@app.command("verify")
def hold_to_account(
    ids: Ids = None,
    digits: Digits = DEFAULT_DIGITS,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Hold the published claims to account; exit 1 where a verdict is not as recorded."""
    settings = _settings(digits, seed)
    chosen = REGISTRY.find(ids or [])
    finished: list[ClaimResult] = []
    try:
        results = _with_progress(chosen, settings, finished)
    except KeyboardInterrupt:
        names = ", ".join(result.claim.id for result in finished) or "none"
        print(
            f"undertow: stopped; finished {len(finished)} of {len(chosen)}: {names}.",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
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
    if not all(result.as_recorded for result in results):
        raise typer.Exit(1)


def summary(results: list[ClaimResult]) -> dict[str, int]:
    """How many claims have which verdict, and how many are not as recorded."""
    counts = {str(v): sum(result.verdict == v for result in results) for v in Verdict}
    return counts | {"unexpected": sum(not result.as_recorded for result in results)}


def _with_progress(
    chosen: list[Claim], settings: Settings, finished: list[ClaimResult]
) -> list[ClaimResult]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("checking", total=len(chosen))

        def done(result: ClaimResult) -> None:
            finished.append(result)
            progress.update(task, advance=1, description=result.claim.id)

        return judge_all(chosen, settings, done)


def _print_table(results: list[ClaimResult]) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("claim", "entry", "verdict", "checks", "kinds", "seconds"):
        table.add_column(
            column, no_wrap=column == "claim", justify="right" if column == "seconds" else "left"
        )
    for result in results:
        verdict = str(result.verdict)
        if not result.as_recorded:
            verdict += f" (recorded: {result.claim.expected})"
        table.add_row(
            result.claim.id,
            " ".join(result.claim.catalogue),
            verdict,
            f"{sum(check.passed is True for check in result.checks)}/{len(result.checks)}",
            " ".join(dict.fromkeys(str(check.kind) for check in result.checks)),
            f"{sum(check.seconds for check in result.checks):.1f}",
        )
    Console(width=max(Console().width, 100)).print(table)
    for result in results:
        for check in result.checks:
            if not check.passed:
                say(f"{result.claim.id}: {_mark(check.passed)} {check.name}: {check.figure}")
    counts = summary(results)
    said = ", ".join(f"{number} {name}" for name, number in counts.items() if number)
    say(f"\n{len(results)} claims: {said}.  'undertow show ID' prints the evidence of one.")


def _mark(passed: bool | None) -> str:
    return {True: "ok", False: "FAILS", None: "undecided"}[passed]


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    force: Annotated[bool, typer.Option(help="Overwrite what is there.")] = False,
) -> None:
    """Write formulas.tex, undertow.bib and book.tex."""
    for path in write_book(REGISTRY.find([]), out, force=force):
        say(str(path))


def _settings(digits: int, seed: int) -> Settings:
    if digits < LEAST_DIGITS:
        raise BadInput(
            f"--digits {digits} is too few to tell neighbouring orders apart; "
            f"use {LEAST_DIGITS} or more (default {DEFAULT_DIGITS})."
        )
    return Settings(digits, seed)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; every error a user can make is one sentence and exit code 2."""
    try:
        code = app(arguments, standalone_mode=False)
    except (BadInput, typer.TyperException) as error:
        print(
            f"undertow: {error if isinstance(error, BadInput) else error.format_message()}",
            file=sys.stderr,
        )
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("undertow: stopped; nothing was finished.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
