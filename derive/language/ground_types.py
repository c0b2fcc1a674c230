"""Which integers and rationals SymPy computes with: FLINT's, on every machine.

SymPy reads SYMPY_GROUND_TYPES once, when it is imported, and otherwise takes what it finds
installed. Left open, two machines could print one result in two forms, and a polynomial could be a
hundred times slower on one of them. So this is the first import of `derive` and of `verify`.

Where SymPy was imported before with other ground types, it keeps them: values are exact with each,
and campaigns decide in processes of their own.
"""

from __future__ import annotations

import os

GROUND_TYPES = "flint"

os.environ["SYMPY_GROUND_TYPES"] = GROUND_TYPES
