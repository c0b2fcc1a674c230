"""How is a power written within a line? The letters that have a raised form, in one table."""

from __future__ import annotations

RAISED = dict(zip("0123456789-+nmtk", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿᵐᵗᵏ", strict=True))
LEVEL = {up: level for level, up in RAISED.items()}
_TABLE = str.maketrans(RAISED)


def raised(power: object) -> str:
    """A whole number, or a text, as an exponent.

    >>> raised(-12)
    '⁻¹²'
    """
    return str(power).translate(_TABLE)
