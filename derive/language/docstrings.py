"""What a function says of itself, also where Python runs without docstrings (`-OO`)."""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from typing import Any


def docstring(function: Callable[..., Any]) -> str:
    """The docstring without its indentation, read from the source where Python dropped it.

    Empty where there is none, and where it was dropped and the source is out of reach.

    >>> docstring(docstring).splitlines()[0]
    'The docstring without its indentation, read from the source where Python dropped it.'
    """
    if function.__doc__ is not None or sys.flags.optimize < 2:
        return inspect.getdoc(function) or ""
    try:
        (read,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, TypeError, ValueError, SyntaxError):
        return ""
    return ast.get_docstring(read) or "" if isinstance(read, ast.FunctionDef) else ""
