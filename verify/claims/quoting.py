"""A few words of a source as a sentence that can be typeset."""

from __future__ import annotations

import re


def as_prose(quote: str) -> str:
    r"""Words with LaTeX between dollars, of which some begin or end inside a formula.

    >>> as_prose(r"\frac{h}{4} (a^2 + b^2) E$ , which will regularize")
    '$\\frac{h}{4} (a^2 + b^2) E$ , which will regularize'
    """
    before, *more = quote.split("$")
    if len(more) % 2 == 0:
        return quote if more or "\\" not in quote else f"${quote}$"
    return f"${quote}" if re.search(r"[\\^_=]", before) else f"{quote}$"
