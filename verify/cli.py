"""The `undertow` command: what every ending of it says, and the exit code that it has.

See `verify.__main__` for the codes; it watches over the process in which this runs.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import app
from verify.commands.help import told
from verify.running.lifeline import INTERRUPTED, Stopped

UNFORESEEN, BAD_INPUT, NO_READER = 70, 2, 141
LONGEST_ECHO = 80
LONGEST_MESSAGE = 1200
_ROOM = Path(__file__).parents[1]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command; every error is one sentence, and its exit code says of which kind."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(given, prog_name="undertow", standalone_mode=False)
        if code == INTERRUPTED:  # what Typer makes of an interrupt
            raise Stopped
        sys.stdout.flush()
    except SystemExit as ended:  # of a command that has said all; not of a rule's file
        code = NO_READER if isinstance(ended.__context__, BrokenPipeError) else ended.code
    except (Stopped, typer.Abort):
        from verify.running.limits import say_stopped  # noqa: PLC0415 (the help has no need)

        code = say_stopped("nothing was finished.")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = NO_READER
    except BaseException as error:
        code = _say(*_told(error, given))
    sys.exit(code if isinstance(code, int) else 0)


def _told(error: BaseException, given: list[str]) -> tuple[str, int]:
    if isinstance(error, typer.TyperException):
        return shortened(told(error), given), BAD_INPUT
    if isinstance(error, BadInput):
        return shortened(str(error), given), BAD_INPUT
    if at := _fault_of_a_rule(error):
        return shortened(at, given), BAD_INPUT
    if isinstance(error, MemoryError):
        return "this takes more memory than the command may have; ask for less.", BAD_INPUT
    if isinstance(error, UnicodeEncodeError):
        return "the text holds what is no Unicode, such as half a surrogate pair.", BAD_INPUT
    if isinstance(error, OSError) and error.filename is None and error.strerror:
        return f"standard output cannot be written: {error.strerror}.", BAD_INPUT
    where = traceback.extract_tb(error.__traceback__)[-1:]
    at = f" at {_relative(where[0].filename)}:{where[0].lineno}" if where else ""
    said = f"{type(error).__name__}: {error}"
    return shortened(f"unforeseen, please report: {said}{at}.", given), UNFORESEEN


def _fault_of_a_rule(error: BaseException) -> str:
    """What a user's file raised, with its line; empty where the error is none of a user's file."""
    rule_files = sys.modules.get("verify.running.rule_files")
    return rule_files.fault(error) if rule_files else ""


def _relative(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_ROOM) if path.is_relative_to(_ROOM) else path.name)


def _say(sentence: str, code: int) -> int:
    from verify.report.terminal import fit  # noqa: PLC0415 (large, and seldom needed)

    print(f"undertow: {fit(sentence, sys.stderr.encoding)}", file=sys.stderr)
    return code


def shortened(message: str, given: list[str]) -> str:
    """The message on one line, with no argument and no word in it that is longer than it helps."""
    parts = {piece for text in given for piece in (text, text.partition("=")[2])}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) > LONGEST_ECHO:
            message = message.replace(part, _cut(part)).replace(repr(part)[1:-1], _cut(part))
    message = re.sub(rf"\S{{{LONGEST_ECHO},}}", lambda word: _cut(word[0]), message)
    line = " ".join(message.split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]} ..."


def _cut(text: str) -> str:
    """Both ends of a text: a path ends in the name of its file."""
    return f"{text[: LONGEST_ECHO - 40]}...({len(text)} characters)...{text[-20:]}"
