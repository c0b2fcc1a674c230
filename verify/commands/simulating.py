"""`undertow simulate`: SGD with momentum on a loss split into batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import (
    Format,
    LearningRate,
    Momentum,
    Output,
    Sampling,
    Seed,
    Start,
    momentum_from,
    number,
    point,
    say,
    say_json,
)
from verify.formulas.asked import SamplingName
from verify.running.limits import within

if TYPE_CHECKING:
    from verify.running.losses import Loss

MOST_STEPS, MOST_RUNS, MOST_WORK = 100_000, 1_000_000, 2_000_000_000


@command(
    "simulate",
    examples=(
        "simulate --loss '(x-1)^2/2+x^4/8' --loss '(x+1)^2' --start 1 --set beta=1/2",
        "simulate --loss 'x^2' --loss '(x-1)^2' --start 1 --sampling cyclic --runs 500",
    ),
    former={"--beta": "--set beta="},
)
def simulate(
    loss: Annotated[list[str], typer.Option(help="The loss of one batch; repeat for each batch.")],
    start: Start,
    sampling: Sampling = SamplingName.RESHUFFLED,
    lr: LearningRate = "1/20",
    steps: Annotated[int, typer.Option(help="How many steps.")] = 100,
    runs: Annotated[int, typer.Option(help="How many runs.")] = 2000,
    give: Momentum = None,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Run SGD with momentum on batches and show measured against predicted mean and variance."""
    from verify.report import simulation
    from verify.running.numbers import FLOAT
    from verify.simulations import sgd_moments

    losses, names = _losses(loss)
    place = point("--start", start, names)
    rate, momentum = number("--lr", lr), momentum_from(give, "9/10")
    if not rate > 0:
        raise BadInput(f"--lr {lr} is not above 0.")
    for option, value, low, high in (
        ("--steps", steps, 1, MOST_STEPS),
        ("--runs", runs, 2, MOST_RUNS),
    ):
        if not low <= value <= high:
            raise BadInput(f"{option} {value} is outside {low} ... {high}.")
    if steps * runs * len(losses) > MOST_WORK:
        raise BadInput(f"{steps} steps of {runs} runs are too many; lower --steps or --runs.")
    h, beta, *first = (FLOAT.convert(value) for value in (rate, momentum, *place))
    if not h or beta == 1:
        raise BadInput(
            f"the runs are in floats, in which --lr {lr} is {h} and beta is {beta}; take --lr "
            "above 1e-300 and a momentum below 1 - 1e-15."
        )
    world = sgd_moments.BatchedTraining(losses, first, h, beta, steps, sampling)
    with within("the prediction for these losses"):
        predicted = sgd_moments.predict(world)
    shown = simulation.PredictedMoments(
        world,
        names,
        runs,
        seed,
        sgd_moments.simulate(world, runs=runs, seed=seed),
        predicted,
    )
    if format is Format.JSON:
        say_json(simulation.as_json(shown))
    else:
        say(simulation.as_text(shown))


def _losses(texts: list[str]) -> tuple[list[Loss], list[str]]:
    """The batch losses on the variables of all of them."""
    from verify.formulas.reading import read_loss
    from verify.running.expression_losses import loss_from_expression

    if len(texts) < 2:
        raise BadInput("give --loss at least twice, once for each batch.")
    with within("reading these losses"):
        read = [read_loss(text) for text in texts]
    names = sorted({name for _, variables in read for name in variables})
    losses = [
        loss_from_expression(expr, text, names) for (expr, _), text in zip(read, texts, strict=True)
    ]
    return losses, names
