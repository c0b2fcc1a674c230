"""LaTeX as commands and signs, and what stands in the braces behind a command."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[\s\S]")


def tokens_of(latex: str) -> list[str]:
    r"""Its commands and other signs in turn.

    >>> tokens_of(r"\frac h{2}")
    ['\\frac', ' ', 'h', '{', '2', '}']
    """
    return _TOKEN.findall(latex)


def argument(tokens: Sequence[str], i: int) -> tuple[str, int]:
    """The argument that begins at a token, blanks left out, without its braces; where it ends.

    A brace that is not closed holds all that follows.
    """
    while i < len(tokens) and tokens[i].isspace():
        i += 1
    if i >= len(tokens) or tokens[i] != "{":
        return "".join(tokens[i : i + 1]), i + 1
    depth, start = 1, i + 1
    while depth and (i := i + 1) < len(tokens):
        depth += {"{": 1, "}": -1}.get(tokens[i], 0)
    return "".join(tokens[start:i]), i + 1
