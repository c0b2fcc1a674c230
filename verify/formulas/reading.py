r"""Text from a user becomes a SymPy expression, or a loss, by a grammar and by no other way.

Text is never run: `verify.formulas.grammar` parses it, and here each node of the parse tree is
built from a fixed list of functions, after what could grow has been measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy

from verify.formulas.grammar import LATEX, TEXT, Piece, parse
from verify.formulas.tokens import (
    FUNCTIONS,
    Unreadable,
    is_identifier,
    latex_tokens,
    nearest,
    spelled,
    text_tokens,
)
from verify.running.expression_losses import loss_from_expression
from verify.running.losses import Loss

__all__ = ["Unreadable", "loss_from_text", "read_expression", "read_latex", "read_loss"]

MOST_DIGITS = 200
MOST_DIGITS_COMPUTED = 4_000
LARGEST_EXPONENT = 1_000
LARGEST_FACTORIAL = 10_000
MOST_TERMS = 10_000
MOST_TERMS_SIMPLIFIED = 60
MOST_VARIABLES = 8


def read_expression(
    text: str, *, names: Collection[str], aliases: Mapping[str, str] | None = None
) -> sympy.Expr:
    """The expression that a text such as h*(1 + beta)/(4*(1 - beta)**2) stands for.

    Numbers are exact: 0.9 is 9/10. Powers are ** or ^. Known are sqrt, exp, log = ln, sin, cos,
    tan, sinh, cosh, tanh, asinh, LambertW, abs, binomial, factorial, pi, E (unless it is a name)
    and sums, written Sum(expr, (k, a, b)) or sum(expr, k, a, b). Greek letters may be written out
    or as letters.

    Args:
        names: the symbols that may occur; they come back without assumptions.
        aliases: the writer's notation to the name it stands for, such as {"lr": "h"}.
    Raises:
        Unreadable: anything else, or more than the limits of this module and of the grammar.

    >>> read_expression("lr*(1 + β)/4", names=["h", "beta"], aliases={"lr": "h"})
    h*(beta + 1)/4
    """
    return _Builder(names, aliases or {}).build(parse(TEXT, text, text_tokens(text)))


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
    builder = _Builder(names, aliases or {}, latex=True)
    return builder.build(parse(LATEX, text, latex_tokens(text, builder.known)))


def read_loss(text: str) -> tuple[sympy.Expr, tuple[str, ...]]:
    """A loss and the names of its variables, sorted: as `read_expression`, every name is known.

    >>> read_loss("x^4/4 + y^2/2")
    (x**4/4 + y**2/2, ('x', 'y'))
    """
    builder = _Builder((), {}, is_open=True)
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


class _Builder:
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
            _check(expr)
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
        parts = [self._expr(part, bound) for part in piece.parts]
        if piece.kind == "group":
            return parts[0]
        if piece.kind == "total":
            return _built(sympy.Add, *parts)
        if piece.kind == "product":
            return _built(sympy.Mul, *parts)
        if piece.kind == "negate":
            return _built(sympy.Mul, sympy.S.NegativeOne, parts[0])
        if piece.kind == "inverse":
            return _power(piece, parts[0], sympy.S.NegativeOne)
        return _power(piece.parts[1], parts[0], parts[1])

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
        if piece.word in FUNCTIONS:
            raise piece.wrong(f"is a function; write {piece.word}(...)")
        if self.is_open:
            return self._variable(piece)
        names = {*self.known, *bound, *self.constants}
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
            if self.is_open or {piece.word} & {*self.known, *bound, *self.constants}:
                raise piece.wrong(f"is followed by a bracket without a *; write {piece.word}*(..)")
            raise piece.wrong(f"is no known function; {_way_out(piece.word, FUNCTIONS)}")
        if len(piece.parts) != FUNCTIONS[piece.word]:
            raise piece.wrong(
                f"takes {FUNCTIONS[piece.word]} argument(s), {len(piece.parts)} are given"
            )
        return _function(piece, [self._expr(part, bound) for part in piece.parts])

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
            if _is_number(limit) and not limit.is_Integer:
                raise written.wrong("is where a sum begins or ends; write a whole number there")
        if low.is_Integer and high.is_Integer and abs(high - low) >= MOST_TERMS:
            raise limits[0].wrong(f"runs over more than {MOST_TERMS} terms; write k for the end")
        terms = self._expr(body, bound | {index})
        if _is_slow(terms):
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


def _power(piece: Piece, base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """base**exponent, if it stays small; `piece` is what a message is about."""
    if base == 0 and isinstance(exponent, sympy.Rational) and exponent < 0:
        raise piece.wrong("divides by zero; write another divisor")
    if _is_number(exponent):
        size = _size(piece, exponent)
        if size > LARGEST_EXPONENT or getattr(exponent, "q", 1) > LARGEST_EXPONENT:
            raise piece.wrong(
                f"is an exponent beyond {LARGEST_EXPONENT}; write a smaller one or a name"
            )
        _afford(piece, _bits(base) * size)
    if not exponent.is_Integer and _bits(base) > MOST_DIGITS * math.log2(10) + 1:
        raise piece.wrong("root of large")
    return _finite(piece, _built(sympy.Pow, base, exponent))


def _is_number(expr: sympy.Expr) -> bool:
    return not _free(expr)


def _free(expr: sympy.Basic) -> set[sympy.Basic]:
    """The free symbols; SymPy's own method works out the sums, which may take long."""
    if isinstance(expr, sympy.Symbol):
        return {expr}
    if not isinstance(expr, sympy.Sum):
        return set[sympy.Basic]().union(*map(_free, expr.args))
    body, *limits = expr.args
    free = _free(body)
    for index, low, high in (limit.args for limit in limits):
        free = free - {index} | _free(low) | _free(high)
    return free


