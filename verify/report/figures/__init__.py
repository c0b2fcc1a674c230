"""Pictures of what is derived and measured; each function returns a matplotlib figure.

Needs matplotlib (`pip install 'undertow[plot]'`).
"""

from verify.report.figures.errors import error_figure
from verify.report.figures.gain import gain_figure
from verify.report.figures.run import run_figure
from verify.report.figures.schedules import schedule_figure
from verify.report.figures.stability import stability_figure
from verify.report.figures.style import Picture, named, written
from verify.report.figures.timescales import timescales_figure
from verify.report.figures.trajectories import paths_figure, trajectory_figure

__all__ = [
    "Picture",
    "error_figure",
    "gain_figure",
    "named",
    "paths_figure",
    "run_figure",
    "schedule_figure",
    "stability_figure",
    "timescales_figure",
    "trajectory_figure",
    "written",
]
