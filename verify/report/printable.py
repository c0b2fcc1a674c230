"""A draft as it may stand in a book: its words are words, its mathematics is mathematics.

A draft's texts were written by anybody. Between dollars only what MathML can say is let through;
outside of them what LaTeX would take for a command is escaped.
"""

from __future__ import annotations

import re
from dataclasses import replace

from derive.language.bad_input import BadInput
from verify.claims.claim import Claim, Source
from verify.claims.statement import MARK, Statement
from verify.report.mathml import NotTypeset, math

_SPECIAL = {
    **{sign: f"\\{sign}" for sign in "%&#_"},
    **{"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"},
    **{"{": r"\{", "}": r"\}", "<": "$<$", ">": "$>$"},
}
_DEFINES = re.compile(
    r"\^\^|(?<!\\)[%#]|\\(?:[a-z]?def|(?:re)?newcommand|verb)(?![a-z])"
    r"|\\(?:begin|end)\{(?!(?:[bpv]?matrix|cases|aligned)\})"
)
_COMMAND = re.compile(r"\\[A-Za-z@]{2,}|\\\W*(?:write|input)|\^\^")


def printable(claim: Claim, bibtex: str = "") -> Claim:
    """The same claim with its texts escaped.

    Raises:
        BadInput: some of its mathematics, or its entry of BibTeX, holds a command that is none of
            mathematics.
    """
    if found := _COMMAND.search(bibtex):
        raise BadInput(f"{claim.id}: source.bibtex holds {found[0]!r}; write plain text in it.")
    source = Source(claim.source.key, escaped(claim.source.where))
    says = claim.says
    return replace(
        claim,
        says=says and replace(says, text=escaped(says.text, says)),
        source=source,
        statement=claim.statement if says else escaped(claim.statement, formula=True),
        because=escaped(claim.because),
        condition=escaped(claim.condition),
        counterexample=escaped(claim.counterexample),
    )


def escaped(text: str, says: Statement | None = None, *, formula: bool = False) -> str:
    r"""A text with LaTeX between dollars, as LaTeX.

    Args:
        says: whose slots stand in it.
        formula: whether {formula} stands in it.

    Raises:
        NotTypeset: what stands between dollars is no mathematics.

    >>> print(escaped(r"50% of $\beta^2$, \input{x}"))
    50\% of $\beta^2$, \textbackslash{}input\{x\}
    """
    slots = {"formula"} if formula else set(says.slots) if says else set[str]()
    pieces = text.split("$")
    if len(pieces) % 2 == 0:
        raise BadInput(f"{text!r} opens a formula with a dollar and does not close it.")
    for piece in pieces[1::2]:
        bare = MARK.sub(lambda m: "x" if m[2] in slots else m[0], piece)
        if (found := _DEFINES.search(bare)) or bare.count("{") != bare.count("}"):
            what = repr(found[0]) if found else "a brace without its other half"
            raise NotTypeset(f"{text!r} holds {what}, which is no mathematics.")
        math(bare)
    return "$".join(piece if i % 2 else _words(piece, slots) for i, piece in enumerate(pieces))


def _words(text: str, slots: set[str]) -> str:
    end, done = 0, ""
    for mark in MARK.finditer(text):
        if mark[2] in slots:
            done += "".join(_SPECIAL.get(c, c) for c in text[end : mark.start()]) + mark[0]
            end = mark.end()
    return done + "".join(_SPECIAL.get(c, c) for c in text[end:])
