"""`undertow trajectory`: an optimizer on a loss, beside the flows it is said to follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from verify.commands.application import command
from verify.commands.base import (
    CALL_SECONDS,
    Format,
    Given,
    LearningRate,
    LossText,
    Nodes,
    Output,
    Rule,
    Seconds,
    Start,
    Time,
    assignments,
    number,
    point,
    say,
    say_json,
)
from verify.running.limits import within

if TYPE_CHECKING:
    from flint import fmpq

    from derive.language.update_rule import Optimizer
    from verify.running.general_flows import Landscape
    from verify.running.losses import VectorField


def read_run(
    optimizer: str, loss: str, start: str, nodes: int, give: list[str] | None
) -> tuple[Optimizer, VectorField, list[fmpq], list[str]]:
    """Rule, loss, x_0 and the names of the variables, from the options."""
    from verify.running.rule_files import find_rule
    from verify.workbench.worlds import read_world

    rule = find_rule(optimizer).at(**assignments(give or []))
    with within("reading this loss"):
        world, names = read_world(rule, loss)
    return rule, world, point("--start", start, names), names


@dataclass(frozen=True)
class AnyRun:
    """A rule beyond linear memory on its losses, as the options say.

    `texts` are the losses by field, `names` the variables in the order of the players.
    """

    rule: Optimizer
    land: Landscape
    texts: Mapping[str, str]
    names: Sequence[str]
    start: list[fmpq]


def read_any(optimizer: str, loss: str, start: str, give: list[str] | None) -> AnyRun | None:
    """The run of a rule beyond linear memory; None for one with a linear memory."""
    from derive.engine.front_door import is_linear
    from verify.formulas.grounds import read_ground
    from verify.running.general_flows import landscape
    from verify.running.rule_files import find_rule

    rule, given = find_rule(optimizer), assignments(give or [])
    if is_linear(rule):
        return None
    schedules = {name: given.pop(name) for name in rule.schedules if name in given}
    rule = rule.at(**given)
    with within("reading this loss"):
        ground, texts = read_ground(rule, loss.split(";"), schedules)
    names = [name for own in ground.owned.values() for name in own]
    return AnyRun(rule, landscape(ground), texts, names, point("--start", start, names))


@command(
    "trajectory",
    examples=(
        "trajectory heavy-ball --set beta=1/2 --loss 'x**4/4 + x**2/2' --start 1",
        "trajectory nesterov --set beta=1/2 --loss 'x**2 + cos(x*y)' --start 1,1/2 --lr 1/32",
    ),
    former={"--h": "--lr", "--nodes": "--order"},
)
def trajectory(
    optimizer: Rule,
    loss: LossText,
    start: Start,
    lr: LearningRate = "1/64",
    time: Time = "2",
    order: Nodes = 2,
    give: Given = None,
    seconds: Seconds = CALL_SECONDS,
    format: Output = Format.TEXT,
) -> None:
    """Run an optimizer on a loss beside its first flow and its modified flow.

    The first flow, at h^0, is the gradient flow where the rule is linear in its memory.
    """
    from verify.report import beside
    from verify.workbench.beside_flow import compare

    if (any_run := read_any(optimizer, loss, start, give)) is not None:
        from verify.workbench.beside_general import compare_any

        rule, names, h = any_run.rule, any_run.names, number("--lr", lr)
        comparison = compare_any(
            rule, any_run.land, any_run.start, h=h, time=number("--time", time), order=order
        )
        if format is Format.JSON:
            say_json(beside.as_json(rule, loss, comparison))
        else:
            say(beside.as_text(rule, loss, names, comparison))
        return
    rule, world, x, names = read_run(optimizer, loss, start, order, give)
    found = compare(rule, world, x, h=number("--lr", lr), time=number("--time", time), nodes=order)
    if format is Format.JSON:
        say_json(beside.as_json(rule, loss, found))
    else:
        say(beside.as_text(rule, loss, names, found))
