"""`undertow trajectory`: an optimizer on a loss, beside the flows it is said to follow."""

from __future__ import annotations

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
    """Run an optimizer on a loss beside the gradient flow and the modified flow."""
    from verify.report import beside
    from verify.workbench.beside_flow import compare

    rule, world, x, names = read_run(optimizer, loss, start, order, give)
    found = compare(rule, world, x, h=number("--lr", lr), time=number("--time", time), nodes=order)
    if format is Format.JSON:
        say_json(beside.as_json(rule, loss, found))
    else:
        say(beside.as_text(rule, loss, names, found))
