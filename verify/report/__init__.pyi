"""What undertow writes."""

from verify.report.book import export as export
from verify.report.derivation import as_latex as as_latex
from verify.report.derivation import as_sympy as as_sympy
from verify.report.derivation import as_text as as_text
from verify.report.derived import find as find
from verify.report.figures.errors import error_figure as error_figure
from verify.report.figures.gain import gain_figure as gain_figure
from verify.report.figures.run import run_figure as run_figure
from verify.report.figures.stability import stability_figure as stability_figure
from verify.report.figures.timescales import timescales_figure as timescales_figure
from verify.report.figures.trajectories import trajectory_figure as trajectory_figure
from verify.report.site import write_site as write_site
