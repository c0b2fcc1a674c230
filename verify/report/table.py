"""A table and a paragraph that fit a terminal: long ones go on in the next line, words whole."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

from verify.running.cells import aligned

NARROW, WIDE = 80, 100
GAP = 2


def width() -> int:
    """How wide a line may be: 80, or more on a terminal that has more, up to 100."""
    if not sys.stdout.isatty():
        return NARROW
    return max(NARROW, min(WIDE, shutil.get_terminal_size((NARROW, 24)).columns))


def paragraph(text: str, indent: str = "", hanging: str | None = None) -> str:
    """Text in lines that fit; further lines get the hanging indent."""
    return textwrap.fill(
        text,
        width(),
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(rows: Sequence[Sequence[str]], right: str = "") -> str:
    """Columns side by side, the first row as their heads.

    Where a line would not fit, the first column goes on in further lines.

    Args:
        right: the letter r at each column that is aligned to the right, such as "  rr".

    >>> print(table([("claim", "checks"), ("a.b", "3/3"), ("c.d.e", "10/10")], " r"))
    claim  checks
    a.b       3/3
    c.d.e   10/10
    """
    return aligned(rows, right=right, gap=GAP, width=width())
