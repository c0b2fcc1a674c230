"""Where one piece of a formula ends and the next begins, in plain text and in LaTeX."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from lark import Token

from derive.language.update_rule import BadInput

LONGEST_NAME = 20

FUNCTIONS: Mapping[str, int] = {
    **dict.fromkeys(("sqrt", "exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh"), 1),
    **{"asinh": 1, "LambertW": 1},
    **{"abs": 1, "Abs": 1, "factorial": 1, "binomial": 2, "Sum": 2, "sum": 4},
}
"""The functions that are read, with the number of their arguments."""


class Unreadable(BadInput):
    """The text is no formula; the message names the piece, where it stands, and the way out."""


def show(piece: object) -> str:
    """A piece of the text on one line, nothing invisible in it."""
    text = str(piece)
    return repr(text if len(text) <= 40 else text[:37] + "...")


def unreadable(piece: object, at: int, why: str) -> Unreadable:
    """The error about a piece that begins at a place, counted from 0."""
    return Unreadable(f"{show(piece)} at character {at + 1} {sentence(why)}")


def sentence(text: str) -> str:
    """The text with a full stop, unless it is a question."""
    return text if text.endswith("?") else f"{text}."


def nearest(word: str, known: Collection[str]) -> str:
    """The most similar known name, empty if none is similar."""
    return next(iter(get_close_matches(word[:40], known, 1)), "")


_SMALL = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "", "pi", "rho", "", "sigma", "tau", "upsilon", "phi", "chi"),
    *("psi", "omega"),
)
GREEK = {chr(ord("α") + place): name for place, name in enumerate(_SMALL) if name}
# The other capitals are those of the Latin alphabet.
GREEK |= {chr(ord(small) - 32): GREEK[small].capitalize() for small in "γδθλξπσφψω"}
GREEK |= {"ϵ": "epsilon", "ϑ": "theta", "ϕ": "phi", "ϱ": "rho", "ϰ": "kappa", "µ": "mu"}
_LETTERS = "A-Za-z" + "".join(GREEK)
_WRITTEN_OUT = str.maketrans({**GREEK, "−": "-", "\\": "", "{": "", "}": ""})


def spelled(name: str) -> str:
    r"""β, \beta and beta are one name; so are \beta_{1} and beta_1."""
    return name.translate(_WRITTEN_OUT)


def is_identifier(name: str) -> bool:
    """Whether a variable or an index may be called so."""
    plain = re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) is not None
    return plain and len(name) <= LONGEST_NAME and "__" not in name and name not in FUNCTIONS


_TEXT = re.compile(
    rf"""(?P<SPACE>[ \t\r\n]+)
    |(?P<NUMBER>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<NAME>[{_LETTERS}][{_LETTERS}0-9_]*)
    |(?P<POW>\*\*|\^)|(?P<MUL>[*/·×])|(?P<ADD>[-+−])
    |(?P<LPAR>\()|(?P<RPAR>\))|(?P<COMMA>,)""",
    re.VERBOSE,
)


def text_tokens(text: str) -> Iterator[Token]:
    """The pieces of plain text, one after the other.

    Raises:
        Unreadable: a character that no formula has.
    """
    at = 0
    while at < len(text):
        match = _match(_TEXT, text, at)
        kind = str(match.lastgroup)
        if kind != "SPACE":
            yield Token(kind, spelled(match[0]), start_pos=at)
        at = match.end()


_INSTEAD = {
    "=": "give one side of the equation only",
    "!": "write factorial(..)",
    "|": r"write abs(..), in LaTeX \left| .. \right|",
    "$": "leave it out",
}


def _match(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    if match := pattern.match(text, at):
        return match
    character = text[at]
    meant = unicodedata.normalize("NFKC", character)
    if character in _INSTEAD:
        hint = _INSTEAD[character]
    elif unicodedata.decomposition(character).startswith("<super>"):
        hint = f"write ^{meant}" if meant.isascii() else "write the exponent after ^"
    elif not character.isascii() and _TEXT.fullmatch(meant):
        hint = f"write {meant}"
    elif character.isascii() and character.isprintable():
        hint = "only numbers, names, + - * / ^ and brackets are"
    else:
        name = unicodedata.name(character, "a control character").replace("LAMDA", "LAMBDA")
        hint = f"it is {name}, remove or retype it"
    raise unreadable(character, at, f"cannot be read; {hint}")


_LATEX = re.compile(
    rf"""(?P<SPACE>(?:[ \t\r\n~]|\\[,;:!>\ ]
        |\\(?:q?quad|(?:display|text)style|(?:no)?limits)(?![A-Za-z])
        |\\(?:left|right|[bB]igg?[lrm]?)(?=\s*(?:[()\[\]]|\\[{{}}])))+)
    |(?P<LBAR>\\left\s*\||\\lvert(?![A-Za-z]))|(?P<RBAR>\\right\s*\||\\rvert(?![A-Za-z]))
    |(?P<MUL>[*/·×]|\\(?:cdot|times)(?![A-Za-z]))|(?P<ADD>[-+−])
    |(?P<POW>\^)|(?P<UNDER>_)|(?P<EQUAL>=)|(?P<BANG>!)
    |(?P<LPAR>\()|(?P<RPAR>\))|(?P<LSQB>\[)|(?P<RSQB>\])
    |(?P<LCURLY>\\\{{)|(?P<RCURLY>\\\}})|(?P<LBRACE>\{{)|(?P<RBRACE>\}})
    |(?P<NUMBER>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    |\\(?:mathrm|mathit|text|operatorname)\s*\{{\s*(?P<UPRIGHT>[A-Za-z](?:\\?_|[A-Za-z0-9])*)\s*\}}
    |(?P<COMMAND>\\[A-Za-z]+)|(?P<NAME>[{_LETTERS}])""",
    re.VERBOSE,
)
_SUBSCRIPT = re.compile(r"\s*_\s*(?:(\\[A-Za-z]+|[A-Za-z0-9])|\{\s*(\\?[A-Za-z0-9]+)\s*\})")
_WORD = re.compile("[A-Za-z]+")
_TIMES_TEN = re.compile("[eE][-+]?[0-9]")
_COMMANDS = {
    **dict.fromkeys(("frac", "dfrac", "tfrac"), ("FRAC", "frac")),
    **dict.fromkeys(("binom", "dbinom", "tbinom"), ("BINOM", "binomial")),
    **{f: ("FUNC", f) for f in ("exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: ("NAME", name) for name in GREEK.values()},
    **{f"var{name}": ("NAME", name) for name in ("epsilon", "theta", "rho", "phi", "kappa")},
    "sqrt": ("SQRT", "sqrt"),
    "sum": ("SUM", "Sum"),
}
_OPERATORS = {"asinh": "asinh", "arcsinh": "asinh", "arsinh": "asinh", "W": "LambertW"}
_GROUPS = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB", "LCURLY": "RCURLY", "LBAR": "RBAR"}
_TAKES = {"POW": 1, "UNDER": 1, "SQRT": 1, "FRAC": 2, "BINOM": 2}


def latex_tokens(text: str, known: Collection[str]) -> Iterator[Token]:
    r"""The pieces of LaTeX as TeX cuts them: in \frac12, x^2k and \frac h4 arguments are short.

    Args:
        known: names, so that lr may be one name where it is known and l and r are not.
    Raises:
        Unreadable: an unknown command or character, or a short argument that was hardly meant.
    """
    at, before, due, outside = 0, "", 0, list[int]()
    while at < len(text):
        match = _match(_LATEX, text, at)
        kind, word, end = str(match.lastgroup), match[0], match.end()
        if kind == "SPACE":
            at = end
            continue
        if kind == "NUMBER":
            end = _end_of_number(text, match, due, before)
        elif kind == "COMMAND":
            kind, word = _command(match)
        elif kind == "UPRIGHT":
            kind, word = _upright(spelled(match["UPRIGHT"]), known)
        elif kind == "NAME" and not due:
            end = _end_of_name(text, at, known)
        word = word if match.lastgroup in ("COMMAND", "UPRIGHT") else text[at:end]
        if kind == "NAME" and not due and (index := _SUBSCRIPT.match(text, end)):
            end = _end_of_subscript(text, index)
            word += "_" + (index[1] or index[2])
        yield Token(kind, spelled(word) or word, start_pos=at)
        if kind in _GROUPS:
            outside.append(due - 1 if due and kind == "LBRACE" else due)
            due = 0
        elif kind in _GROUPS.values():
            due = outside.pop() if outside else 0
        else:
            due = _TAKES.get(kind, max(due - 1, 0))
        at, before = end, kind


def _command(match: re.Match[str]) -> tuple[str, str]:
    written = match["COMMAND"]
    if written[1:] in _COMMANDS:
        return _COMMANDS[written[1:]]
    near = nearest(written[1:], _COMMANDS)
    way_out = f"did you mean '\\{near}'?" if near else "write out what it stands for"
    raise unreadable(written, match.start(), f"is no known command; {way_out}")


def _upright(word: str, known: Collection[str]) -> tuple[str, str]:
    r"""A function, as in \operatorname{asinh}, or a name of several letters."""
    if word in _OPERATORS and word not in known:
        return "FUNC", _OPERATORS[word]
    return ("FUNC" if _COMMANDS.get(word, ("",))[0] == "FUNC" else "NAME"), word


def _end_of_number(text: str, match: re.Match[str], due: int, before: str) -> int:
    at, end = match.span()
    if _TIMES_TEN.match(text, end):
        why = r"would be multiplied by e in LaTeX; write \cdot 10^{...} behind it"
        raise unreadable(match[0], at, why)
    if due and end > at + 1:
        if before == "POW" or "." in match[0]:
            why = f"loses all but its first character in LaTeX; write {{{match[0]}}}"
            raise unreadable(match[0], at, why)
        return at + 1
    return end


def _end_of_name(text: str, at: int, known: Collection[str]) -> int:
    """One letter, or all of a word that is a name while its letters are not."""
    word = _WORD.match(text, at)
    if word is None or len(word[0]) == 1:
        return at + 1
    if word[0] in known and not all(letter in known for letter in word[0]):
        return word.end()
    if word[0] in FUNCTIONS and word[0] not in known:
        near = nearest(word[0], _COMMANDS)
        raise unreadable(word[0], at, f"is a product of letters in LaTeX; write \\{near or 'sum'}")
    return at + 1


def _end_of_subscript(text: str, index: re.Match[str]) -> int:
    """In x_1h the subscript is 1, which is meant; in x_12 and x_ab it is hardly what was meant."""
    end = index.end()
    more = "[0-9]" if (index[1] or "").isdigit() else "[A-Za-z0-9]"
    if index[1] and not index[1].startswith("\\") and re.match(more, text[end : end + 1]):
        why = "is all that is lowered in LaTeX; put the subscript in {}"
        raise unreadable(index[1], index.start(1), why)
    return end
