"""Networks with a linear output in U and in V: exact Hessians and label noise at random minimizers.

Nothing is derived here: gradients and Hessians come from differentiating the loss, the covariance
from all labels of +-1.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import sympy
from flint import arb, fmpq, fmpq_mat

from verify.running.families import Draw
from verify.running.losses import Loss
from verify.running.numbers import RATIONAL

Matrix = list[list[Any]]


def times(a: Sequence[Sequence[Any]], b: Sequence[Sequence[Any]]) -> Matrix:
    """The matrix product, on any number type."""
    return [
        [
            sum((x * y for x, y in zip(row, column, strict=True)), 0)
            for column in zip(*b, strict=True)
        ]
        for row in a
    ]


def squared(a: Sequence[Sequence[Any]]) -> Any:
    """The squared Frobenius norm."""
    return sum((x * x for row in a for x in row), a[0][0] * 0)


def random_matrix(draw: Draw, rows: int, columns: int) -> Matrix:
    """A matrix of random quarters in [-3/2, 3/2]."""
    return [[fmpq(draw.randint(-6, 6), 4) for _ in range(columns)] for _ in range(rows)]


class Fitted(ABC):
    """A loss scale/(2 samples) times a sum of squares, at weights that fit the labels exactly."""

    scale: int
    weights: list[fmpq]
    samples: int

    @abstractmethod
    def predictions(self, weights: Sequence[Any]) -> list[Any]:
        """One number a label."""

    @cached_property
    def labels(self) -> list[fmpq]:
        """What the weights predict."""
        return self.predictions(self.weights)

    @cached_property
    def loss(self) -> Loss:
        """The loss as a function of the weights and, behind them, of the labels."""
        size = len(self.weights)

        def value(both: Sequence[Any]) -> Any:
            predicted = self.predictions(both[:size])
            errors = [f - y for f, y in zip(predicted, both[size:], strict=True)]
            return sum((e * e for e in errors), both[0] * 0) * self.scale / (2 * self.samples)

        return Loss(size + len(self.labels), value, type(self).__name__)

    def _off(self, noise: Sequence[fmpq | int]) -> list[fmpq]:
        """The weights, and the labels off by this."""
        return [*self.weights, *(y + n for y, n in zip(self.labels, noise, strict=True))]

    @cached_property
    def hessian(self) -> fmpq_mat:
        """Where every label is met."""
        return self.hessian_off([fmpq(0)] * len(self.labels))

    def hessian_off(self, noise: Sequence[fmpq]) -> fmpq_mat:
        """Where the labels are off by this."""
        second, place = self.loss.derivative(1), self._off(noise)
        size = len(self.weights)
        unit = [[fmpq(i == j) for j in range(len(place))] for i in range(size)]
        return fmpq_mat([second.at([*place, *row], RATIONAL)[:size] for row in unit])

    @cached_property
    def noise_covariance(self) -> fmpq_mat:
        """The covariance of the gradient under labels off by +-1: the mean of the gradient times
        itself where all labels are met, and the same elsewhere."""
        size = len(self.weights)
        signs = list(product((1, -1), repeat=len(self.labels)))
        total = fmpq_mat(size, size)
        for sign in signs:
            slopes = self.loss.gradient.at(self._off(sign), RATIONAL)[:size]
            gradient = fmpq_mat([[slope] for slope in slopes])
            total += gradient * gradient.transpose()
        return total * fmpq(1, len(signs))


@dataclass(frozen=True)
class LayerSizes:
    """Rows of U, width, columns of V."""

    outputs: int
    width: int
    inputs: int


class TwoLayers(Fitted):
    """The UV model f(x) = U V x/sqrt(n), n a square so that all stays rational."""

    def __init__(self, weights: list[fmpq], data: Matrix, scale: int, shape: LayerSizes) -> None:
        self.weights, self.data, self.scale, self.shape = weights, data, scale, shape
        self.samples, self.root = len(data), math.isqrt(shape.width)

    @classmethod
    def random(cls, draw: Draw, *, vector: bool = False) -> TwoLayers:
        """Any numbers of outputs, neurons, inputs and samples; the vector model has one of each
        but neurons and samples, and U V = 0."""
        shape = LayerSizes(draw.randint(1, 2), draw.randint(1, 2) ** 2, draw.randint(1, 2))
        if vector:
            shape = LayerSizes(1, draw.randint(1, 2) ** 2, 1)
        size = shape.width * (shape.outputs + shape.inputs)
        weights = random_matrix(draw, 1, size)[0]
        data = random_matrix(draw, draw.randint(1, 3), shape.inputs)
        if vector:
            u, v = weights[: shape.width], weights[shape.width :]
            share = times([u], [[e] for e in v])[0][0] / (squared([u]) or fmpq(1))
            weights = [*u, *(b - share * a for a, b in zip(u, v, strict=True))]
        return cls(weights, data, draw.randint(1, 3), shape)

    def layers(self, weights: Sequence[Any]) -> tuple[Matrix, Matrix]:
        """U and V."""
        shape = self.shape
        split = shape.outputs * shape.width
        return rows(weights[:split], shape.width), rows(weights[split:], shape.inputs)

    def predictions(self, weights: Sequence[Any]) -> list[Any]:
        u, v = self.layers(weights)
        outputs = times(self.data, [list(column) for column in zip(*times(u, v), strict=True)])
        return [entry / self.root for row in outputs for entry in row]

    def quantities(self) -> dict[str, arb]:
        """d, n, t = Tr(V Sigma V^T), u = |U|_F and mu, as balls."""
        u, v = self.layers(self.weights)
        images = times(v, [list(column) for column in zip(*self.data, strict=True)])
        return {
            "d": arb(self.shape.outputs),
            "n": arb(self.shape.width),
            "t": arb(squared(images) / self.samples),
            "u": arb(squared(u)).sqrt(),
            "mu": arb(squared(self.data) / self.samples).sqrt(),
        }


class Sensing(Fitted):
    """Matrix sensing f_i = Tr(A_i U V) with 2 by 2 matrices."""

    def __init__(self, weights: list[fmpq], measured: list[Matrix]) -> None:
        self.weights, self.measured, self.scale = weights, measured, 1
        self.samples = len(measured)

    @classmethod
    def random(cls, draw: Draw, *, measurements: int) -> Sensing:
        matrices = [random_matrix(draw, 2, 2) for _ in range(measurements)]
        return cls(random_matrix(draw, 1, 8)[0], matrices)

    def predictions(self, weights: Sequence[Any]) -> list[Any]:
        uv = times(rows(weights[:4], 2), rows(weights[4:], 2))
        traces = (times(matrix, uv) for matrix in self.measured)
        return [trace[0][0] + trace[1][1] for trace in traces]

    def quantities(self, weights: Sequence[Any]) -> dict[str, Any]:
        """The sums of |V A_i|^2 and of |A_i U|^2."""
        u, v = rows(weights[:4], 2), rows(weights[4:], 2)
        return {
            "a": sum(squared(times(v, a)) for a in self.measured),
            "b": sum(squared(times(a, u)) for a in self.measured),
        }


def exactly(a: Sequence[Sequence[fmpq]]) -> Matrix:
    """The same matrix in numbers of SymPy."""
    return [[sympy.Rational(int(x.p), int(x.q)) for x in row] for row in a]


def trace(matrix: fmpq_mat) -> fmpq:
    """The sum of the diagonal."""
    return sum((matrix[i, i] for i in range(matrix.nrows())), fmpq(0))


def rows(entries: Sequence[Any], width: int) -> Matrix:
    """The entries as rows of this width."""
    return [list(entries[i : i + width]) for i in range(0, len(entries), width)]
