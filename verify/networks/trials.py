"""The deep-network statements of Ghosh et al. 2023, Cowsik et al. 2022 and Papazov et al. 2024."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from verify.networks.digits import Digits, read_digits, squares, steps_until
from verify.networks.experiments import Experiment
from verify.networks.following import follow


def _steps(full: float, scale: float) -> int:
    return max(20, round(full * scale))


def _trained(seed: int, lr: float, beta: float, steps: int) -> Digits:
    found = read_digits(seed, 400, 24)
    training = found.train(lr, beta)
    for _ in range(steps):
        next(training)
    return found


def flatness(seed: int, scale: float) -> Mapping[str, float]:
    """Curvature and accuracy at one effective learning rate, with momentum and without."""
    rate, found = 0.1, {}
    for beta in (0.0, 0.9):
        steps = _steps(3000, scale)
        trained = _trained(seed, rate * (1 - beta), beta, steps)
        found[f"curvature at {beta}"] = trained.curvature
        found[f"accuracy at {beta}"] = trained.accuracy
    ratio = found["curvature at 0.9"] / found["curvature at 0.0"]
    gain = found["accuracy at 0.9"] - found["accuracy at 0.0"]
    return found | {"log of the ratio of curvatures": math.log(ratio), "gain in accuracy": gain}


def edge(seed: int, scale: float) -> Mapping[str, float]:
    """Full-batch training at the edge of stability: h times the top curvature beside 2(1+beta)."""
    found = {}
    for lr, beta in ((0.5, 0.0), (0.3, 0.5), (0.2, 0.9)):
        trained = _trained(seed, lr, beta, _steps(2500, scale))
        found[f"h curvature / 2(1+beta) at {beta}"] = lr * trained.curvature / (2 * (1 + beta))
    return found | {"mean of h curvature / 2(1+beta)": float(np.mean(list(found.values())))}


def explicit(seed: int, scale: float) -> Mapping[str, float]:
    """How much nearer heavy ball is to the flow of the modified loss than to gradient flow."""
    import torch  # noqa: PLC0415 (of an extra)

    digits = read_digits(seed, 200, 8)
    optimizer = torch.optim.SGD(digits.model.parameters(), lr=0.02, momentum=0.5)
    data = digits.inputs, digits.targets
    steps = _steps(100, scale)
    found = follow(digits.model, squares, optimizer, data, steps=steps, halvings=2)
    plain, _, shifted = (errors[0] for errors in found.parameters.values())
    return {"distance beside that to gradient flow": shifted / plain, "gradient flow": plain}


def drift(seed: int, scale: float) -> Mapping[str, float]:
    """The exponent of 1 - beta in the steps that label noise needs to flatten an interpolator."""
    images, rate = 40, 0.05
    taken = {}
    for beta in (0.0, 0.5, 0.75):
        digits = read_digits(seed, images, 24)
        settle = digits.train(0.2, 0.9)
        for _ in range(_steps(1500, scale)):
            next(settle)
        begin = _trace(digits)
        import torch  # noqa: PLC0415 (of an extra)

        draw = torch.Generator().manual_seed(seed)
        training = digits.train(rate, beta, draw=draw, noise=0.5)
        most = _steps(20000, scale)
        flatter = lambda d=digits, t=0.9 * begin: _trace(d) < t  # noqa: E731
        taken[beta] = steps_until(training, flatter, most=most, every=2)
    logs = [math.log(1 - beta) for beta in taken]
    slope = np.polyfit(logs, [math.log(k) for k in taken.values()], 1)[0]
    return {f"steps at {b}": float(k) for b, k in taken.items()} | {"exponent": float(slope)}


def _trace(digits: Digits) -> float:
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


def level_lines(seed: int, scale: float) -> Mapping[str, float]:
    """The spread of final test errors along a line of equal h/(1-beta)^2, beside that across."""

    def error(lr: float, beta: float) -> float:
        steps = _steps(800 * 0.4 * (1 - beta) / lr, scale)
        return _trained(seed, lr, beta, steps).test_loss

    momenta = (0.3, 0.5, 0.7)
    lines = {v: [error(v * (1 - b) ** 2, b) for b in momenta] for v in (0.1, 0.4, 0.8)}
    within = np.mean([np.std(found) for found in lines.values()])
    across = np.std([np.mean(found) for found in lines.values()])
    return {"spread along beside across": float(within / across)}


GHOSH = "Ghosh et al. 2023"
EXPERIMENTS: Mapping[str, Experiment] = {
    e.name: e
    for e in (
        Experiment(
            "flatness",
            "At equal effective learning rate momentum 0.9 ends at smaller curvature than 0.",
            f"{GHOSH}, section 6, figures 2 to 4",
            "log of the ratio of curvatures",
            (-math.inf, 0.0),
            "the interval of the mean lies above 0",
            flatness,
        ),
        Experiment(
            "accuracy",
            "At equal effective learning rate momentum 0.9 reads more test images than 0.",
            f"{GHOSH}, section 6, table 1",
            "gain in accuracy",
            (0.0, math.inf),
            "the interval of the mean lies below 0",
            flatness,
        ),
        Experiment(
            "edge",
            "Full-batch heavy ball settles where h times the top curvature is 2(1+beta).",
            f"{GHOSH}, section 6; Cohen et al. 2021",
            "mean of h curvature / 2(1+beta)",
            (0.9, 1.1),
            "the interval of the mean lies outside 0.9 to 1.1",
            edge,
        ),
        Experiment(
            "explicit",
            "Heavy ball is nearer to the flow of E + h(1+beta)/(4(1-beta)^2) |grad E|^2 from its "
            "shifted start than to gradient flow.",
            f"{GHOSH}, theorem 4.1",
            "distance beside that to gradient flow",
            (-math.inf, 1.0),
            "the interval of the mean ratio lies above 1",
            explicit,
        ),
        Experiment(
            "drift",
            "At fixed h the steps that label noise needs to flatten go as (1-beta)^2.",
            "Cowsik et al. 2022, section 4",
            "exponent",
            (1.5, 2.5),
            "the interval of the mean exponent lies outside 1.5 to 2.5",
            drift,
        ),
        Experiment(
            "level-lines",
            "What is learnt depends on h and beta through h/(1-beta)^2.",
            "Papazov et al. 2024, figure 4",
            "spread along beside across",
            (-math.inf, 0.5),
            "the interval of the mean lies above 0.5",
            level_lines,
        ),
    )
}
