"""What a command puts on the terminal besides its answer: that it works, and nothing in JSON."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from threading import Event, Lock, Thread
from time import monotonic
from typing import TextIO

from derive.language.stages import listeners

PATIENCE = 2.0
ERASE = "\r\x1b[K"


class Waiting:
    """A line on a terminal, from the third second on, that says for how long a command works.

    Attributes:
        stage: what it is at, shown behind the time.
    """

    def __init__(self, what: str, stream: TextIO) -> None:
        self._what, self._stream = what, stream
        self._over, self._lock = Event(), Lock()
        self.stage = ""
        self._thread = Thread(target=self._tell, daemon=True)

    def start(self) -> None:
        """Begin to count."""
        if self._stream.isatty():
            self._thread.start()

    def stop(self) -> None:
        """Take the line away, for the answer."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _tell(self) -> None:
        begin = monotonic()
        if self._over.wait(PATIENCE):
            return
        while True:
            stage = f", {self.stage}" if self.stage else ""
            self._say(f"{ERASE}{self._what}: {monotonic() - begin:.0f} s{stage}")
            if self._over.wait(0.5):
                break
        self._say(ERASE)

    def _say(self, text: str) -> None:
        with self._lock:
            self._stream.write(text)
            self._stream.flush()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Say nothing while a bar shows more."""
        if self._thread.is_alive():
            self._say(ERASE)
        with self._lock:
            yield

    def reached(self, stage: str) -> None:
        """Another stage begins."""
        self.stage = stage


_waiting: list[Waiting] = []


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say after two seconds that a command still works, and at which stage, until it is done."""
    line = Waiting(what, sys.stderr)
    _waiting.append(line)
    listeners.append(line.reached)
    line.start()
    try:
        yield
    finally:
        line.stop()
        listeners.remove(line.reached)
        _waiting.remove(line)


@contextmanager
def hushed() -> Iterator[None]:
    """Inside, another display takes over."""
    with ExitStack() as away:
        for line in _waiting:
            away.enter_context(line.away())
        yield


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
