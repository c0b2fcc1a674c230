"""`undertow export`."""

from __future__ import annotations

import os
import shutil
from typing import Annotated

import typer

from verify.commands.application import command
from verify.commands.base import Folder, Force, say


@command("export", examples=("export --out book", "export --out book --force --prefix my"))
def export(
    out: Folder,
    prefix: Annotated[
        str, typer.Option(help="What the names of the macros start with, as in my.")
    ] = "",
    force: Force = False,
) -> None:
    """Write a book that compiles, its macros and bibliography, and one file a formula."""
    import verify.papers  # noqa: F401  (registers the claims)
    from verify.claims.claim import REGISTRY
    from verify.report.book import FOLDER
    from verify.report.book import export as write_book

    for path in write_book(REGISTRY.find([]), out, force=force, prefix=prefix):
        if path.parent == out:
            say(str(path))
    say(f"{out / FOLDER}{os.sep}NAME.tex, one a formula")
    say(f"For a PDF, in {out}: pdflatex book, bibtex book, then pdflatex book three times")
    if shutil.which("pdflatex") is None:
        say(
            "pdflatex is not installed; on Debian and Ubuntu: "
            "apt install texlive-latex-base texlive-latex-recommended"
        )
