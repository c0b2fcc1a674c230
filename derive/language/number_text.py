"""Which number a person has typed: one reader for the command line, for files and for Python."""

from __future__ import annotations

import re
from fractions import Fraction

MOST_DIGITS = 300
LARGEST_EXPONENT = 330
_SHOWN = 40
_DIGITS = rf"[0-9]{{1,{MOST_DIGITS}}}"
_NUMBER = re.compile(
    rf"\s*[+-]?(?:{_DIGITS}/{_DIGITS}|(?:{_DIGITS}\.?[0-9]{{0,{MOST_DIGITS}}}|\.{_DIGITS})"
    r"(?:[eE](?P<exponent>[+-]?[0-9]{1,4}))?)\s*",
    re.ASCII,
)
_LONG = re.compile(r"\s*[+-]?[0-9.]*(?:/[0-9]+|[eE][+-]?[0-9]+)?\s*", re.ASCII)


def read_number(text: str) -> Fraction:
    """The rational number that a text such as 9/10, 0.9 or 1e-3 stands for.

    Raises:
        ValueError: it is none, has more than 300 digits above or below its bar or around its point,
            or an exponent beyond 330; the message shows its beginning.

    >>> read_number("9/10"), read_number("1e-3")
    (Fraction(9, 10), Fraction(1, 1000))
    """
    match = _NUMBER.fullmatch(text)
    if match is None or abs(int(match["exponent"] or 0)) > LARGEST_EXPONENT:
        shown = repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
        if _LONG.fullmatch(text) and text.strip(" +-."):
            raise ValueError(
                f"{shown} is too long a number; write up to {MOST_DIGITS} digits and an exponent "
                f"up to {LARGEST_EXPONENT}."
            )
        raise ValueError(f"{shown} is not a rational number; write 9/10 or 0.9.")
    try:
        return Fraction(text.strip())
    except ZeroDivisionError:
        raise ValueError(f"{text.strip()!r} is not a rational number: it divides by 0.") from None
