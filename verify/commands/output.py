"""What a command puts on the terminal besides its answer: that it works, and nothing in JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from threading import Event, Thread
from time import monotonic
from typing import TextIO

PATIENCE = 2.0
ERASE = "\r\x1b[K"


class Waiting:
    """A line on a terminal, from the third second on, that says for how long a command works."""

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what, self._stream = what, stream
        self._over = Event()
        self._thread = Thread(target=self._tell, daemon=True)

    def start(self) -> None:
        """Begin to count."""
        if self._stream.isatty():
            self._thread.start()

    def stop(self) -> None:
        """Take the line away, for the answer or for a bar that knows more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _tell(self) -> None:
        begin = monotonic()
        if self._over.wait(PATIENCE):
            return
        while True:
            self._say(f"{ERASE}{self._what}: {monotonic() - begin:.0f} s")
            if self._over.wait(0.5):
                break
        self._say(ERASE)

    def _say(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


_waiting: list[Waiting] = []


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say after two seconds that a command still works, until it is done or `hush` is called."""
    line = Waiting(what, sys.stderr)
    _waiting.append(line)
    line.start()
    try:
        yield
    finally:
        line.stop()
        _waiting.remove(line)


def hush() -> None:
    """Another display takes over."""
    for line in _waiting:
        line.stop()


@contextmanager
def only_answers(answers: list[str]) -> Iterator[None]:
    """Keep standard output for the answers: whatever else is printed goes to standard error.

    That holds for what a user's file prints too, and in the processes that start meanwhile.
    """
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
        for answer in answers:
            print(answer)
        answers.clear()
