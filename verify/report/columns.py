"""LaTeX that fits a column: long rows of an align environment broken before a plus or minus.

TeX measures what it has set; here the width is counted in letters, of which a column holds about
so many at ten or eleven points.
"""

from __future__ import annotations

import re

from derive.language.bad_input import BadInput
from verify.report.arguments import argument, tokens_of

LETTERS = {1: 56, 2: 32}
"""How many letters fit a line of a page with one column, or with two."""

BEGIN, NEXT, END = "\\begin{align*}\n", " \\\\\n", "\n\\end{align*}"

_ALIGN = re.compile(re.escape(BEGIN) + r"(.*?)" + re.escape(END), re.DOTALL)
_OPEN, _CLOSE = {"(", "[", "{"}, {")", "]", "}"}
_SIZED = re.compile(r"\\(?:[bB]ig+[lr]?)$")
_THIN = {r"\,", r"\!", r"\;", r"\:", " ", "\n", "&", "{", "}", "^", "_", r"\left", r"\right"}
_WIDE = {"+": 2.0, "-": 2.0, "=": 2.5, r"\quad": 3.0, r"\nabla": 1.5}
_NAME = re.compile(r"\\(log|exp|sqrt|mathrm|operatorname|text)$")


def broken(latex: str, columns: int) -> str:
    """LaTeX whose align environments fit a column, broken where a sum can be.

    Args:
        columns: of the page, 1 or 2.

    >>> print(broken(BEGIN + "x' &= " + "+".join(["abcdefgh"] * 4) + END, 2))
    \\begin{align*}
    x' &= abcdefgh+abcdefgh \\\\
    &\\quad +abcdefgh+abcdefgh
    \\end{align*}
    """

    def fitted(body: str) -> str:
        rows = [line for row in body.split(NEXT) for line in _rows(row.strip(), LETTERS[columns])]
        return BEGIN + NEXT.join(rows) + END

    return _ALIGN.sub(lambda found: fitted(found[1]), latex)


def _rows(row: str, most: int) -> list[str]:
    """A row in as many as it needs."""
    rows = [""]
    for term in _terms(row):
        if rows[-1].strip() and rows[-1] != r"&\quad " and width(rows[-1] + term) > most:
            rows.append(r"&\quad ")
        rows[-1] += term
    return [line.rstrip() for line in rows]


def _terms(row: str) -> list[str]:
    """The terms of a sum, each with its sign; what stands between sized brackets may be broken."""
    terms, depth, sized = [""], 0, False
    for token in tokens_of(row):
        if token in _OPEN and not sized:
            depth += 1
        elif token in _CLOSE and not sized:
            depth -= 1
        starts = not terms[-1].strip() or terms[-1].rstrip()[-1:] in "=(&^_"
        if token in "+-" and depth == 0 and not starts and terms[-1].strip() != r"&\quad":
            terms.append("")
        terms[-1] += token
        sized = bool(_SIZED.match(token))
    return terms


def width(latex: str) -> float:
    r"""How many letters wide, about: a fraction is as wide as its wider part, an index is small.

    >>> width(r"\frac{1+\beta}{2}") < width(r"1+\beta")
    True
    """
    tokens = tokens_of(latex)
    total, i = 0.0, 0
    while i < len(tokens):
        token = tokens[i]
        if token in (r"\frac", r"\tfrac", r"\dfrac"):
            top, i = argument(tokens, i + 1)
            bottom, i = argument(tokens, i)
            total += 0.8 * max(width(top), width(bottom))
            continue
        if token in "^_":
            inner, i = argument(tokens, i + 1)
            total += 0.7 * width(inner)
            continue
        if token not in _THIN and not _SIZED.match(token):
            total += _WIDE.get(token, len(token) - 1 if _NAME.match(token) else 1.0)
        i += 1
    return total


LONGEST_PREFIX = 40


def checked_prefix(prefix: str) -> str:
    """A prefix of macro names; BadInput where TeX would not take it."""
    if not re.fullmatch(f"[A-Za-z]{{1,{LONGEST_PREFIX}}}", prefix):
        raise BadInput(
            f"--prefix {prefix} begins no macro name: TeX takes letters only, as in my, and here "
            f"up to {LONGEST_PREFIX}."
        )
    return prefix


def macro(prefix: str, name: str, latex: str) -> str:
    r"""A definition of what is printed, under the user's prefix.

    >>> print(macro("my", "heavy-ball modified-flow", "x"))
    \newcommand{\myHeavyBallModifiedFlow}{x}
    """
    spelled = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", name)
    word = "".join(part.capitalize() for part in re.split("[^A-Za-z]+", spelled))
    return f"\\newcommand{{\\{checked_prefix(prefix)}{word}}}{{{latex}}}"


_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
