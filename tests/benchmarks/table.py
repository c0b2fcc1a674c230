"""All that is measured: `python -m tests.benchmarks.table [--figure FILE]`, the longest last.

How near is the engine to its limit, one product of packed coefficients for every tree and step,
and to that of a sum over edges, one ring operation for every pair of a tree and an edge? How near
are others to the engine, and how near is the verifier's flow to heyoka's? What do the commands
cost? Ratios come first, 'x wanted' is at most 1 where a thing costs as little as it should. Every
time is of the processor and a fresh process unless it says otherwise, see `workloads`, `flows` and
`command_costs`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE

from matplotlib.axes import Axes

from tests.benchmarks.command_costs import HEAD, Ratio
from tests.benchmarks.workloads import PEERS, ROOT, Measurement, installed, measure
from verify.report.figures.style import (
    BLUE,
    GREEN,
    PURPLE,
    VERMILLION,
    Picture,
    power_of,
    styled,
)

Look = tuple[str, str, str]
"""Colour, marker and line style."""

ORDERS = (6, 8, 10, 12, 13, 15, 16)
WANTED = {13: 1.0, 15: 12.0, 16: 45.0}
"""Seconds that heavy ball is to take at most, by order; as much more on a slower machine."""
SMALLEST_ORDER = 2
FLOWS = (("flow", "heyoka", 1.5), ("balls", "flow", 5))
"""At most how many times what the other takes a flow is to take."""

NOTE = """\
heavy ball    symbolic in beta; trees of at most this order, time in a new process without its
              start and imports, memory at its peak, {baseline:.0f} MB of it Python and SymPy
pairs         of a tree and an edge to cut; 'distinct' counts equal ones of one tree once
ring op       one fmpq_poly product and one sum, of the size they have at this order
edges         distinct pairs x ring op, the limit of an engine that cuts edges; 'x edges' is how
              many times that ours takes, which cuts none
limit         trees x order x the same operation on packed coefficients
Euler         the modified equation of explicit Euler, over the rationals; under a peer's name how
              many times as long as ours the same coefficients take there\
