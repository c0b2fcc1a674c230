"""Limits of time and memory on what a command does itself, such as running a user's rule.

Python code is stopped by a timer of this process. Code of C, and code that swallows what stops it,
is ended from outside, by the process that watches over a command and hears of every limit
(`verify.__main__`). Who wants to go on after a limit was met takes `verify.running.budget`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from verify.running.budget import SECONDS, OverBudget
from verify.running.lifeline import INTERRUPTED, end_with

MEGABYTES = 800
MEGABYTE = 2**20


class Expired(BaseException):
    """Raised by the timer, past every `except Exception`."""


_watched: list[int] = []
_ours: list[bool] = []
"""Whether this process is a command's; one that only imports this is left as it is."""


def be_watched(notes: int) -> None:
    """From now on this process tells what it is about through this pipe, one JSON text a line."""
    _watched[:] = [notes]
    _ours[:] = [True]


def belong_to_the_parent(seconds: float) -> None:
    """In a process of `multiprocessing`: leave interrupts to the parent, and end with it.

    This module imports nothing large, so that it comes before what does.

    Args:
        seconds: the limit of one call of a user's code.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (parent := multiprocessing.parent_process()) is not None:
        end_with(parent.sentinel)
    _ours[:] = [True]
    call_limit.seconds = seconds


def tell(**note: Any) -> None:
    """Tell the process that watches, if one does.

    Keys are `code`, the exit code with which the command is finished; `running`, the user's file
    that may end the process; `limit`, seconds and a sentence, or null for the end of the last one;
    `finished`, how much of the work is kept should it be stopped, such as "3 of 9"; `said`, that
    the sentence on a stop is said here.
    """
    for notes in _watched:
        with suppress(OSError):
            os.write(notes, json.dumps(note).encode() + b"\n")


def say_stopped(what: str) -> int:
    """Say what a command that is stopped had done, and the exit code; the watching process, which
    would say so of one that has no time left for it, is told."""
    tell(said=True)
    print(f"undertow: stopped; {what}", file=sys.stderr)
    return INTERRUPTED


@contextmanager
def within(
    what: str,
    *,
    seconds: float = SECONDS,
    megabytes: int = MEGABYTES,
    way_out: str = "write it with less in it",
) -> Iterator[None]:
    """Inside, the work has so much time, and so much more memory than the process has now.

    Args:
        what: the subject of the sentence, such as "the drift of this loss".
        way_out: what the user can do.
    Raises:
        OverBudget: a limit was met.
    """
    too_long = f"{what} takes more than {seconds:g} s; {way_out}."
    too_large = f"{what} takes more than {megabytes} MB of memory; {way_out}."
    with _memory(megabytes), _timer(seconds, too_long):
        try:
            yield
        except Expired:
            raise OverBudget(too_long) from None
        except MemoryError:
            raise OverBudget(too_large) from None


@contextmanager
def _timer(seconds: float, sentence: str) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def expire(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Expired

    begin = time.monotonic()
    before = signal.signal(signal.SIGALRM, expire)
    left, every = signal.setitimer(signal.ITIMER_REAL, seconds)
    tell(limit=[seconds + 0.5, sentence])
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        tell(limit=None)
        if left:
            left = max(left - (time.monotonic() - begin), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left, every)


@contextmanager
def _memory(megabytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    most = _size() + megabytes * MEGABYTE
    resource.setrlimit(resource.RLIMIT_DATA, (_least(most, soft), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def limit_memory(megabytes: int) -> None:
    """Let this process and those that it starts have no more data than this."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_least(megabytes * MEGABYTE, hard), hard))


def spare_memory() -> None:
    """Let a command's process take only MEGABYTES more than it has now, for a user's code."""
    if _ours:
        limit_memory(_size() // MEGABYTE + MEGABYTES)


def _least(a: int, b: int) -> int:
    return min((n for n in (a, b) if n != resource.RLIM_INFINITY), default=resource.RLIM_INFINITY)


def _size() -> int:
    """Bytes of data of this process, as its limit counts them."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[5]) * resource.getpagesize()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class CallLimit:
    """How long one call of a user's code may take; a clock looks now and then, calls only count.

    Args:
        seconds: the limit.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.file = self.shown = ""
        self.depth = self.calls = 0
        self.seen = (0, 0.0)
        self.ticking = self.told = False

    def enter(self, file: str, shown: str) -> None:
        """A call of the user's code in this file begins."""
        self.calls += 1
        self.depth += 1
        self.file, self.shown = file, shown
        if not self.ticking and threading.current_thread() is threading.main_thread():
            self._tick()

    def leave(self) -> None:
        """It has ended."""
        self.depth -= 1
        if self.told:
            self.told = False
            tell(limit=None)

    def _tick(self) -> None:
        """Start the clock; where another limit has the timer, that one counts."""
        if signal.getitimer(signal.ITIMER_REAL)[0] or not _ours:
            return
        self.ticking = True
        signal.signal(signal.SIGALRM, self._look)
        signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)

    def _look(self, _number: int, frame: FrameType | None) -> None:
        calls, since = self.seen
        now = time.monotonic()
        if not self.depth or calls != self.calls:
            self.seen = (self.calls, now)
            return
        if now - since < self.seconds:
            return
        while frame and frame.f_code.co_filename != self.file:
            frame = frame.f_back
        line = f":{frame.f_lineno}" if frame else ""
        said = (
            f"{self.shown}{line}: one call takes more than {self.seconds:g} s; "
            "--seconds gives it longer."
        )
        tell(limit=[0.5, said])
        self.told = True
        self.seen = (self.calls, now)
        raise CallTooLong(said)


_LOOK_SECONDS = 0.25


class CallTooLong(BaseException):
    """One call of a user's code met its limit; raised past every `except Exception`."""


call_limit = CallLimit(SECONDS)


def keep_standard_output() -> None:
    """From now on only this process's own `sys.stdout` reaches standard output.

    What other code writes to the file descriptor itself goes to standard error. A process that
    nothing watches over is somebody else's, and is left as it is.
    """
    if not _ours or sys.stdout.fileno() != 1:
        return
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = open(kept, "w", encoding=sys.stdout.encoding, errors=sys.stdout.errors)  # noqa: SIM115
