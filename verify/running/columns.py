"""How are cells set in columns? By their width on a terminal, three spaces apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len


def aligned(
    rows: Iterable[Sequence[str]], *, indent: str = "", right_from: int | None = None
) -> str:
    """Rows of cells as lines.

    Args:
        right_from: the columns from this one on end at their right edge.

    >>> print(aligned([["h⁰", "1", "∇E"], ["", "1/2", "∇²E ∇E"]], indent="  "))
      h⁰   1     ∇E
           1/2   ∇²E ∇E
    """
    table = list(rows)
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]

    def cell(text: str, place: int) -> str:
        gap = " " * (widths[place] - cell_len(text))
        return gap + text if right_from is not None and place >= right_from else text + gap

    lines = ("   ".join(cell(text, i) for i, text in enumerate(row)) for row in table)
    return "\n".join((indent + line).rstrip() for line in lines)
