"""Full-batch least squares of a small two-layer tanh network, for our rules and for libraries.

The parameters are one vector; the gradient for numpy is written by hand.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from derive.language.update_rule import Optimizer

H, STEPS, DIGITS = 0.1, 200, 1e-12
RANDOM = np.random.default_rng(20)
INPUTS = RANDOM.standard_normal((3, 16))
TARGETS = np.sin(INPUTS.sum(axis=0, keepdims=True))
START = RANDOM.standard_normal(26)

Gradient = Callable[[Any], Any]


def layers(x: Any) -> tuple[Any, Any, Any, Any]:
    return x[:15].reshape(5, 3), x[15:20].reshape(5, 1), x[20:25].reshape(1, 5), x[25]


def least_squares(x: Any, inputs: Any, targets: Any, tanh: Callable[[Any], Any]) -> Any:
    first, bias, second, shift = layers(x)
    return ((second @ tanh(first @ inputs + bias) + shift - targets) ** 2).mean() / 2


def numpy_gradient(x: np.ndarray) -> np.ndarray:
    first, bias, second, shift = layers(x)
    hidden = np.tanh(first @ INPUTS + bias)
    output = (second @ hidden + shift - TARGETS) / TARGETS.size
    back = (second.T @ output) * (1 - hidden**2)
    parts = back @ INPUTS.T, back.sum(axis=1), output @ hidden.T, output.sum()
    return np.concatenate([np.ravel(part) for part in parts])


def ours(
    rule: Optimizer,
    x: Any,
    gradient: Any,
    parameters: dict[str, Any],
    *,
    memory: Any = None,
    h: float = H,
    steps: int = STEPS,
) -> np.ndarray:
    """The iterates of a declared rule; gradient is a tuple where the rule has several fields."""
    if memory is None:
        memory = rule.start(x, gradient, h, parameters)
    path = [np.asarray(x)]
    for k in range(steps):
        asked = {name: {"k": k, "t": k * h}[name] for name in rule.keywords}
        x, memory = rule.step(x, memory, gradient, h, parameters | asked)
        path.append(np.asarray(x))
    return np.array(path)


def difference(path: np.ndarray, other: np.ndarray) -> float:
    """The largest relative difference of two trajectories in double precision."""
    assert path.dtype == other.dtype == np.float64
    assert path.shape == other.shape
    distances = np.linalg.norm(path - other, axis=1) / np.linalg.norm(other, axis=1)
    return float(distances.max())
