"""`undertow derive` and `undertow optimizers`."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from enum import StrEnum
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import (
    CALL_SECONDS,
    Given,
    Names,
    Sampling,
    Seconds,
    assignments,
    number,
    refuse,
    say,
    say_json,
)
from verify.commands.ranges import ranged
from verify.formulas.asked import AVERAGES, Quantity, SamplingName

if TYPE_CHECKING:
    from derive.engine.invariant_manifold import SlowManifold
    from derive.language.update_rule import Optimizer


class DeriveFormat(StrEnum):
    """How a derived formula is written."""

    TEXT = "text"
    LATEX = "latex"
    JSON = "json"
    SYMPY = "sympy"


class TableFormat(StrEnum):
    """How the table of the zoo is written."""

    TEXT = "text"
    LATEX = "latex"
    JSON = "json"


MOST_K, MOST_BATCHES = 1000, 10**12


@command(
    "derive",
    examples=(
        "derive heavy-ball --order 3",
        "derive nesterov --quantity initial-shift --set beta=9/10",
        "derive heavy-ball --quantity modified-loss --format latex --name lr=h",
        "derive heavy-ball --order 5 --format latex --columns 2 --prefix my",
        "derive heavy-ball --minibatch --quantity modified-loss",
        "derive nesterov-c --quantity second-order-equation --clock 3/2",
        "derive my_rule.py:look_ahead",
    ),
)
def derive(
    optimizer: Annotated[str, typer.Argument(help="An optimizer, such as heavy-ball.")],
    order: Annotated[
        int,
        typer.Option(help="The largest number of nodes of a tree."),
    ] = 3,
    quantity: Annotated[Quantity, typer.Option(help="What to derive.")] = Quantity.MODIFIED_FLOW,
    k: Annotated[
        int | None,
        ranged("The step of the transient; closed forms in k without it.", -math.inf, MOST_K),
    ] = None,
    minibatch: Annotated[
        bool, typer.Option("--minibatch", help="Step j takes its gradient from a loss E_j.")
    ] = False,
    sampling: Sampling = SamplingName.WITH_REPLACEMENT,
    batches: Annotated[
        int | None,
        ranged("How many batches there are.", -math.inf, MOST_BATCHES),
    ] = None,
    loss: Annotated[
        list[str] | None,
        typer.Option(
            help="Write the modified flow in the coordinates of a loss, such as 'x**4/4 + y**2'; "
            "of a rule with several losses each as NAME=EXPR."
        ),
    ] = None,
    observe: Annotated[
        str | None,
        typer.Option(
            help="Write the modified flow in another variable: a state, or such as 'y = x + h*v'."
        ),
    ] = None,
    clock: Annotated[
        str | None,
        typer.Option(help="c, where a second-order equation meets x_k at the time (k + c) h."),
    ] = None,
    give: Given = None,
    seconds: Seconds = CALL_SECONDS,
    name: Names = None,
    format: Annotated[
        DeriveFormat, typer.Option("--format", help="How to write the result.")
    ] = DeriveFormat.TEXT,
    columns: Annotated[
        int, typer.Option(help="Break LaTeX for a page of one column or two.", min=1, max=2)
    ] = 1,
    prefix: Annotated[
        str, typer.Option(help="Define the LaTeX as a macro whose name starts so, as in my.")
    ] = "",
) -> None:
    """Derive what an optimizer follows, to any order.

    A rule of your own is a function in a file, declared with @optimizer(state=("v",),
    parameters=("beta",)) and named as file.py:function. start= gives the first memory (0 without
    it), fields=("E", "W") several losses, game=True a field that is no gradient; momentum("beta")
    and Parameter("c", lower=0) have ranges. All of them are imported from derive.
    """
    from derive.engine.front_door import is_linear
    from verify.report import derivation, derived
    from verify.running.rule_files import find_rule

    if format is not DeriveFormat.LATEX:
        refuse("without --format latex", "--columns", "--prefix")
    if not minibatch:
        refuse("without --minibatch", "--sampling", "--batches")
    elif quantity in AVERAGES:
        refuse(f"on --quantity {quantity}", "--order", "--name", "--loss")
    else:
        refuse(f"on --quantity {quantity}: it is not averaged", "--sampling", "--batches")
        refuse("with --minibatch", "--loss")
    rule = find_rule(optimizer)
    given = assignments(give or [])
    schedules = {name: given.pop(name) for name in rule.schedules if name in given}
    rule = rule.at(**given)
    if quantity is not Quantity.SECOND_ORDER_EQUATION:
        refuse(f"on --quantity {quantity}", "--clock")
    style = Style(format, columns, f"{rule.name} {quantity}", prefix)
    if minibatch:
        refuse("with --minibatch", "--observe")
    if minibatch and quantity in AVERAGES:
        from verify.report import averages

        _write(averages, averages.find(rule, quantity, sampling, batches=batches, k=k), style)
        return
    rule, step = _called(rule, name or [])
    if minibatch:
        _write_steps(rule, quantity, order, k, step, style)
        return
    if quantity is Quantity.SECOND_ORDER_EQUATION:
        _write_equation(rule, order, clock, step, style)
        return
    watched = _observed(rule, observe, quantity, order)
    if loss:
        from verify.report import on_loss

        if quantity is not Quantity.MODIFIED_FLOW:
            raise BadInput(f"--loss writes the modified-flow; of {quantity} ask without it.")
        on = on_loss.find(rule, loss, order=order, schedules=schedules, flow=watched)
        _write(on_loss, replace(on, step=step), style)
        return
    if watched is not None or not is_linear(rule):
        if quantity is Quantity.MODIFIED_LOSS:
            from verify.report import players, transformed

            refuse("on the modified loss of such a rule: it reaches h", "--order")
            report = players if rule.players else transformed
            _write(report, replace(report.find(rule), step=step), style)
            return
        from verify.report import general

        page = general.find(rule, quantity, order=order, k=k, flow=watched)
        _write(general, replace(page, step=step), style)
        return
    found = derived.find(rule, quantity, order=order, k=k)
    _write(derivation, replace(found, step=step, processes=os.cpu_count() or 1), style)


def _observed(
    rule: Optimizer, text: str | None, quantity: Quantity, order: int
) -> SlowManifold | None:
    """The flow of the variable that --observe names."""
    if text is None:
        return None
    if quantity is not Quantity.MODIFIED_FLOW:
        raise BadInput(f"--observe changes the modified-flow; of {quantity} ask without it.")
    from verify.formulas.observing import read_observed

    return read_observed(rule, text, order=order)


def _write_steps(
    rule: Optimizer, quantity: Quantity, order: int, k: int | None, step: str, style: Style
) -> None:
    """What step k follows, its gradient being that of E_k."""
    from verify.report import minibatch

    if style.format is DeriveFormat.SYMPY:
        raise BadInput("--minibatch has no format sympy; use text, latex or json.")
    _write(minibatch, replace(minibatch.find(rule, quantity, order=order, k=k), step=step), style)


def _write_equation(
    rule: Optimizer, order: int, clock: str | None, step: str, style: Style
) -> None:
    """The second-order equation of an inertial rule."""
    from verify.report import motion

    refuse(f"on --quantity {Quantity.SECOND_ORDER_EQUATION}", "--k", "--loss", "--observe")
    shift = None if clock is None else number("--clock", clock)
    page = motion.find(rule, order=order, clock=shift)
    _write(motion, replace(page, step=step), style)


@dataclass(frozen=True)
class Style:
    """How the result is written; columns, name and prefix are of its LaTeX."""

    format: DeriveFormat
    columns: int
    name: str
    prefix: str


def _write(report: ModuleType, found: object, style: Style) -> None:
    """What a report module makes of its finding."""
    if style.format is DeriveFormat.JSON:
        say_json(report.as_json(found))
    elif style.format is DeriveFormat.LATEX:
        from verify.report.columns import broken, macro

        text = broken(report.as_latex(found), style.columns)
        print(macro(style.prefix, style.name, text) if style.prefix else text)
    elif style.format is DeriveFormat.SYMPY:
        print(report.as_sympy(found))
    else:
        say(report.as_text(found))


def _called(rule: Optimizer, pairs: list[str]) -> tuple[Optimizer, str]:
    """The rule with the names that the pairs MINE=OURS give its parameters, and the step size's."""
    if not pairs:
        return rule, "h"
    from verify.formulas.tokens import is_identifier, spelled

    names = dict[str, str]()
    for text, known in assignments(pairs, option="--name").items():
        mine, ours = spelled(text), spelled(known)
        if not is_identifier(mine) or mine in {"k", "x"}:
            raise BadInput(f"--name {text}=... is no name for a parameter; use letters and digits.")
        if ours in names:
            raise BadInput(f"--name {text}={known}: {ours} is {names[ours]} already; give it once.")
        names[ours] = mine
    step = names.pop("h", "h")
    rule = rule.renamed(names)
    taken = {*rule.memory, *rule.schedules, *rule.fields, *(p.name for p in rule.declared)}
    if step != "h" and step in taken:
        raise BadInput(f"--name {step}=h: {rule.name} has another {step}; choose another name.")
    return rule, step


