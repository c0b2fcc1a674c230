"""Where the multipliers of a mode are real, complex, or outside the unit circle."""

from __future__ import annotations

import numpy as np
import sympy
from matplotlib.patches import Patch

from derive.language.update_rule import Optimizer
from derive.quadratics.linearization import NotInClosedForm
from derive.quadratics.stability import oscillation_interval, stability_limit
from verify.report.figures.style import (
    BLUE,
    GREEN,
    INK,
    VERMILLION,
    Picture,
    named,
    styled,
    written,
)
from verify.running.numbers import FLOAT, evaluate

REGIONS = {
    "real": ("#cfe5f2", ""),
    "complex: the mode oscillates": ("#fbe3c0", "//"),
    "unstable": ("#c9c9c9", "xx"),
}
POINTS, WIDEST = 400, 4
SHORT, LONGEST = 24, 60
"""Letters of a formula that leave room for another column of the legend, and that fit at all."""


@styled
def stability_figure(rule: Optimizer) -> Picture:
    """Real, complex and unstable regions in the plane of z = ηλ and the momentum.

    Args:
        rule: one memory variable, and its momentum as the only free parameter.
    Raises:
        NotInClosedForm: another rule.

    >>> from derive import heavy_ball
    >>> stability_figure(heavy_ball).title
    'multipliers of heavy ball on a quadratic'
    """
    own = _momentum(rule)
    low, high = oscillation_interval(rule)
    limit = stability_limit(rule)
    beta = np.linspace(0, 1, POINTS + 1)[:-1]
    left, right, end = (_curve(expr, own, beta) for expr in (low, high, limit))
    right = np.minimum(right, end)
    width = min(1.1 * float(end.max()), WIDEST * float(end[0]))
    title = f"multipliers of {named(rule)} on a quadratic"
    figure = Picture(title)
    letter = written(sympy.Symbol(own))
    axes = figure.add_subplot(
        title=title,
        xlabel="step size × curvature, z = ηλ",
        ylabel=letter if own == "momentum" else f"momentum {letter}",
        xlim=(0, width),
        ylim=(0, 1),
        label="stability",
    )
    axes.grid(visible=False)
    real, complex_, unstable = REGIONS.values()
    for (color, hatch), begin, stop in (
        (real, 0 * beta, left),
        (complex_, left, right),
        (real, right, end),
        (unstable, end, np.maximum(end, width)),
    ):
        axes.fill_betweenx(beta, begin, stop, facecolor=color, hatch=hatch, linewidth=0)
    forms = {
        "oscillating from": (low, BLUE, "-"),
        "oscillating to": (high, GREEN, "--"),
        "stable below": (limit, VERMILLION, "-."),
    }
    longest = max(len(written(expr)) for expr, _, _ in forms.values())
    for name, (expr, color, line) in forms.items():
        label = f"{name} z = {written(expr)}" if longest <= LONGEST else name
        axes.plot(_curve(expr, own, beta), beta, color=color, linestyle=line, label=label, gid=name)
    patches = [
        Patch(facecolor=color, hatch=hatch, edgecolor=INK, linewidth=0.5, label=name)
        for name, (color, hatch) in REGIONS.items()
    ]
    figure.legend(
        handles=[*patches, *axes.get_lines()],
        loc="outside lower center",
        ncols=2 if longest <= SHORT else 1,
    )
    figure.description = (
        f"{title}: with z = step size times curvature, and {letter} the momentum, they are complex "
        f"between {written(low)} and {written(high)}, and stable below {written(limit)}."
    )
    return figure


def _momentum(rule: Optimizer) -> str:
    names = [p.name for p in rule.declared if p.meaning == "momentum"]
    free = [name for name in rule.parameters if name in names]
    if len(free) != 1 or len(rule.parameters) != 1:
        others = [name for name in rule.parameters if name not in free[:1]]
        hint = f"give {', '.join(others)} a number" if others else "choose a rule with momentum"
        raise NotInClosedForm(f"the plane needs {rule.name} with one free momentum; {hint}.")
    return free[0]


def _curve(expr: sympy.Expr, own: str, values: np.ndarray) -> np.ndarray:
    return evaluate(expr, {own: values}, FLOAT) + 0 * values
