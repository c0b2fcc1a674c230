"""Modified flows, integrated by Taylor series: the truncation stays below the working precision.

Source: Jorba, Zou, A software package for the numerical integration of ODEs by means of high-order
Taylor methods, Experimental Mathematics 14 (2005): the number of terms -log(tolerance)/2 and the
step radius/e^2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from flint import arb, fmpq

from derive.language.trees import Tree, trees_up_to
from verify.running.losses import VectorField
from verify.running.numbers import Arithmetic
from verify.running.tape import Program
from verify.running.trajectories import vector

Number = Any


FEWEST = 6
"""Below so many powers of the time nobody asks whether a series may end."""


@dataclass(frozen=True)
class Field:
    """x' = sum over trees of weights[t] F(t)(x) on one loss; the weights contain powers of h."""

    loss: VectorField
    weights: Mapping[Tree, Number]

    @property
    def order(self) -> int:
        return max(t.order for t in self.weights)

    @property
    def program(self) -> Program:
        return self.loss.field(self.order)

    def fixed(self, zero: Number) -> list[Number]:
        trees = trees_up_to(self.order, len(self.loss.parts))
        return [self.weights.get(t, zero) for t in trees]


def weights_of(
    coefficients: Mapping[Tree, Number], h: Number, arithmetic: Arithmetic
) -> dict[Tree, Number]:
    """h^(|t|-1) b(t)/sigma(t) for the coefficients b of a modified flow."""
    return {t: b * h ** (t.order - 1) / t.symmetry for t, b in coefficients.items()}


class Autonomous(Protocol):
    """The right side of x' = program(x, fixed)."""

    @property
    def program(self) -> Program: ...

    def fixed(self, zero: Number) -> list[Number]: ...


def flow(
    field: Autonomous,
    start: Sequence[Number],
    times: Sequence[Number],
    *,
    digits: int,
    arithmetic: Arithmetic,
) -> list[np.ndarray]:
    """x at the given increasing times >= 0, for x(0) = start.

    Raises:
        ArithmeticError: the solution leaves every bounded set before the last time.
    """
    terms = math.ceil(digits * math.log(10) / 2) + 2
    zero = start[0] * 0
    fixed = field.fixed(zero)
    program = field.program
    here, now = list(start), zero
    path: list[np.ndarray] = []
    while len(path) < len(times):
        last = times[-1] - now
        enough = _suffice(float(last), 10.0 ** (-digits - 2))
        coefficients = program.taylor(here, fixed, terms, arithmetic, enough)
        if len(coefficients[0]) < terms:
            if _solves(program, coefficients, fixed, last, arithmetic, 10.0**-digits):
                rest = times[len(path) :]
                return path + [vector(evaluate_taylor(coefficients, t - now)) for t in rest]
            coefficients = program.taylor(here, fixed, terms, arithmetic)
        reach = radius(coefficients) / math.e**2
        if not reach > 1e-6:
            raise ArithmeticError(
                "the modified flow runs to infinity; shorten the time or the step size."
            )
        reach = arithmetic.convert(fmpq(*reach.as_integer_ratio()))
        end = now + reach
        while len(path) < len(times) and times[len(path)] <= end:
            path.append(vector(evaluate_taylor(coefficients, times[len(path)] - now)))
        here, now = evaluate_taylor(coefficients, reach), end
    return path


def _suffice(time: float, tiny: float) -> Callable[[list[list[Number]]], bool]:
    """Whether the last two terms of a Taylor series are tiny at this time, beside its start or 1: a
    short time needs few terms."""

    def enough(known: list[list[Number]]) -> bool:
        last = len(known[0]) - 1
        if last < FEWEST:
            return False
        most = tiny * max(_size(row[0] for row in known), 1.0)
        # roots, as powers of a long time are no floats
        return all(
            _size(row[n] for row in known) ** (1 / n) * time < most ** (1 / n)
            for n in (last - 1, last)
        )

    return enough


def _solves(
    program: Program,
    rows: list[list[Number]],
    fixed: Sequence[Number],
    time: Number,
    arithmetic: Arithmetic,
    tiny: float,
) -> bool:
    """Whether the polynomials meet the equation at this time: terms can vanish by chance."""
    there = evaluate_taylor(rows, time)
    speeds = evaluate_taylor([[c * n for n, c in enumerate(row)][1:] for row in rows], time)
    found = program.at([*there, *fixed], arithmetic)
    apart = _size(a - b for a, b in zip(speeds, found, strict=True))
    return apart * float(time) < tiny * max(_size(there), 1.0)


def _size(numbers: Iterable[Number]) -> float:
    return max(abs(_float(number)) for number in numbers)


def evaluate_field(
    loss: VectorField, weights: Mapping[Tree, Number], x: np.ndarray, arithmetic: Arithmetic
) -> np.ndarray:
    """The sum over trees of weights[t] F(t)(x)."""
    field = Field(loss, weights)
    return vector(field.program.at([*x, *field.fixed(x[0] * 0)], arithmetic))


def piecewise_flow(
    fields: Callable[[int], Field | None],
    start: Sequence[Number],
    *,
    h: Number,
    steps: int,
    digits: int,
    arithmetic: Arithmetic,
) -> list[np.ndarray]:
    """x(0), x(h), ... where the field changes with every interval [kh, (k+1)h].

    Args:
        fields: the field on interval k, or None from the interval on where it no longer changes.
    """
    path = [vector(start)]
    last = None
    for k in range(steps):
        field = fields(k)
        if field is None:
            if last is None:
                raise ValueError("the first interval has no field")
            times = [h * j for j in range(1, steps - k + 1)]
            return path + flow(last, list(path[-1]), times, digits=digits, arithmetic=arithmetic)
        last = field
        path += flow(field, list(path[-1]), [h], digits=digits, arithmetic=arithmetic)
    return path


def evaluate_taylor(coefficients: list[list[Number]], s: Number) -> list[Number]:
    """The polynomials with these coefficients at s."""
    found = list[Number]()
    for row in coefficients:
        total, *rest = reversed(row)
        for c in rest:
            total = total * s + c
        found.append(total)
    return found


def radius(coefficients: list[list[Number]]) -> float:
    """The radius of convergence as the last quarter of the coefficients shows it."""
    terms = len(coefficients[0])
    scale = max(_size(row[0] for row in coefficients), 1.0)
    first = terms - max(2, terms // 4)
    sizes = {i: _size(row[i] for row in coefficients) for i in range(first, terms)}
    return min(((scale / s) ** (1 / i) for i, s in sizes.items() if s), default=math.e**2)


def _float(value: Number) -> float:
    return float(value.mid()) if isinstance(value, arb) else float(value)
