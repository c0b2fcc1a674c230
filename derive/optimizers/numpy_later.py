"""NumPy for the rules of the zoo: a command that runs none of them need not import it."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class _NumPy:
    """NumPy, imported by the first rule that runs."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_module("numpy"), name)


np: Any = _NumPy()
