"""What stays behind where a command is ended at a random moment, and does the next run repair it?

`.venv/bin/python -m tests.benchmarks.kills [COMMAND ...] [--kills 100]`: the processes and half
files left after INT, TERM, HUP and KILL in turn, and the reruns that end as an undisturbed run
does; exit 1 where anything is not as it should be. Every other kill waits for the first file.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NoReturn

import verify.papers  # noqa: F401 (read once, for all the runs that are forked from here)
from verify import __main__ as program
from verify.campaigns.ledger import Ledger
from verify.recheck import MANIFEST
from verify.report.table import table
from verify.running.files import MARKER, UNFINISHED

LEDGER = "out/l.sqlite"
FAST = ("goyal2017", "--digits", "20")
COMMANDS = {
    "campaign": ("heavy-ball", *FAST, "--losses", "2", "--ledger", LEDGER),
    "export": ("goyal2017", "cohen2022", "--out", "out"),
    "report": (*FAST, "--out", "out"),
    "verify": ("cohen2022", *FAST, "--certificates", "out"),
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
MARKERS = {LEDGER, *(f"out/{name}" for name in (MARKER, UNFINISHED, MANIFEST))}
"""A folder with one of these says what belongs into it."""
MARK = "UNDERTOW_KILLS"
END_SECONDS = 60
Content = dict[str, str]


@dataclass
class Counts:
    """What was found after the kills of one command."""

    kills: int = 0
    processes: int = 0
    half: int = 0
    unmarked: int = 0
    parts: int = 0
    """Files written aside that are left although the command was not killed outright."""
    reruns: int = 0
    repaired: int = 0

    @property
    def clean(self) -> bool:
        return not (self.processes or self.half or self.unmarked or self.parts) and (
            self.reruns == self.repaired
        )


@dataclass(frozen=True)
class Undisturbed:
    """What a run leaves that nobody ends, and the seconds to its first file and to its end."""

    content: Content
    first: float
    last: float


def start(arguments: tuple[str, ...], room: Path) -> int:
    """The command in a session of its own, forked from here so that it need not import all."""
    pid = os.fork()
    if pid:
        return pid
    _run(arguments, room)


def _run(arguments: tuple[str, ...], room: Path) -> NoReturn:
    code = 70
    try:
        os.setsid()
        os.chdir(room)
        os.environ[MARK] = str(room)
        for number in SIGNALS[:3]:
            signal.signal(number, signal.SIG_DFL)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nowhere, standard)
        sys.argv = ["undertow", *arguments]
        sys.modules["__main__"] = program  # what processes that it spawns import first
        program.main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 0
    finally:
        os._exit(code)


def undisturbed(arguments: tuple[str, ...], room: Path) -> Undisturbed:
    begin, first = time.monotonic(), 0.0
    pid = start(arguments, room)
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        first = first or (time.monotonic() - begin if any(room.glob("out/*")) else 0.0)
        time.sleep(0.002)
    if ended[1]:
        raise RuntimeError(f"undertow {' '.join(arguments)} ended with {ended[1]}")
    last = time.monotonic() - begin
    return Undisturbed(content(room), first or last, last)


def content(room: Path) -> Content:
    """Every file by name; of a ledger its results, and no seconds."""
    found: Content = {}
    for path in sorted(p for p in room.rglob("*") if p.is_file()):
        name = str(path.relative_to(room))
        if name == LEDGER:
            found |= _results(path)
        else:
            text = path.read_text(encoding="utf-8", errors="replace")
            found[name] = re.sub(r'<td class="number">\d+\.\d\d</td>', "", text)
    return found


def _results(path: Path) -> Content:
    """The results of a ledger, read from a copy: reading mends what a kill left beside it."""
    with tempfile.TemporaryDirectory() as aside:
        for file in path.parent.glob(f"{path.name}*"):
            if file.is_file():
                shutil.copy(file, aside)
        with closing(Ledger(Path(aside) / path.name, create=False)) as book:
            return {e.unit: f"{e.outcome} {e.figure}" for e in book}


def kill(name: str, number: signal.Signals, after: float, of: Undisturbed, room: Path) -> Counts:
    """End the command, and count what is left.

    Args:
        after: seconds, from the first file where it is negative.
    """
    found = Counts(kills=1)
    pid = start((name, *COMMANDS[name]), room)
    until = time.monotonic() + max(after, 0)
    if after < 0:
        while not (any(room.glob("out/*")) or os.waitid(os.P_PID, pid, _LOOK)):
            time.sleep(0.001)
        until = time.monotonic() - after
    time.sleep(max(until - time.monotonic(), 0))
    terminal = number in (signal.SIGINT, signal.SIGHUP)  # it tells all that run in it
    with contextlib.suppress(ProcessLookupError):
        (os.killpg if terminal else os.kill)(pid, number)
    os.waitpid(pid, 0)
    found.processes = _left(pid, room)
    beside = ("-wal", "-shm")  # of a ledger, to which they belong
    left = {n: text for n, text in content(room).items() if not n.endswith(beside)}
    parts = [n for n in left if "/." in n and n not in MARKERS]
    whole = {n: text for n, text in left.items() if n not in (*parts, f"out/{UNFINISHED}")}
    found.half = sum(of.content.get(n) != text for n, text in whole.items())
    found.unmarked = bool(whole) and not any((room / m).exists() for m in MARKERS)
    found.parts = 0 if number is signal.SIGKILL else len(parts)
    return found


_LOOK = os.WEXITED | os.WNOHANG | os.WNOWAIT


def _left(session: int, room: Path) -> int:
    """The processes of a run that live on after a while."""
    end = time.monotonic() + END_SECONDS
    while (alive := sum(_belongs(p, session, room) for p in Path("/proc").glob("[0-9]*"))) and (
        time.monotonic() < end
    ):
        time.sleep(0.05)
    return alive


def _belongs(process: Path, session: int, room: Path) -> bool:
    try:
        of_it = process.joinpath("stat").read_text().rpartition(")")[2].split()[3] == str(session)
        return of_it or f"{MARK}={room}" in process.joinpath("environ").read_text(errors="replace")
    except OSError:
        return False


def repairs(name: str, of: Undisturbed, room: Path) -> bool:
    """Whether the same command makes what an undisturbed run does, or has done so before."""
    if name in ("export", "report") and content(room) == of.content:
        return True
    _, status = os.waitpid(start((name, *COMMANDS[name]), room), 0)
    now = content(room)
    other = sorted(n for n in {*now, *of.content} if now.get(n) != of.content.get(n))
    if status or other:
        print(f"a rerun ends with {status}, another {', '.join(other)}", file=sys.stderr)
    return not (status or other)


def rows(name: str, kills: int, draw: random.Random) -> Counts:
    """Many kills of a command, with a rerun after each, or each ninth where it takes long."""
    total = Counts()
    with tempfile.TemporaryDirectory(prefix="undertow-kills-") as folder:
        of = undisturbed((name, *COMMANDS[name]), _room(folder, "whole"))
        every = 1 if of.last < LONG_SECONDS else 9  # each signal gets its turn
        for i in range(kills):
            room, number = _room(folder, str(i)), SIGNALS[i % len(SIGNALS)]
            writing = draw.uniform(0, of.last - of.first) + 1e-6
            after = draw.uniform(0, of.last) if (i + i // len(SIGNALS)) % 2 else -writing
            found = kill(name, number, after, of, room)
            if i % every == 0 or kills < every:
                found.reruns, found.repaired = 1, int(repairs(name, of, room))
            if not found.clean:
                print(f"{name}, {number.name} after {after:.3f} s: {found}", file=sys.stderr)
            for field in fields(Counts):
                setattr(total, field.name, getattr(total, field.name) + getattr(found, field.name))
            shutil.rmtree(room)
    return total


LONG_SECONDS = 5


def _room(folder: str, name: str) -> Path:
    room = Path(folder) / name
    (room / "out").mkdir(parents=True)
    return room


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.kills", description=__doc__)
    parser.add_argument("commands", nargs="*", default=list(COMMANDS), metavar="COMMAND")
    parser.add_argument("--kills", type=int, default=100, metavar="N")
    given, draw = parser.parse_args(), random.Random(0)
    found = {name: rows(name, given.kills, draw) for name in given.commands}
    head = ("command", *(field.name for field in fields(Counts)))
    cells = [(name, *map(str, vars(count).values())) for name, count in found.items()]
    print(table([head, *cells], "l" + "r" * (len(head) - 1)))
    sys.exit(0 if all(count.clean for count in found.values()) else 1)


if __name__ == "__main__":
    main()
