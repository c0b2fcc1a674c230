"""SGD with momentum on a loss split into batches: many runs at once, beside what is predicted.

The prediction closes the moments at second order: the deviation of a run from the mean path answers
linearly to the deviations of the batch gradients along that path, and their correlation in time is
that of the sampling. The mean feels the covariance through the third derivative of E, and through
the correlation of a batch with earlier ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from derive.batches.averages import SAMPLINGS, Partition, Sampling
from derive.language.stages import each
from derive.language.update_rule import BadInput
from verify.running.losses import Loss
from verify.running.numbers import FLOAT
from verify.running.tape import Program

Array = np.ndarray


@dataclass(frozen=True)
class BatchedTraining:
    """M batch losses, one start, and the parameters of v <- beta v - h grad E_k(x), x <- x + v."""

    losses: Sequence[Loss]
    start: Sequence[float]
    h: float
    beta: float
    steps: int
    sampling: str


@dataclass(frozen=True)
class Moments:
    """Mean and variance of every coordinate at the steps 0, 1, ...: arrays (steps + 1, dimension).

    Args:
        mean_error, variance_error: standard errors; 0 for a prediction.
    """

    mean: Array
    variance: Array
    mean_error: Array
    variance_error: Array


def simulate(run: BatchedTraining, *, runs: int, seed: int) -> Moments:
    """The moments over many runs, each with its own batches.

    Raises:
        BadInput: a run leaves the numbers.
    """
    random = np.random.default_rng(seed)
    gradients = [_on_arrays(loss.gradient) for loss in run.losses]
    x = np.tile(np.asarray(run.start, dtype=float)[:, None], runs)
    v = np.zeros_like(x)
    found = [_measure(x)]
    with np.errstate(all="ignore"):
        for drawn in _draws(run, runs, random):
            slope = np.empty_like(x)
            for n, gradient in enumerate(gradients):
                here = drawn == n
                slope[:, here] = gradient(*x[:, here])
            v = run.beta * v - run.h * slope
            x = x + v
            _check_finite(x, run)
            found.append(_measure(x))
    return Moments(*(np.array(column) for column in zip(*found, strict=True)))


def _measure(x: Array) -> tuple[Array, Array, Array, Array]:
    """Mean, variance and their standard errors over the runs."""
    runs = x.shape[1]
    mean = x.mean(axis=1)
    squares = (x - mean[:, None]) ** 2
    variance = squares.sum(axis=1) / (runs - 1)
    return mean, variance, np.sqrt(variance / runs), squares.std(axis=1) / np.sqrt(runs)


def _draws(run: BatchedTraining, runs: int, random: np.random.Generator) -> Iterator[Array]:
    """The batch of every run, step by step."""
    batches = len(run.losses)
    orders = np.tile(np.arange(batches), (runs, 1))
    if run.sampling == "cyclic":
        orders = random.permuted(orders, axis=1)
    for k in each(range(run.steps), run.steps, "step"):
        if run.sampling == "with-replacement":
            yield random.integers(batches, size=runs)
            continue
        if run.sampling == "reshuffled" and k % batches == 0:
            orders = random.permuted(orders, axis=1)
        yield orders[:, k % batches]


def _on_arrays(program: Program) -> Callable[..., Array]:
    constants = [FLOAT.convert(c) for c in program.constants]

    def run(*inputs: Array | float) -> Array:
        found = program.run(list(inputs), constants)
        return np.array(np.broadcast_arrays(*inputs, *found)[len(inputs) :], dtype=float)

    return run


def _check_finite(x: Array, run: BatchedTraining) -> None:
    if not np.isfinite(x).all():
        raise BadInput(
            f"with --lr {run.h:g} the iteration runs to infinity or out of where the losses are "
            "defined; take a smaller one."
        )


class _Blocks:
    """The answers to the batches of each block of a partition: (state, batch) matrices.

    A batch is in a block with the same other batches or another; the covariance of the state is the
    sum over blocks of the mean over batches of what the block has added up.
    """

    def __init__(self, partition: Partition, batches: int, size: int) -> None:
        self.partition, self.batches = partition, batches
        self.open: dict[int, Array] = {}
        self.closed = np.zeros((size, size))

    def of_step(self, k: int) -> int | None:
        """The open block of a step, by its first step."""
        return next((r for r in self.open if self.partition.together(r, k, self.batches)), None)

    def covariance(self) -> Array:
        answers = (z @ z.T / self.batches for z in self.open.values())
        return sum(answers, start=self.closed)

    def advance(self, k: int, step: Array, kicks: Array) -> None:
        """One step of the linear answer, then the kicks of step k, one column a batch."""
        self.closed = step @ self.closed @ step.T
        self.open = {r: step @ z for r, z in self.open.items()}
        first = self.of_step(k)
        self.open[k if first is None else first] = kicks + (
            0 if first is None else self.open[first]
        )
        upcoming = range(k + 1, k + 1 + self.batches)
        for r in list(self.open):
            if not any(self.partition.together(r, later, self.batches) for later in upcoming):
                done = self.open.pop(r)
                self.closed = self.closed + done @ done.T / self.batches


@np.errstate(all="ignore")
def predict(run: BatchedTraining) -> Moments:
    """The mean up to the order h, and the leading order of the variance.

    They are exact for quadratics of one Hessian, and with independent batches for all quadratics.

    Raises:
        BadInput: the mean path leaves the numbers.
    """
    sampling = SAMPLINGS[run.sampling]
    batches, size = len(run.losses), len(run.start)
    first, second, third = (
        [_on_arrays(loss.derivative(n)) for loss in run.losses] for n in range(3)
    )
    eye = np.eye(size)
    fine, coarse = (_Blocks(part, batches, 2 * size) for part in (sampling.fine, sampling.coarse))
    x, v = np.asarray(run.start, dtype=float), np.zeros(size)
    means, variances = [x], [np.zeros(size)]
    for k in range(run.steps):
        slopes = np.array([g(*x) for g in first]).T
        hessians = [np.array([h(*x, *e) for e in eye]).T for h in second]
        slope, hessian = slopes.mean(axis=1), np.mean(hessians, axis=0)
        covariance = _mixed(fine.covariance(), coarse.covariance(), batches)
        here = covariance[:size, :size]
        bend = sum(
            (
                here[i, j] * np.mean([t(*x, *eye[i], *eye[j]) for t in third], axis=0)
                for i in range(size)
                for j in range(size)
            ),
            start=np.zeros(size),
        )
        correlated = _mixed(*(_felt(b, k, hessians, hessian) for b in (fine, coarse)), batches)
        step = np.block(
            [[eye - run.h * hessian, run.beta * eye], [-run.h * hessian, run.beta * eye]]
        )
        kicks = -run.h * np.vstack([slopes - slope[:, None]] * 2)
        for blocks in (fine, coarse):
            blocks.advance(k, step, kicks)
        if _independent(sampling):
            spread = sum(((h - hessian) @ here @ (h - hessian).T for h in hessians), start=here * 0)
            extra = run.h**2 / batches * np.block([[spread, spread], [spread, spread]])
            fine.closed, coarse.closed = fine.closed + extra, coarse.closed + extra
        v = run.beta * v - run.h * (slope + bend / 2 + correlated)
        x = x + v
        _check_finite(x, run)
        means.append(x)
        after = _mixed(fine.covariance(), coarse.covariance(), batches)
        variances.append(np.diag(after)[:size])
    mean, variance = np.array(means), np.array(variances)
    return Moments(mean, variance, mean * 0, variance * 0)


def _independent(sampling: Sampling) -> bool:
    return sampling.fine is sampling.coarse


def _mixed(fine: Array, coarse: Array, batches: int) -> Array:
    """The sum weighted with rho, from those over the blocks."""
    return (batches * fine - coarse) / (batches - 1)


def _felt(blocks: _Blocks, k: int, hessians: list[Array], hessian: Array) -> Array:
    """The mean of (H_n - H) times the deviation that earlier steps of the block of k have left."""
    size = len(hessian)
    first = blocks.of_step(k)
    if first is None:
        return np.zeros(size)
    answers = blocks.open[first][:size].T
    return np.mean([(h - hessian) @ z for h, z in zip(hessians, answers, strict=True)], axis=0)
