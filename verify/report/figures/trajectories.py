"""Iterates beside the gradient flow and the modified flow, over the contours of the loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from flint import fmpq
from matplotlib.axes import Axes

from derive.language.update_rule import BadInput, Optimizer
from verify.report.figures.style import FLOW_LOOKS, GREY, INK, Picture, named, styled
from verify.running.losses import Loss
from verify.running.numbers import FLOAT
from verify.running.tape import record
from verify.workbench.beside_flow import Paths, run_beside

POINTS, LEVELS, MARGIN = 80, 14, 0.12


@styled
def trajectory_figure(
    rule: Optimizer,
    loss: Loss,
    start: Sequence[fmpq],
    *,
    h: fmpq,
    time: fmpq,
    nodes: int = 2,
    title: str = "",
    names: Sequence[str] = ("x", "y"),
) -> Picture:
    """One run on a loss of two variables, the two flows, and the flow from the shifted start.

    Args:
        rule: every parameter given.
        nodes: how many nodes the trees of the modified flow have at the most.
        names: of the axes.
    Raises:
        BadInput: not two variables, or a run that breaks an assumption of the theory.
    """
    if loss.dimension != 2:
        raise BadInput(_not_plane(loss))
    paths = run_beside(rule, loss, start, h=h, time=time, nodes=nodes)
    return paths_figure(
        paths, loss, h=h, title=title or f"{named(rule)} on E = {loss.text}", names=names
    )


@styled
def paths_figure(
    paths: Paths, loss: Loss, *, h: fmpq, title: str, names: Sequence[str] = ("x", "y")
) -> Picture:
    """Iterates in the plane beside the flows, over the contours of a loss.

    Args:
        names: of the axes.
    Raises:
        BadInput: the paths do not lie in a plane.
    """
    if loss.dimension != 2:
        raise BadInput(_not_plane(loss))
    figure = Picture(title, height=5)
    axes = figure.add_subplot(title=title, xlabel=names[0], ylabel=names[1], label="trajectory")
    axes.grid(visible=False)
    _contours(axes, loss, np.vstack([paths.iterates, *paths.flows.values()]))
    for name, points in paths.flows.items():
        color, line = FLOW_LOOKS[name]
        axes.plot(*points.T, color=color, linestyle=line, label=name, gid=name)
    label = f"iterates, h = {h}"
    axes.plot(*paths.iterates.T, "o", markersize=3.2, color=INK, label=label, gid="iterates")
    axes.plot(*paths.iterates[0], "o", markersize=9, fillstyle="none", color=INK, gid="start")
    figure.legend(loc="outside lower center", ncols=2)
    last = paths.iterates[-1]
    far = {name: float(np.max(np.abs(p[-1] - last))) for name, p in paths.flows.items()}
    figure.description = (
        f"{title}: {len(paths.iterates) - 1} steps over the contours of the loss. Distance from "
        "the last iterate: " + ", ".join(f"{name} {d:.1e}" for name, d in far.items()) + "."
    )
    return figure


def _not_plane(loss: Loss) -> str:
    many = "s" * (loss.dimension > 1)
    return f"the loss has {loss.dimension} variable{many}; a picture over its contours needs 2."


def _contours(axes: Axes, loss: Loss, points: np.ndarray) -> None:
    """Around the points, at levels that are evenly spaced in sqrt(E - min E)."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = MARGIN * np.maximum(high - low, 0.3 * float(np.max(high - low)))
    grids = np.linspace(low - room, high + room, POINTS).T
    x, y = np.meshgrid(*grids)
    value = record(2, lambda nodes: [loss.value(nodes)])
    with np.errstate(all="ignore"):
        (z,) = value.at([x, y], FLOAT)
    z = np.where(np.isfinite(z), z, np.nan)
    least, most = np.nanmin(z), np.nanmax(z)
    levels = least + (most - least) * (np.arange(1, LEVELS) / LEVELS) ** 2
    axes.contour(x, y, z, levels=levels, colors=GREY, linewidths=0.6, alpha=0.7)
