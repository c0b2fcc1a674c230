"""The LaTeX that a paper can take: macros, one file a formula, and a book that compiles."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import time

import sympy

from derive.language.formula import MEANINGS, Formula
from derive.language.writing import GREEK, latex
from verify.claims.claim import Claim, Verdict
from verify.claims.sources import BIBTEX
from verify.report.columns import checked_prefix
from verify.report.typesetting import typeset
from verify.report.verdicts import OWN, heading, tally
from verify.running.files import write_folder

FILES = ("formulas.tex", "statements.tex", "undertow.bib", "book.tex")
FOLDER = "formulas"

_BOOK = r"""\documentclass[11pt]{article}
\usepackage{amsmath,amssymb,amsthm,booktabs,longtable,graphicx}
\usepackage[margin=28mm]{geometry}
\usepackage[hidelinks]{hyperref}
\theoremstyle{definition}
\newtheorem{statement}{Statement}
\newcommand{\confirmed}{\textup{\checkmark~confirmed}}
\newcommand{\corrected}{\textup{$\times$~corrected}}
\newcommand{\premise}{\textup{\checkmark~needs a premise}}
\newcommand{\derived}{\textup{\checkmark~derived}}
\newcommand{\refuted}{\textup{$\times$~refuted}}
\newcommand{\open}{\textup{?~open}}
\newcommand{\fit}[1]{\sbox0{$\displaystyle#1$}\ifdim\wd0>\linewidth
  \resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi}
\renewcommand{\proofname}{Key steps}
\setlength{\emergencystretch}{6em}
\setcounter{tocdepth}{1}
\setlength{\LTpre}{\medskipamount}
\allowdisplaybreaks
\title{What the optimizer really follows}
\author{}
\date{%s}
\input{formulas}
\begin{document}
\maketitle
\tableofcontents
\input{statements}
\nocite{*}
\bibliographystyle{plain}
\bibliography{undertow}
\end{document}
"""
_INTRODUCTION = r"""\noindent Every statement below was published, or is worked out here where its
place says so. It stands as it is right: \confirmed{} says that this is how it was printed,
\premise{} that it holds with a premise that its source does not state,
\corrected{} that something else was printed, which is given beneath it with a counterexample and
once more in the table of errata, \derived{} that it is worked out here, \open{} that it is not
decided. $E$ is the loss, $\mathbb E$ the mean, $x$ the position; the
command \texttt{undertow show} with a statement's name, such as \texttt{%s}, repeats its evidence.
"""


def export(
    claims: list[Claim],
    folder: Path,
    *,
    force: bool,
    prefix: str = "",
    entries: Mapping[str, str] | None = None,
) -> list[Path]:
    """Write the macros, the statements, the bibliography, the book, and one file a formula.

    Args:
        entries: BibTeX of sources that the bibliography does not list, by key.
    Raises:
        BadInput: the folder cannot be written, or holds one of the files and `force` is not set.
    """
    texts = (macros(claims), statements(claims), bibliography(entries), _book())
    formulas = named(claims)
    if prefix:
        names = re.compile(rf"\\({'|'.join(formulas)})(?![A-Za-z])")
        texts = tuple(names.sub(rf"\\{checked_prefix(prefix)}\1", text) for text in texts)
    contents = dict(zip(FILES, texts, strict=True)) | {
        f"{FOLDER}/{prefix}{name}.tex": f"{f.latex}%\n" for name, f in formulas.items()
    }
    return write_folder(folder, contents, force=force)


def _book() -> str:
    """The book's frame, dated as SOURCE_DATE_EPOCH says, or today."""
    written = datetime.fromtimestamp(float(os.environ.get("SOURCE_DATE_EPOCH") or time()), UTC)
    return _BOOK.replace("%s", f"undertow {version('undertow')}, {written:%d %B %Y}".lstrip("0"))


def bibliography(more: Mapping[str, str] | None = None) -> str:
    """BibTeX of every source, and of more by key."""
    return "\n\n".join({**(more or {}), **BIBTEX}.values()) + "\n"


def named(claims: Iterable[Claim]) -> dict[str, Formula]:
    """The formulas of the claims, printed and right, by name."""
    return {name: formula for claim in claims for name, formula in claim.formulas().items()}


def macros(claims: list[Claim]) -> str:
    """One macro a formula."""
    return "".join(f"\\newcommand{{\\{n}}}{{{f.latex}}}\n" for n, f in named(claims).items())


def statements(claims: list[Claim]) -> str:
    """The body of the book: how many, what the letters mean, the statements, the errata."""
    by_source = {key: [c for c in claims if c.source.key == key] for key in tally(claims)}
    parts = [_INTRODUCTION % claims[0].id, _counts(claims), _notation(claims)]
    for key, found in by_source.items():
        parts.append(f"\\section{{{heading(key)}}}\n")
        parts += [_typeset(claim) for claim in found]
    parts.append(_errata([c for found in by_source.values() for c in found if c.right]))
    return "\n".join(parts)


def _counts(claims: list[Claim]) -> str:
    by_source = tally(claims)
    shown = [v for v in Verdict if any(counts[v] for counts in by_source.values())]
    lines = [
        r"\begin{center}\small\begin{tabular}{@{}l" + "r" * len(shown) + "@{}}",
        rf"\toprule source & {' & '.join(shown)} \\ \midrule",
    ]
    rows = {
        heading(key) + ("" if key == OWN else f" \\cite{{{key}}}"): counts
        for key, counts in by_source.items()
    }
    rows[r"\midrule all"] = sum(by_source.values(), Counter[Verdict]())
    for name, counts in rows.items():
        lines.append(" & ".join([name, *(str(counts[v]) for v in shown)]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}\end{center}", ""])


def _notation(claims: list[Claim]) -> str:
    names = {name for formula in named(claims).values() for name in formula.symbols}
    lines = [
        r"\section*{Letters}\addcontentsline{toc}{section}{Letters}",
        r"\begin{longtable}{@{}p{0.08\linewidth}p{0.84\linewidth}@{}}",
        r"\toprule",
    ]
    for name in sorted(names & MEANINGS.keys(), key=lambda name: (name.lower(), name)):
        lines.append(f"${latex(sympy.Symbol(name))}$ & {typeset(MEANINGS[name])} \\\\")
    return "\n".join([*lines, r"\bottomrule", r"\end{longtable}", ""])


def _typeset(claim: Claim) -> str:
    lines = [
        f"\\begin{{statement}}[{{{_mark(claim.expected)}; {_cite(claim)}}}]\\label{{{claim.id}}}",
        *([claim.sentence] if claim.says else [*_displayed(claim), _assumptions(claim)]),
    ]
    if claim.right is not None:
        printed = claim.printed_sentence if claim.says else f"$\\{claim.printed.name}$;"
        why = _sentence(claim.because) if claim.because else ""
        lines.append(rf"\par\noindent\emph{{As printed:}} {printed} {why}")
    if claim.counterexample:
        lines.append(rf"\par\noindent\emph{{Counterexample:}} {_sentence(claim.counterexample)}")
    lines += [
        r"\end{statement}",
        rf"\begin{{proof}} {typeset(claim.derivation)} \end{{proof}}",
        rf"\noindent{{\footnotesize\texttt{{{claim.id}}}, checked by {_checked(claim)}.\par}}",
    ]
    return "\n".join([*(line for line in lines if line), ""])


def _stated(claim: Claim, formula: Formula) -> str:
    """The whole statement with a formula in it, made smaller where it is wider than the line."""
    return claim.worded.replace("{formula}", f"\\fit{{\\{formula.name}}}")


def _mark(verdict: Verdict) -> str:
    """The macro that stands for a verdict."""
    return {Verdict.PREMISE: r"\premise"}.get(verdict, f"\\{verdict}")


def _displayed(claim: Claim) -> list[str]:
    """The statement with its formula in a line of its own."""
    before, _, after = claim.worded.partition("{formula}")
    mark = after[:1] if after[:1] in {".", ",", ";"} else ""
    return [
        before.rstrip(),
        r"\begin{equation}",
        f"\\{claim.formula.name}{mark}\\label{{eq:{claim.id}}}",
        r"\end{equation}",
        after.removeprefix(mark).lstrip(),
    ]


def _cite(claim: Claim) -> str:
    where = _GREEK.sub(r"$\\\1\2$", claim.source.where)
    return where if claim.source.key == OWN else f"\\cite[{{{where}}}]{{{claim.source.key}}}"


_GREEK = re.compile(rf"(?<![\\$\w])({'|'.join(GREEK)})\b((?: = [\w./]+(?<!\.))?)")


def _assumptions(claim: Claim) -> str:
    given = f"${claim.formula.conditions}$." if claim.formula.conditions else ""
    said = " ".join(part for part in (given, claim.condition) if part)
    return rf"\par\noindent\emph{{Assumptions:}} {_sentence(said)}" if said else ""


def _checked(claim: Claim) -> str:
    names = [f"{typeset(check.name)} ({check.kind})" for check in claim.checks]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _errata(corrected: list[Claim]) -> str:
    lines = [
        r"\section*{Errata}\addcontentsline{toc}{section}{Errata}",
        r"\begin{longtable}{@{}p{0.06\linewidth}p{0.42\linewidth}p{0.42\linewidth}@{}}",
        r"\toprule & printed & right \\ \midrule \endhead \bottomrule \endfoot",
    ]
    for claim in corrected:
        shown = [claim.printed_sentence, claim.sentence]
        if not claim.says:
            shown = [_stated(claim, formula) for formula in (claim.printed, claim.formula)]
        lines += [
            f"\\ref{{{claim.id}}} & {shown[0]} & {shown[1]} \\\\*[1ex]",
            rf" & \multicolumn{{2}}{{p{{0.84\linewidth}}}}{{\small {_cite(claim)}: "
            f"{_sentence(claim.because)} "
            rf"\emph{{Counterexample:}} {_sentence(claim.counterexample)}}} \\ \addlinespace[2ex]",
        ]
    return "\n".join([*lines, r"\end{longtable}", ""])
