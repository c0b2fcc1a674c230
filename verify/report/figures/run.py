"""What a meter read beside a training: the terms of order h, the curvature and its limits."""

from __future__ import annotations

import math

from derive.language.bad_input import BadInput
from verify.networks.meter import Meter
from verify.report.figures.style import (
    BLUE,
    COLORS,
    GREY,
    LINES,
    MARKERS,
    VERMILLION,
    Picture,
    styled,
)


@styled
def run_figure(meter: Meter, *, title: str = "the terms of order h in a training") -> Picture:
    """Above the shares of the term of order h, below the step times the curvature, by step.

    Raises:
        BadInput: the meter has fewer than two readings.
    """
    readings = meter.readings
    if len(readings) < 2:
        raise BadInput(f"a picture takes two readings or more, and the meter has {len(readings)}.")
    steps = [r.step for r in readings]
    curves = {
        "term beside the first flow": [r.term for r in readings],
        "term beside the loss": [_size(r.loss_term) for r in readings],
        "lag of the memory": [_size(r.lag) for r in readings],
    }
    curves = {name: found for name, found in curves.items() if max(found) > 0}
    figure = Picture(title)
    above, below = figure.subplots(2, 1, sharex=True)
    above.set(title=title, ylabel="share", label="shares")
    above.set_yscale("log")
    for (name, found), color, line, marker in zip(
        curves.items(), COLORS, LINES, MARKERS, strict=False
    ):
        shown = [value if value > 0 else math.nan for value in found]
        above.plot(steps, shown, linestyle=line, color=color, marker=marker, label=name, gid=name)
    below.set(xlabel="step", ylabel="step size × curvature", label="curvature")
    below.set_yscale("log")
    below.plot(
        steps,
        [abs(r.step_times_curvature) or math.nan for r in readings],
        color=BLUE,
        marker="o",
        label="the run",
        gid="the run",
    )
    last = readings[-1]
    for name, limit, color, line in (
        ("unstable from", last.limit, VERMILLION, "-"),
        ("series within", last.radius, GREY, "--"),
    ):
        if limit is not None:
            label = f"{name} {limit:.3g}"
            below.axhline(limit, color=color, linestyle=line, label=label, gid=name)
    figure.legend(loc="outside lower center", ncols=2)
    believed = sum(r.believed for r in readings)
    ends = "; ".join(f"{name} {found[0]:.2g} to {found[-1]:.2g}" for name, found in curves.items())
    first = readings[0].step_times_curvature
    figure.description = (
        f"{title}. Steps {steps[0]} to {steps[-1]}, logarithmic shares. {ends or 'No term'}. "
        f"Step size times curvature {first:.3g} to {last.step_times_curvature:.3g}. "
        f"The expansion is to be believed at {believed} of {len(readings)} readings."
    )
    return figure


def _size(value: float | None) -> float:
    return 0.0 if value is None else abs(value)
