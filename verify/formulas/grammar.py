r"""What a formula may look like: two small grammars, from tokens to a tree within limits.

LaTeX has a grammar of its own because SymPy's parser (1.14) gives every reading of h(1+\beta), in
time exponential in the number of such products, computes 9^{9^{9^9}} while it reads, and knows
neither \frac h4 nor \mathrm. Here nothing is computed, and the limits hold during the parse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedToken

from verify.formulas.tokens import FUNCTIONS, Unreadable, sentence, show, unreadable

MOST_CHARACTERS = 2_000
DEEPEST = 50
MOST_NODES = 2_000

TEXT = r"""
start: expr
?expr: term | term (ADD term)+ -> total
?term: factor | factor (MUL factor)+ -> product
?factor: power | ADD factor -> signed
?power: atom | atom POW factor -> power
?atom: NUMBER -> number | NAME -> name | LPAR expr RPAR -> group
     | NAME LPAR argument (COMMA argument)* RPAR -> call
?argument: expr | LPAR expr (COMMA expr)+ RPAR -> limits
%declare ADD MUL POW NUMBER NAME LPAR RPAR COMMA
"""

LATEX = r"""
start: expr
?expr: first | first (ADD term)+ -> total
?first: term | ADD term -> signed
?term: chain | sigma | chain sigma -> beside | chain MUL sigma -> product
?chain: chunk | chunk (MUL chunk)+ -> product
?chunk: power | power power+ -> beside
?power: base | base POW argument -> power
      | FUNC bare -> call_bare | FUNC bare POW argument -> call_bare_power
      | FUNC POW argument bare -> power_of_call
?base: atom | atom BANG -> factorial | atom TOP -> transposed
?atom: paren | bare | FUNC paren -> call | FUNC POW argument paren -> power_of_call
     | DEL NAME -> nabla | DEL paren -> nabla | DEL norm -> nabla
     | DEL norm POW argument -> nabla_of_power
     | DEL NAME LSQB expr (COMMA expr)* RSQB -> nabla
?paren: LPAR expr RPAR -> group | LSQB expr RSQB -> group | LCURLY expr RCURLY -> group
?bare: argument | FRAC argument argument -> fraction | BINOM argument argument -> call
     | SQRT argument -> call | SQRT LSQB expr RSQB argument -> root | norm
     | LANGLE expr COMMA expr RANGLE -> inner
?norm: LBAR expr RBAR -> magnitude | LNORM expr RNORM -> norm
?argument: NUMBER -> number | NAME -> name | INFINITY -> name | LBRACE expr RBRACE -> braces
?sigma: SUM UNDER LBRACE NAME EQUAL expr RBRACE POW argument term -> sigma
      | SUM UNDER LBRACE NAME EQUAL expr RBRACE term -> sigma_without_end
      | SUM POW argument UNDER LBRACE NAME EQUAL expr RBRACE term -> sigma_from_top
%declare ADD MUL POW UNDER EQUAL BANG TOP NUMBER NAME FUNC FRAC SQRT BINOM SUM INFINITY DEL
%declare LPAR RPAR LSQB RSQB LCURLY RCURLY LBRACE RBRACE LBAR RBAR LNORM RNORM LANGLE RANGLE COMMA
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """A node of the parse tree and where it begins, counted from 0.

    `kind` is number, name, call, limits, group, total, product, negate, inverse, power or, in a
    display, nabla, norm, inner or transposed. `style` is how LaTeX wrote it, where that decides
    what may stand beside it.
    """

    kind: str
    at: int
    word: str = ""
    parts: tuple[Piece, ...] = ()
    depth: int = 0
    size: int = 1
    style: str = ""

    def wrong(self, why: str) -> Unreadable:
        """The error about this piece."""
        if self.word:
            return unreadable(self.word, self.at, why)
        return Unreadable(f"what begins at character {self.at + 1} {sentence(why)}")


def _piece(
    kind: str, at: int, *parts: Piece, word: str = "", opens: bool = True, style: str = ""
) -> Piece:
    """A node within the limits, so that whoever walks the tree may recurse."""
    depth = opens + max((part.depth for part in parts), default=-1)
    size = 1 + sum(part.size for part in parts)
    if depth > DEEPEST:
        raise Unreadable(
            f"brackets, signs and exponents stand more than {DEEPEST} deep inside each other "
            f"around character {at + 1}; write a flatter formula."
        )
    if size > MOST_NODES:
        raise Unreadable(f"the formula has more than {MOST_NODES} parts; read it in pieces.")
    return Piece(kind, at, word, parts, depth, size, style)


