"""`undertow interpolator`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import (
    Format,
    LearningRate,
    Momentum,
    Output,
    Seed,
    momentum_from,
    number,
    refuse,
    say,
    say_json,
)

if TYPE_CHECKING:
    from flint import fmpq

    from derive.networks.diagonal_networks import Network

LEAST_DIGITS, MOST_DIGITS = 15, 1000
NUMBER = re.compile(r"[+-]?(\d{1,300}/\d{1,300}|\d{0,300}\.?\d{0,300}([eE][+-]?\d{1,3})?)")


def read_rows(option: str, text: str) -> list[list[fmpq]]:
    """Rows of exact numbers from a file or from text such as "1,2,0; 0,1,1"."""
    path = Path(text)
    if not set(text) <= set("0123456789+-./,;eE \n\t"):
        text = _read(option, path)
    lines = [line for line in text.replace(";", "\n").splitlines() if line.strip()]
    if not lines:
        raise BadInput(f"{option} holds no number; write rows as '1,2,0; 0,1,1' or name a file.")
    return [[_entry(option, word) for word in line.replace(",", " ").split()] for line in lines]


def _read(option: str, path: Path) -> str:
    from verify.running.files import read_text

    try:
        return read_text(path, option)
    except (BadInput, ValueError) as error:
        raise BadInput(
            f"{option} {path} is neither numbers such as '1,2,0; 0,1,1' nor a file of them: {error}"
        ) from None


def _entry(option: str, word: str) -> fmpq:
    from derive.language.coefficients import exact

    try:
        if not NUMBER.fullmatch(word):
            raise ValueError
        return exact(word)
    except ValueError:
        raise BadInput(
            f"{option} holds {word!r}, which is no number; write rows as '1,2,0; 0,1,1'."
        ) from None


def _vector(option: str, text: str, length: int) -> list[fmpq]:
    entries = [entry for row in read_rows(option, text) for entry in row]
    return entries * length if len(entries) == 1 else entries


Rows = Annotated[str, typer.Option("--x", help="X: a text file, or rows as '1,2,0; 0,1,1'.")]
Values = Annotated[str, typer.Option("--y", help="y: a text file, or '1,2'.")]
Plus = Annotated[
    str,
    typer.Option("--start", metavar="W", help="w_+ and w_- at the start: one number or d."),
]
Minus = Annotated[
    str | None,
    typer.Option("--start-minus", metavar="W", help="w_- at the start, where it differs from w_+."),
]
BatchSize = Annotated[int | None, typer.Option(help="Rows in a random batch; all rows without it.")]
FORMER = {
    "--gamma": "--lr",
    "--alpha": "--start",
    "--alpha-minus": "--start-minus",
    "--beta": "--set beta=",
}
"""What the options of a network were called."""


class NetworkName(StrEnum):
    """How w_+ and w_- make theta."""

    ROTATED = "rotated"
    SUMS = "sums"
    SQUARES = "squares"


Networks = Annotated[NetworkName, typer.Option("--network", help="How w_+ and w_- make theta.")]


@dataclass(frozen=True)
class Problem:
    """What the options say of X theta = y and of the start."""

    rows: list[list[fmpq]]
    values: list[fmpq]
    start: list[list[fmpq]]
    network: Network


def read_problem(
    x: str, y: str, start: str, start_minus: str | None, network: NetworkName
) -> Problem:
    """The data, the start and the network that the options describe; BadInput where one is off."""
    from derive.networks.diagonal_networks import NETWORKS

    rows = read_rows("--x", x)
    values = [entry for row in read_rows("--y", y) for entry in row]
    plus = _vector("--start", start, len(rows[0]))
    minus = plus
    if start_minus is not None:
        minus = _vector("--start-minus", start_minus, len(rows[0]))
    return Problem(rows, values, [plus, minus], NETWORKS[network])


@command(
    "interpolator",
    examples=(
        "interpolator --x '1,2,0,1;0,1,1,-1' --y 1,2 --lr 1/10 --set beta=9/10 --start 1/5",
        "interpolator --x '1,2,0;0,1,1' --y 1,2 --lr 1/10 --batch 1 --seed 3",
    ),
    former=FORMER,
)
def interpolator(
    x: Rows,
    y: Values,
    lr: LearningRate,
    start: Plus = "1/10",
    start_minus: Minus = None,
    give: Momentum = None,
    batch: BatchSize = None,
    network: Networks = NetworkName.ROTATED,
    steps: Annotated[int, typer.Option(help="The most steps.")] = 100_000,
    digits: Annotated[int, typer.Option(help="Decimal digits of the iteration.")] = LEAST_DIGITS,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Which interpolator does a diagonal network find, and which one does that minimize?"""
    from verify.models.interpolators import interpolate
    from verify.report import interpolators as report

    if not LEAST_DIGITS <= digits <= MOST_DIGITS:
        raise BadInput(f"--digits {digits} is outside {LEAST_DIGITS} ... {MOST_DIGITS}.")
    if batch is None:
        refuse("without --batch", "--seed")
    if steps < 1:
        raise BadInput(f"--steps {steps} is outside 1, 2, ...")
    problem = read_problem(x, y, start, start_minus, network)
    found = interpolate(
        problem.rows,
        problem.values,
        problem.start,
        network=problem.network,
        gamma=number("--lr", lr),
        beta=momentum_from(give, "0"),
        batch=batch,
        seed=seed,
        steps=steps,
        digits=digits,
    )
    if format is Format.JSON:
        say_json(report.as_json(found, digits))
    else:
        say(report.as_text(found))