"""


@dataclass(frozen=True)
class Row:
    """One order: ours, and what others needed, None where they ran out of patience."""

    order: int
    heavy_ball: Measurement
    euler: Measurement
    peers: dict[str, Measurement | None]


def measure_row(order: int, peers: list[str], patience: float) -> Row:
    measured: dict[str, Measurement | None] = {}
    for peer in peers:
        try:
            measured[peer] = measure(peer, order, patience=patience)
        except subprocess.TimeoutExpired:
            measured[peer] = None
    return Row(order, measure("heavy-ball", order), measure("euler", order), measured)


def measure_rows(orders: list[int], patience: float) -> list[Row]:
    """A row an order; a peer that ran out of patience is not asked for more."""
    peers = [peer for peer in PEERS if installed(peer)]
    rows = []
    for order in sorted(orders):
        rows.append(measure_row(order, peers, patience))
        peers = [peer for peer in peers if rows[-1].peers[peer] is not None]
    return rows


def duration(seconds: float) -> str:
    """Three digits and a unit.

    >>> duration(7.3e-7), duration(0.0123), duration(24)
    ('730 ns', '12.3 ms', '24.0 s')
    """
    scale, unit = next(
        (pair for pair in ((1, "s"), (1e-3, "ms"), (1e-6, "us")) if seconds >= pair[0]),
        (1e-9, "ns"),
    )
    value = seconds / scale
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f} {unit}"


def cells(row: Row, peers: list[str], patience: float) -> list[str]:
    ours = row.heavy_ball
    return [
        str(row.order),
        f"{ours.seconds / ours.packed_limit:.1f}",
        f"{ours.seconds / ours.limit:.2f}",
        *(times(row, peer, patience) for peer in peers),
        *(f"{count:,}" for count in (ours.trees, ours.edges, ours.cuts)),
        duration(ours.seconds),
        f"{ours.megabytes:.0f} MB",
        duration(ours.ring_operation),
        duration(ours.limit),
        duration(ours.packed_limit),
        duration(row.euler.seconds),
    ]


def times(row: Row, peer: str, patience: float) -> str:
    """How many times as long as ours this peer took."""
    if peer not in row.peers:
        return "-"
    measured = row.peers[peer]
    seconds = measured.seconds if measured else patience
    return f"{'' if measured else '> '}{seconds / row.euler.seconds:,.0f}x"


def table(rows: list[Row], patience: float) -> str:
    peers = list(rows[0].peers)
    ratios = ["order", "x limit", "x edges", *peers]
    head = ["trees", "pairs", "distinct", "heavy ball", "memory", "ring op", "edges", "limit"]
    lines = [
        [*ratios, *head, "Euler"],
        *(cells(row, peers, patience) for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


@styled
def engine_figure(rows: list[Row]) -> Picture:
    """Time and memory against order, each on a logarithmic axis."""
    figure = Picture("time and memory of the symbolic engine", width=9)
    time, memory = figure.subplots(1, 2)

    def line(axes: Axes, points: list[tuple[int, float]], label: str, look: Look) -> None:
        color, marker, style = look
        orders, values = zip(*points, strict=True)
        axes.plot(
            orders, values, color=color, marker=marker, linestyle=style, label=label, gid=label
        )

    ours = [(row.order, row.heavy_ball) for row in rows]
    heavy_ball, euler = (BLUE, "o", "-"), (GREEN, "s", "-.")
    line(time, [(n, m.seconds) for n, m in ours], "heavy ball, symbolic in β", heavy_ball)
    limit = "its limit: one product a tree and step"
    line(time, [(n, m.packed_limit) for n, m in ours], limit, (BLUE, "", "--"))
    line(time, [(row.order, row.euler.seconds) for row in rows], "explicit Euler", euler)
    for peer, color, marker in zip(rows[0].peers, (VERMILLION, PURPLE), ("^", "v"), strict=False):
        found = [(row.order, m.seconds) for row in rows if (m := row.peers.get(peer))]
        if found:
            line(time, found, f"explicit Euler, {peer}", (color, marker, ":"))
    line(memory, [(n, m.megabytes) for n, m in ours], "heavy ball, symbolic in β", heavy_ball)
    line(memory, [(row.order, row.euler.megabytes) for row in rows], "explicit Euler", euler)
    for axes, title in ((time, "seconds"), (memory, "peak memory in MB, with Python and SymPy")):
        axes.set(yscale="log", title=title, xlabel="order", xticks=[row.order for row in rows])
    time.yaxis.set_major_formatter(power_of(10))
    time.yaxis.set_minor_formatter("")
    memory.yaxis.set_major_formatter("{x:.0f}")
    memory.yaxis.set_minor_formatter("{x:.0f}")
    figure.legend(*time.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    last = rows[-1]
    figure.description = (
        f"{figure.title}: heavy ball to order {last.order} takes "
        f"{duration(last.heavy_ball.seconds)}, explicit Euler {duration(last.euler.seconds)}."
    )
    return figure


def engine_ratios(rows: list[Row]) -> Iterator[Ratio]:
    """Heavy ball beside its limit, and a rule of three symbols."""
    found = [(f"heavy ball, order {row.order}", row.heavy_ball, row.order) for row in rows]
    for name, ours, order in (
        *found,
        ("Lessard, Recht, Packard, order 8", measure("lessard", 8), 0),
    ):
        wanted = ours.seconds / WANTED[order] if order in WANTED else None
        ratio = ours.seconds / ours.packed_limit
        yield Ratio(ratio, f"{name} / limit", duration(ours.seconds), wanted)


def flow_ratios() -> Iterator[Ratio]:
    """The verifier's flow beside heyoka's, and the same flow enclosed."""
    child = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.flows"], cwd=ROOT, stdout=PIPE, check=True
    )
    seconds: dict[str, float] = json.loads(child.stdout)
    for name, other, wanted in FLOWS:
        if other in seconds:
            ratio = seconds[name] / seconds[other]
            figures = duration(seconds[name])
            yield Ratio(ratio, f"{name} at 50 digits / {other}", figures, ratio / wanted)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.table", description=__doc__)
    parser.add_argument(
        "--orders", type=int, nargs="+", default=list(ORDERS), metavar="N", choices=range(2, 20)
    )
    parser.add_argument(
        "--patience", type=float, default=60, metavar="SECONDS", help="for a peer, an order"
    )
    parser.add_argument("--figure", type=Path, metavar="FILE", help=".svg, .pdf or .png")
    given = parser.parse_args()
    rows = measure_rows(given.orders, given.patience)
    print(table(rows, given.patience), end="\n\n")
    print(NOTE.format(baseline=measure("heavy-ball", SMALLEST_ORDER).megabytes))
    missing = [peer for peer in (*PEERS, "heyoka") if not installed(peer)]
    if missing:
        print(f"not installed: {', '.join(missing)}; get them with the extra 'bench'")
    if given.figure:
        engine_figure(rows).save(given.figure)
    print(f"\n{HEAD}")
    for ratio in (*engine_ratios(rows), *flow_ratios()):
        print(ratio)
    print()
    sys.stdout.flush()
    subprocess.run([sys.executable, "-m", "tests.benchmarks.command_costs"], cwd=ROOT, check=True)


if __name__ == "__main__":
    main()
