"""A formula is a value: expression, symbols with their meaning, assumptions, source, LaTeX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy

from derive.writing import latex, plain, unicode_text

BETA, H, K, Z = sympy.symbols("beta h k z")

AT_MOST = r"\le "

MEANINGS: Mapping[str, str] = {
    "beta": "momentum",
    "h": "step size",
    "k": "number of the step, 0 for the first",
    "z": "step size times curvature",
    "a": "look-ahead of the gradient, in displacements",
    "alpha": "step over h, or coefficient of the acceleration",
    "gamma": "look-ahead of the gradient, in displacements",
    "nu": "weight of the average in a step",
    "lambda": "curvature of a mode",
    "lambda1": "curvature of one mode",
    "lambda2": "curvature of another mode",
    "kappa": "factor by which a mode is multiplied in one step",
}

MOMENTUM = (sympy.Ge(BETA, 0), sympy.Lt(BETA, 1))
STEP = (sympy.Gt(H, 0),)


@dataclass(frozen=True)
class Formula:
    """A coefficient, what it stands beside, and when it holds.

    Args:
        name: letters only, so that it can name a LaTeX macro.
        expr: the coefficient.
        beside: LaTeX of the vector, scalar or function that it multiplies.
        lead: LaTeX in front, such as `E + `.
        given: the assumptions on the symbols.
        source: where the formula comes from.
    """

    name: str
    expr: sympy.Expr
    beside: str = ""
    lead: str = ""
    given: tuple[sympy.Basic, ...] = field(default=MOMENTUM)
    source: str = ""

    @property
    def symbols(self) -> dict[str, str]:
        """The free symbols with their meaning."""
        names = sorted(symbol.name for symbol in self.expr.free_symbols)
        return {name: MEANINGS.get(name, "") for name in names}

    @property
    def conditions(self) -> str:
        r"""The assumptions in LaTeX, such as 0\le\beta<1,\ h>0."""
        chains: dict[str, list[str]] = {}
        for relation in self.given:
            symbol, bound = latex(relation.lhs), latex(relation.rhs)
            lower = isinstance(relation, sympy.Ge | sympy.Gt)
            strict = isinstance(relation, sympy.Gt | sympy.Lt)
            left, right = chains.setdefault(symbol, ["", ""])
            if lower:
                left = f"{bound}{'<' if strict else AT_MOST}"
            else:
                right = f"{'<' if strict else AT_MOST}{bound}"
            chains[symbol] = [left, right]
        return r",\ ".join(f"{left}{symbol}{right}" for symbol, (left, right) in chains.items())

    @property
    def latex(self) -> str:
        return f"{self.lead}{latex(self.expr)}{self.beside}"

    @property
    def text(self) -> str:
        """One line for a terminal, the coefficient only."""
        return unicode_text(self.expr)

    def __str__(self) -> str:
        return plain(self.expr)
