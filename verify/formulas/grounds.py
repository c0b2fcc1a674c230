"""The losses under a rule from a user's texts: which coordinates, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import sympy

from derive.engine.on_loss import Ground
from derive.engine.schedules import SCHEDULES, find_schedule
from derive.engine.schedules import T as CLOCK
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer
from verify.formulas.reading import read_expression, read_loss

_COUNTED = re.compile(r"k/\(k\+3\)")
"""Nesterov's momentum by the number of the step."""


def read_schedule(text: str) -> sympy.Expr:
    """A schedule as an expression in t, or by name with the length of the run, as cosine:10.

    Raises:
        BadInput: no such schedule, or k/(k + 3), with which the momentum is tied to the step.

    >>> read_schedule("linear:4")
    1 - t/4
    """
    name, colon, length = text.partition(":")
    if colon or name.strip() in SCHEDULES:
        schedule = find_schedule(name.strip())
        if schedule.name != "constant" and not colon:
            raise BadInput(f"the schedule {schedule.name} needs its length: {schedule.name}:10.")
        end = read_expression(length, names=()) if colon else sympy.Integer(1)
        if not end.is_positive:
            raise BadInput(f"a schedule has a positive length, not {length.strip()}.")
        return schedule.expr(end).subs(CLOCK, sympy.Symbol("t"))
    if _COUNTED.fullmatch(text.replace(" ", "")):
        raise BadInput(
            f"{text.strip()} is 1 - 3h/t to first order, no function of the time alone: such a "
            "momentum is tied to the step, and the velocity is slow. The rules nesterov-c and "
            "heavy-ball-c have k/(k + 3), with gradient step h^2; of them ask for the "
            "second-order-equation."
        )
    return read_expression(text, names=("t",))


def read_ground(
    rule: Optimizer, losses: Sequence[str], schedules: Mapping[str, str]
) -> tuple[Ground, dict[str, str]]:
    """The losses of a rule's fields from texts: EXPR for all, or NAME=EXPR for each.

    Returns:
        The coordinates and losses, and the text of each.
    Raises:
        BadInput: a field has no loss, or a name is no field.
    """
    texts: dict[str, str] = {}
    for text in losses:
        name, equals, expr = text.partition("=")
        if equals and name.strip() in rule.fields:
            texts[name.strip()] = expr.strip()
        elif len(rule.fields) == 1 or rule.players:
            texts |= dict.fromkeys(rule.fields, text)
        else:
            wanted = " ".join(f"--loss '{name}=...'" for name in rule.fields)
            raise BadInput(f"{rule.name} takes the gradients of several losses: {wanted}.")
    if missing := [name for name in rule.fields if name not in texts]:
        raise BadInput(
            f"{rule.name} also takes the gradient of {missing[0]}: give --loss '{missing[0]}=...'."
        )
    read = {name: read_loss(text) for name, text in texts.items()}
    variables = tuple(sorted({v for _, names in read.values() for v in names}))
    if not variables:
        raise BadInput(f"{losses[0]!r} has no variable to minimize over; write one, such as x^2.")
    clocks = {name: read_schedule(text) for name, text in schedules.items()}
    return Ground(rule, {n: e for n, (e, _) in read.items()}, variables, clocks), texts
