"""`undertow plot`: pictures as SVG, PDF or PNG."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

from derive.language.update_rule import BadInput, Optimizer
from verify.commands.base import Given, Seed, app, assignments, say
from verify.commands.interpolating import (
    Alpha,
    AlphaMinus,
    BatchSize,
    Beta,
    Gamma,
    NetworkName,
    Rows,
    Values,
    read_problem,
)
from verify.commands.momentum import Bottom, LabelNoise, LearningRate, Top, TraceCurvature
from verify.commands.own import number, read_run
from verify.formulas.reading import read_loss
from verify.models.interpolators import Interpolator, interpolate
from verify.running.rule_files import find_rule
from verify.workbench.beside_flow import compare

plot_app = typer.Typer(help="Draw a picture: SVG, PDF or PNG.", no_args_is_help=True)
app.add_typer(plot_app, name="plot")

Out = Annotated[Path, typer.Option(help="The file to write: .svg, .pdf or .png.")]
Rule = Annotated[str, typer.Argument(help="An optimizer, or file.py:rule.")]
LossText = Annotated[str, typer.Option("--loss", help="A loss, such as 'x**4/4 + y**2'.")]
Start = Annotated[str, typer.Option(help="x_0, as 1,1/2; its variables in alphabetical order.")]
StepSize = Annotated[str, typer.Option("--h", help="The step size.")]
Time = Annotated[str, typer.Option(help="How far to go, in units of h times steps.")]
Nodes = Annotated[int, typer.Option(help="Nodes of the trees of the modified flow.")]


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


def _write(picture: Any, out: Path) -> None:
    picture.save(out)
    say(str(out))


def _title(draw: Any, rule: Optimizer, loss: str) -> str:
    return f"{draw.named(rule)} on E = {draw.written(read_loss(loss)[0])}"


@plot_app.command()
def errors(
    optimizer: Rule,
    loss: LossText,
    start: Start,
    out: Out,
    h: StepSize = "1/64",
    time: Time = "2",
    nodes: Nodes = 2,
    give: Given = None,
) -> None:
    """The error of the gradient flow and the modified flow against h, with the observed order."""
    draw = figures(out)
    rule, world, point, _ = read_run(optimizer, loss, start, nodes, give)
    found = compare(
        rule, world, point, h=number("--h", h), time=number("--time", time), nodes=nodes
    )
    title = _title(draw, rule, loss)
    _write(draw.error_figure(found.steps, found.errors, title=title), out)


@plot_app.command()
def trajectory(
    optimizer: Rule,
    loss: LossText,
    start: Start,
    out: Out,
    h: StepSize = "1/64",
    time: Time = "2",
    nodes: Nodes = 2,
    give: Given = None,
) -> None:
    """The iterates beside the gradient flow and the modified flow, over a loss's contours."""
    draw = figures(out)
    rule, world, point, names = read_run(optimizer, loss, start, nodes, give)
    picture = draw.trajectory_figure(
        rule,
        world,
        point,
        h=number("--h", h),
        time=number("--time", time),
        nodes=nodes,
        title=_title(draw, rule, loss),
        names=names,
    )
    _write(picture, out)


@plot_app.command()
def stability(optimizer: Rule, out: Out, give: Given = None) -> None:
    """Where modes are real, complex and unstable, by step size times curvature and momentum."""
    draw = figures(out)
    rule = find_rule(optimizer).at(**assignments(give or []))
    _write(draw.stability_figure(rule), out)


@plot_app.command()
def timescales(
    optimizer: Rule,
    lr: LearningRate,
    hessian_top: Top,
    out: Out,
    hessian_bottom: Bottom = None,
    label_noise: LabelNoise = None,
    trace_curvature: TraceCurvature = None,
    give: Given = None,
) -> None:
    """Steps to relax and to drift against the momentum, and where they cross."""
    draw = figures(out)
    picture = draw.timescales_figure(
        find_rule(optimizer).at(**assignments(give or [])),
        step=lr,
        top=hessian_top,
        bottom=hessian_bottom,
        label_noise=label_noise,
        trace_curvature=trace_curvature,
    )
    _write(picture, out)


@plot_app.command()
def gain(
    x: Rows,
    y: Values,
    gamma: Gamma,
    out: Out,
    alpha: Alpha = "1/10",
    alpha_minus: AlphaMinus = None,
    beta: Beta = "0",
    batch: BatchSize = None,
    network: NetworkName = "rotated",
    seed: Seed = 0,
) -> None:
    """The gain of each coordinate of a diagonal network, beside that of plain gradient descent."""
    draw = figures(out)
    problem = read_problem(x, y, alpha, alpha_minus, network)

    def run(beta: str, batch: int | None) -> Interpolator:
        return interpolate(
            problem.rows,
            problem.values,
            problem.start,
            network=problem.network,
            gamma=number("--gamma", gamma),
            beta=number("--beta", beta),
            batch=batch,
            seed=seed,
        )

    runs = {f"gradient descent, γ = {gamma}": run("0", None)}
    if batch is not None or number("--beta", beta) != 0:
        with_momentum = f", β = {beta}" if number("--beta", beta) != 0 else ""
        rows = f"SGD, batches of {batch}" if batch is not None else "gradient descent"
        runs[f"{rows}, γ = {gamma}{with_momentum}"] = run(beta, batch)
    _write(draw.gain_figure(runs), out)
