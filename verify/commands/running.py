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
    from verify.running.general_flows import NamedFields
    from verify.running.losses import VectorField
    from verify.workbench.beside_flow import Comparison, Paths

FORMER = {"--h": "--lr", "--nodes": "--order"}
"""What the options of a run were called."""


@dataclass(frozen=True)
class RequestedRun:
    """A rule on its losses, as the options say.

    Args:
        world: what the rule runs on; a `NamedFields` where its memory is not linear.
        texts: the losses by field.
        names: the variables, in the order of the players.
    """

    rule: Optimizer
    world: VectorField | NamedFields
    texts: Mapping[str, str]
    names: Sequence[str]
    start: list[fmpq]
    h: fmpq
    time: fmpq
    order: int

    def compared(self) -> Comparison:
        """The run beside the flows that it is said to follow."""
        from verify.running.general_flows import NamedFields
        from verify.workbench.beside_flow import compare
        from verify.workbench.beside_general import compare_any

        rule, start, h, time = self.rule, self.start, self.h, self.time
        if isinstance(self.world, NamedFields):
            return compare_any(rule, self.world, start, h=h, time=time, order=self.order)
        return compare(rule, self.world, start, h=h, time=time, nodes=self.order)

    def in_the_plane(self) -> tuple[Paths, VectorField]:
        """The paths of the run and of the flows, and the loss whose contours lie under them."""
        from verify.running.general_flows import NamedFields
        from verify.workbench.beside_flow import run_beside
        from verify.workbench.beside_general import run_beside_any

        rule, start, h, time = self.rule, self.start, self.h, self.time
        if isinstance(self.world, NamedFields):
            paths = run_beside_any(rule, self.world, start, h=h, time=time, order=self.order)
            return paths, next(iter(self.world.fields.values()))
        return run_beside(rule, self.world, start, h=h, time=time, nodes=self.order), self.world


def read_run(
    optimizer: str, loss: str, start: str, lr: str, time: str, order: int, give: list[str] | None
) -> RequestedRun:
    """The run that the options ask for."""
    from derive.engine.front_door import is_linear
    from verify.formulas.grounds import read_ground
    from verify.running.general_flows import landscape
    from verify.running.rule_files import find_rule
    from verify.workbench.worlds import losses_of, read_world

    rule, given = find_rule(optimizer), assignments(give or [])
    linear = is_linear(rule)
    schedules = {} if linear else {n: given.pop(n) for n in rule.schedules if n in given}
    rule = rule.at(**given)
    with within("reading this loss"):
        if linear:
            world, names = read_world(rule, loss)
            texts = losses_of(rule, loss)
        else:
            ground, texts = read_ground(rule, loss.split(";"), schedules)
            world, names = landscape(ground), [n for own in ground.owned.values() for n in own]
    place = point("--start", start, names)
    return RequestedRun(
        rule, world, texts, names, place, number("--lr", lr), number("--time", time), order
    )


@command(
    "trajectory",
    examples=(
        "trajectory heavy-ball --set beta=1/2 --loss 'x**4/4 + x**2/2' --start 1",
        "trajectory nesterov --set beta=1/2 --loss 'x**2 + cos(x*y)' --start 1,1/2 --lr 1/32",
    ),
    former=FORMER,
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

    run = read_run(optimizer, loss, start, lr, time, order, give)
    found = run.compared()
    if format is Format.JSON:
        say_json(beside.as_json(run.rule, loss, found))
    else:
        say(beside.as_text(run.rule, loss, run.names, found))
