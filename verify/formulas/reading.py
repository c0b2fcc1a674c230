r"""Text from a user becomes a SymPy expression, or a loss, by a grammar and by no other way.

Text is never run: `verify.formulas.grammar` parses it, and here each node of the parse tree is
built from a fixed list of functions, after what could grow has been measured.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy

from verify.formulas.building import (
    MOST_DIGITS,
    built,
    check,
    function,
    is_number,
    is_slow,
    power,
)
from verify.formulas.grammar import LATEX, TEXT, Piece, parse
from verify.formulas.latex_tokens import Surroundings, latex_tokens, without_norm_index
from verify.formulas.tokens import (
    FUNCTIONS,
    Unreadable,
    is_identifier,
    nearest,
    spelled,
    text_tokens,
)
from verify.running.expression_losses import loss_from_expression
from verify.running.losses import Loss

__all__ = ["Unreadable", "loss_from_text", "read_expression", "read_latex", "read_loss"]

MOST_TERMS = 10_000
MOST_VARIABLES = 8


def read_expression(
    text: str, *, names: Collection[str], aliases: Mapping[str, str] | None = None
) -> sympy.Expr:
    """The expression that a text such as h*(1 + beta)/(4*(1 - beta)**2) stands for.

    Numbers are exact: 0.9 is 9/10. Powers are ** or ^. Known are sqrt, exp, log = ln, sin, cos,
    tan, sinh, cosh, tanh, asinh, atan, LambertW, abs, binomial, factorial, pi, E (unless it is a
    name) and sums, written Sum(expr, (k, a, b)) or sum(expr, k, a, b). Greek letters may be written
    out or as letters.

    Args:
        names: the symbols that may occur; they come back without assumptions.
        aliases: the writer's notation to the name it stands for, such as {"lr": "h"}.
    Raises:
        Unreadable: anything else, or more than the limits of this module and of the grammar.

    >>> read_expression("lr*(1 + β)/4", names=["h", "beta"], aliases={"lr": "h"})
    h*(beta + 1)/4
    """
    return Builder(names, aliases or {}).build(parse(TEXT, text, text_tokens(text)))


def read_latex(
    text: str, *, names: Collection[str], aliases: Mapping[str, str] | None = None
) -> sympy.Expr:
    r"""The expression that LaTeX such as \frac{h(1+\beta)}{4(1-\beta)^2} stands for.

    Factors side by side are multiplied, a sum runs to the end of its product, \beta_1 is the name
    beta_1 or beta1, and e is Euler's number unless it is a name. What can be read in two ways, such
    as 1/2k and \sin 2x, is refused. Arguments and errors are those of `read_expression`.

    >>> read_latex(r"\frac h4\sum_{r=0}^{k}\beta^{2r}", names=["h", "beta", "k"])
    h*Sum(beta**(2*r), (r, 0, k))/4
    """
    builder = Builder(names, aliases or {}, latex=True)
    around = Surroundings(builder.known)
    return builder.build(parse(LATEX, text, latex_tokens(without_norm_index(text), around)))


def read_loss(text: str) -> tuple[sympy.Expr, tuple[str, ...]]:
    """A loss and the names of its variables, sorted: as `read_expression`, every name is known.

    >>> read_loss("x^4/4 + y^2/2")
    (x**4/4 + y**2/2, ('x', 'y'))
    """
    builder = Builder((), {}, is_open=True)
    expr = builder.build(parse(TEXT, text, text_tokens(text)))
    return expr, tuple(sorted(builder.known))


def loss_from_text(text: str) -> Loss:
    """The loss on R^n whose coordinates are the variables of the text, in sorted order.

    It is smooth where every root and logarithm in it is of a positive number. pi enters as a
    rational number that is right to 100 digits, so that exact arithmetic stays exact.

    >>> loss_from_text("x^4/4 + x^2/2").value([2])
    6.0
    """
    return loss_from_expression(read_loss(text)[0], text)


class Builder:
    """From the parse tree to SymPy, bottom up."""

    def __init__(
        self,
        names: Collection[str],
        aliases: Mapping[str, str],
        *,
        latex: bool = False,
        is_open: bool = False,
    ) -> None:
        self.known = {spelled(name): name for name in names}
        self.known |= {spelled(alias): name for alias, name in aliases.items()}
        self.constants = {"pi": sympy.pi, "e" if latex else "E": sympy.E}
        self.latex = latex
        self.is_open = is_open

    def build(self, piece: Piece) -> sympy.Expr:
        try:
            expr = self._expr(piece, frozenset())
            check(expr)
        except RecursionError:
            raise Unreadable("the text is nested too deep; read its parts one by one.") from None
        return expr

    def _expr(self, piece: Piece, bound: frozenset[str]) -> sympy.Expr:
        if piece.kind == "number":
            return _number(piece)
        if piece.kind == "name":
            return self._name(piece, bound)
        if piece.kind == "call":
            if piece.word in ("Sum", "sum"):
                return self._sum(piece, bound)
            return self._call(piece, bound)
        if piece.kind == "limits":
            raise piece.wrong("is a list; only a sum has one, such as Sum(x^k, (k, 0, 3))")
        return self._joined(piece, [self._expr(part, bound) for part in piece.parts])

    def _joined(self, piece: Piece, parts: Sequence[Any]) -> Any:
        """The value of a node from those of its parts."""
        if piece.kind == "group":
            return parts[0]
        if piece.kind == "total":
            return built(sympy.Add, *parts)
        if piece.kind == "product":
            return built(sympy.Mul, *parts)
        if piece.kind == "negate":
            return built(sympy.Mul, sympy.S.NegativeOne, parts[0])
        if piece.kind == "inverse":
            return power(piece, parts[0], sympy.S.NegativeOne)
        if piece.kind == "power":
            return power(piece.parts[1], parts[0], parts[1])
        raise piece.wrong("is no number; give what stands beside it")

    def _name(self, piece: Piece, bound: frozenset[str]) -> sympy.Expr:
        for word in self._spellings(piece):
            if word in bound:
                return sympy.Symbol(word)
            if word in self.known:
                name = self.known[word]
                if name in bound:
                    raise piece.wrong(f"stands for {name}, the index of a sum; rename the index")
                return sympy.Symbol(name)
            if word in self.constants:
                return self.constants[word]
        if piece.word == "oo" and self.latex:
            return sympy.oo
        if piece.word in FUNCTIONS:
            raise piece.wrong(f"is a function; write {piece.word}(...)")
        if self.is_open:
            return self._variable(piece)
        names = {*self.known, *bound, *self.constants}
        head = piece.word.partition("_")[0]
        if "_" in piece.word and head in self.known:
            raise piece.wrong(
                f"is no known name; if it is {head}, add --name {piece.word}={self.known[head]}"
            )
        raise piece.wrong(f"is no known name; {_way_out(piece.word, names)}")

    def _spellings(self, piece: Piece) -> tuple[str, ...]:
        """In LaTeX a subscript may belong to the name beta_1 or beta1."""
        return (piece.word, piece.word.replace("_", "")) if self.latex else (piece.word,)

    def _variable(self, piece: Piece) -> sympy.Expr:
        if not is_identifier(piece.word):
            raise piece.wrong("is no name for a variable; write a short one, such as x or w_1")
        self.known[piece.word] = piece.word
        if len(self.known) > MOST_VARIABLES:
            raise piece.wrong(
                f"is variable number {len(self.known)}; a loss has at most {MOST_VARIABLES}",
            )
        return sympy.Symbol(piece.word)

    def _call(self, piece: Piece, bound: frozenset[str]) -> sympy.Expr:
        if piece.word not in FUNCTIONS:
            names = {*self.known, *bound, *self.constants}
            if piece.word in names or (self.is_open and len(piece.word.partition("_")[0]) < 3):
                raise piece.wrong(f"is followed by a bracket without a *; write {piece.word}*(..)")
            raise piece.wrong(f"is no known function; {_way_out(piece.word, FUNCTIONS)}")
        if len(piece.parts) != FUNCTIONS[piece.word]:
            raise piece.wrong(
                f"takes {FUNCTIONS[piece.word]} argument(s), {len(piece.parts)} are given"
            )
        return function(piece, [self._expr(part, bound) for part in piece.parts])

    def _sum(self, piece: Piece, bound: frozenset[str]) -> sympy.Expr:
        body, *limits = piece.parts
        if len(limits) == 1 and limits[0].kind == "limits":
            limits = list(limits[0].parts)
        if len(limits) != 3 or limits[0].kind != "name":
            raise piece.wrong("is a sum; write Sum(expr, (k, a, b)) with an index k")
        index = self._spellings(limits[0])[-1]
        if not is_identifier(index) or index == "pi":
            raise limits[0].wrong("is no name for an index; write a short one, such as k")
        low, high = (self._expr(limit, bound) for limit in limits[1:])
        for written, limit in zip(limits[1:], (low, high), strict=True):
            if is_number(limit) and not limit.is_Integer and limit is not sympy.oo:
                raise written.wrong("is where a sum begins or ends; write a whole number there")
        if low.is_Integer and high.is_Integer and abs(high - low) >= MOST_TERMS:
            raise limits[0].wrong(f"runs over more than {MOST_TERMS} terms; write k for the end")
        terms = self._expr(body, bound | {index})
        if is_slow(terms):
            raise body.wrong("holds too much for the terms of a sum; write it with simpler terms")
        return sympy.Sum(terms, (sympy.Symbol(index), low, high))


def _way_out(word: str, names: Collection[str]) -> str:
    near = nearest(word, [*names, *FUNCTIONS])
    return f"did you mean {near!r}?" if near else f"known are {', '.join(sorted(names))}"


def _number(piece: Piece) -> sympy.Expr:
    """The exact number, so that 0.9 is 9/10."""
    mantissa, _, exponent = piece.word.lower().partition("e")
    shift = exponent.lstrip("+-").lstrip("0")
    if len(mantissa) > MOST_DIGITS or len(shift) > 3 or int(shift or 0) > MOST_DIGITS:
        raise piece.wrong(f"is a number of more than {MOST_DIGITS} digits; write a shorter one")
    number = Fraction(piece.word)
    return sympy.Rational(number.numerator, number.denominator)
