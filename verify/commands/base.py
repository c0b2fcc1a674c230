"""What the commands share: the application, common options, how a line is said."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from derive.language.update_rule import BadInput
from verify.claims.claim import Settings
from verify.report.terminal import fit
from verify.running.numbers import DEFAULT_DIGITS

LEAST_DIGITS = 15

T = TypeVar("T")

app = typer.Typer(
    help="Which loss, and which flow, does an optimizer really follow?",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


class Format(StrEnum):
    """How a command writes its answer."""

    TEXT = "text"
    JSON = "json"


Digits = Annotated[int, typer.Option(help="Decimal digits of the numerical checks.")]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn at random.")]
Output = Annotated[Format, typer.Option("--format", help="Text for people, JSON for programs.")]


Given = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Give a parameter exactly, as beta=9/10; repeatable."
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="MINE=OURS", help="Your notation, as lr=h; repeatable."),
]


def say(text: str = "") -> None:
    """A line on standard output, in ASCII where the terminal has no Unicode."""
    print(fit(text))


def say_json(value: Any) -> None:
    """JSON on standard output, in ASCII where the terminal has no Unicode."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    print(text if fit(text) == text else json.dumps(value, indent=2))


@contextmanager
def counting(total: int, what: str) -> Iterator[Callable[[str], None]]:
    """The function to call with the name of each thing done; a bar counts, on a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        task = progress.add_task(what, total=total)
        yield lambda name: progress.update(task, advance=1, description=name)


def counted(total: int, what: str, run: Callable[[Callable[[str], None]], T]) -> T:
    """What `run` gives; it is handed the function to call with the name of each thing done.

    On an interrupt it says what was finished and leaves.
    """
    finished: list[str] = []
    try:
        with counting(total, what) as advance:

            def done(name: str) -> None:
                finished.append(name)
                advance(name)

            return run(done)
    except KeyboardInterrupt:
        names = ", ".join(finished) or "none"
        print(f"undertow: stopped; finished {len(finished)} of {total}: {names}.", file=sys.stderr)
        raise typer.Exit(130) from None


def assignments(given: list[str], option: str = "--set") -> dict[str, str]:
    """NAME=VALUE pairs of a repeatable option."""
    values = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadInput(f"{option} {text} is not NAME=VALUE, such as beta=9/10.")
        values[name.strip()] = value.strip()
    return values


def settings_from(digits: int, seed: int) -> Settings:
    """The settings of the checks; BadInput for too few digits."""
    if digits < LEAST_DIGITS:
        raise BadInput(
            f"--digits {digits} is too few to tell neighbouring orders apart; "
            f"use {LEAST_DIGITS} or more (default {DEFAULT_DIGITS})."
        )
    return Settings(digits, seed)
