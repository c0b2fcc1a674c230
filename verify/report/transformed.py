"""The modified loss of a rule beyond linear memory as text, LaTeX and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from derive.engine.transformed_loss import TransformedLoss, transformed_loss
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer
from derive.language.writing import GREEK
from verify.formulas.asked import Quantity
from verify.report.component_writing import Writer
from verify.report.general import holds_where


@dataclass(frozen=True)
class Transformed:
    """The loss, and how the step is called."""

    loss: TransformedLoss
    step: str = "h"

    @property
    def rule(self) -> Optimizer:
        return self.loss.flow.optimizer


def find(rule: Optimizer) -> Transformed:
    """Derive it; NoModifiedLoss where there is none."""
    return Transformed(transformed_loss(rule))


def as_json(page: Transformed) -> dict[str, Any]:
    """The JSON object of `undertow derive`."""
    loss, writer = page.loss, Writer(page.loss.flow)
    return {
        "optimizer": page.rule.name,
        "quantity": str(Quantity.MODIFIED_LOSS),
        "order": loss.flow.order,
        "parameters": [*page.rule.parameters],
        "values": {name: str(value) for name, value in page.rule.values},
        "convention": "x' = -phi(grad L) + O(h^2), L = E + h Psi(grad E), grad Psi = chi, both "
        "written in g = grad E; where factor is given, chi = factor phi",
        "phi": writer.text(loss.phi),
        "chi": writer.text(loss.chi),
        "factor": None if loss.factor is None else writer.text(loss.factor),
        "where": writer.used,
        **holds_where(loss.flow),
    }


def as_text(page: Transformed) -> str:
    """The flow, the loss, and what their functions are."""
    loss, writer, step = page.loss, Writer(page.loss.flow), GREEK.get(page.step, page.step)
    lines = [page.rule.name.replace("-", " "), "", f"  x'  = −φ(∇Ẽ) + O({step}²)"]
    if not loss.chi:
        lines += ["  Ẽ   = E"]
    elif loss.factor is not None:
        lines += [f"  Ẽ   = E + {step} c K(∇E),   ∇K = φ", f"  c   = {writer.text(loss.factor)}"]
    else:
        lines += [f"  Ẽ   = E + {step} Ψ(∇E),   ∇Ψ = χ", f"  χ   = {writer.text(loss.chi)}"]
    lines += [f"  φ   = {writer.text(loss.phi)}", "", "with g = ∇E"]
    if holds := holds_where(loss.flow)["holds_where"]:
        lines += ["", f"holds where {'; '.join(holds)}"]
    return "\n".join(lines)


def as_latex(page: Transformed) -> str:
    """An align environment."""
    loss, writer, step = page.loss, Writer(page.loss.flow, tex=True), page.step
    rows = [rf"x' &= -\varphi(\nabla\tilde E) + O({step}^{{2}})"]
    if not loss.chi:
        rows += [r"\tilde E &= E"]
    elif loss.factor is not None:
        factor = writer.text(loss.factor)
        rows += [
            rf"\tilde E &= E + {step} c\, K(\nabla E), \quad \nabla K = \varphi",
            f"c &= {factor}",
        ]
    else:
        rows += [
            rf"\tilde E &= E + {step} \Psi(\nabla E), \quad \nabla\Psi = \chi",
            rf"\chi(g) &= {writer.text(loss.chi)}",
        ]
    rows += [rf"\varphi(g) &= {writer.text(loss.phi)}"]
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def as_sympy(page: Transformed) -> str:
    """Refused: there are no coefficients by tree to write as code."""
    raise BadInput(f"{page.rule.name} has no coefficients by tree; use text, latex or json.")
