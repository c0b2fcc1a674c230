"""What a rule does to another variable than its first: an average, an extrapolated point.

The flow of the slow variables is pushed forward by y = O(x, ...; h), which is solved for x order by
order; the result is a slow manifold again, with y in the place of x and x a function of y.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from derive.engine.component_ring import Element, NoExpansion, Restart, Symbol
from derive.engine.displaced import displaced
from derive.engine.invariant_manifold import SlowManifold, flow_apart
from derive.engine.step_series import Series, constant
from derive.engine.vectors import direction, lie_terms
from derive.language.bad_input import BadInput
from derive.language.stages import orders
from derive.language.update_rule import Optimizer

Observation = str | Callable[..., Any]


def observed_flow(
    optimizer: Optimizer, *, order: int, observe: Observation, name: str = "y"
) -> SlowManifold:
    """The modified flow of an observed variable, written in that variable.

    Args:
        optimizer: a declared update rule.
        order: how many powers of h, at least 1.
        observe: a state by its name, or a function of all states and h, by their names, and of the
            parameters it asks for, such as `lambda x, v, h, beta: x + beta * v`.
        name: how the variable is called where `observe` is a function.
    Returns:
        The flow with the observed variable in the place of the slow one that it tends to a multiple
        of, and that one among the functions of it.
    Raises:
        BadInput: no such state; or the variable does not tell where the slow variable is.

    >>> from derive import heavy_ball
    >>> ahead = observed_flow(
    ...     heavy_ball, order=2, observe=lambda x, v, beta: x + beta / (1 - beta) * v
    ... )
    >>> ahead.flow["y"]
    ((E)/(beta - 1), (1/2*beta*E[E] + 1/2*E[E])/(beta^3 - 3*beta^2 + 3*beta - 1))
    """
    flow = flow_apart(optimizer, order=order)
    if isinstance(observe, str):
        if observe not in flow.spaces:
            has = ", ".join(flow.spaces)
            raise BadInput(f"{optimizer.name} has no state {observe!r}; it has {has}.")
        if observe in flow.slow:
            return flow
        name = observe
    elif name in flow.spaces or name in optimizer.parameters:
        raise BadInput(
            f"{name!r} is a state or a parameter of {optimizer.name}; take another name."
        )
    while True:
        try:
            return _pushed(flow, observe, name)
        except Restart:
            flow = flow.current


def _pushed(flow: SlowManifold, observe: Observation, name: str) -> SlowManifold:
    algebra, order = flow.algebra, flow.order
    states = {n: Series(algebra, _padded(flow, n)) for n in (*flow.slow, *flow.fast)}
    seen = states[observe] if isinstance(observe, str) else _seen(flow, states, observe)
    own, slope = _place(flow, seen, name)
    space = flow.spaces[own.name]
    wanted = constant(algebra, algebra.symbol(name, "slow", space), order)
    rest = seen - constant(algebra, slope * algebra.variable(own), order)
    found = (wanted - rest.coefficients[0]) / slope
    for _ in range(order - 1):
        found = (wanted - displaced(rest, {own.index: found})) / slope
    back = {own.index: found}
    speeds = {n: Series(algebra, list(row)) for n, row in flow.flow.items()}
    speeds[own.name] = Series(algebra, derivative_along(flow, seen.coefficients))
    moved = {n: tuple(displaced(row, back).coefficients) for n, row in speeds.items()}
    left = {n: states[n] for n in flow.fast if n != name}
    manifold = {own.name: tuple(found.coefficients)}
    manifold |= {n: tuple(displaced(row, back).coefficients) for n, row in left.items()}
    renamed = {own.name: name}
    return replace(
        flow,
        slow=tuple(renamed.get(n, n) for n in flow.slow),
        fast=tuple(manifold),
        spaces={**flow.spaces, name: space},
        flow={renamed.get(n, n): row for n, row in moved.items()},
        manifold=manifold,
    )


def _padded(flow: SlowManifold, name: str) -> list[Element]:
    row = flow.state(name)
    return [*row, *[flow.algebra.zero] * (flow.order - len(row))]


def _seen(flow: SlowManifold, states: Mapping[str, Series], observe: Callable[..., Any]) -> Series:
    """The observed variable as a series over the slow ones."""
    algebra, order, rule = flow.algebra, flow.order, flow.optimizer
    h = Series(algebra, [algebra.zero, algebra.number(1), *[algebra.zero] * order][:order])
    number = lambda value: constant(algebra, algebra.number(value), order)  # noqa: E731
    given = {n: constant(algebra, algebra.symbol(n, "parameter"), order) for n in rule.parameters}
    known = {**states, "h": h, **rule.arguments(number), **given}
    asked = inspect.signature(observe).parameters.values()
    every = any(p.kind is p.VAR_KEYWORD for p in asked)
    names = list(known) if every else [p.name for p in asked]
    if missing := [n for n in names if n not in known]:
        has = ", ".join(known)
        raise BadInput(f"the observed variable asks for {missing[0]!r}; there are {has}.")
    found = h.constant(observe(**{n: known[n] for n in names}))
    if found is None:
        raise BadInput("the observed variable is no number or vector.")
    return found


def _place(flow: SlowManifold, seen: Series, name: str) -> tuple[Symbol, Element]:
    """The slow variable that the observed one tends to a multiple of, plus others; the multiple."""
    first = seen.coefficients[0]
    for candidate in flow.slow:
        (own,) = flow.algebra.symbol(candidate, "slow", flow.spaces[candidate]).symbols
        if own.kind != "slow":  # the observed variable has a root of it, by which it was eliminated
            continue
        slope = first.derivative(own)
        rest = first - slope * flow.algebra.variable(own)
        hidden = any(s.kind not in {"slow", "parameter", "schedule"} for s in rest.symbols)
        if slope and not slope.space and not hidden and flow.spaces[candidate] == first.space:
            return own, slope
    raise NoExpansion(
        f"{name} does not tell where {flow.slow[0]} is: as h tends to 0 it has to be a multiple of "
        "a slow variable, plus others; observe a state that rests at x, or such as x + h u."
    )


def derivative_along(flow: SlowManifold, row: Sequence[Element]) -> list[Element]:
    """The coefficients of D_F O for a series O over the slow variables."""
    zero = flow.algebra.zero
    along = _directions(flow)
    return [sum((along[i](row[n - i]) for i in range(n + 1)), zero) for n in range(len(along))]


def _directions(flow: SlowManifold) -> list[Callable[[Element], Element]]:
    """The Lie derivative along each power of h, the first with its names."""
    algebra = flow.algebra
    first = {n: algebra.named(row[0]) for n, row in flow.flow.items()}
    later = ({n: row[i] for n, row in flow.flow.items()} for i in range(1, flow.order))
    return [direction(algebra, speeds) for speeds in (first, *later)]


def step_of_flow(flow: SlowManifold) -> dict[str, tuple[Element, ...]]:
    """One step of the slow variables once the start-up has died out, exp(h F), through h^order."""
    along = _directions(flow)
    found: dict[str, tuple[Element, ...]] = {}
    for name in flow.slow:
        row = _padded(flow, name)
        later = (lie_terms(row, along, n) for n in orders(flow.order))
        found[name] = (row[0], *later)
    return found
