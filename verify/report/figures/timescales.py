"""How long the modes relax and the noise drifts, against the momentum, and where these cross."""

from __future__ import annotations

import math

import numpy as np
import sympy
from matplotlib.axes import Axes

from derive.language.coefficients import Exact
from derive.language.update_rule import Optimizer
from derive.quadratics.linearization import Z
from derive.quadratics.momentum_choice import ChosenMomentum, MomentumChoices, choose_momentum
from derive.quadratics.timescales import GAMMA, LAMBDA, C, H, timescales
from verify.report.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    VERMILLION,
    Picture,
    named,
    power_of,
    styled,
    written,
)
from verify.running.numbers import FLOAT, evaluate

POINTS = 600
SMALLEST = 1e-4
"""Of 1 - momentum, where no marked momentum is nearer to 1."""
MARKERS = {"fastest": "o", "matched": "s"}


@styled
def timescales_figure(
    rule: Optimizer,
    *,
    step: Exact,
    top: Exact,
    bottom: Exact | None = None,
    label_noise: Exact | None = None,
    trace_curvature: Exact | None = None,
) -> Picture:
    """Steps to shrink by e against 1 - momentum; arguments and errors are those of
    `choose_momentum`.

    The fastest momentum is marked, where a mode turns from decaying to oscillating, and the
    matched one, where relaxation and drift take equally long. Grey: leading order for small steps.
    """
    found = choose_momentum(
        rule,
        step=step,
        top=top,
        bottom=bottom,
        label_noise=label_noise,
        trace_curvature=trace_curvature,
    )
    marked = [choice for choice in found.choices if choice.name in MARKERS]
    nearest = min([SMALLEST, *(float(1 - choice.momentum) / 4 for choice in marked)])
    away = np.geomspace(nearest, 1, POINTS + 1)[:-1]
    letter = written(sympy.Symbol(rule.parameters[0]))
    title = f"timescales of {named(rule)}, step size {found.step}"
    figure = Picture(title)
    axes = figure.add_subplot(
        title=title, xlabel=f"1 − {letter}", ylabel="steps to shrink by e", label="timescales"
    )
    looks = ((BLUE, "-"), (GREEN, "--"), (VERMILLION, "-."))
    for (name, times), (color, line) in zip(curves(found, 1 - away).items(), looks, strict=False):
        axes.plot(away, times, color=color, linestyle=line, label=name, gid=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    _leading_order(axes, found, nearest)
    words = [_mark(axes, choice, letter) for choice in marked]
    axes.set(xlim=(1, nearest), ylim=(max(low, 0.5), high))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(power_of(10))
        axis.set_minor_formatter("")
    figure.legend(loc="outside lower center", ncols=2)
    figure.description = f"{title}. {'; '.join(words)}."
    return figure


def curves(found: MomentumChoices, momentum: np.ndarray) -> dict[str, np.ndarray]:
    """Numbers of steps to shrink by e, NaN where a mode does not decay."""
    own = found.optimizer.parameters[0]

    def at(form: str, curvature: sympy.Expr | int = 0) -> np.ndarray:
        values = {own: momentum, Z.name: float(found.step * curvature)}
        return evaluate(found.closed_forms[form], values, FLOAT) + 0 * momentum

    def radius(curvature: sympy.Expr) -> np.ndarray:
        total = at("sum of the multipliers", curvature)
        product = at("product of the multipliers", curvature)
        root = np.sqrt((total**2 - 4 * product).astype(complex))
        return np.maximum(abs(total + root), abs(total - root)) / 2

    low, high = found.curvatures
    spectrum = low if low == high else f"{low} to {high}"
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        slowest = np.maximum(radius(low), radius(high))
        named = {
            f"slowest mode, curvature {spectrum}": -1
            / np.log(np.where(slowest < 1, slowest, np.nan)),
            "directions without curvature": -1 / np.log(abs(at("multiplier of the memory"))),
        }
    if found.drift_rate is not None:
        effective = at("effective step over h") * float(found.step)
        named["drift along the valley"] = 1 / (float(found.drift_rate) * effective**2)
    return named


def _leading_order(axes: Axes, found: MomentumChoices, nearest: float) -> None:
    """The regimes of 1 - momentum = z^gamma for small z, z of the smallest curvature."""
    z = float(found.step * found.curvatures[0])
    if z >= 1:
        return
    label = "leading order for small steps"
    for regime in timescales(found.optimizer, momentum=found.optimizer.parameters[0]):
        ends = [max(z ** float(regime.above), nearest), max(z ** float(regime.below), nearest)]
        if ends[0] == ends[1]:
            continue
        for rate in regime.rates:
            times = []
            for away in ends:
                gamma = math.log(away) / math.log(z)
                leading = rate.leading.subs({C: 1, LAMBDA: 1, GAMMA: gamma, H: z})
                times.append(1 / float(leading))
            axes.plot(ends, times, ":", color=GREY, linewidth=1.2, label=label, gid="leading order")
            label = "_" + label


def _mark(axes: Axes, choice: ChosenMomentum, letter: str) -> str:
    time = choice.slowest if choice.drift is None or choice.name == "fastest" else choice.drift
    away, steps = float(1 - choice.momentum), float(time)
    label = f"{choice.name}: {letter} = {1 - away:.4g}, {steps:.3g} steps"
    marker = MARKERS[choice.name]
    axes.plot(
        away, steps, marker, color=INK, markersize=9, fillstyle="none", label=label, gid=choice.name
    )
    return label
