"""What is measured, by us and by other packages, each time in a process of its own.

The clock is processor time; it covers building the trees and the derivation, and leaves out the
start of Python and the imports. The memory is the peak of the whole process.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import process_time
from typing import Any, TypeVar

import sympy

from derive.engine.backward_error import slow_motion
from derive.engine.bseries import BSeries
from derive.engine.linear_memory import linear_method
from derive.engine.many_steps import solve
from derive.language.trees import tree, trees_of_order, trees_up_to
from derive.language.update_rule import Optimizer
from derive.optimizers import gradient_descent, heavy_ball, lessard

ROOT = Path(__file__).parents[2]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Measurement:
    """One derivation to one order."""

    seconds: float
    megabytes: float
    trees: int = 0
    edges: int = 0
    """Pairs of a tree and an edge; `cuts` counts equal pairs of one tree once."""
    cuts: int = 0
    ring_operation: float = 0
    """Seconds of one multiplication and one addition of coefficients of that order, polynomials."""
    packed_operation: float = 0
    """The same of packed coefficients."""
    steps: int = 0

    @property
    def limit(self) -> float:
        """Seconds of one ring operation for every different pair of a tree and an edge."""
        return self.cuts * self.ring_operation

    @property
    def packed_limit(self) -> float:
        """Seconds of one term of the flow for every tree and step."""
        return self.trees * self.steps * self.packed_operation


def derivation(optimizer: Optimizer) -> Callable[[int], Callable[[], BSeries]]:
    """Our own derivation, past the cache of results, every coefficient read."""

    def derive(order: int) -> BSeries:
        flow = slow_motion.__wrapped__(optimizer, order).modified_flow
        return replace(flow, coefficients=dict(flow.items()))

    return lambda order: lambda: derive(order)


def kauri_euler(order: int) -> Callable[[], dict[str, Fraction]]:
    """kauri's logarithm phi * e^(-1) with the antipode of substitution, over exact fractions."""
    kauri: Any = import_module("kauri")

    def run() -> dict[str, Fraction]:
        exact = kauri.Map(lambda t: Fraction(1, t.factorial()))
        euler = kauri.Map(lambda t: Fraction(int(t.nodes() <= 1)))
        field = euler ^ (exact & kauri.cem.antipode)
        return {
            repr(t): field(t) for nodes in range(1, order + 1) for t in kauri.trees_of_order(nodes)
        }

    return run


def bseries_euler(order: int) -> Callable[[], dict[str, Fraction]]:
    """The recursion in `modified_equation` of BSeries, without the elementary differentials."""
    bs: Any = import_module("BSeries.bs")
    trees: Any = import_module("BSeries.trees")

    def run() -> dict[str, Fraction]:
        field: dict[Any, Any] = {}
        for nodes in range(1, order + 1):
            for t in trees.all_trees(nodes):
                field[t] = 0
                field[t] = sympy.Integer(nodes == 1) - bs.subs(
                    field.__getitem__, lambda s: sympy.Rational(1, trees.gamma(s)), t
                )
        return {str(t._nl): Fraction(int(b.p), int(b.q)) for t, b in field.items()}

    return run


RULES = {"heavy-ball": heavy_ball, "lessard": lessard, "euler": gradient_descent}
OURS = {name: derivation(rule) for name, rule in RULES.items()}
PEERS = {"kauri": kauri_euler, "BSeries": bseries_euler}
"""Their modified equation of explicit Euler, checked against ours tree by tree."""


def installed(peer: str) -> bool:
    return find_spec(peer) is not None


def measure(work: str, order: int, *, patience: float | None = None) -> Measurement:
    """Run this work in a new process.

    Raises:
        subprocess.TimeoutExpired: it took more than `patience` seconds.
    """
    # A process counts as its own the memory that its parent holds when it starts, so that whoever
    # calls this for the memory must not hold more than the imports above.
    child = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.workloads", work, str(order)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        timeout=patience,
    )
    return Measurement(**json.loads(child.stdout))


def _measure_here(work: str, order: int) -> Measurement:
    if work in PEERS:
        theirs, measured = _timed(PEERS[work](order))
        _check(theirs, order)
        return measured
    flow, measured = _timed(OURS[work](order))
    known = list(trees_up_to(order))
    return replace(
        measured,
        trees=len(known),
        edges=sum(t.order - 1 for t in known),
        cuts=sum(len(t.cuts) for t in known),
        ring_operation=_ring_operation(flow, order),
        packed_operation=_packed_operation(RULES[work], order),
        steps=order,
    )


def _timed(run: Callable[[], Result]) -> tuple[Result, Measurement]:
    begin = process_time()
    result = run()
    seconds = process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return result, Measurement(seconds, peak / (2**20 if sys.platform == "darwin" else 2**10))


def _check(theirs: dict[str, Fraction], order: int) -> None:
    flow = slow_motion(gradient_descent, order).modified_flow
    known = {tree(text): b for text, b in theirs.items()}
    assert known.keys() == flow.coefficients.keys()
    assert all(flow[t] == b for t, b in known.items())


def _ring_operation(flow: BSeries, order: int) -> float:
    """The mean over random pairs of a tree of this order and an edge, the best of five tries."""
    draw = random.Random(0)
    chosen = draw.choices(trees_of_order(order), k=2000)
    return _of_products(
        [tuple(flow[part].numerator for part in (*draw.choice(t.cuts)[:2], t)) for t in chosen]
    )


def _packed_operation(optimizer: Optimizer, order: int) -> float:
    """The mean over random trees of this order."""
    found = solve(linear_method(optimizer), order, 1)
    draw, trees = random.Random(0), trees_of_order(order)
    return _of_products(
        [tuple(found.flow[t] for t in draw.choices(trees, k=3)) for _ in range(2000)]
    )


def _of_products(operands: list[tuple[Any, ...]]) -> float:
    """Seconds of x y + z, the best of five tries."""

    def once() -> float:
        begin = process_time()
        for upper, rest, whole in operands:
            upper * rest + whole  # pyright: ignore[reportUnusedExpression]
        return process_time() - begin

    return min(once() for _ in range(5)) / len(operands)


if __name__ == "__main__":
    print(json.dumps(asdict(_measure_here(sys.argv[1], int(sys.argv[2])))))
