"""The trainings behind the experiments: each gives figures for one seed.

Step sizes, levels and times were chosen on seeds 100 and 101; seeds 0, 1, ... decide. A scale below
1 leaves that share of the steps.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any

import numpy as np

from verify.networks.experiments import Run
from verify.networks.following import follow
from verify.networks.handwritten_digits import Digits, one_thread, read_digits, squares, steps_until

Figures = Mapping[str, float]
IMAGES, HIDDEN = 400, 24
FEW = 40
"""Images that a network learns by heart."""


def _alone(run: Run) -> Run:
    @wraps(run)
    def quiet(seed: int, scale: float) -> Figures:
        with one_thread():
            return run(seed, scale)

    return quiet


def _steps(full: float, scale: float) -> int:
    return max(20, round(full * scale))


def _take(training: Iterator[int], steps: int) -> None:
    for _ in range(steps):
        next(training)


def _trained(seed: int, lr: float, beta: float, steps: int) -> Digits:
    found = read_digits(seed, IMAGES, HIDDEN)
    _take(found.train(lr, beta), steps)
    return found


def _random(seed: int) -> Any:
    import torch  # noqa: PLC0415 (of an extra)

    return torch.Generator().manual_seed(seed)


def equal_rate(
    rate: float, level: float, *, convolutional: bool = False, batch: int | None = None
) -> Run:
    """Curvature and accuracy with and without momentum, at one effective learning rate.

    Args:
        rate: h/(1-beta).
        level: of the loss on all training images, at which a training ends: so nobody is flatter
            for being late. At most 20,000 steps.
        batch: the images of a step, the same ones for every beta.
    """

    @_alone
    def run(seed: int, scale: float) -> Figures:
        found: dict[str, float] = {}
        for beta in (0.0, 0.5, 0.9):
            digits = read_digits(seed, IMAGES, HIDDEN, convolutional=convolutional)
            training = digits.train(rate * (1 - beta), beta, batch=batch, draw=_random(seed))
            there = lambda d=digits: d.loss < level  # noqa: E731
            found |= {
                f"steps at {beta}": steps_until(training, there, most=_steps(20000, scale)),
                f"curvature at {beta}": digits.curvature,
                f"accuracy at {beta}": digits.accuracy,
            }
        ratio = found["curvature at 0.9"] / found["curvature at 0.0"]
        gain = found["accuracy at 0.9"] - found["accuracy at 0.0"]
        return found | {"log of the ratio of curvatures": math.log(ratio), "gain in accuracy": gain}

    return run


@_alone
def best(seed: int, scale: float) -> Figures:
    """The best accuracy of gradient descent over h, and of heavy ball over beta at h = 0.1."""
    steps = _steps(2000, scale)
    found = {f"accuracy at h {h}": _trained(seed, h, 0, steps).accuracy for h in (0.1, 0.2, 0.4)}
    plain = max(found.values())
    beside = {f"accuracy at {b}": _trained(seed, 0.1, b, steps).accuracy for b in (0.5, 0.8, 0.9)}
    return found | beside | {"gain of the best": max(beside.values()) - plain}


@_alone
def edge(seed: int, scale: float) -> Figures:
    """Full-batch training at the edge of stability: h times the top curvature over 2(1+beta)."""
    h, found = 0.4, {}
    for beta in (0.0, 0.5, 0.9):
        digits = read_digits(seed, IMAGES, HIDDEN)
        training = digits.train(h, beta)
        _take(training, _steps(2500, scale))
        curvatures = []
        for _ in range(_steps(600, scale) // 20):
            _take(training, 20)
            curvatures.append(digits.curvature)
        found[f"h curvature / 2(1+beta) at {beta}"] = (
            h * float(np.mean(curvatures)) / 2 / (1 + beta)
        )
    return found | {"furthest from 1": max(abs(v - 1) for v in found.values())}


@_alone
def stability(seed: int, scale: float) -> Figures:
    """The step at which a network that fits its images leaves them after a push, by bisection."""
    digits = _by_heart(seed, scale)
    top, found = digits.curvature, {}
    for beta in (0.0, 0.5, 0.9):
        low, high = 0.5, 2.0
        while high / low > 1.01:
            middle = math.sqrt(low * high)
            h = middle * 2 * (1 + beta) / top
            low, high = (low, middle) if _leaves(digits, seed, h, beta) else (middle, high)
        found[f"h curvature / 2(1+beta) at {beta}"] = math.sqrt(low * high)
    return found | {"furthest from 1": max(abs(v - 1) for v in found.values())}


def _by_heart(seed: int, scale: float) -> Digits:
    digits = read_digits(seed, FEW, HIDDEN)
    _take(digits.train(0.2, 0.9), _steps(3000, scale))
    return digits


def _leaves(digits: Digits, seed: int, h: float, beta: float) -> bool:
    """Whether a small random push of the weights grows: the loss to a thousandfold in 400 steps.

    At rest the slowest root's share is up to (1+beta)/(1-beta) of the push, so that a stable
    momentum of 0.9 makes it 19 and the loss 361 times as large.
    """
    import torch  # noqa: PLC0415 (of an extra)

    pushed, draw = copy.deepcopy(digits), _random(seed)
    with torch.no_grad():
        for p in pushed.model.parameters():
            p.add_(torch.randn(p.shape, generator=draw), alpha=3e-4)
    far = 1000 * pushed.loss
    gone = lambda: not pushed.loss < far  # noqa: E731
    return steps_until(pushed.train(h, beta), gone, most=400, every=5) < 400


@_alone
def explicit(seed: int, scale: float) -> Figures:
    """How much nearer heavy ball is to the flow of the modified loss than to gradient flow."""
    import torch  # noqa: PLC0415 (of an extra)

    digits = read_digits(seed, 200, 8)
    optimizer = torch.optim.SGD(digits.model.parameters(), lr=0.02, momentum=0.5)
    data = digits.inputs, digits.targets
    found = follow(digits.model, squares, optimizer, data, steps=_steps(100, scale), halvings=1)
    plain, _, shifted = (errors[0] for errors in found.parameters.values())
    return {"distance beside that to gradient flow": shifted / plain, "gradient flow": plain}


@_alone
def drift(seed: int, scale: float) -> Figures:
    """The exponent of 1-beta in the steps that label noise needs to flatten an interpolator."""
    taken: dict[float, int] = {}
    for beta in (0.0, 0.5, 0.75, 0.875):
        digits = _by_heart(seed, scale)
        goal = 0.9 * trace_of_hessian(digits)
        training = digits.train(0.02, beta, noise=0.5, draw=_random(seed))
        flatter = lambda d=digits, g=goal: trace_of_hessian(d) < g  # noqa: E731
        taken[beta] = steps_until(training, flatter, most=_steps(60000, scale))
    logs = [math.log(1 - beta) for beta in taken]
    slope = np.polyfit(logs, [math.log(k) for k in taken.values()], 1)[0]
    return {f"steps at {b}": float(k) for b, k in taken.items()} | {"exponent": float(slope)}


def trace_of_hessian(digits: Digits) -> float:
    """The trace of the Hessian at an interpolator, the mean squared norm of its Jacobian, from the
    closed form for one hidden layer."""
    import torch  # noqa: PLC0415 (of an extra)

    first, _, second = digits.model
    with torch.no_grad():
        hidden = torch.tanh(first(digits.inputs))
        inner = 1 + (digits.inputs**2).sum(1)
        outer = (1 + (hidden**2).sum(1)) * second.out_features
        through = ((1 - hidden**2) ** 2) @ (second.weight**2).sum(0)
        return float((outer + inner * through).mean())


@_alone
def level_lines(seed: int, scale: float) -> Figures:
    """How far logs of test errors at one time spread along lines of equal h/(1-beta)^2, beside the
    spread across those lines, and beside that along lines of equal h/(1-beta).
    """
    time = 100
    found = {
        (line, width): math.log(
            _trained(seed, line * width**2, 1 - width, _steps(time / line / width, scale)).test_loss
        )
        for line in (1, 2, 4, 8)
        for width in (0.2, 0.1, 0.05)
    }
    lines = gathered(found, lambda line, _: line)
    along = spread_within(lines)
    rates = spread_within(gathered(found, lambda line, width: line * width))
    across = float(np.std([np.mean(values) for values in lines], ddof=1))
    return {
        "spread along beside across": along / across,
        "log of the spread beside that at equal h/(1-beta)": math.log(along / rates),
    }


def gathered(
    cells: Mapping[tuple[int, float], float], key: Callable[[int, float], float]
) -> list[Sequence[float]]:
    """The values of cells with one key, where there are several."""
    groups: dict[float, list[float]] = {}
    for cell, value in cells.items():
        groups.setdefault(key(*cell), []).append(value)
    return [values for values in groups.values() if len(values) > 1]


def spread_within(groups: list[Sequence[float]]) -> float:
    """The root of the mean variance within the groups."""
    return math.sqrt(np.mean([np.var(values, ddof=1) for values in groups]))
