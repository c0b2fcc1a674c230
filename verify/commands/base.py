"""What the commands share: common options, how a line is said, how what is typed is read.

A command imports what it uses when it runs; at the top of its file stands only what its options
need, so that the help and the shell's completion do not wait for SymPy.
"""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer._click.core import ParameterSource
from typer._click.globals import get_current_context

from derive.language.bad_input import BadInput
from verify.commands.application import answers
from verify.commands.output import hushed
from verify.commands.ranges import MOST_DIGITS, MOST_SEED, bounded, ranged
from verify.formulas.asked import SamplingName
from verify.running.digits import DEFAULT_DIGITS
from verify.running.limits import call_limit, say_stopped, tell
from verify.running.progress import tracked

if TYPE_CHECKING:
    from flint import fmpq

    from verify.claims.claim import Settings

LEAST_DIGITS = 15
MOST_NODES = 5

T = TypeVar("T")


class Format(StrEnum):
    """How a command writes its answer."""

    TEXT = "text"
    JSON = "json"


Rule = Annotated[str, typer.Argument(help="An optimizer, such as heavy-ball, or file.py:rule.")]
LossText = Annotated[
    str, typer.Option("--loss", metavar="E", help="A loss, such as 'x**4/4 + cos(x*y)'.")
]
Start = Annotated[
    str, typer.Option(metavar="X,Y,...", help="x_0, as 1,1/2; its variables in alphabetical order.")
]
LearningRate = Annotated[
    str, typer.Option("--lr", metavar="X", help="The learning rate, or step size.")
]
Time = Annotated[str, typer.Option(metavar="X", help="How far to go: learning rate times steps.")]
Nodes = Annotated[
    int,
    ranged("The order of the modified flow: nodes of its trees.", 1, MOST_NODES, "--order"),
]


def _enough_digits(param: typer.CallbackParam, digits: int) -> int:
    if digits < LEAST_DIGITS:
        raise BadInput(
            f"--digits {digits} is too few to tell neighbouring orders apart; "
            f"use {LEAST_DIGITS} or more (default {DEFAULT_DIGITS}, up to {MOST_DIGITS})."
        )
    bounded(LEAST_DIGITS, MOST_DIGITS)(param, digits)
    return digits


Digits = Annotated[
    int,
    typer.Option(
        help="Decimal digits of the numerical checks; an order that 20 confirm needs no more.",
        callback=_enough_digits,
    ),
]
Seed = Annotated[
    int,
    ranged("Seed of everything that is drawn at random.", 0, MOST_SEED),
]


CALL_SECONDS = int(call_limit.seconds)


def _limit_calls(param: typer.CallbackParam, seconds: int) -> int:
    bounded(1, 86_400)(param, seconds)
    call_limit.seconds = seconds
    return seconds


Seconds = Annotated[
    int,
    typer.Option(
        help="Time limit of one call of a rule from a file.",
        callback=_limit_calls,
        expose_value=False,
    ),
]
Output = Annotated[Format, typer.Option("--format", help="Text for people, JSON for programs.")]
Folder = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")]
Force = Annotated[bool, typer.Option(help="Overwrite what is there.")]
Sampling = Annotated[SamplingName, typer.Option(help="How batches are drawn.")]

Given = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="Give a parameter exactly, as beta=9/10; repeatable."
    ),
]
Momentum = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="beta=VALUE", help="The momentum of heavy ball, as beta=9/10."),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="MINE=OURS", help="Your notation, as lr=h; repeatable."),
]


def say(text: str = "") -> None:
    """A line on standard output, in ASCII where the terminal has no Unicode."""
    print(_fit(text))


def say_json(value: Any) -> None:
    """JSON as the only thing on standard output, in ASCII where it has no Unicode."""
    value = _finite(value)
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    answers.append(text if _fit(text) == text else json.dumps(value, indent=2))


