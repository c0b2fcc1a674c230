"""What does a command cost? Processor time beside `import sympy`, memory, and how busy workers are.

`python -m tests.benchmarks.command_costs` prints a row as soon as it is measured, the checks of
every claim last. Each command runs in a process of its own. This one imports nothing large, as a
process counts as its own the memory that its parent holds when it starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

ROOT = Path(__file__).parents[2]
TRIES = 3
RULES = ("gradient-descent", "heavy-ball", "nesterov", "adam")
LONG_ORDERS = (10, 13)
TENTH = "cattaneo2025memory.decomposition"
"""A claim of which a unit takes about 0.1 s."""
CHEAPEST = "ghosh2023.batch-time-range"
"""A claim of which a unit takes less than 0.1 ms."""
WORKERS, UNITS = 2, 200
FEW, MANY = 1_000, 10_000
SOURCES = ("tanaka2021", "ghosh2023", "")
"""Whose claims a report holds; all claims at the end."""


@dataclass(frozen=True)
class Cost:
    """Of a command with all its processes; the memory is that of the largest."""

    wall: float
    processor: float
    megabytes: float
    printed: bytes


def cost(*arguments: str) -> Cost:
    """Run Python with these arguments; it must end well."""
    begin = perf_counter()
    with subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        printed = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return Cost(perf_counter() - begin, used.ru_utime + used.ru_stime, peak, printed)


def undertow(*arguments: str) -> Cost:
    return cost("-m", "verify", *arguments)


def least(*arguments: str) -> float:
    """The processor time, the best of several tries."""
    return min(cost(*arguments).processor for _ in range(TRIES))


def rows() -> Iterator[tuple[str, str, str]]:
    """A ratio, of what, and the figures behind it."""
    sympy = least("-c", "import sympy")
    yield "1.00", "import sympy", f"{sympy:.2f} s"
    seconds = least("-m", "verify", "--help")
    yield f"{seconds / sympy:.2f}", "undertow --help", f"{seconds:.2f} s"
    for rule in RULES:
        times = [least("-m", "verify", "derive", rule, "--order", str(n)) for n in (1, 2, 3)]
        more = ", ".join(f"{seconds - sympy:.2f}" for seconds in times)
        yield f"{max(times) / sympy:.2f}", f"derive {rule}", f"{more} s more at orders 1, 2, 3"
    for order in LONG_ORDERS:
        found = undertow("derive", "heavy-ball", "--order", str(order))
        figures = f"{found.processor:.1f} s of processors in {found.wall:.1f} s"
        figures += f", {found.megabytes:.0f} MB"
        yield f"{found.processor / sympy:.1f}", f"derive heavy-ball --order {order}", figures
    yield efficiency()
    yield growth()
    yield from reports()
    everything = undertow("verify")
    busy = everything.processor / everything.wall
    figures = f"{everything.wall:.0f} s, {everything.processor:.0f} s of processors"
    yield f"{busy:.2f}", "verify, processors at work", figures


def efficiency() -> tuple[str, str, str]:
    """How much of their time workers decide units, their start included."""
    words = ("campaign", TENTH, "--losses", str(UNITS), "--digits", "20", "--format", "json")
    found = json.loads(undertow(*words, "--workers", str(WORKERS)).printed)
    decided = sum(unit["seconds"] for unit in found["units"])
    share, rate = decided / (WORKERS * found["seconds"]), UNITS / found["seconds"]
    figures = f"{rate:.1f} units a second, of {decided / UNITS:.2f} s each"
    return f"{share:.2f}", f"campaign, {WORKERS} workers at work", figures


def growth() -> tuple[str, str, str]:
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
    return f"{many.megabytes / few.megabytes:.2f}", f"campaign, memory at {MANY:,} units", figures


def reports() -> Iterator[tuple[str, str, str]]:
    """The memory of a report over that of the one with fewest claims."""
    first = 0.0
    for source in SOURCES:
        chosen = [source] if source else []
        with TemporaryDirectory() as room:
            found = undertow("report", *chosen, "--out", f"{room}/site", "--digits", "20")
        first = first or found.megabytes
        claims = found.printed.split(b"claims")[0].split()[-1].decode()
        figures = f"{found.megabytes:.0f} MB, {found.processor:.0f} s"
        yield f"{found.megabytes / first:.2f}", f"report of {claims} claims, memory", figures


def main() -> None:
    """Print the rows."""
    for ratio, what, figures in rows():
        print(f"{ratio:>6}  {what:<34}  {figures}", flush=True)


if __name__ == "__main__":
    main()
