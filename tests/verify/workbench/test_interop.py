"""Our declarations against the optimizers that people run: torch.optim.SGD and optax.sgd.

Ours runs on numpy with a gradient written by hand, and on the arrays and gradients of the other
library.
"""

from itertools import product
from typing import Any

import numpy as np
import pytest

from derive.language.update_rule import BadInput, Optimizer
from derive.optimizers import gradient_descent, heavy_ball, nesterov_extrapolated, torch_sgd
from tests.verify.workbench.tanh_network import (
    DIGITS,
    INPUTS,
    START,
    STEPS,
    TARGETS,
    Gradient,
    H,
    difference,
    least_squares,
    numpy_gradient,
    ours,
)

FLAGS = [
    {"momentum": momentum, "dampening": dampening, "nesterov": nesterov}
    for momentum, dampening, nesterov in product((0.0, 0.9), (0.0, 0.3), (False, True))
]
VALID = [f for f in FLAGS if not f["nesterov"] or (f["momentum"] > 0 and f["dampening"] == 0)]
INVALID = [f for f in FLAGS if f not in VALID]


def flags_id(flags: dict[str, Any]) -> str:
    return ",".join(f"{name}={value}" for name, value in flags.items())


class Torch:
    def __init__(self, torch: Any) -> None:
        self.torch = torch
        self.start = torch.tensor(START)
        inputs, targets = torch.tensor(INPUTS), torch.tensor(TARGETS)
        self.loss = lambda x: least_squares(x, inputs, targets, torch.tanh)
        self.gradient: Gradient = torch.func.grad(self.loss)

    def path(self, flags: dict[str, Any]) -> np.ndarray:
        x = self.torch.nn.Parameter(self.start.clone())
        sgd = self.torch.optim.SGD([x], lr=H, **flags)
        path = [START]
        for _ in range(STEPS):
            sgd.zero_grad()
            self.loss(x).backward()
            sgd.step()
            path.append(x.detach().numpy().copy())
        return np.array(path)


class Optax:
    def __init__(self, jax: Any, optax: Any) -> None:
        self.optax = optax
        self.start = jax.numpy.array(START)
        inputs, targets = jax.numpy.array(INPUTS), jax.numpy.array(TARGETS)
        self.gradient: Gradient = jax.jit(
            jax.grad(lambda x: least_squares(x, inputs, targets, jax.numpy.tanh))
        )

    def path(self, momentum: float | None, nesterov: bool) -> np.ndarray:
        sgd = self.optax.sgd(H, momentum=momentum, nesterov=nesterov)
        x, path = self.start, [START]
        state = sgd.init(x)
        for _ in range(STEPS):
            updates, state = sgd.update(self.gradient(x), state, x)
            x = self.optax.apply_updates(x, updates)
            path.append(np.asarray(x))
        return np.array(path)


@pytest.fixture(scope="module")
def torch() -> Torch:
    reason = "PyTorch is not installed; get it with the extra 'torch'"
    return Torch(pytest.importorskip("torch", reason=reason))


@pytest.fixture(scope="module")
def optax():
    reason = "JAX and Optax are not installed; get them with the extra 'jax'"
    jax = pytest.importorskip("jax", reason=reason)
    optax = pytest.importorskip("optax", reason=reason)
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield Optax(jax, optax)
    jax.config.update("jax_enable_x64", before)


@pytest.mark.parametrize("flags", VALID, ids=flags_id)
def test_torch_sgd_follows_pytorch(flags: dict[str, Any], torch: Torch):
    path = torch.path(flags)
    assert difference(ours(torch_sgd, START, numpy_gradient, flags), path) < DIGITS
    assert difference(ours(torch_sgd, torch.start, torch.gradient, flags), path) < DIGITS


def test_a_first_buffer_of_zero_would_not_follow_pytorch(torch: Torch):
    flags = {"momentum": 0.9, "dampening": 0.3, "nesterov": False}
    path = ours(torch_sgd, START, numpy_gradient, flags, memory=(START * 0,))
    assert difference(path, torch.path(flags)) > 1e-3


@pytest.mark.parametrize("flags", INVALID, ids=flags_id)
def test_torch_sgd_refuses_the_flags_that_pytorch_refuses(flags: dict[str, Any], torch: Torch):
    with pytest.raises(ValueError, match=r"[Nn]esterov"):
        torch.path(flags)
    with pytest.raises(BadInput, match="nesterov"):
        ours(torch_sgd, START, numpy_gradient, flags)


@pytest.mark.parametrize(
    ("rule", "parameters", "momentum", "nesterov"),
    [
        (torch_sgd, {"momentum": 0.0, "dampening": 0.0, "nesterov": False}, None, False),
        (torch_sgd, {"momentum": 0.9, "dampening": 0.0, "nesterov": False}, 0.9, False),
        (torch_sgd, {"momentum": 0.9, "dampening": 0.0, "nesterov": True}, 0.9, True),
        (gradient_descent, {}, None, False),
        (gradient_descent, {}, None, True),
        (heavy_ball, {"beta": 0.9}, 0.9, False),
        (nesterov_extrapolated, {"beta": 0.9}, 0.9, True),
    ],
    ids=lambda value: flags_id(value) if isinstance(value, dict) else str(value),
)
def test_optax_sgd_is_torch_sgd_undamped_heavy_ball_and_nesterov_extrapolated(
    rule: Optimizer,
    parameters: dict[str, Any],
    momentum: float | None,
    nesterov: bool,
    optax: Optax,
):
    path = optax.path(momentum, nesterov)
    assert difference(ours(rule, START, numpy_gradient, parameters), path) < DIGITS
    assert difference(ours(rule, optax.start, optax.gradient, parameters), path) < DIGITS
