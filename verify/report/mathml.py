"""LaTeX as MathML, and sentences that hold LaTeX or plain-text mathematics as HTML."""

from __future__ import annotations

import re
from functools import cache
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert
from markupsafe import Markup, escape

from derive.language.bad_input import BadInput
from derive.language.formula import Formula
from derive.language.writing import GREEK
from verify.claims.claim import Claim, Printed
from verify.claims.quoting import as_prose

_NAMESPACE = ' xmlns="http://www.w3.org/1998/Math/MathML"'
_INLINE = ' display="inline"'
_TIGHT = {"lspace": "0", "rspace": "0"}
_BARS = ("‖", "|")
_PRIMES = ("′", "″", "‴")
_BEFORE_A_SIGN = ("=", "<", "≤", "→", "(", "[", ",", ":")
_SYMBOLS = re.compile(rf"(?<![^\W_])({'|'.join(GREEK)})(?![^\W_])")
_ARROWS = (("&lt;-", "←"), ("-&gt;", "→"), ("&lt;=", "≤"), ("&gt;=", "≥"))
_BRACKETS = r"\(((?:[^()]|\([^()]*\))*)\)"
_LEVEL = rf"{_BRACKETS}|(-?\d+|[A-Za-zΑ-Ωα-ω]+|[∞±]|[+*-](?!\w))"
_LEVELS = re.compile(rf"(?<=[\w)\]±∞>])([_^])(?:{_LEVEL})")


_TAGS = frozenset(
    (
        *("math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mpadded", "mphantom", "mstyle"),
        *("msup", "msub", "msubsup", "mfrac", "msqrt", "mroot", "munder", "mover", "munderover"),
        *("mtable", "mtr", "mtd"),
    )
)
_ATTRIBUTES = frozenset(
    (
        *("display", "displaystyle", "scriptlevel", "stretchy", "fence", "form", "lspace"),
        *("rspace", "symmetric", "minsize", "maxsize", "linethickness", "mathvariant", "width"),
        *("height", "depth", "columnalign", "columnspacing", "rowspacing", "movablelimits"),
        *("accent", "separator", "largeop", "columnlines", "rowlines"),
    )
)
"""What a formula may consist of; nothing that runs, links or loads."""
_VALUE = re.compile(r"[\w .%+-]*")


class NotTypeset(BadInput):
    """A piece of LaTeX that MathML could not take over, or that is no mathematics."""


@cache
def math(latex: str, *, block: bool = False) -> Markup:
    r"""A formula as MathML.

    Raises:
        NotTypeset: a command of the LaTeX is left over.

    >>> print(math(r"\beta^2"))
    <math><mrow><msup><mi>β</mi><mn>2</mn></msup></mrow></math>
    """
    try:
        written = convert(latex, display="block" if block else "inline")
        root = ElementTree.fromstring(written.replace(_NAMESPACE, "").replace(_INLINE, ""))
    except Exception as error:  # of whatever kind: the converter has many
        raise NotTypeset(f"{latex!r} cannot be typeset as mathematics.") from error
    for parent in list(root.iter()):
        _allow(parent, latex)
        _mend(parent)
    text = ElementTree.tostring(root, encoding="unicode")
    if "\\" in text:
        raise NotTypeset(f"no MathML for {text[text.index(chr(92)) :].split('<')[0]} in {latex}")
    return Markup(text)


def _allow(element: Element, latex: str) -> None:
    if element.tag not in _TAGS:
        raise NotTypeset(f"{latex!r} makes the element {element.tag!r}, which is no mathematics.")
    for name, value in element.attrib.items():
        if name not in _ATTRIBUTES or not _VALUE.fullmatch(value):
            raise NotTypeset(f"{latex!r} sets {name!r}, which is no mathematics.")


def _mend(parent: Element) -> None:
    """Space and stretch norms, quotients, signs and primes as an author would."""
    for before, child in zip([None, *parent], parent, strict=False):
        if child.tag == "mo" and child.text in _BARS:
            child.attrib |= {"stretchy": "false", **_TIGHT}
        elif child.tag == "mo" and child.text == "/":
            child.attrib |= _TIGHT
        elif child.text == "−" and before is not None and before.text in _BEFORE_A_SIGN:
            child.set("form", "prefix")
    if parent.tag in ("msup", "msubsup") and parent[-1].text in _PRIMES:
        *base, prime = parent
        prime.tag = "mo"
        prime.attrib |= _TIGHT
        if len(base) == 2:
            whole = Element("msub")
            whole.extend(base)
            base = [whole]
        parent.tag = "mrow"
        parent[:] = [*base, prime]


def prose(text: str) -> Markup:
    """A sentence with LaTeX between dollars."""
    pieces = text.split("$")
    return Markup("").join(math(p) if i % 2 else escape(p) for i, p in enumerate(pieces))


def quotation(known: Printed) -> Markup:
    """The words of a source; as they stand where they cut a formula in two."""
    try:
        return prose(as_prose(known.quote))
    except NotTypeset:
        return escape(known.quote)


def raised(text: str) -> Markup:
    """Plain text with its Greek letters, arrows, subscripts and superscripts set as such.

    >>> print(raised("x_(k+1) -> x_k + O(h^gamma)"))
    x<sub>k+1</sub> → x<sub>k</sub> + O(h<sup>γ</sup>)
    """
    safe = _SYMBOLS.sub(lambda name: GREEK[name[0]], str(escape(text)))
    safe = re.sub(r"\bgrad (?=[A-Z])", "∇", safe)
    safe = re.sub(r"\bw_?(±|\+-)", "w_±", safe)
    for typed, arrow in _ARROWS:
        safe = safe.replace(typed, arrow)
    return Markup(_LEVELS.sub(_level, safe))


def _level(match: re.Match[str]) -> str:
    tag = "sub" if match[1] == "_" else "sup"
    inner = match[2] or match[3]
    return f"<{tag}>{_LEVELS.sub(_level, inner)}</{tag}>"


def statement(claim: Claim, formula: Formula) -> Markup:
    """The statement with a formula in its sentence."""
    if claim.says:
        return prose(claim.sentence)
    before, _, after = claim.statement.partition("{formula}")
    return prose(before) + math(formula.latex) + prose(after)


def displayed(claim: Claim, formula: Formula) -> tuple[Markup, Markup, Markup]:
    """The statement before its formula, the formula in a line of its own, the statement after."""
    if claim.says:
        return prose(claim.sentence), Markup(""), Markup("")
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
    shown = prose if "$" in whole else raised
    return [shown(step) for step in _SENTENCE.split(whole) if step]


_SENTENCE = re.compile(r"(?<!\b(?:eq|cf|Th|No|vs)\.)(?<!\b(?:eqs|Thm|Sec|i\.e|e\.g)\.)(?<=[.])\s+")
