"""Where one piece of a formula ends and the next begins, in plain text; names and messages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from lark import Token

from derive.language.bad_input import BadInput

LONGEST_NAME = 20

FUNCTIONS: Mapping[str, int] = {
    **dict.fromkeys(("sqrt", "exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh"), 1),
    **{"asinh": 1, "atan": 1, "LambertW": 1},
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
LETTERS = "A-Za-z" + "".join(GREEK)
_WRITTEN_OUT = str.maketrans({**GREEK, "−": "-", "\\": "", "{": "", "}": ""})

_VARIANT = re.compile("^var(epsilon|theta|rho|phi|kappa|sigma|pi)(?![a-z])")


def spelled(name: str) -> str:
    r"""β, \beta and beta are one name; so are \beta_{1} and beta_1, \varepsilon and \epsilon."""
    return _VARIANT.sub(r"\1", name.translate(_WRITTEN_OUT))


def is_identifier(name: str) -> bool:
    """Whether a variable or an index may be called so."""
    plain = re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name) is not None
    return plain and len(name) <= LONGEST_NAME and "__" not in name and name not in FUNCTIONS


_TEXT = re.compile(
    rf"""(?P<SPACE>[ \t\r\n]+)
    |(?P<NUMBER>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<NAME>[{LETTERS}][{LETTERS}0-9_]*)
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
        match = match_at(_TEXT, text, at)
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


def match_at(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str]:
    """The piece that begins at a place.

    Raises:
        Unreadable: no piece does.
    """
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
