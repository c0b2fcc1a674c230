"""The `undertow` command: a process that waits for the one that works, and can always answer.

Nothing inside a process stops a loop in C, and a user's file may end its process. So the work is
done in a child, and this process, which imports nothing large, gives every ending one sentence and
one exit code: 0 and 1 are verdicts, 2 is bad input, 3 undecided, 130 interrupted (128 + n for
another signal n), 141 a reader that went away, 70 anything unforeseen.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn

UNFORESEEN = 70
GRACE_SECONDS = 0.7
"""For the child, from the stop to its end."""
CLOSING_SECONDS = 5.0
"""For threads and files, from the end of the work to the end of the process."""
MEGABYTES = 3072
"""Of data, for the child and for every process of its own."""
SELDOM = 10_000, 20, 100
"""When the child looks for garbage: hardly ever while it imports, for none of that is any."""
STOPS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in dir(signal)
)


def main() -> NoReturn:
    """Run the command in a child process and watch over it."""
    if not hasattr(os, "fork"):
        _work()
    sys.exit(_Watch().code())


def _work() -> NoReturn:
    from verify.cli import main as work  # noqa: PLC0415 (large; the watching process has no need)

    work()


class _Watch:
    """The child, what it has told, and what is asked of it."""

    def __init__(self) -> None:
        self.notes, told = os.pipe()
        lifeline, self.held = os.pipe()
        self.stop = 0
        self.done: int | None = None
        self.running = ""
        self.finished = "nothing was"
        self.said = False
        self.limits: list[tuple[float, str]] = []
        listened = {s for s in STOPS if signal.getsignal(s) is not signal.SIG_IGN}
        signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        self.woken, waking = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            for end in (self.notes, self.held, self.woken, waking):
                os.close(end)
            _child(told, lifeline, listened)
        os.close(told)
        os.close(lifeline)
        os.set_blocking(waking, False)
        signal.set_wakeup_fd(waking)
        for number in listened:
            signal.signal(number, self._asked)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        if not self.stop:
            self.stop = number
            self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.child, number)

    def code(self) -> int:
        """The exit code, once the child has ended; its sentence is said."""
        said = self._listen()
        if said:
            self._signal(signal.SIGKILL)
        elif self.done is not None:
            self._close()
        _, status = os.waitpid(self.child, 0)
        if self.stop:
            if self.done is None and not self.said:
                print(f"undertow: stopped; {self.finished} finished.", file=sys.stderr)
            return 128 + self.stop
        if said:
            print(f"undertow: {said}", file=sys.stderr)
            return 2
        if self.done is not None:
            return self.done
        ended = os.waitstatus_to_exitcode(status)
        how = f"with exit code {ended}"
        if ended < 0:
            how = f"by {signal.Signals(-ended).name}"
        if ended in (-signal.SIGABRT, -signal.SIGKILL):
            how += ", perhaps for want of memory"
        file = f" while it ran {self.running}" if self.running else ""
        print(f"undertow: the program ended {how}{file}; nothing is decided.", file=sys.stderr)
        return 2 if file else UNFORESEEN

    def _listen(self) -> str:
        """Until the child is done, has ended, or is to be ended: the sentence of the limit met."""
        asked: float | None = None
        rest = b""
        while True:
            now = time.monotonic()
            if self.stop and asked is None:
                asked = now
            ends = [(end, said) for end, said in self.limits]
            if asked is not None:
                ends.append((asked + GRACE_SECONDS, "stopped"))
            deadline, said = min(ends, default=(now + 3600, ""))
            if deadline <= now:
                return said
            ready, _, _ = select.select([self.notes, self.woken], [], [], deadline - now)
            if self.woken in ready:
                os.read(self.woken, 64)
            if self.notes not in ready:
                continue
            if not (data := os.read(self.notes, 1 << 16)):
                return ""
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._note(json.loads(line))
            if self.done is not None:
                return ""

    def _note(self, note: dict[str, Any]) -> None:
        self.done = note.get("code", self.done)
        self.running = note.get("running", self.running)
        self.finished = note.get("finished", self.finished)
        self.said = note.get("said", self.said)
        if "limit" in note:
            if note["limit"] is None:
                self.limits.pop()
            else:
                seconds, said = note["limit"]
                self.limits.append((time.monotonic() + seconds, said))

    def _close(self) -> None:
        """Wait for the end of a child that has finished its work; end it where threads go on."""
        seconds = CLOSING_SECONDS if not self.stop else GRACE_SECONDS / 2
        if not select.select([self.notes], [], [], seconds)[0]:
            self._signal(signal.SIGKILL)


def _child(told: int, lifeline: int, listened: set[int]) -> NoReturn:
    """What the child does: the command, stopped by SIGTERM, with its exit code told at the end."""
    code: Any = UNFORESEEN
    gc.set_threshold(*SELDOM)
    try:
        from verify.running.lifeline import Stopped, end_with  # noqa: PLC0415

        def stop(_number: int, _frame: FrameType | None) -> NoReturn:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            raise Stopped

        def swallowed(what: Any) -> None:
            """Raised where Python goes on, such as in its own callbacks: raise it again."""
            if isinstance(what.exc_value, Stopped):
                signal.signal(signal.SIGVTALRM, stop)
                signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
            else:
                sys.__unraisablehook__(what)

        sys.unraisablehook = swallowed
        for number in STOPS:
            signal.signal(number, signal.SIG_IGN)  # the watching process passes them on
        signal.signal(signal.SIGTERM, stop)
        end_with(lifeline)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)
        from verify.running.limits import be_watched, limit_memory  # noqa: PLC0415

        be_watched(told)
        limit_memory(MEGABYTES)
        _work()
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt:
        os.write(told, b'{"said": true}\n')
        print("undertow: stopped; nothing was finished.", file=sys.stderr)
        code = 130
    os.write(told, json.dumps({"code": code if isinstance(code, int) else 0}).encode() + b"\n")
    gc.freeze()  # the end of Python need not look for garbage: all goes with the process
    sys.exit(code)


if __name__ == "__main__":
    main()
