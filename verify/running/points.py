"""Exact values for the parameters of a rule, inside their ranges."""

from __future__ import annotations

from flint import fmpq

from derive.engine.linear_memory import linear_method
from derive.language.parameter import Parameter
from derive.language.update_rule import BadInput, Optimizer

SAMPLES = (fmpq(1, 2), fmpq(1, 3), fmpq(3, 5), fmpq(1, 5), fmpq(3, 4))


def samples(rule: Optimizer) -> list[dict[str, fmpq]]:
    """Some exact values for the parameters, inside their ranges; powers where roots are taken."""
    found, roots = [], _roots(rule)
    for first in range(len(SAMPLES)):
        values = {}
        for i, parameter in enumerate(p for p in rule.declared if p.name in rule.parameters):
            drawn = _sample(parameter, first + i)
            values[parameter.name] = parameter.check(drawn ** roots.get(parameter.name, 1))
        found.append(values)
        if not rule.parameters:
            break
    return found


def _roots(rule: Optimizer) -> dict[str, int]:
    try:
        return dict(linear_method(rule).ring.roots)
    except BadInput:
        return {}


def _sample(parameter: Parameter, start: int) -> fmpq:
    shifts = [fmpq(0), parameter.lower or fmpq(0), fmpq(1), fmpq(-1)]
    for shift in shifts:
        for i in range(len(SAMPLES)):
            value = SAMPLES[(start + i) % len(SAMPLES)] + shift
            try:
                return parameter.check(value)
            except BadInput:
                continue
    raise BadInput(
        f"no sample value for {parameter.name} lies in {parameter.range}; give it by --set."
    )
