"""How are cells set in columns? By their width on a terminal, each column as wide as it must be."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import chain

from rich.cells import cell_len

LEAST = 20
"""The first column is not made narrower than this."""


def aligned(
    rows: Iterable[Sequence[str]],
    *,
    indent: str = "",
    right: str = "",
    gap: int = 3,
    width: int | None = None,
) -> str:
    """Rows of cells as lines.

    Args:
        right: the letter r at each column that is aligned to the right, such as "  rr".
        gap: spaces between columns.
        width: where a line would be longer, the first column goes on in further lines.

    >>> print(aligned([["h⁰", "1", "∇E"], ["", "1/2", "∇²E ∇E"]], indent="  "))
      h⁰   1     ∇E
           1/2   ∇²E ∇E
    """
    cells = list(rows)
    letters = set[str]().union(*chain.from_iterable(cells))
    # where every letter takes one cell, len says the same in a tenth of the time
    width_of = len if all(cell_len(letter) == 1 for letter in letters) else cell_len
    sizes = [list(map(width_of, row)) for row in cells]
    widths = [max(column) for column in zip(*sizes, strict=True)]
    if width is not None:
        others = sum(widths[1:]) + gap * (len(widths) - 1)
        widths[0] = min(widths[0], max(LEAST, width - others))

    def padded(text: str, size: int, place: int) -> str:
        space = " " * (widths[place] - size)
        return space + text if right[place : place + 1] == "r" else text + space

    lines: list[str] = []
    for (first, *rest), (size, *others) in zip(cells, sizes, strict=True):
        top, *more = [first] if width is None else _wrapped(first, widths[0])
        measured = zip((top, *rest), (cell_len(top) if more else size, *others), strict=True)
        line = (" " * gap).join(padded(text, n, i) for i, (text, n) in enumerate(measured))
        lines += [line, *more]
    return "\n".join((indent + line).rstrip() for line in lines)


def _wrapped(text: str, width: int) -> list[str]:
    """Words in lines that fit; further lines stand two spaces further in."""
    margin = text[: len(text) - len(text.lstrip())]
    lines = textwrap.wrap(
        text,
        width,
        subsequent_indent=f"{margin}  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [""]