def _size(piece: Piece, number: sympy.Expr) -> sympy.Expr:
    """The absolute value of an exponent without symbols."""
    if isinstance(number, sympy.Rational):
        return abs(number)
    value = sympy.nan if number.has(sympy.Abs, sympy.Sum) else number.evalf(15)
    if not value.is_Float:
        raise piece.wrong("is an exponent whose value is not clear; write it as a number")
    return abs(value)


def _bits(expr: sympy.Expr) -> Any:
    """How many bits the numbers have that SymPy multiplies out when it takes a power."""
    if isinstance(expr, sympy.Rational):
        return max(expr.p.bit_length(), expr.q.bit_length())
    if isinstance(expr, sympy.Mul):
        return sum(_bits(factor) for factor in expr.args)
    if isinstance(expr, sympy.Pow) and isinstance(expr.exp, sympy.Rational):
        return _bits(expr.base) * max(1, abs(expr.exp))
    return 0


def _afford(piece: Piece, bits: Any) -> None:
    if bits > MOST_DIGITS_COMPUTED * math.log2(10):
        raise piece.wrong(
            f"leads to a number of more than {MOST_DIGITS_COMPUTED} digits; write it smaller"
        )


def _finite(piece: Piece, expr: sympy.Expr) -> sympy.Expr:
    if expr in (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        raise piece.wrong("leads to infinity; a formula has to be finite")
    return expr


def _built(kind: Callable[..., sympy.Expr], *parts: sympy.Expr) -> sympy.Expr:
    """The parts put together, simplified as SymPy does where that is sure to be quick.

    SymPy asks whether powers and functions of symbols are real, zero or periodic, and to find out
    it may multiply out everything in them.
    """
    written = kind(*parts, evaluate=False)
    return written if _is_slow(written) else kind(*parts)


def _is_slow(expr: sympy.Expr) -> bool:
    terms = _terms(expr)
    many = terms > MOST_TERMS_SIMPLIFIED and expr.has(sympy.Function, sympy.Sum)
    return many or terms == math.inf


def _terms(expr: sympy.Expr) -> float:
    """About how many terms the expression has when it is multiplied out and split at i."""
    if not expr.args:
        return 1
    counts = [_terms(argument) for argument in expr.args]
    if isinstance(expr, sympy.Add):
        return sum(counts)
    if isinstance(expr, sympy.Mul):
        return min(math.prod(counts), _MANY) if math.inf not in counts else math.inf
    if math.inf in counts or any(argument.has(sympy.Sum) for argument in expr.args):
        return math.inf
    factor = 3 if isinstance(expr, sympy.Function) else 1
    if not isinstance(expr, sympy.Pow | sympy.exp):
        return min(factor * math.prod(counts), _MANY)
    rooted = isinstance(expr, sympy.Pow) and not expr.exp.is_Integer
    if rooted and counts[0] > MOST_TERMS_SIMPLIFIED:
        return math.inf
    degrees = (abs(term.as_coeff_Mul()[0]) for term in sympy.Add.make_args(expr.exp))
    degree = min(math.ceil(max(degrees)), 100)
    terms = int(min(max(counts[0], 2), 100)) if isinstance(expr, sympy.Pow) else 2
    return min(math.comb(degree + terms - 1, terms - 1) * counts[-1] * factor, _MANY)


_MANY = 1_000_000


def _function(piece: Piece, arguments: Sequence[sympy.Expr]) -> sympy.Expr:
    x, word = arguments[0], piece.word
    if word == "sqrt":
        return _power(piece, x, sympy.Rational(1, 2))
    if word in ("abs", "Abs"):
        return _absolute(x)
    if word in ("exp", "sinh", "cosh", "tanh"):
        return _exponential(piece, _PLAIN[word], x)
    if word not in ("factorial", "binomial"):
        return _finite(piece, _built(_PLAIN[word], x))
    for argument in arguments:
        if _is_number(argument) and not argument.is_Integer:
            raise piece.wrong("takes whole numbers; write one, or a name")
        if argument.is_Integer and abs(argument) > LARGEST_FACTORIAL:
            raise piece.wrong(f"takes numbers up to {LARGEST_FACTORIAL}; write a smaller one")
    if word == "binomial":
        return _finite(piece, _built(sympy.binomial, *arguments))
    if x.is_Integer and x >= 0:
        _afford(piece, math.lgamma(int(x) + 1) / math.log(2))
    return _finite(piece, _built(sympy.factorial, x))


_PLAIN: Mapping[str, Callable[[sympy.Expr], sympy.Expr]] = {
    "exp": sympy.exp,
    "log": sympy.log,
    "ln": sympy.log,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "asinh": sympy.asinh,
    "LambertW": sympy.LambertW,
}


def _exponential(
    piece: Piece, function: Callable[[sympy.Expr], sympy.Expr], x: sympy.Expr
) -> sympy.Expr:
    if _is_number(x) and _size(piece, x) > LARGEST_EXPONENT:
        raise piece.wrong(f"has an argument beyond {LARGEST_EXPONENT}; write a smaller one")
    return _finite(piece, _built(function, x))


def _absolute(x: sympy.Expr) -> sympy.Expr:
    """abs of SymPy without the simplification it tries, which can take seconds."""
    number, rest = x.as_coeff_Mul()
    if rest is sympy.S.One:
        return abs(number)
    return _built(sympy.Mul, abs(number), sympy.Abs(rest, evaluate=False))


_ALLOWED = (
    *(sympy.Add, sympy.Mul, sympy.Pow, sympy.Symbol, sympy.Rational, sympy.Tuple, sympy.Sum),
    *(sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sinh, sympy.cosh),
    *(
        sympy.tanh,
        sympy.coth,
        sympy.asinh,
        sympy.LambertW,
        sympy.Abs,
        sympy.factorial,
        sympy.binomial,
    ),
    *(type(sympy.pi), type(sympy.E)),
)


def _check(expr: sympy.Expr) -> None:
    """What SymPy has made of the pieces stays within the limits too."""
    for part in sympy.preorder_traversal(expr):
        if not isinstance(part, _ALLOWED):
            why = "the root or logarithm of a negative number" if part is sympy.I else part.func
            raise Unreadable(f"the formula leads to {why}; write it for real, finite numbers.")
        if isinstance(part, sympy.Rational) and _bits(part) > MOST_DIGITS_COMPUTED * math.log2(10):
            raise Unreadable(
                f"the formula leads to a number of more than {MOST_DIGITS_COMPUTED} digits; "
                "write it with smaller ones."
            )
        exponent = part.exp if isinstance(part, sympy.Pow | sympy.exp) else sympy.S.Zero
        if isinstance(exponent, sympy.Rational) and abs(exponent) > LARGEST_EXPONENT:
            raise Unreadable(
                f"powers of powers lead to an exponent beyond {LARGEST_EXPONENT}; "
                "write a smaller one or a name."
            )
