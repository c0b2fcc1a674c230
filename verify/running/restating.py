"""Exact residuals restated as data: loss, update rule, memory and field without their Python.

What cannot be restated is left out: a loss that is no polynomial, a memory that is no combination
of the last displacement and the last gradient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from flint import Ordering, fmpq, fmpq_mat, fmpq_mpoly, fmpq_mpoly_ctx
from flint.utils.flint_exceptions import DomainError

from derive.engine.linear_memory import LinearMethod, linear_method
from derive.language.trees import Tree
from derive.language.update_rule import BadInput, Optimizer
from verify.running.losses import Loss, VectorField
from verify.running.numbers import PowerSeries, power_series
from verify.running.recording import Recorder

Json = Any
Number = Any


class NotRestated(ValueError):
    """This residual cannot be written as data."""


@dataclass(frozen=True)
class Leg:
    """A flow that an iterate is compared with.

    Args:
        begin: where it starts, None for the end of the leg before.
        ahead: the iterate is read as x_k + ahead (x_k - x_(k-1)).
    """

    weights: Mapping[Tree, Number]
    time: PowerSeries
    begin: np.ndarray | None = None
    ahead: str = "0"


@dataclass(frozen=True)
class SeriesRun:
    """An optimizer on a loss from an exact start, its memory as power series in h.

    Args:
        before: the point before the start; the start itself where there is none.
        back: the time of the flow that leads there.
    """

    optimizer: Optimizer
    loss: VectorField
    start: Sequence[fmpq]
    parameters: Mapping[str, fmpq]
    memory: Sequence[np.ndarray]
    before: np.ndarray
    back: int
    length: int


def record_residual(
    log: Recorder,
    run: SeriesRun,
    legs: Sequence[Leg],
    ends: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    roots: Sequence[Sequence[fmpq]],
    holds: bool,
) -> None:
    """Write down where the iterates and the legs are, and what their differences come to.

    Args:
        ends: x_k as it is read, and where its leg ends.
        roots: for every power of h, what its coefficients at k = 1, 2, ... are annihilated by; they
            are 0 where there is none.
    """
    log.flows.clear()
    try:
        item = _restated(run, legs, ends)
    except (NotRestated, BadInput):
        return
    log.add("residual", holds, **item, roots=[list(map(str, row)) for row in roots])


def record_order(
    log: Recorder,
    run: SeriesRun,
    legs: Sequence[Leg],
    ends: Sequence[tuple[np.ndarray, np.ndarray]],
    lowest: int,
) -> None:
    """Write down that the differences begin at the power `lowest` of h.

    What refutes a formula is that they begin before the last power that is looked at.
    """
    last = run.length - 1
    zeros = last if log.sections[-1].refutes else min(lowest, last)
    record_residual(log, run, legs, ends, roots=[()] * zeros, holds=lowest >= zeros)


def record_start_up(
    log: Recorder,
    run: SeriesRun,
    path: Sequence[np.ndarray],
    rest: Sequence[np.ndarray],
    *,
    roots: Sequence[Sequence[fmpq]],
    holds: bool,
) -> None:
    """The same where every rest is x_k + ahead (x_k - x_(k-1)) minus the last flow that was taken.

    The flows are those on record, one for every step; `ahead` is read off.
    """
    legs = list[Leg]()
    ends = list[tuple[np.ndarray, np.ndarray]]()
    try:
        for k, (left, (leg, reached)) in enumerate(zip(rest, log.flows, strict=True), 1):
            ends.append((left + reached, reached))
            step = path[k] - path[k - 1]
            (ahead,) = _fitted(left + reached - path[k], [step], run.length)
            legs.append(replace(leg, ahead=ahead))
    except (NotRestated, ValueError):
        return
    record_residual(log, run, legs, ends, roots=roots, holds=holds)


def _restated(
    run: SeriesRun, legs: Sequence[Leg], ends: Sequence[tuple[np.ndarray, np.ndarray]]
) -> dict[str, Json]:
    length = run.length
    method = _method(run.optimizer)
    try:
        values = {name: fmpq(run.parameters[name]) for name in method.ring.parameters}
    except (TypeError, KeyError):
        raise NotRestated from None

    def rows(matrix: Sequence[Sequence[Any]]) -> Json:
        return [[str(c.at(values)) for c in row] for row in matrix]

    return {
        "loss": monomials(run.loss),
        "start": list(map(str, run.start)),
        "method": {
            "a": rows([row[:stage] for stage, row in enumerate(method.a)]),
            "u": rows(method.u),
            "b": rows([method.b]),
            "v": rows([method.v]),
            "c": rows(method.c) if len(legs) > 1 else [],
            "w": rows(method.w) if len(legs) > 1 else [],
        },
        "memory": _memory(run, method, values),
        "back": ["0", str(run.back)],
        "length": str(length),
        "legs": [
            {
                "weights": [[t.text, _coefficients(w, length - 1)] for t, w in leg.weights.items()],
                "time": _coefficients(leg.time, length),
                "from": _vector(leg.begin, length) if leg.begin is not None else [],
                "ahead": leg.ahead,
            }
            for leg in legs
        ],
        "ends": [_vector(end, length) for pair in ends for end in pair],
    }


@lru_cache(maxsize=64)
def _method(optimizer: Optimizer) -> LinearMethod:
    return linear_method(optimizer)


@lru_cache(maxsize=256)
def monomials(field: VectorField) -> Json:
    """[dimension, whether it is a loss, its monomials or those of the field's components].

    Raises:
        NotRestated: it is no polynomial.
    """
    if len(field.parts) > 1:
        raise NotRestated
    ring = fmpq_mpoly_ctx.get([f"x{i}" for i in range(field.dimension)], Ordering.lex)
    x = list(ring.gens())
    try:
        found = [field.value(x)] if isinstance(field, Loss) else list(field.components(x))
    except (TypeError, ValueError, AttributeError, ArithmeticError, DomainError):
        raise NotRestated from None
    if not all(isinstance(p, fmpq_mpoly) for p in found):
        raise NotRestated
    rows = [[[list(map(int, es)), str(c)] for es, c in p.to_dict().items()] for p in found]
    return [field.dimension, isinstance(field, Loss), rows]


def _coefficients(number: Number, length: int) -> Json:
    """Of 1, h, ...; a rational number is constant."""
    if not isinstance(number, PowerSeries):
        return [str(fmpq(number))]
    return [str(number[i]) for i in range(min(length, len(number.polynomial.coeffs())))]


def _vector(entries: np.ndarray, length: int) -> Json:
    if any(entry.length < length for entry in entries):
        raise NotRestated
    return [[str(entry[i]) for i in range(length)] for entry in entries]


def _memory(run: SeriesRun, method: LinearMethod, values: Mapping[str, fmpq]) -> Json:
    """Every scaled and shifted memory as c (x - before) + d h f(before): its c and d."""
    if not run.memory:
        return []
    h = PowerSeries.step(run.length)
    here = np.array([h * 0 + x for x in run.start], dtype=object)
    grad = run.loss.gradient_function(power_series(run.length))
    basis = [here - run.before, -grad(run.before) * h]
    found = []
    for memory, unit, shift in zip(
        run.memory, method.memory_units, method.memory_shift, strict=True
    ):
        if unit > 0:
            raise NotRestated
        found.append(_fitted(memory * h ** (-unit) - here * shift.at(values), basis, run.length))
    return found


def _fitted(vector: np.ndarray, basis: Sequence[np.ndarray], length: int) -> Json:
    columns = [[e[i] for e in column for i in range(length)] for column in (*basis, vector)]
    reduced, rank = fmpq_mat([list(row) for row in zip(*columns, strict=True)]).rref()
    found, size = ["0"] * len(basis), len(basis)
    for row in range(rank):
        pivot = next(j for j in range(size + 1) if reduced[row, j] != 0)
        if pivot == size:
            raise NotRestated
        found[pivot] = str(reduced[row, size])
    return found
