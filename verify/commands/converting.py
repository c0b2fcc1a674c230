"""`undertow convert`: one library's parameters as another's."""

from __future__ import annotations

from typing import Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import Format, Output, assignments, number, refuse, say, say_json


@command(
    "convert",
    examples=(
        "convert --from torch --lr 0.1 --momentum 0.9 --to ema",
        "convert --from torch --lr 0.1 --momentum 0.9 --to keras --schedule cosine",
        "convert --from keras --lr 0.01 --momentum 0.9 --nesterov --to torch",
        "convert --from torch.AdamW --set lr=0.001 --set betas=0.9,0.99 --to optax.adamw",
    ),
)
def convert(
    source: Annotated[str, typer.Option("--from", help="The convention of your parameters.")],
    target: Annotated[str, typer.Option("--to", help="The convention you want.")],
    lr: Annotated[str | None, typer.Option(help="The learning rate.")] = None,
    momentum: Annotated[str, typer.Option(help="The momentum.")] = "0",
    dampening: Annotated[str, typer.Option(help="The dampening, of PyTorch.")] = "0",
    nesterov: Annotated[bool, typer.Option("--nesterov", help="Nesterov's look ahead.")] = False,
    nu: Annotated[str | None, typer.Option(help="The weight of the average, of qhm.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help="A schedule that the learning rate follows, such as cosine.")
    ] = None,
    give: Annotated[
        list[str] | None,
        typer.Option("--set", help="An argument of a library's optimizer, as eps=1e-7."),
    ] = None,
    format: Output = Format.TEXT,
) -> None:
    """The parameters that give the same iterates in another library's convention.

    Of momentum a convention is named, such as torch or ema; of any other optimizer the library with
    its class or alias, such as torch.AdamW and optax.adamw: then their arguments are compared, and
    where they are not the same iteration, the first step at which they part is found.
    """
    if "." in source or "." in target:
        _between_libraries(source, target, give or [], format)
        return
    refuse("without a library's optimizer, such as torch.AdamW", "--set")
    if lr is None:
        raise BadInput("--lr is missing: give the learning rate of your convention.")
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


def _between_libraries(source: str, target: str, given: list[str], format: Format) -> None:
    from verify.report.library_conversion import as_json, as_text
    from verify.workbench.library_conversion import convert_library

    refuse(
        "between libraries' optimizers; use --set",
        *("--lr", "--momentum", "--dampening", "--nesterov", "--nu", "--schedule"),
    )
    arguments = {name: _argument(name, text) for name, text in assignments(given).items()}
    found = convert_library(source, target, arguments)
    if format is Format.JSON:
        say_json(as_json(found))
    else:
        say(as_text(found))


def _argument(name: str, text: str) -> object:
    """A number, a switch or a pair of numbers."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    try:
        numbers = tuple(float(part) for part in text.strip("()").split(","))
    except ValueError:
        raise BadInput(
            f"--set {name}={text} is no number, no pair of them, and not true or false."
        ) from None
    first, *more = numbers
    return numbers if more else first
