"""The frameworks, where they are installed."""

from typing import Any

import pytest


@pytest.fixture
def torch() -> Any:
    torch = pytest.importorskip("torch", reason="get PyTorch with the extra 'torch'")
    torch.set_num_threads(1)
    return torch


@pytest.fixture
def optax() -> Any:
    return pytest.importorskip("optax", reason="get JAX and optax with the extra 'jax'")
