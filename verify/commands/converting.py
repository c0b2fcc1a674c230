"""`undertow convert`: one library's parameters as another's."""

from __future__ import annotations

from typing import Annotated

import typer

from verify.commands.application import command
from verify.commands.base import Format, Output, number, say, say_json


@command(
    "convert",
    examples=(
        "convert --from torch --lr 0.1 --momentum 0.9 --to ema",
        "convert --from torch --lr 0.1 --momentum 0.9 --to keras --schedule cosine",
        "convert --from keras --lr 0.01 --momentum 0.9 --nesterov --to torch",
    ),
)
def convert(
    source: Annotated[str, typer.Option("--from", help="The convention of your parameters.")],
    target: Annotated[str, typer.Option("--to", help="The convention you want.")],
    lr: Annotated[str, typer.Option(help="The learning rate.")],
    momentum: Annotated[str, typer.Option(help="The momentum.")] = "0",
    dampening: Annotated[str, typer.Option(help="The dampening, of PyTorch.")] = "0",
    nesterov: Annotated[bool, typer.Option("--nesterov", help="Nesterov's look ahead.")] = False,
    nu: Annotated[str | None, typer.Option(help="The weight of the average, of qhm.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="A schedule that the learning rate follows, such as cosine.")
    ] = None,
    format: Output = Format.TEXT,
) -> None:
    """The parameters that give the same iterates in another library's convention."""
    from verify.report.conventions import describe, describe_schedule
    from verify.report.conversion import as_json, schedule_json
    from verify.workbench.conventions import convert as convert_parameters
    from verify.workbench.schedule_conversion import under_schedule

    found = convert_parameters(
        source,
        target,
        lr=number("--lr", lr),
        momentum=number("--momentum", momentum),
        dampening=number("--dampening", dampening),
        nesterov=nesterov,
        nu=None if nu is None else number("--nu", nu),
    )
    followed = None if schedule is None else under_schedule(found, schedule)
    if format is Format.JSON:
        more = {} if followed is None else {"schedule": schedule_json(followed)}
        say_json(as_json(found) | more)
        return
    say(describe(found))
    if followed is not None:
        say(describe_schedule(found, followed))
