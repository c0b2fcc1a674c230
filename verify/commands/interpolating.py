"""`undertow interpolator`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from flint import fmpq

from derive.language.coefficients import exact
from derive.language.update_rule import BadInput
from derive.networks.diagonal_networks import NETWORKS, Network
from verify.commands.base import Format, Output, Seed, app, say, say_json
from verify.commands.own import number
from verify.models.interpolators import FLOAT_DIGITS, Interpolator, interpolate

MOST_DIGITS = 1000
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
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError, ValueError):
        raise BadInput(
            f"{option} {path} is neither numbers such as '1,2,0; 0,1,1' nor a text file of them."
        ) from None


def _entry(option: str, word: str) -> fmpq:
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
Gamma = Annotated[str, typer.Option(help="The step size.")]
Alpha = Annotated[str, typer.Option(help="w_+ and w_- at the start: one number or d.")]
AlphaMinus = Annotated[
    str | None, typer.Option(help="w_- at the start, where it differs from w_+.")
]
Beta = Annotated[str, typer.Option(help="The momentum.")]
BatchSize = Annotated[int | None, typer.Option(help="Rows in a random batch; all rows without it.")]
NetworkName = Annotated[
    str, typer.Option(help="How w_+ and w_- make theta: rotated, sums or squares.")
]


@dataclass(frozen=True)
class Problem:
    """What the options say of X theta = y and of the start."""

    rows: list[list[fmpq]]
    values: list[fmpq]
    start: list[list[fmpq]]
    network: Network


def read_problem(x: str, y: str, alpha: str, alpha_minus: str | None, network: str) -> Problem:
    """The data, the start and the network that the options describe; BadInput where one is off."""
    if network not in NETWORKS:
        raise BadInput(f"--network {network} is none of {', '.join(NETWORKS)}.")
    rows = read_rows("--x", x)
    values = [entry for row in read_rows("--y", y) for entry in row]
    plus = _vector("--alpha", alpha, len(rows[0]))
    minus = plus if alpha_minus is None else _vector("--alpha-minus", alpha_minus, len(rows[0]))
    return Problem(rows, values, [plus, minus], NETWORKS[network])


@app.command()
def interpolator(
    x: Rows,
    y: Values,
    gamma: Gamma,
    alpha: Alpha = "1/10",
    alpha_minus: AlphaMinus = None,
    beta: Beta = "0",
    batch: BatchSize = None,
    network: NetworkName = "rotated",
    steps: Annotated[int, typer.Option(help="The most steps.")] = 100_000,
    digits: Annotated[int, typer.Option(help="Decimal digits of the iteration.")] = FLOAT_DIGITS,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Which interpolator does a diagonal network find, and which one does that minimize?"""
    if not FLOAT_DIGITS <= digits <= MOST_DIGITS:
        raise BadInput(f"--digits {digits} is outside {FLOAT_DIGITS} ... {MOST_DIGITS}.")
    if steps < 1:
        raise BadInput(f"--steps {steps} is outside 1, 2, ...")
    problem = read_problem(x, y, alpha, alpha_minus, network)
    found = interpolate(
        problem.rows,
        problem.values,
        problem.start,
        network=problem.network,
        gamma=number("--gamma", gamma),
        beta=number("--beta", beta),
        batch=batch,
        seed=seed,
        steps=steps,
        digits=digits,
    )
    if format is Format.JSON:
        say_json(_as_json(found, digits))
    else:
        for line in _as_text(found):
            say(line)


def _as_json(found: Interpolator, digits: int) -> dict[str, Any]:
    def vector(entries: Any) -> list[float] | list[str]:
        if digits <= FLOAT_DIGITS:
            return [float(entry) for entry in entries]
        return [f"{entry:.{digits}g}" for entry in entries]

    return {
        "found": vector(found.found),
        "minimizer": vector(found.minimizer),
        "distance": found.distance,
        "residual": found.residual,
        "steps": found.steps,
        "crossings": found.crossings,
        "effective_start": [vector(row) for row in found.effective_start],
        "gain": vector(found.gain),
        "l1": {"found": found.l1, "least": found.least_l1},
        "l2": {"found": found.l2, "least": found.least_l2},
    }


def _as_text(found: Interpolator) -> list[str]:
    columns = ("found", "minimizer", "v+", "v-", "gain")
    v = found.effective_start
    lines = [
        f"{found.steps} steps, {found.crossings} crossings of zero, residual {found.residual:.1e}",
        f"distance to the minimizer of the effective potential   {found.distance:.1e}",
        "",
        "  i" + "".join(f"{name:>15}" for name in columns),
    ]
    rows = zip(found.found, found.minimizer, v[0], v[1], found.gain, strict=True)
    lines += [
        f"{i:>3}" + "".join(f"{float(entry):>15.8f}" for entry in row)
        for i, row in enumerate(rows, 1)
    ]
    least = "needs scipy (pip install 'undertow[lp]')"
    if found.least_l1 is not None:
        least = f"{found.least_l1:.8f}"
    return [
        *lines,
        "",
        f"l1 norm   {found.l1:.8f}   least {least}",
        f"l2 norm   {found.l2:.8f}   least {found.least_l2:.8f}",
    ]
