"""Numbers of steps, as the caller of a training gives them."""

from __future__ import annotations

from typing import Any

from derive.language.bad_input import BadInput


def check_count(name: str, value: Any) -> None:
    """BadInput where an argument of this name is no number of steps."""
    if not (isinstance(value, int) and value > 0):
        raise BadInput(f"{name}={value} is no number of steps; it is 1 or more.")
