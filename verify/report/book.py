"""The LaTeX that a paper can take: macros, a labelled align per claim, a book that compiles."""

from __future__ import annotations

from pathlib import Path

from derive.update_rule import BadInput
from verify.claim import Claim
from verify.sources import BIBTEX

FILES = ("formulas.tex", "undertow.bib", "book.tex")

_BOOK = r"""\documentclass[11pt]{article}
\usepackage{amsmath,amssymb,amsthm}
\usepackage[margin=28mm]{geometry}
\newtheorem{claim}{Claim}
\allowdisplaybreaks
\title{What the optimizer really follows}
\author{}
\date{}
\input{formulas}
\begin{document}
\maketitle
\noindent The statements below were published, or are worked out here where their place says so;
the verdict says whether they hold as printed.
Here $E$ is the loss, $h$ the step size, $\beta$ the momentum, $z$ the step size times a curvature.
\showclaims
\bibliographystyle{plain}
\bibliography{undertow}
\end{document}
"""


def export(claims: list[Claim], folder: Path, *, force: bool) -> list[Path]:
    """Write formulas.tex, undertow.bib and book.tex.

    Raises:
        BadInput: the folder cannot be written, or holds one of the files and `force` is not set.
    """
    contents = dict(zip(FILES, (formulas(claims), bibliography(claims), _BOOK), strict=True))
    paths = [folder / name for name in contents]
    present = [path for path in paths if path.exists()]
    if present and not force:
        raise BadInput(f"{present[0]} exists already; choose another --out or give --force.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in zip(paths, contents.values(), strict=True):
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"--out {folder} cannot be written: {error.strerror}.") from None
    return paths


def bibliography(claims: list[Claim]) -> str:
    """BibTeX of every source that these claims name."""
    keys = dict.fromkeys(claim.source.key for claim in claims)
    return "\n\n".join(BIBTEX[key] for key in keys) + "\n"


def formulas(claims: list[Claim]) -> str:
    """One macro per formula, then one macro that typesets every claim with its verdict."""
    named = {f.name: f for c in claims for f in (c.printed, c.right) if f is not None}
    macros = [f"\\newcommand{{\\{name}}}{{{formula.latex}}}" for name, formula in named.items()]
    body = "%\n".join(_typeset(claim) for claim in claims)
    return "\n".join(macros) + "\n\n\\newcommand{\\showclaims}{%\n" + body + "}\n"


def _typeset(claim: Claim) -> str:
    before, _, after = claim.statement.partition("{formula}")
    mark = after[:1] if after[:1] in {".", ",", ";"} else ""
    where = f"\\cite{{{claim.source.key}}}, {claim.source.where}"
    lines = [
        f"\\begin{{claim}}[{claim.expected}; {where}]",
        before.rstrip(),
        "\\begin{align}",
        f"&\\{claim.formula.name}{mark}\\label{{eq:{claim.id}}}",
        "\\end{align}",
        after.removeprefix(mark).lstrip(),
    ]
    if claim.right is not None:
        lines.append(f"Printed was $\\{claim.printed.name}$; {claim.because}")
        lines.append(f"\\emph{{Counterexample:}} {claim.counterexample}")
    given = claim.formula.conditions
    lines += [given and f"For ${given}$.", claim.condition, "\\end{claim}"]
    return "\n".join([*(line for line in lines if line), ""])
