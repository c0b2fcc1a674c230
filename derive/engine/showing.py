r"""How series and losses show themselves: shortly in a terminal, as mathematics in a notebook.

A series knows no optimizer, so it is written in the fields f_c that it is a series of, f = -grad E
for a loss: b/sigma h^(n-1) f'f and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import sympy
from flint import fmpq

from derive.language.differentials import latex_differential, latex_scalar
from derive.language.trees import Tree
from derive.language.writing import Writable, is_sum, latex

MOST_TERMS = 20


def series_latex(coefficients: Mapping[Tree, Any], empty: Any, order: int, colours: int) -> str:
    """The sum of a vector field (empty = 0) or of a map."""
    whole = bool(empty)
    head = [latex_joined(_expr(empty), "x")] if whole else []
    shift = 0 if whole else -1

    def name(colour: int) -> str:
        return "f" if colours == 1 else f"f_{{{colour}}}"

    terms = (
        latex_joined(
            _stepped(_expr(c) / t.symmetry, t.order + shift), latex_differential(t, True, name)
        )
        for t, c in coefficients.items()
        if c
    )
    return _sum(chain(head, terms), f"O(h^{{{order + shift + 1}}})")


def loss_latex(terms: Mapping[Tree, Any], scale: Any, exists_below: int) -> str:
    """scale times the loss, as far as it exists; E for the first loss, E_c for others."""

    def name(colour: int) -> str:
        return f"E_{{{colour}}}" if colour else "E"

    shown = (
        latex_joined(_stepped(_expr(c), t.order - 1), latex_scalar(t, name))
        for t in terms
        if t.order < exists_below and (c := terms[t])
    )
    inside = _sum(shown, f"O(h^{{{exists_below - 1}}})")
    factor = latex(_expr(scale))
    return inside if factor == "1" else rf"{factor}\Bigl({inside}\Bigr)"


def notebook(text: str) -> str:
    """As Jupyter takes it."""
    return rf"$\displaystyle {text}$"


def latex_joined(value: Writable, vector: str) -> str:
    """A signed coefficient before what it multiplies: a sum stands in brackets."""
    text = f"({latex(value)})" if is_sum(value) else latex(value)
    sign, size = ("-", text[1:]) if text.startswith("-") else ("+", text)
    if size == "1":
        return sign + vector
    last = size.rpartition("\\")[2] if "\\" in size else ""
    word = last.isalpha() and vector[0].isalpha()
    return f"{sign}{size}{' ' * word}{vector}"


def _sum(terms: Iterator[str], remainder: str) -> str:
    shown = list(islice(terms, MOST_TERMS))
    shown += [r"+\cdots" for _ in islice(terms, 1)]
    return ("".join(shown).removeprefix("+") or "0") + f"+{remainder}"


def _expr(c: Any) -> sympy.Expr:
    if isinstance(c, int | fmpq):
        return sympy.Rational(int(fmpq(c).p), int(fmpq(c).q))
    return c.as_expr()


def _stepped(expr: sympy.Expr, power: int) -> sympy.Expr:
    factors: Iterable[sympy.Expr] = sympy.Mul.make_args(expr)
    return sympy.Mul(sympy.Symbol("h") ** power, *factors, evaluate=False) if power else expr