@cache
def _parser(rules: str) -> Lark:
    return Lark(rules, parser="lalr", transformer=_Tree())


def parse(rules: str, text: str, tokens: Iterator[Token]) -> Piece:
    """The parse tree of the tokens of a text.

    Raises:
        Unreadable: too long, too deep, too large, or no formula by these rules.
    """
    if len(text) > MOST_CHARACTERS:
        raise Unreadable(
            f"the formula has {len(text)} characters; at most {MOST_CHARACTERS} are read at once."
        )
    parser, before, opened = _parser(rules).parse_interactive(), None, list[Token]()
    for token in tokens:
        try:
            parser.feed_token(token)
        except UnexpectedToken:
            raise _misplaced(before, token, opened) from None
        if token.type in _OPENING:
            opened.append(token)
        elif token.type in _CLOSING:
            opened.pop()
        before = token
    if before is None:
        raise Unreadable("there is nothing to read; write a formula, such as h/2.")
    try:
        return parser.feed_eof(before)
    except UnexpectedToken:
        if opened and before.type in _OPERAND_ENDS:
            raise _wrong(opened[-1], "is never closed; add the closing bracket") from None
        raise _wrong(before, "is the end, but something has to follow it") from None


_OPENING = {"LPAR", "LSQB", "LCURLY", "LBRACE", "LBAR", "LNORM", "LANGLE"}
_CLOSING = {"RPAR", "RSQB", "RCURLY", "RBRACE", "RBAR", "RNORM", "RANGLE"}
_OPERAND_BEGINS = {"NUMBER", "NAME", "FUNC", *_OPENING}
_OPERAND_ENDS = {"NUMBER", "NAME", "BANG", "TOP", "INFINITY", *_CLOSING}


def _wrong(token: Token, why: str) -> Unreadable:
    return unreadable(token, _start(token), why)


def _misplaced(before: Token | None, token: Token, opened: Sequence[Token]) -> Unreadable:
    """What to say of the first token that no formula can have at its place."""
    if before is None:
        return _wrong(token, "cannot begin a formula; begin with a number, a name or a bracket")
    if before.type in _OPERAND_ENDS and token.type in _OPERAND_BEGINS:
        if before in FUNCTIONS:
            return _wrong(before, f"is a function; write {before}(...)")
        return _wrong(token, f"follows {show(before)} and a * is missing; write * between them")
    if token.type in _CLOSING and not opened:
        return _wrong(token, "closes a bracket that was never opened; remove it or open one")
    if before.type == "POW" and token.type == "ADD":
        return _wrong(token, "is no exponent by itself in LaTeX; put the exponent in {}")
    if token.type == "UNDER":
        return _wrong(
            token, "lowers what is no index of a name; write a name such as x_1 or x_{ab}"
        )
    return _wrong(token, f"cannot follow {show(before)}; a piece is missing or one is too many")


_Children = list[Any]


def _start(child: Token | Piece) -> int:
    return child.at if isinstance(child, Piece) else child.start_pos or 0


