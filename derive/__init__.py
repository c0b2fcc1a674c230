"""undertow, symbols in and formulas out: backward error analysis of optimizers.

The names it shows are listed in `__init__.pyi`; each is imported when it is first asked for.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (in a clone no installer has looked)
    raise ImportError("undertow needs Python 3.11 or newer: python3.11 -m venv .venv")

import derive.language.ground_types  # noqa: F401  (before anything imports SymPy)

# isort: split
from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
