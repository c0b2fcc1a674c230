"""How the help of a command is written, and how its errors are said."""

from __future__ import annotations

import re
import sys
import textwrap
from difflib import get_close_matches
from enum import Enum
from pathlib import Path
from typing import Any

import typer
from typer._click.exceptions import (
    BadOptionUsage,
    BadParameter,
    MissingParameter,
    NoSuchOption,
    UsageError,
)

WIDTH = 80
KINDS: dict[Any, str] = {int: "N", float: "X", Path: "FILE", str: "TEXT"}


def heading(text: str) -> str:
    """A heading of the help: bold on a terminal."""
    return typer.style(text, bold=True) if sys.stdout.isatty() else text


def value_name(param: Any) -> str:
    """What stands for the value of an argument or option: N, FILE, NAME, ..."""
    if param.metavar:
        return param.metavar
    if param.param_type_name == "argument":
        return param.name.upper()
    if getattr(param, "is_flag", False):
        return ""
    kind = param.type_descriptor
    return "NAME" if kind.is_choice else KINDS.get(kind.annotation, "TEXT")


def option_name(param: Any) -> str:
    """As it is typed, the short name first."""
    return ", ".join(sorted(param.opts, key=len))


def usage(params: list[Any]) -> list[str]:
    """Arguments, then the options that have to be given, then the others."""
    pieces = []
    for param in params:
        if param.param_type_name == "argument":
            name = value_name(param) + (" ..." if param.nargs != 1 else "")
            pieces.append(name if param.required else f"[{name}]")
    pieces += [
        f"{p.opts[0]} {value_name(p)}" for p in params if p.required and p.opts[0][:1] == "-"
    ]
    return [*pieces, "[OPTIONS]"]


def record(param: Any) -> tuple[str, str]:
    """An argument or option, and what the help says of it."""
    if param.param_type_name == "argument":
        left = value_name(param)
    else:
        left = f"{option_name(param)} {value_name(param)}".rstrip()
    says = [param.help or ""]
    kind = param.type_descriptor
    if kind.is_choice:
        says.append(f"One of {', '.join(str(choice.value) for choice in kind.choices)}.")
    default = param.default.value if isinstance(param.default, Enum) else param.default
    if default is not None and default is not False and default != "":
        says.append(f"[{default}]")
    return left, " ".join(filter(None, says))


def example(text: str) -> str:
    """An example as it may be typed, on lines that fit, each joined to the next by a backslash."""
    words = re.split(r" (?=--)", f"undertow {text}")
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(word) < WIDTH - 6:
            lines[-1] += f" {word}"
        else:
            lines.append(f"    {word}")
    return textwrap.indent(" \\\n".join(lines), "  ") + "\n"


def told(error: typer.TyperException) -> str:
    """What was typed wrong, and the way out."""
    if isinstance(error, BadOptionUsage):
        return f"{error.option_name} needs a value behind it."
    context = getattr(error, "ctx", None)
    if not isinstance(error, UsageError) or context is None:
        return error.format_message()
    ways = f"('{context.command_path} --help' has the options)"
    name = context.command_path.partition(" ")[2] or "undertow"
    if isinstance(error, NoSuchOption):
        known = [option for param in context.command.get_params(context) for option in param.opts]
        close = get_close_matches(error.option_name, known, n=1)
        meant = f" Did you mean {close[0]}?" if close else ""
        return f"{name} has no option {error.option_name}.{meant} {ways}"
    if isinstance(error, MissingParameter) and error.param is not None:
        left, says = record(error.param)
        return f"{name} needs {left}: {says[:1].lower() + says[1:]} {ways}"
    if isinstance(error, BadParameter) and error.param is not None:
        return f"{_bad_value(error)} {ways}"
    extra = re.match(r"Got unexpected extra argument\(s\) \((.*)\)", error.message)
    if extra:
        return f"{name} has no use for '{extra[1]}'. {ways}"
    return error.format_message()


def _bad_value(error: Any) -> str:
    """Which value is wrong, and what it may be."""
    param, kind = error.param, error.param.type_descriptor
    name = f"{param.opts[0]} " if param.param_type_name == "option" else ""
    value = f"{name}{next((found['input'] for found in _found(error)), '')}"
    if kind.is_choice:
        return f"{value} is none of {', '.join(str(choice.value) for choice in kind.choices)}."
    low, high = (getattr(param, end, None) for end in ("min", "max"))
    whole = "a whole number" if kind.annotation is int else "a number"
    if kind.annotation in (int, float):
        least = (
            "" if low is None else f" from {low} on" if high is None else f" in {low} ... {high}"
        )
        return f"{value} is not {whole}{least}."
    return f"{value}: {error.message[:1].lower()}{error.message[1:]}"


def _found(error: BaseException) -> list[dict[str, Any]]:
    """What was wrong, as pydantic tells it."""
    cause: Any = error.__cause__ or error.__context__
    return cause.errors() if hasattr(cause, "errors") else []
