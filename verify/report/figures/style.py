"""One look for every picture: told apart without colour, text as text, the same bytes every time.

Colours: Okabe, Ito, Color Universal Design (2008); with each goes a marker and a line style.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import sympy
from matplotlib import rc_context
from matplotlib.figure import Figure

from derive.language.raised import raised
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import unicode_text
from verify.running.files import write_whole
from verify.workbench.beside_flow import FIRST, FLOWS

BLUE, VERMILLION, GREEN, ORANGE, PURPLE = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7"
INK, GREY = "#222222", "#767676"
COLORS = (BLUE, ORANGE, GREEN, VERMILLION, PURPLE)
MARKERS = ("o", "s", "^", "D", "v")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
WIDTH, HEIGHT = 6.5, 4.6
"""Inches: the text width of a journal page."""
SUFFIXES = (".svg", ".pdf", ".png")

STYLE: Any = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 6,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
    "hatch.color": "#555555",
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.dpi": 200,
    "svg.fonttype": "none",
    "svg.hashsalt": "undertow",
    "pdf.fonttype": 42,
}

FLOW_LOOKS: dict[str, tuple[str, Any]] = {
    FLOWS[0]: (VERMILLION, "--"),
    FIRST: (VERMILLION, "--"),
    FLOWS[1]: (GREEN, "-."),
    FLOWS[2]: (BLUE, "-"),
}

styled = rc_context(STYLE)
"""Decorates a function that draws."""


class Picture(Figure):
    """A matplotlib figure that says in words what it shows.

    Args:
        title: what the figure shows, in a few words.
    Attributes:
        description: the same with what can be read off it: the text alternative.
    """

    def __init__(self, title: str, *, width: float = WIDTH, height: float = HEIGHT) -> None:
        super().__init__(figsize=(width, height), layout="constrained")
        self.title = title
        self.description = title

    def svg(self) -> str:
        """The figure as SVG with <title> and <desc>, its text as text."""
        buffer = StringIO()
        metadata = {"Title": self.title, "Description": self.description}
        with rc_context(STYLE):
            self.savefig(
                buffer, format="svg", metadata={**metadata, "Creator": "undertow", "Date": None}
            )
        named = f"</title>\n <desc>{escape(self.description)}</desc>"
        text = buffer.getvalue().replace("</title>", named, 1)
        return text.replace("<svg ", '<svg role="img" ', 1)

    def _repr_svg_(self) -> str:
        """What a notebook shows."""
        return self.svg()

    def save(self, path: Path, *, force: bool = True) -> None:
        """Write the figure, whole; the suffix decides between SVG, PDF and PNG.

        Args:
            force: replace a file that is there.

        Raises:
            BadInput: another suffix, or a place that cannot be written.
        """
        suffix = checked_suffix(path)
        if suffix == ".svg":
            write_whole(path, self.svg(), force=force)
            return
        words = {"Title": self.title}
        if suffix == ".pdf":
            words |= {"Subject": self.description, "Creator": "undertow"}
            metadata = {**words, "Producer": None, "CreationDate": None}
        else:
            metadata = {**words, "Description": self.description, "Software": None}
        buffer = BytesIO()
        with rc_context(STYLE):
            self.savefig(buffer, format=suffix[1:], metadata=metadata)
        write_whole(path, buffer.getvalue(), force=force)


def checked_suffix(path: Path) -> str:
    """The suffix in small letters, if a figure can be written so."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadInput(f"{path} should end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    return suffix


def named(rule: Optimizer) -> str:
    """An optimizer with the parameters that it was given.

    >>> from derive import heavy_ball
    >>> named(heavy_ball.at(beta="1/2"))
    'heavy ball (β = 1/2)'
    """
    values = ", ".join(f"{written(sympy.Symbol(name))} = {value}" for name, value in rule.values)
    return rule.name.replace("-", " ") + (f" ({values})" if values else "")


def written(expr: sympy.Expr) -> str:
    """A formula on one line.

    >>> beta = sympy.Symbol("beta")
    >>> written((1 - sympy.sqrt(beta)) ** 2)
    '(1−√β)²'
    """
    text = unicode_text(expr)
    return re.sub(r"sqrt\((\w+)\)", r"√\1", text).replace("sqrt(", "√(")


def power_of(base: int) -> Callable[[float, float], str]:
    """A formatter for a logarithmic axis: 10⁻², and nothing between whole powers.

    >>> power_of(2)(0.25, 0), power_of(10)(30, 0)
    ('2⁻²', '')
    """

    def label(value: float, _: float) -> str:
        exponent = math.log(value, base)
        if abs(exponent - round(exponent)) > 1e-6:
            return ""
        return f"{base}{raised(round(exponent))}"

    return label
