"""A derivation in an `align` environment: does each line follow from the one before it?

Lines with a big-O term, in powers of h, are compared to that order only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import sympy

from derive.language.formula import H
from derive.language.update_rule import BadInput
from derive.language.writing import GREEK
from verify.claims.equality import in_ring
from verify.claims.slips import slips
from verify.formulas.comparing import counterexample, same
from verify.formulas.reading import read_latex

_ENVIRONMENT = re.compile(
    r"\\begin\{(align|aligned|split|gather)(\*?)\}(.*?)\\end\{\1\2\}", re.DOTALL
)
_NOISE = re.compile(r"\\(?:nonumber|notag|label\{[^}]*\}|quad|qquad)|%[^\n]*|&")
_RELATION = re.compile(r"=|\\approx|\\simeq|\\equiv")
_BIG_O = re.compile(r"[+]\s*(?:\\mathcal\{O\}|O)\s*\(\s*h\s*(?:\^\s*\{?(\d+)\}?)?\s*\)\s*$")
NAMES = {*GREEK, *"abcdefghijklmnopqrstuvwxyzABCDFGHIJKLMNPQRSTUVWXYZ"}


@dataclass(frozen=True)
class Line:
    """One right-hand side: its number in the file, the expression, and the order of its O term."""

    number: int
    text: str
    expr: sympy.Expr
    order: int | None


@dataclass(frozen=True)
class Break:
    """The first line that does not follow from the one before it."""

    line: Line
    before: Line
    slip: str
    counterexample: str


def read_align(text: str) -> list[Line]:
    """The right-hand sides of the first align environment.

    Raises:
        BadInput: there is no such environment; a line cannot be read (with its number).
    """
    found = _ENVIRONMENT.search(text)
    if found is None:
        raise BadInput("there is no align environment in the file.")
    lines: list[Line] = []
    number = text[: found.start(3)].count("\n") + 1
    for row in re.split(r"\\\\", found.group(3)):
        here = number + len(row[: len(row) - len(row.lstrip())].split("\n")) - 1
        number += row.count("\n")
        cleaned = _NOISE.sub(" ", row).strip().rstrip(".,;").strip()
        parts = [part.strip() for part in _RELATION.split(cleaned)]
        for i, part in enumerate(parts):
            if part and (i or len(parts) == 1):
                lines.append(_line(here, part))
    if len(lines) < 2:
        raise BadInput("the align environment has fewer than two right-hand sides to compare.")
    return lines


def _line(number: int, text: str) -> Line:
    big_o = _BIG_O.search(text)
    order = int(big_o.group(1) or 1) if big_o else None
    body = text[: big_o.start()] if big_o else text
    try:
        return Line(number, text, read_latex(body, names=NAMES), order)
    except BadInput as error:
        raise BadInput(f"line {number}: {error}") from None


def first_break(lines: list[Line]) -> Break | None:
    """The first line that does not follow, with the slip that explains it, if one does."""
    for before, line in pairwise(lines):
        orders = [o for o in (before.order, line.order) if o is not None]
        order = min(orders, default=None)
        if _follows(before.expr, line.expr, order):
            continue
        slip = next(
            (name for name, e in slips(before.expr) if _follows(e, line.expr, order)),
            "",
        )
        example = counterexample(line.expr, before.expr, other="the line before")
        return Break(line, before, slip, example)
    return None


def _follows(before: sympy.Expr, after: sympy.Expr, order: int | None) -> bool:
    if order is None:
        return same(before, after)
    try:
        difference = in_ring(before - after)
    except ValueError:
        return same(before, after)
    return not difference or _power_of_h(difference.as_expr()) >= order


def _power_of_h(expr: sympy.Expr) -> int:
    """The lowest power of h in a nonzero rational function, negative at a pole."""
    top, bottom = sympy.fraction(sympy.together(expr))
    return _valuation(top) - _valuation(bottom)


def _valuation(polynomial: sympy.Expr) -> int:
    return min(powers[0] for powers in sympy.Poly(polynomial, H).monoms())
