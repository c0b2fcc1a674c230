"""LaTeX as MathML, and sentences that hold LaTeX or plain-text mathematics as HTML."""

from __future__ import annotations

import re
from functools import cache
from html import unescape

from latex2mathml.converter import convert
from markupsafe import Markup, escape

from derive.formula import Formula
from verify.claim import Claim

_ENTITY = re.compile(r"&#x[0-9A-F]+;")
_DEFAULTS = (' xmlns="http://www.w3.org/1998/Math/MathML"', ' display="inline"')
_BRACKETS = r"\(((?:[^()]|\([^()]*\))*)\)"
_LEVELS = re.compile(rf"(?<=[\w)\]±∞])([_^])(?:{_BRACKETS}|([+±*-](?!\w)|-?\d+|\w))")


class NotTypeset(ValueError):
    """A piece of LaTeX that MathML could not take over."""


@cache
def math(latex: str, *, block: bool = False) -> Markup:
    r"""A formula as MathML.

    Raises:
        NotTypeset: a command of the LaTeX is left over.

    >>> print(math(r"\beta^2"))
    <math><mrow><msup><mi>β</mi><mn>2</mn></msup></mrow></math>
    """
    text = convert(latex, display="block" if block else "inline")
    for default in _DEFAULTS:
        text = text.replace(default, "")
    text = _ENTITY.sub(_character, text)
    if "\\" in text:
        raise NotTypeset(f"no MathML for {text[text.index(chr(92)) :].split('<')[0]} in {latex}")
    return Markup(text)


def _character(match: re.Match[str]) -> str:
    character = unescape(match[0])
    return match[0] if character in "<>&" else character


def prose(text: str) -> Markup:
    """A sentence with LaTeX between dollars."""
    pieces = text.split("$")
    return Markup("").join(math(p) if i % 2 else escape(p) for i, p in enumerate(pieces))


def raised(text: str) -> Markup:
    """Plain text with its subscripts and superscripts set as such.

    >>> print(raised("x_(k+1) = x_k + O(h^2)"))
    x<sub>k+1</sub> = x<sub>k</sub> + O(h<sup>2</sup>)
    """
    return Markup(_LEVELS.sub(_level, str(escape(text))))


def _level(match: re.Match[str]) -> str:
    tag = "sub" if match[1] == "_" else "sup"
    inner = match[2] or match[3]
    return f"<{tag}>{_LEVELS.sub(_level, inner)}</{tag}>"


def statement(claim: Claim, formula: Formula) -> Markup:
    """The statement with a formula in its sentence."""
    before, _, after = claim.statement.partition("{formula}")
    return prose(before) + math(formula.latex) + prose(after)


def displayed(claim: Claim, formula: Formula) -> tuple[Markup, Markup, Markup]:
    """The statement before its formula, the formula in a line of its own, the statement after."""
    before, _, after = claim.statement.partition("{formula}")
    mark = after[:1] if after[:1] in {".", ",", ";", ":"} else ""
    return (
        prose(before.rstrip()),
        math(formula.latex + mark, block=True),
        prose(after.removeprefix(mark).lstrip()),
    )


def steps(derivation: str) -> list[Markup]:
    """The sentences of a derivation."""
    whole = " ".join(derivation.split())
    return [raised(step) for step in _SENTENCE.split(whole) if step]


_SENTENCE = re.compile(r"(?<!\b(?:eq|cf|Th|No|vs)\.)(?<!\b(?:eqs|Thm|Sec|i\.e|e\.g)\.)(?<=[.])\s+")
