r"""How LaTeX lays out a formula: environments, rows, relations, remarks and order terms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BEGIN = re.compile(
    r"\\begin\{(align|aligned|split|gather|gathered|equation|eqnarray|multline|flalign|alignat"
    r"|alignedat|displaymath)(\*?)\}(?:\{[0-9]+\})?"
)
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_REMARK = re.compile(
    r"\\(?:label|tag\*?|eqref|ref|cite[a-z]*|hspace\*?|vspace\*?|intertext|shortintertext|mbox)\s*\{[^{}]*\}"
    r"|\\(?:nonumber|notag|allowbreak|hfill|noindent|phantom\{[^{}]*\})"
)
_PROSE = re.compile(r"\\text(?:rm|it|bf)?\s*\{(?=[^{}]*(?:\s|[.,;:])|[^{}]{0})[^{}]*\}")
_WORDS = re.compile(
    r"\\text(?:rm|it|bf)?\s*\{\s*(?:for|where|and|with|as|if|or|when|on|in|by)\b[^{}]*\}"
)
_EQUAL = (
    "=",
    ":=",
    r"\equiv",
    r"\coloneqq",
    r"\triangleq",
    r"\doteq",
    "=:",
    r"\overset{\text{def}}{=}",
)
_RELATION = re.compile(
    r":=|=:|=|<|>|\\(?:approx|simeq|sim|cong|equiv|coloneqq|triangleq|doteq|leq?|leqslant|geq?|geqslant"
    r"|lesssim|gtrsim|ll|gg|propto|neq?|to|rightarrow|longrightarrow|implies|iff|Rightarrow|in)(?![A-Za-z])"
)
_O = re.compile(
    r"(?P<sign>[-+])?\s*(?:\\(?:mathcal|mathrm|mathbb)\s*\{?\s*(?P<one>[Oo])\s*\}?|(?P<two>[Oo])|\\bigO)"
    r"\s*(?:\\[!,;:]|\s)*(?:\\(?:left|[bB]igg?l?))?\s*(?P<open>\(|\\\{|\[)"
)
_DERIVATIVE = re.compile(
    r"\\[dt]?frac\s*\{\s*(?:\\mathrm\s*\{?d\}?|d)\s*(?P<times>\^\{?2\}?)?\s*(?P<what>\\?[A-Za-z]+(?:\{[A-Za-z]\})?)?"
    r"\s*(?:\(t\))?\s*\}\s*\{\s*(?:\\mathrm\s*\{?d\}?|d)\s*t\s*(?:\^\{?2\}?)?\s*\}\s*(?P<after>\\?[A-Za-z]+)?"
)


_GOES_ON = re.compile(r"\s*(?:[-+=&]|\\(?:cdot|times|quad|qquad)(?![A-Za-z]))")


@dataclass(frozen=True)
class EnvironmentRow:
    """A row of an environment: the number of its line in the file, and its text."""

    line: int
    text: str


@dataclass(frozen=True)
class OrderTerm:
    """O(...) or o(...): what stands inside, and whether it is the small one."""

    inside: str
    is_small: bool


def environments(text: str) -> list[list[EnvironmentRow]]:
    r"""The rows of every displayed environment, of \[ \] and of $$ $$, in the order of the file."""
    text = _COMMENT.sub(lambda m: " " * len(m[0]), text)
    found: list[tuple[int, int]] = []
    at = 0
    opening = re.compile(_BEGIN.pattern + r"|\\\[|\$\$")
    while match := opening.search(text, at):
        if match[0] == r"\[":
            end = text.find(r"\]", match.end())
        elif match[0] == "$$":
            end = text.find("$$", match.end())
        else:
            end = text.find(rf"\end{{{match[1]}{match[2]}}}", match.end())
        if end < 0:
            end = len(text)
        found.append((match.end(), end))
        at = end + 2
    return [list(_rows(text, begin, end)) for begin, end in found]


def _rows(text: str, begin: int, end: int) -> Iterator[EnvironmentRow]:
    inside = text[begin:end]
    inside = _BEGIN.sub(lambda m: " " * len(m[0]), inside)
    inside = re.sub(r"\\end\{[a-z]+\*?\}", lambda m: " " * len(m[0]), inside)
    start = 0
    for cut in (*re.finditer(r"\\\\\*?(?:\[[^\]]*\])?", inside), None):
        stop = cut.start() if cut else len(inside)
        row = inside[start:stop]
        lead = len(row) - len(row.lstrip())
        line = text.count("\n", 0, begin + start + lead) + 1
        cleaned = without_remarks(row)
        if cleaned:
            yield EnvironmentRow(line, cleaned)
        start = cut.end() if cut else stop


def without_remarks(text: str) -> str:
    r"""The formula without \label, \tag, words beside it, signs of alignment and punctuation."""
    text = _REMARK.sub(" ", text.replace("&", " "))
    if words := _WORDS.search(text):
        text = text[: words.start()]
    text = _PROSE.sub(" ", text).strip().strip("$").strip()
    text = re.sub(r"^(?:\\[,;:! ]|\\q?quad(?![A-Za-z])|\s|~)+", "", text)
    while (cut := re.sub(r"(?:\\[,;:! ]|\\q?quad|[.,;:\s]|~)+$", "", text)) != text:
        text = cut
    return text


def unwrapped(text: str) -> str:
    r"""A display given alone, without the environment or the signs of mathematics around it."""
    text = _COMMENT.sub("", text).replace("{}", " ")
    text = re.sub(r"\\(?:begin|end)\{[a-z]+\*?\}(?:\{[0-9]+\})?", " ", text)
    text = re.sub(r"^\s*(?:\\\[|\\\(|\$\$?)|(?:\\\]|\\\)|\$\$?)\s*$", "", text.strip())
    text = re.sub(r"\\\\\*?(?:\[[^\]]*\])?", " ", text)
    return _dotted(without_remarks(_first_part(_unbraced(text))))


def _unbraced(text: str) -> str:
    r"""\underbrace{a}_{b} as {a}."""
    while match := re.search(r"\\(?:under|over)brace\s*\{", text):
        end = _closing(text, match.end())
        below = re.compile(r"\s*[_^]\s*\{").match(text, end)
        behind = _closing(text, below.end()) if below else end
        text = f"{text[: match.start()]}{{{text[match.end() : end - 1]}}}{text[behind:]}"
    return text


def _closing(text: str, at: int) -> int:
    """Behind the brace that closes the one before this place."""
    depth = 1
    while at < len(text) and depth:
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        at += 1
    return at


def _first_part(text: str) -> str:
    r"""The formula without what stands behind a wide space or a comma: for which t, its number."""
    for cut in re.finditer(r"(?:,\s*)?\\q?quad(?![A-Za-z])|,\s*(?:\\[,;: ])?\s*(?=t\s*\\in)", text):
        before, after = text[: cut.start()], text[cut.end() :]
        depth = sum((c in "({[") - (c in ")}]") for c in before)
        if (
            depth == 0
            and before.strip()
            and not re.match(r"\s*(?:[-+=&]|\\(?:cdot|times|quad|qquad))", after)
        ):
            return before
    return text


def _dotted(text: str) -> str:
    r"""\frac{dx}{dt} as \dot{x}."""

    def dot(match: re.Match[str]) -> str:
        what = match["what"] or match["after"]
        if not what or (match["what"] and match["after"]):
            return match[0] if not what else rf"{_accent(match)}{{{what}}}{match['after'] or ''}"
        return rf"{_accent(match)}{{{what}}}"

    return _DERIVATIVE.sub(dot, text)


def _accent(match: re.Match[str]) -> str:
    return r"\ddot" if match["times"] else r"\dot"


def relations(text: str) -> tuple[list[str], list[str]]:
    """The sides of a chain of relations outside all brackets, and the relations between them."""
    sides, signs, depth, start = list[str](), list[str](), 0, 0
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\" and text[at + 1 : at + 2] in ("{", "}"):
            depth += 1 if text[at + 1] == "{" else -1
            at += 2
            continue
        depth += (character in "({[") - (character in ")}]")
        found = _RELATION.match(text, at) if depth <= 0 else None
        if found:
            sides.append(text[start:at].strip())
            signs.append(found[0])
            at = start = found.end()
            continue
        at += 1
    return [*sides, text[start:].strip()], signs


def is_equation(sign: str) -> bool:
    """Whether the sign says that both sides are the same."""
    return sign in _EQUAL


def order_terms(text: str) -> tuple[str, list[OrderTerm]]:
    r"""The text without its terms O(...), and these: h^2 of + \mathcal{O}\left(h^2\right).

    >>> order_terms(r"1 + h + \mathcal{O}\left(h^2\right)")
    ('1 + h', [OrderTerm(inside='h^2', is_small=False)])
    """
    found: list[OrderTerm] = []
    at = 0
    while match := _O.search(text, at):
        if not _stands_alone(text, match):
            at = match.end()
            continue
        end, depth = match.end(), 1
        while end < len(text) and depth:
            depth += (text[end] in "([{") - (text[end] in ")]}")
            end += 1
        inside = re.sub(r"\\(?:right|[bB]igg?r?)?\s*$", "", text[match.end() : end - 1]).strip()
        found.append(OrderTerm(inside, (match["one"] or match["two"] or "O") == "o"))
        text = (text[: match.start()] + text[end:]).strip()
        at = match.start()
    return text, found


def _stands_alone(text: str, match: re.Match[str]) -> bool:
    """Whether O begins a term of a sum outside all brackets."""
    before = text[: match.start()].rstrip()
    depth = sum((c in "({[") - (c in ")}]") for c in before)
    return depth == 0 and (match["sign"] is not None or not before)
