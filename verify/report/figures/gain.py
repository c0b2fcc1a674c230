"""What an iteration on a diagonal network gains in each coordinate, and where that leads."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from verify.models.interpolators import Interpolator
from verify.report.figures.style import COLORS, GREY, INK, MARKERS, Picture, styled

HATCHES = ("", "//", "..", "xx", "\\\\")


@styled
def gain_figure(
    runs: Mapping[str, Interpolator], *, title: str = "gain of each coordinate"
) -> Picture:
    """The gain of every coordinate over theta, what was found as a mark, its minimizer as a ring.

    Args:
        runs: by name, on one problem; at most five.
    """
    figure = Picture(title, height=5.2)
    above, below = figure.subplots(2, 1, sharex=True)
    above.set(title=title, ylabel="gain, ln(|w₊w₋| / v₊v₋)", label="gain")
    below.set(xlabel="coordinate", ylabel="θ", label="theta")
    width = 0.8 / len(runs)
    words = []
    looks = zip(COLORS, MARKERS, HATCHES, strict=True)
    for i, ((name, found), (color, marker, hatch)) in enumerate(
        zip(runs.items(), looks, strict=False)
    ):
        gain = [float(entry) for entry in found.gain]
        place = np.arange(1, len(gain) + 1) + (i + 0.5) * width - 0.4
        above.bar(place, gain, width, color=color, hatch=hatch, label=name, gid=name)
        below.plot(place, found.found.astype(float), marker, color=color, gid=f"{name}, found")
        below.plot(
            place,
            found.minimizer.astype(float),
            "o",
            color=INK,
            markersize=11,
            fillstyle="none",
            label="" if i else "minimizer of the effective potential",
            gid=f"{name}, minimizer",
        )
        words.append(f"{name}: gain {', '.join(f'{entry:.3g}' for entry in gain)}")
    below.margins(y=0.12)
    below.axhline(0, color=GREY, linewidth=0.8)
    for axes in (above, below):
        axes.grid(visible=False, axis="x")
    below.set_xticks(range(1, len(next(iter(runs.values())).found) + 1))
    figure.legend(loc="outside lower center", ncols=2)
    figure.description = f"{title}. {'; '.join(words)}."
    return figure
