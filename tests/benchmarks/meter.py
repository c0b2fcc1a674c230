"""What a meter costs: networks trained alone and beside a meter at its default rate.

`.venv/bin/python -m tests.benchmarks.meter [--steps 3000]`; the shortest of three runs each.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

from verify.networks.handwritten_digits import one_thread, read_digits, squares
from verify.networks.landscapes import installed
from verify.networks.meter import Meter, watch
from verify.report.table import table

HEAD = ("network", "weights", "alone, s", "watched, s", "slower by", "readings", "one reading, ms")
Training = tuple[Any, Any, Any, tuple[Any, Any]]


def example() -> Training:
    """That of the README."""
    torch = installed("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    inputs = torch.randn(64, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    data = inputs, torch.sin(inputs.sum(1, keepdim=True))
    return model, torch.nn.functional.mse_loss, optimizer, data


def digits(name: str, hidden: int, convolutional: bool = False, **arguments: Any) -> Training:
    """A small network on handwritten digits."""
    found = read_digits(0, 400, hidden, convolutional=convolutional)
    optimizer = getattr(installed("torch").optim, name)(found.model.parameters(), **arguments)
    return found.model, squares, optimizer, (found.inputs, found.targets)


TRAININGS: dict[str, Callable[[], Training]] = {
    "README": example,
    "digits": lambda: digits("SGD", 24, lr=0.05, momentum=0.5),
    "digits, AdamW": lambda: digits("AdamW", 24),
    "convolutional": lambda: digits("SGD", 24, True, lr=0.02, momentum=0.5),
    "digits, wide": lambda: digits("SGD", 1300, lr=0.01, momentum=0.5),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    steps = parser.parse_args().steps
    with one_thread():
        print(table([HEAD, *(row(name, steps) for name in TRAININGS)], "lrrrrrr"))


def row(name: str, steps: int) -> tuple[str, ...]:
    """What there is to say of a training."""
    runs = [(run(name, steps, False), run(name, steps, True)) for _ in range(3)]
    alone, watched = (min(found[i][0] for found in runs) for i in (0, 1))
    meter = runs[-1][1][1]
    size = meter.landscape.point().size
    one = 1000 * meter.spent / len(meter.readings)
    share = f"{watched / alone - 1:.0%}"
    figures = f"{alone:.2f}", f"{watched:.2f}", share, str(len(meter.readings)), f"{one:.1f}"
    return (name, str(size), *figures)


def run(name: str, steps: int, watched: bool) -> tuple[float, Meter]:
    """The seconds of a training, and its meter."""
    model, loss, optimizer, (inputs, targets) = TRAININGS[name]()
    meter = watch(model, loss, optimizer, (inputs, targets))
    begun = time.perf_counter()
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        optimizer.step()
        if watched:
            meter.step()
    return time.perf_counter() - begun, meter


if __name__ == "__main__":
    main()
