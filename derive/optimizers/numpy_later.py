"""NumPy for the rules of the zoo: a command that runs none of them on numbers need not import it.

Series in the step size answer NumPy's functions by NumPy's own protocols, so where NumPy is not
there yet, they are asked directly.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from operator import attrgetter
from types import SimpleNamespace
from typing import Any


def _asking(path: str, ask: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function of that path for what answers it itself, and NumPy's own for the rest."""

    def function(*args: Any, **options: Any) -> Any:
        for value in args:
            answer = ask(value, function, args, options)
            if answer is not NotImplemented:
                return answer
        return attrgetter(path)(import_module("numpy"))(*args, **options)

    function.__name__ = path.rpartition(".")[2]
    return function


def _ufunc(value: Any, function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if not hasattr(value, "__array_ufunc__"):
        return NotImplemented
    return value.__array_ufunc__(function, "__call__", *args, **options)


def _other(value: Any, function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if not hasattr(value, "__array_function__"):
        return NotImplemented
    return value.__array_function__(function, (type(value),), args, options)


_ASKING: dict[str, Any] = {
    **{name: _asking(name, _ufunc) for name in ("sqrt", "sign", "exp", "maximum")},
    "vdot": _asking("vdot", _other),
    "linalg": SimpleNamespace(norm=_asking("linalg.norm", _other)),
}


class _NumPy:
    """NumPy, imported by the first rule that runs on numbers."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _ASKING and "numpy" not in sys.modules:
            return _ASKING[name]
        return getattr(import_module("numpy"), name)


np: Any = _NumPy()
