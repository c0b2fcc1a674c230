"""A row for each rule beyond linear memory: what is slow, terms, seconds, observed orders.

`.venv/bin/python -m tests.benchmarks.rules [--order 2] [NAME ...]`; a refusal says why.
"""

from __future__ import annotations

import argparse
import random
import time

from derive.engine.components import factored_terms
from derive.engine.invariant_manifold import SlowManifold, general_flow
from derive.language.bad_input import BadInput
from derive.optimizers import NONLINEAR, find_optimizer
from verify.report.table import table
from verify.running.points import samples
from verify.running.slopes import Slopes, slopes
from verify.workbench.general_claims import random_land, random_start

HEAD = ("rule", "slow", "fast", "terms at h^0, h, ...", "seconds", "orders seen", "1 % off")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(NONLINEAR))
    parser.add_argument("--order", type=int, default=2)
    asked = parser.parse_args()
    print(table([HEAD, *(row(name, asked.order) for name in asked.names)], "lllllll"))


def row(name: str, order: int) -> tuple[str, ...]:
    """What there is to say of a rule."""
    rule = find_optimizer(name)
    general_flow.cache_clear()
    begun = time.process_time()
    try:
        flow = general_flow(rule, order=order)
    except BadInput as error:
        return (name, "refused", "", str(error)[:60], "", "", "")
    seconds = time.process_time() - begun
    found = seen(flow)
    orders = ", ".join(str(found.observed(n)) for n in found.errors)
    controls = ", ".join(str(found.control(n)) for n in found.controls)
    return (
        name,
        ", ".join(flow.slow),
        ", ".join(flow.fast),
        ", ".join(str(terms(flow, n)) for n in range(order)),
        f"{seconds:.2f}",
        orders,
        controls,
    )


def terms(flow: SlowManifold, n: int) -> int:
    """How many terms stand beside h^n, in all slow variables."""
    return sum(len(factored_terms(row[n])) for row in flow.flow.values())


def seen(flow: SlowManifold) -> Slopes:
    """The slope test at sample parameters on a random polynomial."""
    draw = random.Random(0)
    land = random_land(flow.optimizer, draw)
    return slopes(flow, land, random_start(flow, land, draw), samples(flow.optimizer)[0])


if __name__ == "__main__":
    main()
