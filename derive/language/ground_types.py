"""What SymPy is told before it is imported: to compute with FLINT's integers and rationals, on
every machine, and to keep more of what it has found.

SymPy reads SYMPY_GROUND_TYPES once, when it is imported, and otherwise takes what it finds
installed. Left open, two machines could print one result in two forms, and a polynomial could be a
hundred times slower on one of them. So this is the first import of `derive` and of `verify`.

Where SymPy was imported before with other ground types, it keeps them: values are exact with each,
and campaigns decide in processes of their own. Its memory of what it has found, a thousand results
of each function unless it is told otherwise, is too small for hundreds of claims.
"""

from __future__ import annotations

import os

GROUND_TYPES = "flint"

os.environ["SYMPY_GROUND_TYPES"] = GROUND_TYPES
os.environ.setdefault("SYMPY_CACHE_SIZE", "5000")
