"""How a package shows names that live deeper without importing them: PEP 562, from its stub.

`__init__.pyi` holds the imports, one a line and as a type checker reads them; here they become
attributes of the package that are imported when they are first asked for.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from inspect import isfunction, signature
from pathlib import Path
from typing import Any

_IMPORT = re.compile(r"^from (\S+) import (\w+) as \2$", re.MULTILINE)

Face = tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]


def face(package: str) -> Face:
    """`__getattr__`, `__dir__` and `__all__` of a package whose names stand in `__init__.pyi`."""
    module = sys.modules[package]
    stub = Path(module.__path__[0], "__init__.pyi").read_text(encoding="utf-8")
    homes = {name: home for home, name in _IMPORT.findall(stub)}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = _by_name(getattr(import_module(homes[name]), name))
        setattr(module, name, value)
        return value

    return get, lambda: sorted({*vars(module), *homes}), sorted(homes)


def _by_name(value: Any) -> Any:
    """A function of an optimizer also takes the name of one."""
    if not isfunction(value) or next(iter(signature(value).parameters), "") != "optimizer":
        return value

    @wraps(value)
    def called(optimizer: Any, *arguments: Any, **given: Any) -> Any:
        if isinstance(optimizer, str):
            optimizer = import_module("derive.optimizers").find_optimizer(optimizer)
        return value(optimizer, *arguments, **given)

    return called
