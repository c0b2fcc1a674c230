"""Mini-batches: iterates whose loss changes with the step, and flows given by their weights.

A flow has the form x' = sum of weights times derivatives of the batch losses, through order h^2. It
is held by four arrays, so that nothing here knows of trees.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from operator import add
from typing import Any

import numpy as np
from flint import fmpq

from derive.language.update_rule import Optimizer
from verify.running.flows import evaluate_taylor
from verify.running.losses import VectorField
from verify.running.numbers import MPFR, Arithmetic, PowerSeries, power_series, precision
from verify.running.residuals import lowest_power
from verify.running.tape import Node, Program, record
from verify.running.trajectories import vector

Number = Any
HIGHEST, BITS = 4, 28
"""The highest order of an error measured here, and how far below it a Taylor series is cut."""


class BatchField:
    """x' = sum of first[a] grad E_a + second[a, b] grad^2 E_a grad E_b
    + chain[a, b, c] grad^2 E_a grad^2 E_b grad E_c + fork[a, b, c] grad^3 E_a[grad E_b, grad E_c].
    """

    def __init__(self, batches: int, zero: Number) -> None:
        self.sizes = {"first": batches, "second": batches**2, "chain": batches**3}
        self.weights = [zero] * (batches + batches**2)

    def add(self, part: str, weights: np.ndarray, factor: Number) -> BatchField:
        """Add an array of weights times a factor, which may hold powers of h."""
        names = ("first", "second", "chain", "fork")
        place = sum(self.sizes[name] for name in names[: names.index(part)])
        if part in ("chain", "fork") and len(self.weights) < place + weights.size:
            missing = self.sizes["first"] + self.sizes["second"] + 2 * self.sizes["chain"]
            self.weights += [self.weights[0] * 0] * (missing - len(self.weights))
        for i, weight in enumerate(weights.flat, place):
            if weight:
                self.weights[i] = self.weights[i] + factor * weight
        return self


def _sum(vectors: list[list[Node]]) -> list[Node]:
    return [reduce(add, row) for row in zip(*vectors, strict=True)]


@lru_cache(maxsize=64)
def _program(losses: tuple[VectorField, ...], count: int) -> Program:
    """(x, the weights of a `BatchField`) -> x', for fields with this many weights.

    Every derivative is linear in its last direction, so what is to be summed over that one is
    summed before it.
    """
    size, many = losses[0].dimension, len(losses)
    second, chain, batches = many, many + many**2, range(many)

    def compute(nodes: list[Node]) -> list[Node]:
        x, weights = nodes[:size], nodes[size:]

        def differential(a: int, *directions: list[Node]) -> list[Node]:
            inside = [node for direction in directions for node in direction]
            return losses[a].derivative(len(directions)).replay([*x, *inside])

        def weighted(place: int) -> list[Node]:
            """The gradients, with the weights from this place on."""
            mine = weights[place : place + many]
            return [sum((w * g for w, g in zip(mine, row, strict=True)), zero) for row in rows]

        zero, slopes = x[0] * 0, [differential(a) for a in batches]
        rows = list(zip(*slopes, strict=True))
        parts = [weighted(0)]
        for a in batches:
            along = [weighted(second + a * many)]
            for b in batches if count > chain else ():
                place = chain + (a * many + b) * many
                along.append(differential(b, weighted(place)))
                parts.append(differential(a, slopes[b], weighted(place + many**3)))
            parts.append(differential(a, _sum(along)))
        return _sum(parts)

    return record(size + count, compute)


@dataclass(frozen=True)
class BatchRun:
    """An optimizer on a sequence of batch losses.

    Args:
        batch: the number of the loss that step k takes its gradient from.
        fixed: losses after those of the batches, of which the rule takes a gradient at every step.
    """

    optimizer: Optimizer
    losses: tuple[VectorField, ...]
    batch: Callable[[int], int]
    start: Sequence[fmpq]
    parameters: Mapping[str, fmpq] = field(default_factory=dict)
    fixed: int = 0

    def iterates(self, h: Number, steps: int, arithmetic: Arithmetic) -> list[np.ndarray]:
        """x_0, ..., x_steps."""
        values = {name: arithmetic.convert(value) for name, value in self.parameters.items()}
        values = self.optimizer.arguments(arithmetic.convert) | values
        gradients = [loss.gradient_function(arithmetic) for loss in self.losses]
        always = gradients[len(gradients) - self.fixed :]

        def grad(k: int) -> Any:
            return (gradients[self.batch(k)], *always) if self.fixed else gradients[self.batch(k)]

        x = vector([arithmetic.convert(c) for c in self.start])
        memory = self.optimizer.start(x, grad(0), h, values)
        path = [x]
        for k in range(steps):
            x, memory = self.optimizer.step(x, memory, grad(k), h, values)
            path.append(x)
        return path

    def follow(
        self,
        fields: Callable[[int], BatchField],
        start: np.ndarray,
        h: Number,
        steps: int,
        terms: int,
        arithmetic: Arithmetic,
    ) -> list[np.ndarray]:
        """The flow at 0, h, 2h, ..., its field on [kh, (k+1)h] being fields(k)."""
        path = [start]
        for k in range(steps):
            weights = fields(k).weights
            program = _program(self.losses, len(weights))
            rows = program.taylor(list(path[-1]), weights, terms, arithmetic)
            path.append(vector(evaluate_taylor(rows, h)))
        return path

    def residual(
        self, fields: Callable[[int, PowerSeries], BatchField], *, length: int, steps: int
    ) -> int:
        """The lowest power of h in x_k - x(kh), k = 1 ... steps, exactly."""
        arithmetic, h = power_series(length), PowerSeries.step(length)
        path = self.iterates(h, steps, arithmetic)
        other = self.follow(lambda k: fields(k, h), path[0], h, steps, length, arithmetic)
        return min(lowest_power(a - b) for a, b in zip(path[1:], other[1:], strict=True))

    def steady_residual(
        self,
        field: Callable[[PowerSeries], BatchField],
        memory: Callable[[np.ndarray, np.ndarray, PowerSeries, list[Any]], Sequence[np.ndarray]],
        *,
        length: int,
    ) -> int:
        """The lowest power of h in (one step) - (the flow over h), for losses that never change.

        Args:
            memory: the memory from x(0), x(-h) on the flow, h and the gradients of the losses.
        """
        arithmetic, h = power_series(length), PowerSeries.step(length)
        here = vector([arithmetic.convert(c) for c in self.start])
        before, after = (
            self.follow(lambda _: field(h), here, time, 1, length, arithmetic)[1]
            for time in (-h, h)
        )
        grads = [loss.gradient_function(arithmetic) for loss in self.losses]
        values = {name: arithmetic.convert(value) for name, value in self.parameters.items()}
        state = memory(here, before, h, grads)
        stepped, _ = self.optimizer.step(here, state, tuple(grads), h, values)
        return lowest_power(stepped - after)

    def errors(
        self,
        fields: Callable[[int, Number], BatchField],
        *,
        halvings: Sequence[int],
        digits: int,
        time: int = 1,
    ) -> list[float]:
        """The distance at the final time for h = 2^-j, j in `halvings`."""
        pairs = self.distances(fields, halvings=halvings, digits=digits, time=time)
        return [last for _, last in pairs]

    def distances(
        self,
        fields: Callable[[int, Number], BatchField],
        *,
        halvings: Sequence[int],
        digits: int,
        time: int = 1,
    ) -> list[tuple[float, float]]:
        """The largest distance over the steps and the last one for h = 2^-j, j in `halvings`."""
        found = []
        with precision(digits):
            for j in halvings:
                h, steps = MPFR.convert(fmpq(1, 2**j)), time * 2**j
                path = self.iterates(h, steps, MPFR)
                terms = HIGHEST + 1 + math.ceil(BITS / j)  # in a step h^terms, in all h times less
                other = self.follow(lambda k, h=h: fields(k, h), path[0], h, steps, terms, MPFR)
                apart = [
                    float(max(abs(c) for c in a - b)) for a, b in zip(path, other, strict=True)
                ]
                found.append((max(apart[1:]), apart[-1]))
        return found


def history(beta: Number, batch: Callable[[int], int], batches: int, k: int) -> list[np.ndarray]:
    """The weights of the batch losses in G_0, ..., G_k, with G_r = beta G_(r-1) + E_r."""
    sums, total = [], np.array([beta * 0] * batches, dtype=object)
    for r in range(k + 1):
        total = total * beta
        total[batch(r)] = total[batch(r)] + 1
        sums.append(total)
    return sums
