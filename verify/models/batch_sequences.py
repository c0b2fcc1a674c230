"""Every equally likely sequence of batches, and averages over all of them in exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise, permutations, product
from typing import Any

from flint import fmpq

from verify.running.families import Draw, rational

Number = Any
Vector = tuple[Number, ...]
"""Rational numbers, or power series."""


def all_sequences(sampling: str, batches: int, steps: int) -> Iterator[tuple[int, ...]]:
    """The batch numbers of the first steps, each sequence as likely as any other.

    Args:
        sampling: with-replacement, reshuffled or cyclic.
        steps: for reshuffled and cyclic batches a whole number of epochs.
    """
    if sampling == "with-replacement":
        yield from product(range(batches), repeat=steps)
        return
    orders = list(permutations(range(batches)))
    epochs = steps // batches
    if sampling == "cyclic":
        yield from (order * epochs for order in orders)
        return
    for several in product(orders, repeat=epochs):
        yield tuple(chain.from_iterable(several))


@dataclass(frozen=True)
class BatchLosses:
    """The gradients and values of M batch losses at one point."""

    gradients: tuple[Vector, ...]
    losses: Vector

    @cached_property
    def mean(self) -> Vector:
        return tuple(average(column) for column in zip(*self.gradients, strict=True))

    @property
    def known(self) -> dict[str, fmpq]:
        """S = |grad E|^2, F = mean |grad E_n - grad E|^2 and V = mean |E_n - E|^2."""
        mean = average(self.losses)
        return {
            "M": fmpq(len(self.gradients)),
            "S": square(self.mean),
            "F": average([square(self.deviation(n)) for n in range(len(self.gradients))]),
            "V": average([(value - mean) ** 2 for value in self.losses]),
        }

    def deviation(self, n: int) -> Vector:
        return tuple(a - b for a, b in zip(self.gradients[n], self.mean, strict=True))

    def history(self, sequence: Sequence[int], beta: fmpq) -> list[Vector]:
        """grad G_k = beta grad G_(k-1) + grad E_k along a sequence."""
        path, last = [], (fmpq(0),) * len(self.mean)
        for n in sequence:
            last = tuple(beta * a + b for a, b in zip(last, self.gradients[n], strict=True))
            path.append(last)
        return path


def draw_batches(draw: Draw, batches: int) -> BatchLosses:
    """Random gradients in the plane, well apart, and random losses that are close: F > V."""
    gradients = [(rational(draw, 0, 1) + 2 * n, rational(draw, -2, 2)) for n in range(batches)]
    return BatchLosses(tuple(gradients), tuple(rational(draw, 0, 1) / 4 for _ in range(batches)))


def averaged(
    batches: BatchLosses,
    sampling: str,
    steps: int,
    beta: fmpq,
    of: Callable[[list[Vector]], Sequence[Number]],
) -> list[Number]:
    """The mean over all sequences of what `of` makes of the history."""
    sequences = all_sequences(sampling, len(batches.gradients), steps)
    values = [of(batches.history(sequence, beta)) for sequence in sequences]
    return [average(column) for column in zip(*values, strict=True)]


def square(vector: Vector) -> Number:
    """The squared norm of a vector."""
    return dot(vector, vector)


def dot(left: Vector, right: Vector) -> Number:
    """The inner product of two vectors."""
    return sum((a * b for a, b in zip(left, right, strict=True)), fmpq(0))


def settle(values: Sequence[Number], roots: Sequence[fmpq]) -> Number:
    """The limit of a sequence that is a constant plus multiples of the powers of these roots.

    A root repeated stands for a factor k; one value more than roots is used. Each root is removed
    by (v_(k+1) - root v_k)/(1 - root), which keeps a constant.
    """
    rest = list(values)
    for root in roots:
        rest = [(b - root * a) / (1 - root) for a, b in pairwise(rest)]
    return rest[0]


def average(values: Sequence[Number]) -> Number:
    """The mean of some numbers, exact."""
    return sum(values, fmpq(0)) / len(values)
