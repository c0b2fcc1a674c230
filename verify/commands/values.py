"""What is typed, as a command takes it: Typer's coercion, asked only where there is one to do.

Typer coerces with pydantic, which takes longer to import than most commands to run. Text for text,
a plain whole number and the name of a choice have one reading; anything else is Typer's to read or
to refuse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args, get_origin

from typer._coercion import RuntimeParam, TypeDescriptor, build_runtime_param
from typer.models import ParameterInfo

PLAIN = re.compile("-?[0-9]{1,18}")
UNREAD = object()
"""What `read` gives for a value that is Typer's to read."""


@dataclass(frozen=True)
class Direct(RuntimeParam):
    """A parameter's coercion that imports pydantic only for what `read` leaves unread."""

    descriptor: TypeDescriptor

    def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
        found = UNREAD
        if ctx.token_normalize_func is None:
            found = read(value, self.annotation, self.parameter_info)
        if found is not UNREAD:
            return found
        return build_runtime_param(self.descriptor)._coerce_value(value, param=param, ctx=ctx)


def read_directly(params: list[Any]) -> list[Any]:
    """The same parameters of a command, which read their values so."""
    for param in params:
        known = param.type_descriptor
        # Typer builds its own coercion where it finds none here.
        param._runtime_param = Direct(known.parameter_info, known.annotation, known)
    return params


def read(value: Any, annotation: Any, info: ParameterInfo) -> Any:
    """The value of the annotated type where it is plain, else UNREAD.

    >>> read("3", int, ParameterInfo()), read(("a", "b"), list[str], ParameterInfo())
    (3, ['a', 'b'])
    >>> read("3.0", int, ParameterInfo()) is UNREAD
    True
    """
    if get_origin(annotation) is list:
        (kind,) = get_args(annotation)
        if type(value) not in (list, tuple):
            return UNREAD
        found = [read(one, kind, info) for one in value]
        return UNREAD if UNREAD in found else found
    if info.parser is not None or info.clamp:
        return UNREAD
    if annotation is str:
        return value if type(value) is str else UNREAD
    if annotation is int:
        return _whole(value, info)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum) and info.case_sensitive:
        return next((choice for choice in annotation if choice == value), UNREAD)
    return UNREAD


def _whole(value: object, info: ParameterInfo) -> Any:
    number = int(value) if isinstance(value, str) and PLAIN.fullmatch(value) else value
    low, high = info.min, info.max
    if type(number) is not int or (low is not None and number < low):
        return UNREAD
    return UNREAD if high is not None and number > high else number
