"""How is a power or an index written within a line? The letters that have such a form."""

from __future__ import annotations

RAISED = dict(zip("0123456789-+nmtk", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿᵐᵗᵏ", strict=True))
LOWERED = dict(zip("0123456789krs", "₀₁₂₃₄₅₆₇₈₉ₖᵣₛ", strict=True))
LEVEL = {up: level for level, up in RAISED.items()}
_RAISED = str.maketrans(RAISED)
_LOWERED = str.maketrans(LOWERED)


def raised(power: object) -> str:
    """A whole number, or a text, as an exponent.

    >>> raised(-12)
    '⁻¹²'
    """
    return str(power).translate(_RAISED)


def lowered(index: object) -> str:
    """A whole number, or a text, as an index.

    >>> lowered("k12")
    'ₖ₁₂'
    """
    return str(index).translate(_LOWERED)
