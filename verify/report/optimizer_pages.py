"""Every quantity of an optimizer to one order, as a page shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from derive.language.stages import each
from derive.language.update_rule import BadInput, Optimizer
from derive.optimizers import ZOO
from verify.campaigns.pool import spread
from verify.formulas.asked import DERIVED, Quantity
from verify.report import mathml
from verify.report.derivation import as_latex, as_sympy, as_text, parameter_ranges
from verify.report.derived import find

ORDER = 4
LONGEST = 12_000
"""Characters of LaTeX that a page still shows; more stands in a file beside it."""


@dataclass(frozen=True)
class ShownQuantity:
    """One quantity: its formula to the order that a page can show, or why there is none.

    Args:
        order: the order that `formula`, `latex` and `text` go to.
        files: what is too long for the page, by name.
    """

    quantity: Quantity
    order: int = ORDER
    formula: str = ""
    latex: str = ""
    python: str = ""
    text: str = ""
    missing: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.quantity.replace("-", " ").capitalize()

    @property
    def meaning(self) -> str:
        return self.quantity.about.meaning


@dataclass(frozen=True)
class Quantities:
    """All quantities of a rule."""

    rule: Optimizer
    shown: tuple[ShownQuantity, ...]

    @property
    def title(self) -> str:
        return self.rule.name.replace("-", " ")

    @property
    def ranges(self) -> str:
        return ", ".join(parameter_ranges(self.rule))


def find_each(names: Sequence[str]) -> list[Quantities]:
    """What the rules of the zoo have, derived on all cores; an average over batches is no quantity
    of a rule alone."""
    found = dict(each(spread(_shown_of, names), len(names), "optimizer"))
    return [Quantities(ZOO[name], found[name]) for name in names]


def _shown_of(name: str) -> tuple[ShownQuantity, ...]:
    return tuple(_shown(ZOO[name], quantity) for quantity in DERIVED)


def _shown(rule: Optimizer, quantity: Quantity) -> ShownQuantity:
    try:
        found = find(rule, quantity, order=ORDER)
    except BadInput as reason:
        return ShownQuantity(quantity, missing=str(reason))
    written, python, files = as_latex(found), as_sympy(found), {}
    if len(written) > LONGEST:
        name = f"{rule.name}-{quantity}"
        files = {f"{name}.tex": f"{written}\n", f"{name}.py": f"{python}\n"}
        while len(written) > LONGEST:
            found = find(rule, quantity, order=found.order - 1)
            written = as_latex(found)
        python = as_sympy(found)
    return ShownQuantity(
        quantity,
        found.order,
        mathml.math(written, block=True),
        written,
        python,
        as_text(found),
        files=files,
    )
