"""What does a command cost? Processor time beside `import sympy`, memory, and how busy workers are.

`python -m tests.benchmarks.command_costs` prints a row as soon as it is measured, all claims and
their mutants last. Each command runs in a process of its own. This one imports nothing large, as a
process counts as its own the memory that its parent holds when it starts.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TRIES = 3
RULES = ("gradient-descent", "heavy-ball", "nesterov", "adam")
LONG_ORDERS = (10, 13)
TENTH = "kovachki2021.modified-equation"
"""A claim of which a unit takes about 0.1 s."""
CHEAPEST = "ghosh2023.batch-time-range"
"""A claim of which a unit takes less than 0.1 ms."""
WORKERS, UNITS = 2, 200
FEW, MANY = 1_000, 10_000
SOURCES = ("tanaka2021", "ghosh2023", "")
"""Whose claims a report holds; all claims at the end."""
ADOPT = 36
"""PR_SET_CHILD_SUBREAPER of Linux: processes whose parent has ended become children of this one."""
HELP, DERIVE, VERIFY, SHARE = 0.5, 0.25, 25, 0.85
"""What is wanted: at most so much of `import sympy`, so many seconds beyond it for a derivation and
of wall clock for every claim; at least this share of their time at work for workers."""


class Ratio(NamedTuple):
    """A ratio, of what, and the figures behind it."""

    ratio: float
    what: str
    figures: str
    wanted: float | None = None
    """How many times what is wanted it costs."""

    def __str__(self) -> str:
        wanted = "" if self.wanted is None else f"{self.wanted:.2f}"
        return f"{wanted:>8}  {self.ratio:>6.2f}  {self.what:<44}  {self.figures}"


HEAD = "x wanted   ratio"


@dataclass(frozen=True)
class Cost:
    """Of a command with all its processes; the memory is that of the largest."""

    wall: float
    processor: float
    megabytes: float
    printed: bytes


def cost(*arguments: str) -> Cost:
    """Run Python with these arguments; it must end well."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(ADOPT, 1, 0, 0, 0)
    begin = perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        printed = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    wall, all_used = perf_counter() - begin, [used, *_orphans()]
    peak = max(u.ru_maxrss for u in all_used) / (2**20 if sys.platform == "darwin" else 2**10)
    return Cost(wall, sum(u.ru_utime + u.ru_stime for u in all_used), peak, printed)


def _orphans() -> Iterator[resource.struct_rusage]:
    """What processes used whose parent ended before them, such as the one that workers are forks
    of."""
    with suppress(ChildProcessError):
        while True:
            yield os.wait4(-1, 0)[2]


def undertow(*arguments: str) -> Cost:
    return cost("-m", "verify", *arguments)


def least(*arguments: str) -> float:
    """The processor time, the best of several tries."""
    return min(cost(*arguments).processor for _ in range(TRIES))


def rows() -> Iterator[Ratio]:
    """Every row, as it is measured."""
    sympy = least("-c", "import sympy")
    yield Ratio(1, "import sympy", f"{sympy:.2f} s")
    seconds = least("-m", "verify", "--help")
    share = seconds / sympy
    yield Ratio(share, "undertow --help / import sympy", f"{seconds:.2f} s", share / HELP)
    for rule in RULES:
        times = [least("-m", "verify", "derive", rule, "--order", str(n)) for n in (1, 2, 3)]
        more = ", ".join(f"{seconds - sympy:.2f}" for seconds in times)
        figures, most = f"{more} s more at orders 1, 2, 3", max(times)
        yield Ratio(most / sympy, f"derive {rule} / import sympy", figures, (most - sympy) / DERIVE)
    for order in LONG_ORDERS:
        found = undertow("derive", "heavy-ball", "--order", str(order))
        figures = f"{found.processor:.1f} s of processors in {found.wall:.1f} s"
        figures += f", {found.megabytes:.0f} MB"
        yield Ratio(
            found.processor / sympy, f"derive heavy-ball --order {order} / import sympy", figures
        )
    yield efficiency()
    yield growth()
    yield from reports()
    for command, wanted in (("verify", VERIFY), ("mutants", None)):
        found = undertow(command)
        figures = f"{found.wall:.0f} s, {found.processor:.0f} s of processors"
        late = wanted and found.wall / wanted
        yield Ratio(found.processor / found.wall, f"{command}, processors at work", figures, late)


def efficiency() -> Ratio:
    """How much of their time workers decide units, their start included."""
    words = ("campaign", TENTH, "--losses", str(UNITS), "--digits", "20", "--format", "json")
    found = json.loads(undertow(*words, "--workers", str(WORKERS)).printed)
    decided = sum(unit["seconds"] for unit in found["units"])
    share, rate = decided / (WORKERS * found["seconds"]), UNITS / found["seconds"]
    figures = f"{rate:.1f} units a second, of {decided / UNITS:.2f} s each"
    return Ratio(share, f"campaign, {WORKERS} workers at work", figures, SHARE / share)


def growth() -> Ratio:
    """By how much a campaign with a ledger grows, and its ledger with it."""
    with TemporaryDirectory() as room:
        found, ledger = [], Path(room) / "ledger.sqlite"
        for units in (FEW, MANY):
            ledger.unlink(missing_ok=True)
            words = ("campaign", CHEAPEST, "--losses", str(units), "--workers", "1")
            found.append(undertow(*words, "--ledger", str(ledger)))
        size = ledger.stat().st_size / MANY
    few, many = found
    more = (many.megabytes - few.megabytes) / (MANY - FEW) * 1000
    figures = f"{more:.2f} MB for 1,000 units, {size:.0f} bytes of ledger a unit"
    figures += f", {MANY / many.wall:.0f} units a second"
    grown = many.megabytes / few.megabytes
    return Ratio(grown, f"campaign, memory at {MANY:,} units", figures, grown)


def reports() -> Iterator[Ratio]:
    """The memory of a report over that of the one with fewest claims."""
    first = 0.0
    for source in SOURCES:
        chosen = [source] if source else []
        with TemporaryDirectory() as room:
            found = undertow("report", *chosen, "--out", f"{room}/site", "--digits", "20")
        first = first or found.megabytes
        claims = found.printed.split(b"claims")[0].split()[-1].decode()
        figures = f"{found.megabytes:.0f} MB, {found.processor:.0f} s"
        yield Ratio(found.megabytes / first, f"report of {claims} claims, memory", figures)


def main() -> None:
    """Print the rows."""
    print(HEAD, flush=True)
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main()