def _finite(value: Any) -> Any:
    """The same with null for what JSON has no number for."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    return value


def _fit(text: str) -> str:
    try:
        text.encode(sys.stdout.encoding or "ascii")
        if all(line.isprintable() for line in text.split("\n")):
            return text
    except UnicodeEncodeError:
        pass
    from verify.report.terminal import fit

    return fit(text)


COLOURS = {
    "confirmed": typer.colors.GREEN,
    "derived": typer.colors.GREEN,
    "equal": typer.colors.GREEN,
    "needs a premise": typer.colors.YELLOW,
    "open": typer.colors.YELLOW,
    "undecided": typer.colors.YELLOW,
    "corrected": typer.colors.RED,
    "different": typer.colors.RED,
    "wrong": typer.colors.RED,
    "FAILS": typer.colors.RED,
}
_VERDICT = re.compile(rf"(?<=\s)({'|'.join(COLOURS)})(?=\s|$)")


def coloured(line: str) -> str:
    """A line with its first verdict in colour, on a terminal."""
    if not sys.stdout.isatty() or "NO_COLOR" in os.environ:
        return line
    return _VERDICT.sub(lambda found: typer.style(found[0], fg=COLOURS[found[0]]), line, count=1)


def plural(number: int, noun: str) -> str:
    """A number of things.

    >>> plural(1, "claim"), plural(2, "claim")
    ('1 claim', '2 claims')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


@contextmanager
def counting(total: int, what: str, before: int = 0) -> Iterator[Callable[[str], None]]:
    """The function to call with the name of each thing done; a bar counts, on a terminal.

    Args:
        before: how many were done before.
    """
    done = count(before + 1)
    with hushed(), tracked(total, what, before) as advance:

        def finished(name: str) -> None:
            advance(name)
            tell(finished=f"{next(done)} of {total}")

        yield finished


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
        sys.exit(say_stopped(f"finished {len(finished)} of {total}: {names}."))


def assignments(given: list[str], option: str = "--set") -> dict[str, str]:
    """NAME=VALUE pairs of a repeatable option."""
    values = dict[str, str]()
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise BadInput(f"{option} {text} is not NAME=VALUE, such as beta=9/10.")
        if (name := name.strip()) in values:
            raise BadInput(f"{option} {text}: {name} is {values[name]} already; give it once.")
        values[name] = value.strip()
    return values


def refuse(why: str, *options: str) -> None:
    """BadInput where one of these options was typed, although it would change nothing.

    Args:
        why: behind "has no effect", such as "without --minibatch".
        options: as they are typed, such as "--sampling".
    """
    context = get_current_context()
    for param in context.command.params:
        typed = context.get_parameter_source(param.name) is ParameterSource.COMMANDLINE
        if typed and param.opts[0] in options:
            raise BadInput(f"{param.opts[0]} has no effect {why}; leave it out.")


def settings_from(digits: int, seed: int) -> Settings:
    """The settings of the checks."""
    from verify.claims.claim import Settings

    return Settings(digits, seed)


def number(option: str, text: str) -> fmpq:
    """An exact number from an option."""
    from derive.language.coefficients import exact

    try:
        return exact(text)
    except ValueError as error:
        raise BadInput(f"{option} {error}") from None


def momentum_from(give: list[str] | None, default: str) -> fmpq:
    """The momentum of heavy ball that --set beta=... gives; BadInput for any other parameter."""
    from derive.optimizers import find_optimizer

    given = {"beta": default} | assignments(give or [])
    find_optimizer("heavy-ball").at(**given)
    return number("--set beta =", given["beta"])


def point(option: str, text: str, names: Sequence[str]) -> list[fmpq]:
    """One exact number for each variable, in the order of the names."""
    found = [number(option, part) for part in text.split(",")]
    if len(found) != len(names):
        raise BadInput(
            f"{option} {text} has {len(found)} numbers; the loss has {len(names)}: "
            f"{', '.join(names)}."
        )
    return found
