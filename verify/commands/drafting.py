"""`undertow claim new`: a draft to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from verify.commands.application import command
from verify.commands.base import Force, say


@command("claim new", examples=("claim new draft.toml",))
def new_claim(
    path: Annotated[Path, typer.Argument(help="The draft to write, such as draft.toml.")],
    force: Force = False,
) -> None:
    """Write a commented draft of claims; `undertow verify draft.toml` judges it."""
    from verify.workbench.draft_template import write_template

    write_template(path, force=force)
    say(str(path))
