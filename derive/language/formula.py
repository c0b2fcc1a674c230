"""A formula is a value: expression, symbols with their meaning, assumptions, source, LaTeX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy

from derive.language.writing import latex, plain, unicode_text

BETA, H, K, R, Z = sympy.symbols("beta h k r z")

AT_MOST, AT_LEAST = r"\le ", r"\ge "

MEANINGS: Mapping[str, str] = {
    "beta": "momentum",
    "h": "step size",
    "k": "number of the step, 0 for the first",
    "r": "number of an earlier step",
    "z": "step size times curvature",
    "a": "look-ahead of the gradient, in displacements",
    "alpha": "step over h, coefficient of the acceleration, or scale of a network's start",
    "gamma": "look-ahead of the gradient, step size, or exponent in beta = 1 - C h^gamma",
    "C": "factor in beta = 1 - C h^gamma",
    "lambda": "curvature, or coefficient of the acceleration where that of the velocity is 1",
    "epsilon": "time of one step in the momentum flow",
    "rho": "factor by which a run is faster",
    "t": "time",
    "theta": "coordinate of the linear predictor",
    "Delta": "product of the two weights of a coordinate, without its sign",
    "D": "depth of the network",
    "s": "dual position of a coordinate, or variance of the noise of a gradient",
    "h_i": "log of the common start over that of the coordinate",
    "xi": "product of the two weights of a coordinate, without its sign",
    "mu": "momentum, or fourth moment of the noise over sigma^4",
    "nu": "weight of the average in a step",
    "M": "number of batches in an epoch",
    "m": "position of the step in its epoch, 0 for the first, or number of parameters",
    "E": "the loss",
    "l": "number of steps between two forces",
    "S": "squared norm of the gradient of the loss",
    "F": "mean squared distance of a batch gradient from the gradient of the loss",
    "V": "mean squared distance of a batch loss from the loss",
    "L": "largest curvature",
    "eta": "step size of the average of gradients",
    "sigma": "standard deviation of the noise",
    "lambda1": "curvature of the first mode",
    "lambda2": "curvature of the second mode",
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
        bounds: dict[str, dict[str, tuple[str, str]]] = {}
        for relation in self.given:
            side = "below" if isinstance(relation, sympy.Ge | sympy.Gt) else "above"
            strict = isinstance(relation, sympy.Gt | sympy.Lt)
            sign = (
                ("<" if strict else AT_MOST) if side == "above" else (">" if strict else AT_LEAST)
            )
            bounds.setdefault(latex(relation.lhs), {})[side] = sign, latex(relation.rhs)
        return r",\ ".join(_chain(symbol, sides) for symbol, sides in bounds.items())

    @property
    def latex(self) -> str:
        return f"{self.lead}{latex(self.expr)}{self.beside}"

    @property
    def text(self) -> str:
        """One line for a terminal, the coefficient only."""
        return unicode_text(self.expr)

    def __str__(self) -> str:
        return plain(self.expr)

    def __repr__(self) -> str:
        return f"Formula({self.name}: {self})"

    def _repr_latex_(self) -> str:
        return rf"$\displaystyle {self.latex}$"


def _chain(symbol: str, sides: Mapping[str, tuple[str, str]]) -> str:
    """A symbol between its bounds, such as 0<h<1, or beside its only one, such as h>0."""
    if len(sides) == 2:
        sign, bound = sides["below"]
        symbol = f"{bound}{'<' if sign == '>' else AT_MOST}{symbol}"
    sign, bound = sides.get("above") or sides["below"]
    return f"{symbol}{sign}{bound}"
