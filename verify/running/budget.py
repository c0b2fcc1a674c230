"""How long, and in how much memory, may a piece of a user's mathematics be worked on?

The work is done in a copy of this process, which can be ended while it runs code written in C.
Where the system cannot copy a process, it is done here and without limits.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from derive.language.bad_input import BadInput
from verify.running.copies import Copy

try:
    import resource
except ImportError:  # not on every system
    resource = None

SECONDS = 5.0
MEGABYTES = 1024

T = TypeVar("T")


class OverBudget(BadInput):
    """The work met a limit; the message names the limit."""


def within_budget(
    work: Callable[[], T], doing: str, *, seconds: float = SECONDS, megabytes: int = MEGABYTES
) -> T:
    """What `work` returns or raises, done in a child process.

    Args:
        work: what it returns, or raises, can be pickled; what it changes is lost.
        doing: what the message says of it, such as "comparing the formulas".
        seconds, megabytes: the wall-clock time, and the memory beyond what is in use already.
    Raises:
        OverBudget: a limit was met.
    """
    if not hasattr(os, "fork"):
        return work()
    copy = Copy(lambda: _limited(work, megabytes))
    try:
        kind, found = _received(copy.reading, seconds)
    finally:
        status = copy.end()
    if kind == "died" and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGABRT:
        kind = "large"  # what FLINT and GMP do where there is no memory
    if kind == "returned":
        return found
    if kind == "raised":
        raise found
    limits = {
        "slow": f"takes more than {seconds:g} seconds",
        "large": f"takes more than {megabytes} MB of memory",
        "died": "ended the process that worked on it",
    }
    raise OverBudget(f"{doing} {limits[kind]}; write a smaller formula.")


def _received(reading: int, seconds: float) -> tuple[str, Any]:
    """The kind of the answer, and what was returned or raised."""
    end = time.monotonic() + seconds
    pieces: list[bytes] = []
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            return "slow", None
        piece = os.read(reading, 1 << 16)
        if not piece:
            break
        pieces.append(piece)
    return pickle.loads(b"".join(pieces)) if pieces else ("died", None)


def _limited(work: Callable[[], T], megabytes: int) -> T:
    """The work within this memory, on which FLINT and GMP say nothing on their way out."""
    silent = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    _limit(megabytes)
    return work()


def _limit(megabytes: int) -> None:
    if resource is None:
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = _in_use() + (megabytes << 20)
    with suppress(ValueError, OSError):
        resource.setrlimit(
            resource.RLIMIT_AS,
            (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most),
        )


def _in_use() -> int:
    """The bytes of address space that this process has taken."""
    try:
        with open("/proc/self/statm") as pages:
            return int(pages.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 4 << 30
