"""Counts, digits and times on the command line: each has a range that is said."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import typer

from derive.language.bad_input import BadInput

MOST_DIGITS = 1000
MOST_SEED = 10**18


def bounded(low: float, high: float) -> Callable[[typer.CallbackParam, float | None], float | None]:
    """A callback of an option that refuses, by its name, a number outside low ... high.

    Without a low end the command itself says what is too small.
    """

    def check(param: typer.CallbackParam, value: float | None) -> float | None:
        if value is not None and not low <= value <= high:
            beyond = f"outside {low} ... {high}" if low > -math.inf else f"above {high}"
            raise BadInput(f"{param.opts[0]} {value} is {beyond}.")
        return value

    return check


def ranged(help: str, low: float, high: float, *names: str, metavar: str | None = None) -> Any:
    """An option with a number in low ... high."""
    return typer.Option(*names, help=help, callback=bounded(low, high), metavar=metavar)
