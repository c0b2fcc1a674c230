"""The slope test of any rule: iterates, or one step, against the flow of each order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flint import fmpq

from derive.engine.invariant_manifold import SlowManifold
from verify.running.flows import flow
from verify.running.general_flows import (
    GeneralField,
    NamedFields,
    cold_start,
    distance,
    run,
    steps_for,
)
from verify.running.numbers import MPFR, precision
from verify.running.orders import ObservedOrder, observed_order

WRONG = fmpq(101, 100)
"""The control: the last power of h off by one per cent."""


@dataclass(frozen=True)
class Slopes:
    """Errors at the end by order of the flow, and of the control at each order.

    The flow of order n, through h^(n-1), must have an error of order n, or of the next power of h
    that has terms; the control, of order n - 1. An error no larger than `floor` is rounding: the
    flow is exact there. There is no control where the last power of h has no terms.
    """

    steps: tuple[fmpq, ...]
    errors: Mapping[int, tuple[float, ...]]
    controls: Mapping[int, tuple[float, ...]]
    floor: float
    powers: frozenset[int]
    """Which powers of h have terms."""

    def expected(self, order: int) -> int:
        """The order of the error of a flow: symmetric rules skip powers of h."""
        return min((n for n in self.powers if n >= order), default=max(order, *self.errors))

    def observed(self, order: int) -> ObservedOrder:
        return observed_order(self.errors[order], floor=self.floor)

    def control(self, order: int) -> ObservedOrder:
        return observed_order(self.controls[order], floor=self.floor)

    def exact(self, order: int) -> bool:
        """Whether the flow of this order follows the iterates to rounding."""
        return max(self.errors[order]) <= self.floor

    def holds(self, order: int) -> bool:
        """The order is seen, and the control does not pass for it."""
        seen = self.exact(order) or self.observed(order).supports(self.expected(order))
        return seen and (order not in self.controls or not self.control(order).supports(order))

    def __bool__(self) -> bool:
        return all(self.holds(order) for order in self.errors)


def _powers(derived: SlowManifold) -> frozenset[int]:
    return frozenset(n for row in derived.flow.values() for n, part in enumerate(row) if part)


def slopes(
    derived: SlowManifold,
    land: NamedFields,
    start: Mapping[str, Sequence[fmpq]],
    parameters: Mapping[str, fmpq],
    *,
    time: fmpq = fmpq(1, 8),
    halvings: range = range(9, 14),
    digits: int = 30,
    warm_up: int = 0,
    control: fmpq = WRONG,
) -> Slopes:
    """Run the declared step beside its flows.

    Args:
        start: the slow variables, by name; for a cold start what the rule starts from.
        halvings: h = 2^-j for these j.
        control: by what the last power of h is multiplied for the control.
        warm_up: steps of a cold start before the comparison begins; 0 starts on the manifold.
    """
    errors: dict[int, list[float]] = {n: [] for n in range(1, derived.order + 1)}
    controls: dict[int, list[float]] = {
        n: [] for n in errors if any(row[n - 1] for row in derived.flow.values())
    }
    used = tuple(fmpq(1, 2**j) for j in halvings)
    rule = derived.optimizer
    with precision(digits):
        for h in used:
            whole = GeneralField(derived, land, parameters, h)
            if warm_up:
                cold = cold_start(rule, land, start, h=h, parameters=parameters)
                state = run(rule, land, cold, h=h, steps=warm_up, parameters=parameters)[-1]
            else:
                given = [
                    MPFR.convert(entry)
                    for name in derived.slow
                    for entry in start.get(name, [fmpq(0)])
                ]
                state = whole.on_manifold(given)
            begin = whole.slow_part(state)
            steps, first = steps_for(time, h), warm_up or whole.first_step(state)
            path = run(rule, land, state, h=h, steps=steps, parameters=parameters, first=first)
            end = whole.slow_part(path[-1])
            for n in errors:
                tried = [(errors, {}), *([(controls, {n - 1: control})] if n in controls else [])]
                for found, weights in tried:
                    field = GeneralField(derived, land, parameters, h, order=n, weights=weights)
                    found[n].append(_apart(field, begin, h * steps, end, digits))
    return Slopes(
        used,
        {n: tuple(values) for n, values in errors.items()},
        {n: tuple(values) for n, values in controls.items()},
        float(10) ** -digits,
        _powers(derived),
    )


def _apart(field: GeneralField, begin: list[Any], time: fmpq, end: list[Any], digits: int) -> float:
    """How far from where the iterates end a flow has come; a control that runs to infinity on the
    way is infinitely far."""
    try:
        (reached,) = flow(field, begin, [MPFR.convert(time)], digits=digits, arithmetic=MPFR)
    except ArithmeticError:
        if not field.weights:
            raise
        return math.inf
    return distance(list(reached), end)


def one_step(
    derived: SlowManifold,
    land: NamedFields,
    start: Mapping[str, Sequence[fmpq]],
    parameters: Mapping[str, fmpq],
    *,
    halvings: range = range(24, 29),
    digits: int = 70,
    control: fmpq = WRONG,
) -> Slopes:
    """The step from the slow manifold less the flow over h, divided by h; cheaper than a run.

    The errors are of the orders of `Slopes`, for each flow but the last: the manifold ends at the
    power of h at which the last flow does, and a step may carry its error into a slow variable.
    """
    errors: dict[int, list[float]] = {n: [] for n in range(1, derived.order)}
    controls: dict[int, list[float]] = {
        n: [] for n in errors if any(row[n - 1] for row in derived.flow.values())
    }
    used = tuple(fmpq(1, 2**j) for j in halvings)
    rule = derived.optimizer
    with precision(digits):
        for h in used:
            whole = GeneralField(derived, land, parameters, h)
            begin = [MPFR.convert(x) for name in derived.slow for x in start[name]]
            state = whole.on_manifold(begin)
            path = run(
                rule,
                land,
                state,
                h=h,
                steps=1,
                parameters=parameters,
                first=whole.first_step(state),
            )
            end = whole.slow_part(path[-1])
            for n in errors:
                tried = [(errors, {}), *([(controls, {n - 1: control})] if n in controls else [])]
                for found, weights in tried:
                    field = GeneralField(derived, land, parameters, h, order=n, weights=weights)
                    found[n].append(_apart(field, begin, h, end, digits) / float(h))
    return Slopes(
        used,
        {n: tuple(values) for n, values in errors.items()},
        {n: tuple(values) for n, values in controls.items()},
        float(10) ** (10 - digits),
        _powers(derived),
    )
