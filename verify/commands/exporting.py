"""`undertow export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verify.claim import REGISTRY
from verify.commands.base import app, say
from verify.report.book import export as write_book


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="The folder to write to.")],
    force: Annotated[bool, typer.Option(help="Overwrite what is there.")] = False,
) -> None:
    """Write formulas.tex, undertow.bib and book.tex."""
    for path in write_book(REGISTRY.find([]), out, force=force):
        say(str(path))
