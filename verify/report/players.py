"""What either of two players descends, and what cancels it, as text, LaTeX and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from derive.engine.games import PlayerLoss, player_losses
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer
from derive.language.writing import GREEK, latex, unicode_text
from verify.formulas.asked import Quantity


@dataclass(frozen=True)
class Players:
    """The losses by player, and how the step is called."""

    rule: Optimizer
    losses: Mapping[str, PlayerLoss]
    step: str = "h"

    def norms(self, player: str) -> tuple[tuple[str, sympy.Expr], ...]:
        """By whom the gradient is taken, and what stands beside its square."""
        (other,) = (p for p in self.losses if p != player)
        loss = self.losses[player]
        return ((player, loss.own), (other, loss.other))


def find(rule: Optimizer) -> Players:
    """Derive them; NoExpansion where there are none."""
    return Players(rule, player_losses(rule))


def as_json(page: Players) -> dict[str, Any]:
    """The JSON object of `undertow derive`."""
    return {
        "optimizer": page.rule.name,
        "quantity": str(Quantity.MODIFIED_LOSS),
        "order": 2,
        "parameters": [*page.rule.parameters],
        "values": {name: str(value) for name, value in page.rule.values},
        "convention": "both fields are gradients of one E; by player, p' = speed grad_p(E + h L) + "
        "O(h^2), L the sum over players q of the coefficients times |grad_q E|^2; cancelling is "
        "what to add to that player's E over h so that no term of order h is left",
        "players": {
            player: {
                "speed": str(loss.speed),
                "terms": {q: str(c) for q, c in page.norms(player)},
                "cancelling": {q: str(-c) for q, c in page.norms(player)},
            }
            for player, loss in page.losses.items()
        },
    }


def as_text(page: Players) -> str:
    """The flow of either player as that of a loss, and what cancels it."""
    step = GREEK.get(page.step, page.step)
    lines = [page.rule.name.replace("-", " "), ""]
    for player, loss in page.losses.items():
        terms = _sum(unicode_text(c) + f" ‖∇{q}E‖²" for q, c in page.norms(player) if c)
        turned = _sum(unicode_text(-c) + f" ‖∇{q}E‖²" for q, c in page.norms(player) if c)
        speed = unicode_text(loss.speed)
        speed = {"1": "", "−1": "−"}.get(speed, f"{speed} ")
        lines.append(f"  {player}' = {speed}∇{player}[E + {step} ({terms})] + O({step}²)")
        lines.append(f"       cancelled by adding {step} ({turned}) to its E")
    lines += ["", "where both fields are gradients of one E; for losses of their own, the other"]
    lines += ["player's term is no gradient"]
    return "\n".join(lines)


def as_latex(page: Players) -> str:
    """An align environment."""
    rows = []
    for player, loss in page.losses.items():
        terms = "".join(_signed(latex(c)) + _norm(q) for q, c in page.norms(player) if c)
        speed = {"1": "", "-1": "-"}.get(latex(loss.speed), latex(loss.speed))
        inside = rf"E+{page.step}\bigl({terms.removeprefix('+')}\bigr)"
        rows.append(
            rf"{player}' &= {speed}\nabla_{{{player}}}\Bigl[{inside}\Bigr]+O({page.step}^{{2}})"
        )
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def as_sympy(page: Players) -> str:
    """Refused: there are no coefficients by tree to write as code."""
    raise BadInput(f"{page.rule.name} has no coefficients by tree; use text, latex or json.")


def _norm(player: str) -> str:
    return rf"\lVert\nabla_{{{player}}}E\rVert^{{2}}"


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"


def _sum(terms: Any) -> str:
    return " + ".join(terms).replace("+ −", "− ")
