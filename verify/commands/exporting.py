"""`undertow export`."""

from __future__ import annotations

import os
import shutil
from typing import Annotated

import typer

from verify.commands.application import command
from verify.commands.base import Folder, Force, say


@command(
    "export",
    examples=(
        "export --out book",
        "export --out book --force --prefix my",
        "export draft.toml --out book",
    ),
)
def export(
    out: Folder,
    ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ID",
            help="Claims by id, the key of a source, or drafts as draft.toml; all claims where "
            "none is named.",
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option(help="What the names of the macros start with, as in my.")
    ] = "",
    force: Force = False,
) -> None:
    """Write a book that compiles, its macros and bibliography, and one file a formula."""
    from verify.campaigns.runner import find_claims
    from verify.report.book import FOLDER
    from verify.report.book import export as write_book
    from verify.workbench.drafts import Draft

    claims, entries = find_claims(ids or []), dict[str, str]()
    for i, claim in enumerate(claims):
        if isinstance(claim, Draft):
            from verify.report.printable import printable

            claims[i] = printable(claim, claim.bibtex)
            key = claim.source.key
            entries[key] = claim.bibtex or entries.get(key) or f"@misc{{{key}, title = {{{key}}}}}"
    for path in write_book(claims, out, force=force, prefix=prefix, entries=entries):
        if path.parent == out:
            say(str(path))
    say(f"{out / FOLDER}{os.sep}NAME.tex, one a formula")
    say(f"For a PDF, in {out}: pdflatex book, bibtex book, then pdflatex book three times")
    if shutil.which("pdflatex") is None:
        say(
            "pdflatex is not installed; on Debian and Ubuntu: "
            "apt install texlive-latex-base texlive-latex-recommended"
        )
