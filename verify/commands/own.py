"""`undertow trajectory`, `convert` and `claim new`: the user's own work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from flint import fmpq

from derive.language.coefficients import exact
from derive.language.update_rule import BadInput, Optimizer
from verify.commands.base import Given, app, assignments, say
from verify.formulas.reading import loss_from_text, read_loss
from verify.report.conventions import describe
from verify.running.losses import Loss
from verify.running.rule_files import find_rule
from verify.workbench.beside_flow import FLOWS, Comparison, compare
from verify.workbench.conventions import convert as convert_parameters
from verify.workbench.drafts import write_template

claim_app = typer.Typer(help="Claims of your own.", no_args_is_help=True)
app.add_typer(claim_app, name="claim")


def number(option: str, text: str) -> fmpq:
    """An exact number from an option."""
    try:
        return exact(text)
    except ValueError as error:
        raise BadInput(f"{option} {text}: {error}") from None


def read_run(
    optimizer: str, loss: str, start: str, nodes: int, give: list[str] | None
) -> tuple[Optimizer, Loss, list[fmpq], tuple[str, ...]]:
    """Rule, loss, x_0 and the names of the variables, from the options."""
    rule = find_rule(optimizer).at(**assignments(give or []))
    world = loss_from_text(loss)
    names = read_loss(loss)[1]
    point = [number("--start", part) for part in start.split(",")]
    if len(point) != world.dimension:
        raise BadInput(
            f"--start {start} has {len(point)} numbers; the loss has {world.dimension}: "
            f"{', '.join(names)}."
        )
    if not 1 <= nodes <= 5:
        raise BadInput(f"--nodes {nodes} is outside 1 ... 5.")
    return rule, world, point, names


@app.command()
def trajectory(
    optimizer: Annotated[str, typer.Argument(help="An optimizer, or file.py:rule.")],
    loss: Annotated[str, typer.Option(help="A loss, such as 'x**4/4 + x**2/2 + cos(x*y)'.")],
    start: Annotated[str, typer.Option(help="x_0, as 1,1/2; its variables in alphabetical order.")],
    h: Annotated[str, typer.Option("--h", help="The step size.")] = "1/64",
    time: Annotated[str, typer.Option(help="How far to go, in units of h times steps.")] = "2",
    nodes: Annotated[int, typer.Option(help="Nodes of the trees of the modified flow.")] = 2,
    give: Given = None,
) -> None:
    """Run an optimizer on a loss beside the gradient flow and the modified flow."""
    rule, world, point, _ = read_run(optimizer, loss, start, nodes, give)
    found = compare(
        rule, world, point, h=number("--h", h), time=number("--time", time), nodes=nodes
    )
    say(f"{rule.name.replace('-', ' ')} on E = {loss}")
    say()
    for line in _table(found):
        say(line)


def _table(found: Comparison) -> list[str]:
    def vector(entries: list[float]) -> str:
        return "  ".join(f"{entry: .6f}" for entry in entries)

    rows: list[tuple[str, ...]] = [("k", "kh", "x_k", *FLOWS)]
    for row in found.rows:
        flows = [vector(row.flows[name]) for name in FLOWS]
        rows.append((str(row.k), f"{row.time:.4g}", vector(row.x), *flows))
    errors: list[tuple[str, ...]] = [("h", *FLOWS)]
    for i, h in enumerate(found.steps):
        errors.append((str(h), *(f"{found.errors[name][i]:.3e}" for name in FLOWS)))
    errors.append(("order", *(str(found.orders[name]) for name in FLOWS)))
    return [*_aligned(rows), "", "largest distance from x_k at the end", "", *_aligned(errors)]


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "   ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


@app.command()
def convert(
    source: Annotated[str, typer.Option("--from", help="The convention of your parameters.")],
    target: Annotated[str, typer.Option("--to", help="The convention you want.")],
    lr: Annotated[str, typer.Option(help="The learning rate.")],
    momentum: Annotated[str, typer.Option(help="The momentum.")] = "0",
    dampening: Annotated[str, typer.Option(help="The dampening, of PyTorch.")] = "0",
    nesterov: Annotated[bool, typer.Option("--nesterov", help="Nesterov's look ahead.")] = False,
    nu: Annotated[str | None, typer.Option(help="The weight of the average, of qhm.")] = None,
) -> None:
    """The parameters that give the same iterates in another library's convention."""
    found = convert_parameters(
        source,
        target,
        lr=number("--lr", lr),
        momentum=number("--momentum", momentum),
        dampening=number("--dampening", dampening),
        nesterov=nesterov,
        nu=None if nu is None else number("--nu", nu),
    )
    say(describe(found))


@claim_app.command("new")
def new_claim(
    path: Annotated[Path, typer.Argument(help="The draft to write, such as draft.toml.")],
    force: Annotated[bool, typer.Option(help="Overwrite what is there.")] = False,
) -> None:
    """Write a commented draft of a claim; `undertow verify draft.toml` judges it."""
    write_template(path, force=force)
    say(str(path))
