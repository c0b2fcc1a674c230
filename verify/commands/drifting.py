"""`undertow drift`: small noise carries an optimizer along minimizers."""

from __future__ import annotations

from typing import Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import (
    CALL_SECONDS,
    Digits,
    Format,
    Given,
    LossText,
    Output,
    Rule,
    Seconds,
    assignments,
    number,
    point,
    say,
    say_json,
)
from verify.running.limits import within


@command(
    "drift",
    examples=(
        "drift --loss '(x*y-1)**2/2' --at 2,1/2 --set beta=9/10 --lr 1/10",
        "drift nesterov --loss '(x*y-1)**2/2' --at 1,1 --noise isotropic",
    ),
)
def drift(
    loss: LossText,
    at: Annotated[str, typer.Option(help="A minimizer, as 1,1; variables in alphabetical order.")],
    optimizer: Rule = "heavy-ball",
    lr: Annotated[str | None, typer.Option(help="The learning rate; h without it.")] = None,
    noise: Annotated[
        str,
        typer.Option(help="label (covariance H), isotropic, or the covariance as 2,1;1,3."),
    ] = "label",
    give: Given = None,
    seconds: Seconds = CALL_SECONDS,
    digits: Digits = 30,
    format: Output = Format.TEXT,
) -> None:
    """Drift and diffusion in one step along the minimizers of a loss, under small noise.

    Exact where the derivatives at the point are rational numbers; parameters without a value stay
    symbols. Elsewhere the minimizer next to the point is found and all is computed to --digits.
    """
    from verify.formulas.reading import read_loss
    from verify.report import drift as report
    from verify.running.rule_files import find_rule

    rule = find_rule(optimizer).at(**assignments(give or []))
    with within("reading this loss"):
        expr, names = read_loss(loss)
    place = point("--at", at, names)
    step = None if lr is None else number("--lr", lr)
    if step is not None and step <= 0:
        raise BadInput(f"--lr {lr} is not positive.")
    covariance = None if noise == "label" else report.covariance(noise, len(names))
    with within("the drift of this loss"):
        told = report.find(rule, expr, names, place, step, covariance, digits)
    if format is Format.JSON:
        say_json(report.as_json(rule, loss, noise, told))
    else:
        say(report.as_text(rule, loss, noise, told))
