"""A table and a paragraph that fit a terminal: long ones go on in the next line, words whole."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Sequence

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
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    widths[0] = min(widths[0], max(20, width() - sum(widths[1:]) - GAP * (len(widths) - 1)))
    lines = []
    for row in rows:
        indent = row[0][: len(row[0]) - len(row[0].lstrip())]
        first, *more = textwrap.wrap(
            row[0],
            widths[0],
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
        if right[:1] == "r" and not more:
            first = first.rjust(widths[0])
        cells = [
            cell.rjust(size) if right[i : i + 1] == "r" else cell.ljust(size)
            for i, (cell, size) in enumerate(zip((first, *row[1:]), widths, strict=True))
        ]
        lines += [(" " * GAP).join(cells).rstrip(), *more]
    return "\n".join(lines)
