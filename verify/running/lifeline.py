"""A process that ends with its owner, whatever it is doing.

The owner keeps one end of a pipe and writes nothing to it. When the owner dies, of whatever cause,
the kernel closes that end and sends SIGIO for the other, which by default ends a process even in a
loop of C. A thread waits for the same on systems that discard SIGIO.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import threading

ABANDONED = 70
"""The exit code of a process that notices by itself that its owner is gone."""


INTERRUPTED = 130
"""The exit code of a command that was stopped."""


class Stopped(KeyboardInterrupt):
    """The user stopped the command; a plain KeyboardInterrupt comes from a user's own code."""


def end_with(lifeline: int) -> None:
    """End this process when the other end of a pipe closes, or now if it is closed already.

    Args:
        lifeline: the file descriptor of the end for reading.
    """
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:
        os._exit(ABANDONED)
    if sys.platform != "linux":
        threading.Thread(target=_wait, args=(lifeline,), daemon=True).start()


def _wait(lifeline: int) -> None:
    select.select([lifeline], [], [])
    os._exit(ABANDONED)
