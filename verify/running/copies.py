"""How is work done in copies of this process? They know all that it knows, and end with it.

Nothing is sent to a copy; its answer is pickled and read through a pipe. What it changes is lost.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from derive.language.bad_input import BadInput
from derive.language.stages import begin
from verify.running.lifeline import end_with

S = TypeVar("S")
T = TypeVar("T")

LEAST = 250
"""How many things make a copy worth its start and its memory."""


class Copy:
    """A process that does this work; `reading` gets a pickle of how it ends.

    That is ("returned", its value), ("raised", the error) or ("large", None) for want of memory,
    and nothing where the process has ended without an answer.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self.reading, writing = os.pipe()
        lifeline, self._held = os.pipe()
        with warnings.catch_warnings():
            # Of other threads' locks, as JAX says: at worst it waits for one until it is ended.
            warnings.filterwarnings("ignore", r".*\bfork\(\)")
            self._process = os.fork()
        if not self._process:
            os.close(self.reading)
            os.close(self._held)
            _answer(work, writing, lifeline)
        os.close(writing)
        os.close(lifeline)

    def end(self) -> int:
        """End it, whatever it does; its wait status."""
        os.close(self.reading)
        os.close(self._held)
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        return os.waitpid(self._process, 0)[1]


def _answer(work: Callable[[], Any], writing: int, lifeline: int) -> None:
    """Do the work in the copy, which ends here."""
    try:
        end_with(lifeline)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # who made the copy ends it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        gc.freeze()  # looking for garbage would copy the memory of all that is there
        try:
            found = pickle.dumps(_outcome(work))
        except MemoryError:
            found = pickle.dumps(("large", None))
        except Exception as error:
            found = pickle.dumps(("raised", RuntimeError(f"{type(error).__name__}: {error}")))
        with suppress(BrokenPipeError), os.fdopen(writing, "wb") as out:
            out.write(found)
    finally:
        os._exit(0)


def _outcome(work: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "returned", work()
    except MemoryError:
        return "large", None
    except Exception as error:
        return "raised", error


def shared(
    work: Callable[[S], T], things: Sequence[S], doing: str, *, processes: int = 1
) -> list[T]:
    """What the work on each thing gives, in their order.

    Args:
        doing: what is said of each thing as it begins, such as "writing term".
        processes: this one and its copies, which are made where there is much to do; a caller
            with threads, whose locks would stay held in a copy, keeps to one.
    Raises:
        BadInput: a copy ended without an answer.
    """
    total = len(things)
    count = max(1, min(processes, total // LEAST)) if hasattr(os, "fork") else 1
    found: list[Any] = [None] * total
    copies: list[Copy] = []
    try:
        for place in range(1, count):
            copies.append(Copy(lambda place=place: [*map(work, things[place::count])]))
        for place in range(0, total, count):
            begin(f"{doing} {place + 1} of {total}")
            found[place] = work(things[place])
        for place, copy in enumerate(copies, 1):
            found[place::count] = _value(copy)
    finally:
        for copy in copies:
            copy.end()
    return found


def _value(copy: Copy) -> Any:
    with open(copy.reading, "rb", closefd=False) as answer:
        pickled = answer.read()
    kind, found = pickle.loads(pickled) if pickled else ("died", None)
    if kind == "returned":
        return found
    if isinstance(found, Exception):
        raise found
    raise BadInput(
        "a process that worked for this one ended without an answer, perhaps for want of memory; "
        "ask for less at once."
    )
