"""A small ReLU student of a ReLU teacher, trained by momentum: many runs at once, on floats."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def forward(hidden: Array, outer: Array, x: Array) -> tuple[Array, Array]:
    """The network sum_j outer_j relu(hidden_j . x) and its active pre-activations.

    Shapes: hidden (..., m, d), outer (..., m), x (..., n, d) -> (..., n) and (..., n, m).
    """
    active = np.maximum(x @ np.swapaxes(hidden, -1, -2), 0.0)
    return np.squeeze(active @ outer[..., None], -1), active


def train_students(
    gammas: Array,
    betas: Array,
    *,
    seeds: int,
    steps: int,
    inputs: int = 4,
    width: int = 20,
    rows: int = 20,
    teachers: int = 2,
    scale: float = 0.5,
    tolerance: float = 1e-4,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Test losses after training, and whether the training loss is below the tolerance.

    Full batches and cold starts. Each seed draws a teacher, data and one start for all runs.

    Args:
        gammas, betas: of shape (runs,).
        scale: standard deviation of the student's weights at the start.
    Returns:
        Two arrays of shape (seeds, runs).
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(seeds, 1, rows, inputs))
    test = rng.normal(size=(seeds, 1, 500, inputs))
    teacher = rng.normal(size=(seeds, 1, teachers, inputs)), np.ones((seeds, 1, teachers))
    y, wanted = forward(*teacher, x)[0], forward(*teacher, test)[0]
    runs = len(gammas)
    hidden = np.repeat(scale * rng.normal(size=(seeds, 1, width, inputs)), runs, axis=1)
    outer = np.repeat(scale * rng.normal(size=(seeds, 1, width)), runs, axis=1)
    gamma, beta = gammas[None, :, None], betas[None, :, None]
    move_hidden, move_outer = hidden * 0, outer * 0
    loss = np.full((seeds, runs), np.inf)
    with np.errstate(all="ignore"):
        for k in range(steps):
            told, active = forward(hidden, outer, x)
            left = (told - y) / rows
            if k % 100 == 0:
                loss = rows * np.sum(left**2, axis=-1) / 2
                if not np.any((loss > tolerance) & (loss < 1e6)):
                    break
            slope_outer = np.squeeze(left[..., None, :] @ active, -2)
            back = left[..., None] * (active > 0) * outer[..., None, :]
            slope_hidden = np.swapaxes(back, -1, -2) @ x
            move_outer = beta * move_outer - gamma * slope_outer
            move_hidden = beta[..., None] * move_hidden - gamma[..., None] * slope_hidden
            outer, hidden = outer + move_outer, hidden + move_hidden
        told, _ = forward(hidden, outer, test)
    return np.mean((told - wanted) ** 2, axis=-1) / 2, loss <= tolerance