class _Tree(Transformer[Token, Piece]):
    """The parser calls the method of a rule as soon as it has read the rule's children."""

    def start(self, c: _Children) -> Piece:
        return c[0]

    def number(self, c: _Children) -> Piece:
        return _piece("number", _start(c[0]), word=str(c[0]))

    def name(self, c: _Children) -> Piece:
        return _piece("name", _start(c[0]), word=str(c[0]))

    def group(self, c: _Children) -> Piece:
        return _piece("group", _start(c[0]), c[1])

    def braces(self, c: _Children) -> Piece:
        return _piece("group", _start(c[0]), c[1], style="braces")

    def signed(self, c: _Children) -> Piece:
        return _piece("negate" if str(c[0]) == "-" else "group", _start(c[0]), c[1])

    def power(self, c: _Children) -> Piece:
        return _piece("power", _start(c[0]), c[0], c[2])

    def call(self, c: _Children) -> Piece:
        arguments = [child for child in c if isinstance(child, Piece)]
        return _piece("call", _start(c[0]), *arguments, word=str(c[0]))

    def limits(self, c: _Children) -> Piece:
        return _piece("limits", _start(c[0]), *c[1::2])

    def total(self, c: _Children) -> Piece:
        return _joined("total", "-", "negate", c)

    def product(self, c: _Children) -> Piece:
        for sign, factor in pairwise(c[1:]):
            if str(sign) == "/" and factor.style in ("beside", "sigma"):
                raise _two_ways(_start(sign))
        return _joined("product", "/", "inverse", c)

    def fraction(self, c: _Children) -> Piece:
        return _joined(
            "product", "/", "inverse", [c[1], Token("MUL", "/", _start(c[0])), c[2]], _start(c[0])
        )

    def beside(self, c: _Children) -> Piece:
        for left, right in pairwise(c):
            if left.style == "bare" and not _is_call(right):
                raise left.wrong(
                    f"has an argument that may or may not go on at character {right.at + 1}; "
                    "put the argument in brackets"
                )
            if left.kind == "product" and left.parts[-1].kind == "inverse" and not left.style:
                raise _two_ways(left.parts[-1].at)
            if _begins_with_number(right):
                raise right.wrong(r"is a number behind another factor; write \cdot before it")
        return _piece("product", _start(c[0]), *c, opens=False, style="beside")

    def call_bare(self, c: _Children) -> Piece:
        function, argument = c
        style = "" if argument.style == "braces" else "bare"
        return replace(self.call([function, argument]), style=style)

    def call_bare_power(self, c: _Children) -> Piece:
        function, argument, sign, exponent = c
        if argument.style != "braces":
            return self.call_bare([function, self.power([argument, sign, exponent])])
        call = self.call([function, argument])
        if argument.parts[0].kind != "group":
            raise call.wrong("has a power that may belong to its argument; use round brackets")
        return self.power([call, sign, exponent])

    def power_of_call(self, c: _Children) -> Piece:
        function, sign, exponent, argument = c
        call = self.call([function, argument])
        written = exponent.parts[0] if exponent.style == "braces" else exponent
        if not written.word.isdigit():
            raise call.wrong("takes a whole power here; write other powers behind the brackets")
        style = "" if argument.kind == "group" else "bare"
        return replace(self.power([call, sign, exponent]), style=style, word=str(function))

    def factorial(self, c: _Children) -> Piece:
        return _piece("call", _start(c[0]), c[0], word="factorial")

    def magnitude(self, c: _Children) -> Piece:
        return _piece("call", _start(c[0]), c[1], word="abs")

    def nabla(self, c: _Children) -> Piece:
        parts = [child if isinstance(child, Piece) else self.name([child]) for child in c[1:2]]
        parts += [child for child in c[2:] if isinstance(child, Piece)]
        return _piece("nabla", _start(c[0]), *parts, word=str(c[0]))

    def nabla_of_power(self, c: _Children) -> Piece:
        return self.nabla([c[0], self.power(c[1:])])

    def norm(self, c: _Children) -> Piece:
        return _piece("norm", _start(c[0]), c[1])

    def inner(self, c: _Children) -> Piece:
        return _piece("inner", _start(c[0]), c[1], c[3])

    def transposed(self, c: _Children) -> Piece:
        return _piece("transposed", _start(c[0]), c[0])

    def root(self, c: _Children) -> Piece:
        at = _start(c[0])
        return _piece("power", at, c[4], _piece("inverse", at, c[2]))

    def sigma(self, c: _Children) -> Piece:
        sign, _, _, index, _, low, _, _, high, body = c
        limits = _piece("limits", _start(sign), self.name([index]), low, high)
        return _piece("call", _start(sign), body, limits, word="Sum", style="sigma")

    def sigma_without_end(self, c: _Children) -> Piece:
        if c[4] not in ("ge", "geq", "geqslant"):
            raise _wrong(c[0], r"has no upper bound; write one, as in \sum_{k=0}^{n}")
        end = Token("INFINITY", "oo", start_pos=_start(c[0]))
        return self.sigma([*c[:7], None, self.name([end]), c[7]])

    def sigma_from_top(self, c: _Children) -> Piece:
        return self.sigma([c[0], *c[3:9], *c[1:3], c[9]])


def _joined(kind: str, sign: str, opposite: str, c: _Children, at: int | None = None) -> Piece:
    """A sum or a product of pieces with signs between them."""
    rest = [
        _piece(opposite, _start(written), part, word=sign, opens=False) if written == sign else part
        for written, part in zip(c[1::2], c[2::2], strict=True)
    ]
    if at is None:
        return _piece(kind, _start(c[0]), c[0], *rest, opens=False)
    return _piece(kind, at, c[0], *rest, style="fraction")


def _two_ways(at: int) -> Unreadable:
    return unreadable("/", at, r"can be read in two ways; write \frac{..}{..} or more brackets")


def _is_call(piece: Piece) -> bool:
    return _is_call(piece.parts[0]) if piece.kind == "power" else piece.kind == "call"


def _begins_with_number(piece: Piece) -> bool:
    inside = piece.parts and (piece.parts[0].at == piece.at or piece.style == "braces")
    if piece.kind in ("power", "call", "group") and inside:
        return _begins_with_number(piece.parts[0])
    return piece.kind == "number"
