"""`undertow plot`: pictures as SVG, PDF or PNG."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from derive.language.bad_input import BadInput
from verify.commands.application import command
from verify.commands.base import (
    CALL_SECONDS,
    Force,
    Given,
    LearningRate,
    LossText,
    Momentum,
    Nodes,
    Rule,
    Seconds,
    Seed,
    Start,
    Time,
    assignments,
    momentum_from,
    number,
    refuse,
    say,
)
from verify.commands.interpolating import FORMER as OF_NETWORKS
from verify.commands.interpolating import (
    BatchSize,
    Minus,
    NetworkName,
    Networks,
    Plus,
    Rows,
    Values,
    read_problem,
)
from verify.commands.momentum import Bottom, LabelNoise, Top, TraceCurvature
from verify.commands.running import FORMER, read_run

if TYPE_CHECKING:
    from flint import fmpq

    from derive.language.update_rule import Optimizer
    from verify.models.interpolators import Interpolator

Out = Annotated[Path, typer.Option(help="The file to write: .svg, .pdf or .png.")]


def figures(out: Path) -> Any:
    """The functions that draw, if a picture can be drawn and written so.

    Raises:
        BadInput: another suffix, or no matplotlib.
    """
    try:
        style = importlib.import_module("verify.report.figures.style")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "matplotlib":
            raise
        raise BadInput("a picture needs matplotlib: pip install 'undertow[plot]'.") from None
    style.checked_suffix(out)
    return importlib.import_module("verify.report.figures")


def _write(picture: Any, out: Path, force: bool) -> None:
    picture.save(out, force=force)
    say(str(out))


def _title(draw: Any, rule: Optimizer, texts: Mapping[str, str]) -> str:
    from verify.formulas.reading import read_loss

    if len(set(texts.values())) == 1:
        texts = {"E": next(iter(texts.values()))}
    shown = (f"{name} = {draw.written(read_loss(text)[0])}" for name, text in texts.items())
    return f"{draw.named(rule)} on {', '.join(shown)}"


@command(
    "plot errors",
    examples=(
        "plot errors heavy-ball --set beta=1/2 --loss 'x^4/4+x^2/2' --start 1 --out errors.svg",
    ),
    former=FORMER,
)
def errors(
    optimizer: Rule,
    loss: LossText,
    start: Start,
    out: Out,
    lr: LearningRate = "1/64",
    time: Time = "2",
    order: Nodes = 2,
    give: Given = None,
    seconds: Seconds = CALL_SECONDS,
    force: Force = False,
) -> None:
    """The error of the gradient flow and the modified flow against h, with the observed order."""
    draw = figures(out)
    run = read_run(optimizer, loss, start, lr, time, order, give)
    found = run.compared()
    title = _title(draw, run.rule, run.texts)
    _write(draw.error_figure(found.steps, found.errors, title=title), out, force)


@command(
    "plot trajectory",
    examples=(
        "plot trajectory heavy-ball --set beta=1/2 --loss 'x^2+3*y^2' --start 2,2 --out run.svg",
    ),
    former=FORMER,
)
def trajectory(
    optimizer: Rule,
    loss: LossText,
    start: Start,
    out: Out,
    lr: LearningRate = "1/64",
    time: Time = "2",
    order: Nodes = 2,
    give: Given = None,
    seconds: Seconds = CALL_SECONDS,
    force: Force = False,
) -> None:
    """The iterates beside the gradient flow and the modified flow, over a loss's contours."""
    draw = figures(out)
    run = read_run(optimizer, loss, start, lr, time, order, give)
    paths, over = run.in_the_plane()
    title = _title(draw, run.rule, run.texts)
    _write(draw.paths_figure(paths, over, h=run.h, title=title, names=run.names), out, force)


@command(
    "plot stability",
    examples=(
        "plot stability heavy-ball --out stability.svg",
        "plot stability lessard --set beta=1/2 --out stability.pdf",
    ),
)
def stability(
    optimizer: Rule,
    out: Out,
    give: Given = None,
    seconds: Seconds = CALL_SECONDS,
    force: Force = False,
) -> None:
    """Where modes are real, complex and unstable, by step size times curvature and momentum."""
    from verify.running.rule_files import find_rule

    draw = figures(out)
    rule = find_rule(optimizer).at(**assignments(give or []))
    _write(draw.stability_figure(rule), out, force)


@command(
    "plot timescales",
    examples=("plot timescales heavy-ball --lr 1e-3 --hessian-top 50 --out timescales.png",),
)
def timescales(
    optimizer: Rule,
    lr: LearningRate,
    hessian_top: Top,
    out: Out,
    hessian_bottom: Bottom = None,
    label_noise: LabelNoise = None,
    trace_curvature: TraceCurvature = None,
    give: Given = None,
    seconds: Seconds = CALL_SECONDS,
    force: Force = False,
) -> None:
    """Steps to relax and to drift against the momentum, and where they cross."""
    from verify.running.rule_files import find_rule

    draw = figures(out)
    picture = draw.timescales_figure(
        find_rule(optimizer).at(**assignments(give or [])),
        step=lr,
        top=hessian_top,
        bottom=hessian_bottom,
        label_noise=label_noise,
        trace_curvature=trace_curvature,
    )
    _write(picture, out, force)


@command(
    "plot schedule",
    examples=("plot schedule cosine --out cosine.svg", "plot schedule one-cycle --out cycle.pdf"),
)
def schedule(
    name: Annotated[
        str, typer.Argument(help="constant, linear, cosine, polynomial, warm-up, step, ...")
    ],
    out: Out,
    force: Force = False,
) -> None:
    """The rate over a run, and how much of the regularizer acts before its decay."""
    draw = figures(out)
    _write(draw.schedule_figure(name), out, force)


@command(
    "plot gain",
    examples=("plot gain --x '1,2,0;0,1,1' --y 1,2 --lr 1/10 --set beta=9/10 --out gain.svg",),
    former=OF_NETWORKS,
)
def gain(
    x: Rows,
    y: Values,
    lr: LearningRate,
    out: Out,
    start: Plus = "1/10",
    start_minus: Minus = None,
    give: Momentum = None,
    batch: BatchSize = None,
    network: Networks = NetworkName.ROTATED,
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """The gain of each coordinate of a diagonal network, beside that of plain gradient descent."""
    from verify.models.interpolators import interpolate

    draw = figures(out)
    if batch is None:
        refuse("without --batch", "--seed")
    problem = read_problem(x, y, start, start_minus, network)
    rate, momentum = number("--lr", lr), momentum_from(give, "0")

    def run(beta: fmpq, batch: int | None) -> Interpolator:
        return interpolate(
            problem.rows,
            problem.values,
            problem.start,
            network=problem.network,
            gamma=rate,
            beta=beta,
            batch=batch,
            seed=seed,
        )

    runs = {f"gradient descent, γ = {lr}": run(0 * momentum, None)}
    if batch is not None or momentum != 0:
        with_momentum = f", β = {momentum}" if momentum != 0 else ""
        rows = f"SGD, batches of {batch}" if batch is not None else "gradient descent"
        runs[f"{rows}, γ = {lr}{with_momentum}"] = run(momentum, batch)
    _write(draw.gain_figure(runs), out, force)
