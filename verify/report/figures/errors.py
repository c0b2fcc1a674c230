"""Error against step size on logarithmic axes, with the observed order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flint import fmpq
from matplotlib.lines import Line2D

from derive.language.update_rule import BadInput
from verify.report.figures.style import (
    COLORS,
    FLOW_LOOKS,
    LINES,
    MARKERS,
    Picture,
    power_of,
    styled,
)
from verify.running.numbers import FLOAT
from verify.running.orders import observed_order


@styled
def error_figure(
    steps: Sequence[fmpq | float],
    errors: Mapping[str, Sequence[float]],
    *,
    title: str = "error against step size",
) -> Picture:
    """Each error beside the line C h^p through its last point, p its observed order.

    Args:
        steps: h, h/2, h/4, ..., at least four.
        errors: by name, one for each step size, all above 0. `compare(...).errors` is of this form.
    Raises:
        BadInput: a list of another length, or an error of 0.
    """
    if too_short := [name for name, found in errors.items() if len(found) != len(steps)]:
        raise BadInput(f"{too_short[0]} has not one error for each of the {len(steps)} steps.")
    if exact := [name for name, found in errors.items() if min(found) <= 0]:
        raise BadInput(f"{exact[0]} has an error of 0, which has no place on a logarithmic axis.")
    figure = Picture(title)
    axes = figure.add_subplot(title=title, xlabel="step size h", ylabel="error", label="errors")
    hs = [FLOAT.convert(h) if isinstance(h, fmpq) else h for h in steps]
    words, handles = [], []
    others = iter(zip(COLORS, LINES, strict=True))
    for (name, found), marker in zip(errors.items(), MARKERS, strict=False):
        color, line = FLOW_LOOKS[name] if name in FLOW_LOOKS else next(others)
        order = observed_order(found)
        label = f"{name}: order {order if order.decides else 'undecided'}"
        axes.plot(hs, found, marker, color=color, gid=name)
        if order.decides:
            fitted = [found[-1] * (h / hs[-1]) ** order.value for h in hs]
            axes.plot(hs, fitted, linestyle=line, color=color, gid=f"{name}, fitted")
        handles.append(
            Line2D(
                [],
                [],
                color=color,
                marker=marker,
                linestyle=line if order.decides else "none",
                label=label,
            )
        )
        words.append(f"{label}, {found[-1]:.2e} at h = {hs[-1]:.3g}")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(power_of(2))
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(power_of(10))
    axes.yaxis.set_minor_formatter("")
    figure.legend(handles=handles, loc="outside lower center")
    figure.description = f"{title}. Logarithmic axes. {'; '.join(words)}."
    return figure
