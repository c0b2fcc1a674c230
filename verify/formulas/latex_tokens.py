r"""Where one piece of LaTeX ends and the next begins, as TeX and the authors of papers cut them.

In \frac12, x^2k and \frac h4 arguments are short. \dot x, \tilde E, \mathcal{L} and \Delta t are
one name each; f(x) is the name f where f is a loss, and what it is taken at is kept beside.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from lark import Token

from verify.formulas.tokens import (
    FUNCTIONS,
    GREEK,
    LETTERS,
    Unreadable,
    match_at,
    nearest,
    spelled,
    unreadable,
)

_END = "(?![A-Za-z])"
_LATEX = re.compile(
    rf"""(?P<SPACE>(?:[ \t\r\n~&]|\\[,;:!>\ ]
        |\\(?:q?quad|(?:display|text|script)style|(?:no)?limits|rm|bf|it|mathstrut){_END}
        |\\(?:left|right|[bB]igg?[lrm]?){_END}\.?(?=\s*(?:[()\[\]]|\\[{{}}]|\\[lr]?[vV]ert|\\\||\||\\[lr]angle)))+)
    |(?P<NORM>\|\||\\\||\\[lr]?Vert{_END})
    |(?P<BAR>\||\\[lr]?vert{_END})
    |(?P<LANGLE>\\langle{_END})|(?P<RANGLE>\\rangle{_END})
    |(?P<MUL>[*/·×]|\\(?:cdot|times){_END})|(?P<ADD>[-+−])
    |(?P<POW>\^)|(?P<UNDER>_)|(?P<EQUAL>=|\\ge{_END}|\\geq{_END}|\\geqslant{_END})|(?P<BANG>!)
    |(?P<LPAR>\()|(?P<RPAR>\))|(?P<LSQB>\[)|(?P<RSQB>\])|(?P<COMMA>,)
    |(?P<LCURLY>\\\{{)|(?P<RCURLY>\\\}})|(?P<LBRACE>\{{)|(?P<RBRACE>\}})
    |(?P<NUMBER>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
    |\\(?:mathrm|mathit|text|textrm|textit|mathsf|operatorname\*?)\s*
        \{{\s*(?P<UPRIGHT>[A-Za-z](?:\\?_|[A-Za-z0-9])*)\s*\}}
    |\\(?:mathbf|boldsymbol|bm|vec|mathbit)\s*(?:\{{\s*(?P<BOLD>\\?[A-Za-z]+)\s*\}}|(?P<BOLDED>\\?[A-Za-z]))
    |\\(?P<FONT>mathcal|mathscr|mathfrak|mathbb)\s*(?:\{{\s*(?P<SCRIPT>[A-Za-z])\s*\}}|(?P<SCRIPTED>[A-Za-z]))
    |\\(?P<ACCENT>dot|ddot|tilde|widetilde|hat|widehat|bar|overline)
        \s*(?:\{{\s*(?P<UNDERNEATH>(?:\\(?:mathbf|boldsymbol|bm|mathcal)\s*)?\{{?\\?[A-Za-z]+\}}?)\s*\}}
        |(?P<BELOW>\\(?:mathbf|boldsymbol|bm|mathcal)\s*\{{\s*\\?[A-Za-z]+\s*\}}|\\[A-Za-z]+|[A-Za-z]))
    |(?P<STEP>\\Delta\s*t{_END})
    |(?P<DEL>\\nabla{_END}(?:\s*_\s*(?:\\?[A-Za-z]+|\{{[^{{}}]*\}}))?(?:\s*\^\s*(?:[0-9]|\{{\s*[0-9]\s*\}}))?)
    |(?P<COMMAND>\\[A-Za-z]+)|(?P<NAME>[{LETTERS}])""",
    re.VERBOSE,
)
_SUBSCRIPT = re.compile(
    r"\s*_\s*(?:(\\[A-Za-z]+|[A-Za-z0-9])|\{\s*(\\?[A-Za-z0-9]+(?:\s*[-+]\s*[A-Za-z0-9]+)?)\s*\}"
    r"|\{\s*\\(?:mathrm|text|textrm)\s*\{([A-Za-z0-9]+)\}\s*\}|\\(?:mathrm|text)\{([A-Za-z0-9]+)\})"
)
_NORM_OF = re.compile(r"\s*_\s*\{?\s*(?:2|\\?ell\s*_\s*2)\s*\}?")
_OTHER_NORM = re.compile(r"\s*_\s*(?:\{[^{}]*\}|\\[A-Za-z]+|[A-Za-z0-9])")
_SQUARE_OF = re.compile(r"(\s*\^\s*(?:2|\{\s*2\s*\}))\s*_\s*(?:2|\{\s*2\s*\})")
_TRANSPOSED = re.compile(
    r"\^\s*(?:\\(?:top|intercal)(?![A-Za-z])|\{\s*\\(?:top|intercal)\s*\}"
    r"|\{\s*\\math(?:sf|rm)\s*\{?\s*T\s*\}?\s*\}|(T(?![A-Za-z])|\{\s*T\s*\}))"
)
_RAISED = re.compile(r"\s*\^\s*(\{[^{}]*\}|[A-Za-z0-9])")
_ITERATE = re.compile(r"\(\s*(?:\\(?:mathbf|boldsymbol|bm)\s*\{?)?\s*(\\?[A-Za-z]+)\s*\}?\s*\^")
_PRIMED = re.compile(r"(?<![A-Za-z\\])([A-Za-z])\s*'+\s*(?:\\left)?\(\s*(?!t\s*\))")
_MOVING = re.compile("(?:tilde_|hat_|bar_)?(?:[xyzwvuqpXYWQ]|theta|Theta|omega)(?:_.*)?")
_PRIMES = re.compile(r"\s*('+|\^\s*\{?\\prime\}?)")
_WORD = re.compile("[A-Za-z]+")
_TIMES_TEN = re.compile("[eE][-+]?[0-9]")
_COMMANDS = {
    **dict.fromkeys(("frac", "dfrac", "tfrac", "cfrac"), ("FRAC", "frac")),
    **dict.fromkeys(("binom", "dbinom", "tbinom"), ("BINOM", "binomial")),
    **{f: ("FUNC", f) for f in ("exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: ("NAME", name) for name in GREEK.values()},
    **{f"var{name}": ("NAME", name) for name in ("epsilon", "theta", "rho", "phi", "kappa")},
    "ell": ("NAME", "ell"),
    "infty": ("INFINITY", "oo"),
    "sqrt": ("SQRT", "sqrt"),
    "arctan": ("FUNC", "atan"),
    "sum": ("SUM", "Sum"),
}
_OPERATORS = {
    "asinh": "asinh",
    "arcsinh": "asinh",
    "arsinh": "asinh",
    "atan": "atan",
    "W": "LambertW",
}
_OPENS = {"LBRACE": "RBRACE", "LPAR": "RPAR", "LSQB": "RSQB", "LCURLY": "RCURLY", "LBAR": "RBAR"}
_OPENS |= {"LNORM": "RNORM", "LANGLE": "RANGLE"}
_TAKES = {"POW": 1, "UNDER": 1, "SQRT": 1, "FRAC": 2, "BINOM": 2}
_ENDS = {"NUMBER", "NAME", "BANG", "INFINITY", "TOP", *_OPENS.values()}
_FIELD = re.compile(
    r"\\nabla(?![A-Za-z])"
    r"(?:\s*_\s*(?:\\?[A-Za-z]+|\{[^{}]*\})|\s*\^\s*(?:[0-9]|\{\s*[0-9]\s*\})){0,2}(?:\s|\\[,!])*"
)
_NAMES = {
    *("NAME", "COMMAND", "UPRIGHT", "BOLD", "BOLDED", "SCRIPT", "SCRIPTED"),
    *("UNDERNEATH", "BELOW"),
}


@dataclass
class Surroundings:
    """What decides how a name is read, and what was found on the way.

    Args:
        known: names of several letters, such as lr.
        fields: names of losses, whose argument in brackets is no factor.
        raised: names of iterates, whose index stands above them, as in x^{k+1}.
    Attributes:
        points: what the losses are taken at.
    """

    known: Collection[str] = ()
    fields: set[str] = field(default_factory=set)
    raised: set[str] = field(default_factory=set)
    points: set[str] = field(default_factory=set)


def fields_in(text: str) -> set[str]:
    r"""The names behind the signs \nabla of a text, as they are spelled among the pieces.

    >>> sorted(fields_in(r"\nabla \mathcal{L}(x) + \nabla^2_x f\nabla \hat{E}_k"))
    ['f', 'hat_E_k', 'mathcalL']
    """
    found = set(_PRIMED.findall(text))
    for sign in _FIELD.finditer(text):
        match = _LATEX.match(text, sign.end())
        if match is None or match.lastgroup not in _NAMES:
            continue
        try:
            kind, word = _named(match, ())
        except Unreadable:
            continue
        if kind == "NAME":
            if index := _SUBSCRIPT.match(text, match.end()):
                word += "_" + re.sub(r"\s", "", next(filter(None, index.groups())))
            found.add(spelled(word))
    return found


def iterates_in(text: str) -> set[str]:
    r"""The names with an index above them at which something is taken: x of f(x^k).

    >>> iterates_in(r"\mathbf{x}^k - h\nabla E(\mathbf{x}^k)")
    {'x'}
    """
    return {spelled(name) for name in _ITERATE.findall(text)}


def latex_tokens(text: str, around: Surroundings) -> Iterator[Token]:
    r"""The pieces of LaTeX as TeX cuts them: in \frac12, x^2k and \frac h4 arguments are short.

    Raises:
        Unreadable: an unknown command or character, or a short argument that was hardly meant.
    """
    at, before, due, outside, opened = 0, "", 0, list[int](), list[str]()
    while at < len(text):
        match = match_at(_LATEX, text, at)
        kind, word, end = str(match.lastgroup), match[0], match.end()
        if kind == "SPACE":
            at = end
            continue
        if kind == "POW" and before in _ENDS and (top := _transposed(text, at, around)):
            yield Token("TOP", "^T", start_pos=at)
            at, before = top, "TOP"
            continue
        if kind in ("BAR", "NORM"):
            kind, end = _bar(text, match, before, opened)
        elif kind == "NUMBER":
            end = _end_of_number(text, match, due, before)
            word = text[at:end]
        elif kind == "NAME":
            end = at + 1 if due else _end_of_name(text, at, around.known)
            word = text[at:end]
        else:
            kind, word = _named(match, around.known)
        if kind == "NAME":
            word, end = (
                _whole_name(text, at, word, end, around) if not due else (spelled(word), end)
            )
            if word in around.fields or word.startswith(("dot_", "ddot_")):
                if word in around.fields and (primes := _PRIMES.match(text, end)):
                    yield Token("DEL", str(max(1, primes[1].count("'"))), start_pos=at)
                    end = primes.end()
                end = _end_of_argument(text, end, word, around)
        yield Token(kind, spelled(word) or word, start_pos=at)
        if kind in _OPENS:
            opened.append(kind)
            outside.append(due - 1 if due and kind == "LBRACE" else due)
            due = 0
        elif kind in _OPENS.values():
            due = outside.pop() if outside else 0
            opened = opened[:-1]
        else:
            due = _TAKES.get(kind, max(due - 1, 0))
        at, before = end, kind


def _whole_name(text: str, at: int, word: str, end: int, around: Surroundings) -> tuple[str, int]:
    """A name with its index and its primes, and where it ends."""
    if index := _SUBSCRIPT.match(text, end):
        end = _end_of_subscript(text, index)
        word += "_" + re.sub(r"\s", "", next(filter(None, index.groups())))
    word = spelled(word)
    if word in around.raised and (index := _RAISED.match(text, end)):
        word += "_" + re.sub(r"[{}\s]", "", index[1])
        end = index.end()
    if word not in around.fields and (primes := _PRIMES.match(text, end)):
        if not _MOVING.fullmatch(word):
            why = r"has a prime; write \nabla for the derivative of a loss, \dot for time"
            raise unreadable(word, at, why)
        word = ("dot_" if primes[1].count("'") < 2 else "ddot_") + word
        end = primes.end()
    return word, end


def _named(match: re.Match[str], known: Collection[str]) -> tuple[str, str]:
    """The kind and the word of a command, a word in upright letters or a name with an accent."""
    if match["COMMAND"]:
        return _command(match)
    if match["UPRIGHT"]:
        return _upright(spelled(match["UPRIGHT"]), known)
    if bold := match["BOLD"] or match["BOLDED"]:
        return "NAME", spelled(bold)
    if match["FONT"]:
        return "NAME", match["FONT"] + (match["SCRIPT"] or match["SCRIPTED"])
    if match["ACCENT"]:
        below = re.sub(
            r"mathbf|boldsymbol|bm|\s", "", spelled(match["UNDERNEATH"] or match["BELOW"])
        )
        return "NAME", match["ACCENT"].removeprefix("wide") + "_" + below
    if match["STEP"]:
        return "NAME", "Delta_t"
    if match["NAME"]:
        return "NAME", match["NAME"]
    if match["DEL"]:
        power = re.search(r"\^\s*\{?\s*([0-9])", match["DEL"])
        return "DEL", power[1] if power else "1"
    return str(match.lastgroup), match[0]


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


def _bar(text: str, match: re.Match[str], before: str, opened: list[str]) -> tuple[str, int]:
    """Whether a bar opens or closes, and where what belongs to it ends."""
    kind = "BAR" if match["BAR"] else "NORM"
    closes = before in _ENDS and f"L{kind}" in opened[-1:]
    if not closes:
        return f"L{kind}", match.end()
    end = match.end()
    if euclidean := _NORM_OF.match(text, end):
        return f"R{kind}", euclidean.end()
    if other := _OTHER_NORM.match(text, end):
        raise unreadable(
            other[0].strip(), other.start(), "is a norm that is not read; only the Euclidean one is"
        )
    return f"R{kind}", end


def without_norm_index(text: str) -> str:
    r"""\|x\|^2_2 as \|x\|^2: the index says that the norm is Euclidean."""
    bars = r"(\\\||\\r?[vV]ert|\|)"
    return re.sub(bars + _SQUARE_OF.pattern, r"\1\2", text)


def _transposed(text: str, at: int, around: Surroundings) -> int:
    """Where a sign of transposition at this place ends; 0 where there is none."""
    match = _TRANSPOSED.match(text, at)
    if not match or (match[1] and ("T" in around.known or not around.fields)):
        return 0
    return match.end()


def _end_of_argument(text: str, at: int, name: str, around: Surroundings) -> int:
    """Behind the brackets in which the point of a loss stands, if there are any."""
    opening = re.compile(r"(?:\s|\\,|\\!|\\(?:left|[bB]igg?l?)(?![A-Za-z]))*\(").match(text, at)
    if not opening:
        return at
    depth, end = 1, opening.end()
    while end < len(text) and depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    inside = re.sub(
        r"\\(?:left|right|[bB]igg?[lr]?)(?![A-Za-z])\s*$", "", text[opening.end() : end - 1]
    )
    if depth or "nabla" in inside:
        return at
    if name in around.fields:
        around.points.add(re.sub(r"\s|\\[,;!]", "", inside))
    return end


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
