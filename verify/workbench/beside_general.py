"""Any rule on a loss beside its flows: of order 1, and of the order asked for.

The rule starts as declared. The last flow starts where the iterates' lasting flow passed at time 0:
followed back from a step at which the start-up has died out.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from flint import fmpq

from derive.engine.edges import EdgeKind, edges
from derive.engine.invariant_manifold import SlowManifold, general_flow
from derive.language.bad_input import BadInput
from derive.language.stages import each
from derive.language.update_rule import Optimizer
from verify.running.flows import flow
from verify.running.general_flows import (
    GeneralField,
    NamedFields,
    State,
    cold_start,
    distance,
    run,
    steps_for,
)
from verify.running.numbers import MPFR, precision
from verify.workbench.beside_flow import FIRST, FLOWS, ComparedStep, Comparison, Left, Paths

NAMES = (FIRST, *FLOWS[1:])
WARM_UP = 2
"""A start-up is taken to have died out after all steps divided by this."""
MOST_STEPS = 20_000


def compare_any(
    rule: Optimizer,
    land: NamedFields,
    start: Sequence[fmpq],
    *,
    h: fmpq,
    time: fmpq,
    order: int = 2,
    digits: int = 30,
    halvings: int = 5,
) -> Comparison:
    """As `compare`, for rules beyond linear memory; x are the players' coordinates.

    Raises:
        BadInput: a parameter or schedule has no value, or there are too many steps.
    """
    count = _count(rule, land, h, time, halvings)
    derived = general_flow(rule, order=order)
    steps = [h / 2**j for j in range(halvings)]
    errors: dict[str, list[float]] = {name: [] for name in NAMES}
    rows: list[ComparedStep] = []
    left: tuple[Left, ...] = ()
    with precision(digits):
        for j, step in enumerate(each(steps, halvings, "step size")):
            shown = sorted({round(i * count * 2**j / 8) for i in range(9)})
            whole, path, found = _beside(
                derived, land, start, step, count * 2**j, [fmpq(k) for k in shown], digits
            )
            end = whole.slow_part(path[-1])
            for name, points in found.items():
                errors[name].append(distance(list(points[-1]), end))
            if j == 0:
                left = _left(whole, [whole.slow_part(state) for state in path])
                rows = [
                    ComparedStep(
                        k,
                        float(step.p) / float(step.q) * k,
                        [float(x) for x in whole.places(path[k])],
                        {name: _places(whole, points[i]) for name, points in found.items()},
                    )
                    for i, k in enumerate(shown)
                ]
    return Comparison(rows, steps, errors, left)


def run_beside_any(
    rule: Optimizer,
    land: NamedFields,
    start: Sequence[fmpq],
    *,
    h: fmpq,
    time: fmpq,
    order: int = 2,
    digits: int = 30,
    per_step: int = 2,
) -> Paths:
    """As `run_beside`, for rules beyond linear memory.

    Args:
        per_step: points on a flow in one step.
    """
    count = _count(rule, land, h, time, 0)
    derived = general_flow(rule, order=order)
    with precision(digits):
        ticks = [fmpq(i, per_step) for i in range(count * per_step + 1)]
        whole, path, found = _beside(derived, land, start, h, count, ticks, digits)
        iterates = [[float(x) for x in whole.places(state)] for state in path]
        flows = {n: np.array([_places(whole, p) for p in points]) for n, points in found.items()}
    return Paths(np.array(iterates), flows)


def _count(rule: Optimizer, land: NamedFields, h: fmpq, time: fmpq, halvings: int) -> int:
    """The number of steps, where a run can be made."""
    if missing := [*rule.parameters, *(n for n in rule.schedules if n not in land.schedules)]:
        raise BadInput(f"{rule.name} needs a value of {missing[0]}: --set {missing[0]}=...")
    if not 0 < h <= time:
        raise BadInput(f"h = {h} is outside (0, {time}], the time of the run.")
    count = steps_for(time, h)
    if count * 2**halvings > MOST_STEPS:
        raise BadInput(f"{count} steps and their halvings are too many; shorten the time.")
    return count


def _beside(
    derived: SlowManifold,
    land: NamedFields,
    start: Sequence[fmpq],
    h: fmpq,
    steps: int,
    ticks: Sequence[fmpq],
    digits: int,
) -> tuple[GeneralField, list[State], dict[str, Sequence[Any]]]:
    """The flow's field, the run from the declared start, and the flows at times in units of h."""
    rule = derived.optimizer
    begin = {p: list(start[land.block(p)]) for p in land.sizes}
    cold = cold_start(rule, land, begin, h=h, parameters={})
    path = run(rule, land, cold, h=h, steps=steps, parameters={})
    fading = steps // WARM_UP
    whole = GeneralField(derived, land, {}, h)
    first = GeneralField(derived, land, {}, h, order=1)
    backward = dict.fromkeys(range(derived.order), fmpq(-1))
    back = GeneralField(derived, land, {}, h, weights=backward)
    here, warm = whole.slow_part(path[0]), whole.slow_part(path[fading])
    late, times = [MPFR.convert(h * fading)], [MPFR.convert(h * k) for k in ticks]
    try:
        (shifted,) = flow(back, warm, late, digits=digits, arithmetic=MPFR)
        found: dict[str, Sequence[Any]] = {
            name: flow(field, list(origin), times, digits=digits, arithmetic=MPFR)
            for name, field, origin in zip(
                NAMES, (first, whole, whole), (here, here, shifted), strict=True
            )
        }
    except ArithmeticError as error:
        raise BadInput(
            f"the flow of {rule.name} cannot be followed from its start ({error}): it may be "
            "singular there, as a friction 3/t is at t = 0, or the step too large."
        ) from None
    return whole, path, found


def _places(field: GeneralField, slow: Sequence[Any]) -> list[float]:
    return [float(x) for x in field.places(field.on_manifold(list(slow)))]


def _left(field: GeneralField, path: Sequence[Sequence[Any]]) -> tuple[Left, ...]:
    """Where a run breaks a condition of the expansion: a sign changes, a scale jumps."""
    found: list[Left] = []
    for edge in edges(field.derived):
        if edge.kind not in {EdgeKind.SIGN, EdgeKind.ZERO, EdgeKind.SCALE}:
            continue
        program, fixed = field.program_of([edge.of]), field.fixed(0)
        values = [program.at([*slow, *fixed], MPFR) for slow in path]
        pairs = [list(zip(*two, strict=True)) for two in pairwise(values)]
        jumps = edge.kind is EdgeKind.SCALE
        broken = (
            k
            for k, pair in enumerate(pairs)
            if any(2 * abs(b - a) > abs(a) if jumps else a * b <= 0 for a, b in pair)
        )
        if (k := next(broken, None)) is not None:
            found.append(Left(k, edge, field.derived))
    return tuple(found)