@command(
    "optimizers",
    examples=("optimizers", "optimizers --format json", "optimizers --table --format latex"),
)
def optimizers(
    show_table: Annotated[
        bool, typer.Option("--table", help="What each rule penalizes at order h, side by side.")
    ] = False,
    format: Annotated[
        TableFormat, typer.Option("--format", help="How to write the list.")
    ] = TableFormat.TEXT,
) -> None:
    """List the optimizers that are known by name, and which PyTorch's and optax's are."""
    from derive.optimizers import NONLINEAR, ZOO
    from derive.optimizers.libraries import LIBRARIES

    if show_table:
        from verify.report import regularizers

        if format is TableFormat.JSON:
            say_json(regularizers.as_json())
        else:
            latex = format is TableFormat.LATEX
            say(regularizers.as_latex() if latex else regularizers.as_text())
        return
    if format is TableFormat.LATEX:
        raise BadInput("--format latex writes the table; add --table, or choose text or json.")
    rules = ZOO | NONLINEAR
    if format is TableFormat.JSON:
        say_json(
            {
                "rules": [
                    {
                        "name": name,
                        "says": rule.summary,
                        "parameters": {p.name: p.range for p in rule.declared},
                    }
                    for name, rule in rules.items()
                ],
                "libraries": {
                    name: {"rule": one.rule.name} if one.rule else {"no flow": one.why}
                    for name, one in LIBRARIES.items()
                },
            }
        )
        return
    for name, rule in rules.items():
        ranges = ", ".join(f"{p.name} in {p.range}" for p in rule.declared)
        say(f"{name}   {ranges}".rstrip())
        say(f"    {rule.summary}")
    say()
    for name, one in LIBRARIES.items():
        say(f"{name}   {one.rule.name if one.rule else f'no flow: {one.why}'}")
