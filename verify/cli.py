"""The `undertow` command."""

from __future__ import annotations

import sys

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import app


def main(arguments: list[str] | None = None) -> None:
    """Run the command; every error a user can make is one sentence and exit code 2."""
    try:
        code = app(arguments, prog_name="undertow", standalone_mode=False)
    except (BadInput, typer.TyperException) as error:
        print(
            f"undertow: {error if isinstance(error, BadInput) else error.format_message()}",
            file=sys.stderr,
        )
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        print("undertow: stopped; nothing was finished.", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
