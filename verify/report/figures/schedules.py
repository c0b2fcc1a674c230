"""A schedule over a run: the rate, the way made, and how much of the regularizer has acted."""

from __future__ import annotations

import numpy as np

from derive.engine.schedules import Schedule, action, find_schedule
from verify.report.figures.style import COLORS, GREY, Picture, styled
from verify.running.expression_losses import loss_from_expression

POINTS = 400


def rates_at(schedule: Schedule, times: np.ndarray) -> np.ndarray:
    """The rates at times of [0, 1]."""
    ends = [float(end) for end, _ in schedule.pieces]
    each = [loss_from_expression(e, variables=("t",)) for _, e in schedule.pieces]
    return np.array([each[np.searchsorted(ends[:-1], t)].value([float(t)]) for t in times])


@styled
def schedule_figure(name: str) -> Picture:
    """The rate, and the shares of the way and of the regularizer's action up to each time.

    The regularizer weighs as much as the rate in the loss, so that it acts by the rate squared.

    Raises:
        BadInput: no schedule has this name.
    """
    found, schedule = action(name), find_schedule(name)
    times = np.linspace(0, 1, POINTS + 1)
    rates = rates_at(schedule, times)
    title = f"{name}: {schedule.meaning}"
    figure = Picture(title, height=5.2)
    above, below = figure.subplots(2, 1, sharex=True)
    above.set(title=title, ylabel="rate over its peak", label="rate")
    below.set(xlabel="share of the run", ylabel="share until then", label="shares")
    above.plot(times, rates, color=COLORS[0], gid="rate")
    half = float(found.half)
    for axes in (above, below):
        axes.axvline(half, color=GREY, linewidth=0.8, gid="half the peak")
    for power, color, label in ((1, COLORS[0], "way, ∫η"), (2, COLORS[1], "regularizer, ∫η²")):
        steps = (rates[1:] ** power + rates[:-1] ** power) / 2
        share = np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()
        below.plot(times, share, color=color, label=label, gid=label)
    figure.legend(loc="outside lower center", ncols=2)
    figure.description = (
        f"{title}. The regularizer's mean weight is {float(found.mean_weight):.4g} of that at the "
        f"peak. The rate has fallen to half its peak at {half:.4g} of the run; "
        f"{float(found.way_before):.4g} of the way and {float(found.action_before):.4g} of the "
        "regularizer's action come before."
    )
    return figure
