"""Any rule on a loss beside its flows: of order 1, and of the order asked for.

The rule starts as declared. The last flow starts where the iterates' lasting flow passed at time 0:
followed back from a step at which the start-up has died out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from flint import fmpq

from derive.engine.edges import EdgeKind, edges
from derive.engine.invariant_manifold import general_flow
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer
from verify.running.flows import flow
from verify.running.general_flows import (
    GeneralField,
    Landscape,
    cold_start,
    distance,
    run,
    steps_for,
)
from verify.running.numbers import MPFR, precision
from verify.workbench.beside_flow import FLOWS, Comparison, Left, Row

NAMES = ("first flow", *FLOWS[1:])
"""The flow at h^0 of such a rule need not be the gradient flow."""
WARM_UP = 4
"""A start-up is taken to have died out after all steps divided by this."""
MOST_STEPS = 20_000


def compare_any(
    rule: Optimizer,
    land: Landscape,
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
    if missing := [*rule.parameters, *(n for n in rule.schedules if n not in land.schedules)]:
        raise BadInput(f"{rule.name} needs a value of {missing[0]}: --set {missing[0]}=...")
    count = steps_for(time, h)
    if count * 2**halvings > MOST_STEPS:
        raise BadInput(f"{count} steps and their halvings are too many; shorten the time.")
    derived = general_flow(rule, order=order)
    steps = [h / 2**j for j in range(halvings)]
    errors: dict[str, list[float]] = {name: [] for name in NAMES}
    rows: list[Row] = []
    left: tuple[Left, ...] = ()
    with precision(digits):
        for j, step in enumerate(steps):
            begin = {p: list(start[land.block(p)]) for p in land.sizes}
            cold = cold_start(rule, land, begin, h=step, parameters={})
            path = run(rule, land, cold, h=step, steps=count * 2**j, parameters={})
            fading = count * 2**j // WARM_UP
            whole = GeneralField(derived, land, {}, step)
            first = GeneralField(derived, land, {}, step, order=1)
            backward = dict.fromkeys(range(order), fmpq(-1))
            back = GeneralField(derived, land, {}, step, weights=backward)
            here = whole.slow_part(path[0])
            late = [MPFR.convert(step * fading)]
            warm = whole.slow_part(path[fading])
            (shifted,) = flow(back, warm, late, digits=digits, arithmetic=MPFR)
            shown = sorted({round(i * count * 2**j / 8) for i in range(9)})
            times = [MPFR.convert(step * k) for k in shown]
            found = {
                name: flow(field, list(origin), times, digits=digits, arithmetic=MPFR)
                for name, field, origin in zip(
                    NAMES, (first, whole, whole), (here, here, shifted), strict=True
                )
            }
            size = land.dimension
            ends = {k: whole.slow_part(path[k]) for k in shown}
            for name, points in found.items():
                errors[name].append(distance(list(points[-1]), ends[shown[-1]]))
            if j == 0:
                left = _left(whole, [whole.slow_part(state) for state in path])
                rows = [
                    Row(
                        k,
                        float(step.p) / float(step.q) * k,
                        [float(x) for x in ends[k][:size]],
                        _entries(found, i, size),
                    )
                    for i, k in enumerate(shown)
                ]
    return Comparison(rows, steps, errors, left)


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


def _entries(found: Mapping[str, Sequence], i: int, size: int) -> dict[str, list[float]]:
    return {name: [float(x) for x in points[i][:size]] for name, points in found.items()}
