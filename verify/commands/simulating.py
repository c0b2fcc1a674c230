"""`undertow simulate`: SGD with momentum on a loss split into batches."""

from __future__ import annotations

from typing import Annotated

import typer
from flint import fmpq

from derive.language.update_rule import BadInput
from verify.commands.base import Format, Output, Seed, app, say, say_json
from verify.commands.own import number
from verify.formulas.reading import read_loss
from verify.report import simulation
from verify.report.averages import SamplingName
from verify.running.expression_losses import loss_from_expression
from verify.running.losses import Loss
from verify.simulations.sgd_moments import Experiment, predict, simulate

MOST_STEPS, MOST_RUNS, MOST_WORK = 100_000, 1_000_000, 2_000_000_000


@app.command("simulate")
def simulate_batches(
    loss: Annotated[list[str], typer.Option(help="The loss of one batch; repeat for each batch.")],
    start: Annotated[str, typer.Option(help="x_0, as 1,1/2; its variables in alphabetical order.")],
    sampling: Annotated[
        SamplingName, typer.Option(help="How batches are drawn.")
    ] = SamplingName.RESHUFFLED,
    lr: Annotated[str, typer.Option(help="The learning rate.")] = "1/20",
    beta: Annotated[str, typer.Option(help="The momentum, at least 0 and below 1.")] = "9/10",
    steps: Annotated[int, typer.Option(help="How many steps.")] = 100,
    runs: Annotated[int, typer.Option(help="How many runs.")] = 2000,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Run SGD with momentum on batches and show measured against predicted mean and variance."""
    losses, names = _losses(loss)
    point = [number("--start", part) for part in start.split(",")]
    if len(point) != len(names):
        raise BadInput(
            f"--start {start} has {len(point)} numbers; the losses have {len(names)}: "
            f"{', '.join(names)}."
        )
    rate, momentum = number("--lr", lr), number("--beta", beta)
    if not rate > 0:
        raise BadInput(f"--lr {lr} is not above 0.")
    if not 0 <= momentum < 1:
        raise BadInput(f"--beta {beta} is outside [0, 1): the memory never fades.")
    for option, value, low, high in (
        ("--steps", steps, 1, MOST_STEPS),
        ("--runs", runs, 2, MOST_RUNS),
    ):
        if not low <= value <= high:
            raise BadInput(f"{option} {value} is outside {low} ... {high}.")
    if steps * runs * len(losses) > MOST_WORK:
        raise BadInput(f"{steps} steps of {runs} runs are too many; lower --steps or --runs.")
    world = Experiment(
        losses, [_float(x) for x in point], _float(rate), _float(momentum), steps, sampling
    )
    shown = simulation.Shown(
        world, names, runs, seed, simulate(world, runs=runs, seed=seed), predict(world)
    )
    if format is Format.JSON:
        say_json(simulation.as_json(shown))
    else:
        say(simulation.as_text(shown))


def _losses(texts: list[str]) -> tuple[list[Loss], list[str]]:
    """The batch losses on the variables of all of them."""
    if len(texts) < 2:
        raise BadInput("give --loss at least twice, once for each batch.")
    read = [read_loss(text) for text in texts]
    names = sorted({name for _, variables in read for name in variables})
    losses = [
        loss_from_expression(expr, text, names) for (expr, _), text in zip(read, texts, strict=True)
    ]
    return losses, names


def _float(value: fmpq) -> float:
    return int(value.p) / int(value.q)
