"""Slots that only drafts need: what is defined, a limit's regime and error, a rule's property."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import sympy
from flint import fmpq_mat

from derive.language.writing import latex, plain
from verify.claims.slots import MILLIONTH, Choice, Order, Slot, Value
from verify.models.multipliers import keeps_its_side, settles, stays_bounded


@dataclass(frozen=True)
class Defined(Value):
    """A formula that a statement is about: it is given, so that nothing of it can be wrong."""

    kind: str = "definition"

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        return iter(())


@dataclass(frozen=True)
class Bound(Value):
    """A side of an inequality. Another bound may hold as well, and meet the left side at the same
    place; what cannot is a multiple of this one.

    Args:
        sharp: whether both sides meet; if not, a larger multiple is no wrong statement.
    """

    kind: str = "bound"
    sharp: bool = True

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        yield "the sign", replace(self, expr=-self.expr)
        if self.sharp:
            yield "a factor 2", replace(self, expr=2 * self.expr)
            yield "a factor 1/2", replace(self, expr=self.expr / 2)
            yield "one in a million more", replace(self, expr=self.expr * (1 + MILLIONTH))
            yield "one in a million less", replace(self, expr=self.expr * (1 - MILLIONTH))


@dataclass(frozen=True)
class Approach:
    """Where a limit is taken: a variable, and what it tends to."""

    variable: sympy.Symbol
    to: sympy.Expr
    kind: str = "regime"

    @property
    def latex(self) -> str:
        to = r"\infty" if self.to is sympy.oo else latex(self.to)
        return rf"${latex(self.variable)}\to{to}$"

    @property
    def plain(self) -> str:
        return f"{self.variable} -> {'infinity' if self.to is sympy.oo else plain(self.to)}"

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        zero: sympy.Expr = sympy.Integer(0)
        for other in (zero,) if self.to is sympy.oo else (self.to + 1, sympy.oo):
            changed = replace(self, to=other)
            yield f"{changed.plain} for {self.plain}", changed


@dataclass(frozen=True)
class OrderAt(Order):
    """An order of smallness where the variable tends to something else than 0."""

    to: sympy.Expr = sympy.S.Zero

    @property
    def latex(self) -> str:
        symbol = sympy.Symbol(self.variable)
        power = f"^{{{self.power}}}"
        if self.to is sympy.oo:
            return rf"$O({latex(symbol)}^{{-{self.power}}})$"
        if self.to == 0:
            return super().latex
        return rf"$O(({latex(symbol - self.to)}){'' if self.power == 1 else power})$"

    @property
    def plain(self) -> str:
        if self.to is sympy.oo:
            return f"O({self.variable}^-{self.power})"
        if self.to == 0:
            return super().plain
        return f"O(({plain(sympy.Symbol(self.variable) - self.to)})^{self.power})"


class Property(Choice):
    """What a rule does on a quadratic."""

    SETTLES = "settles from every start"
    STAYS_BOUNDED = "stays bounded from every start"
    KEEPS_ITS_SIDE = "does not oscillate"


HAS: Mapping[Property, Callable[[fmpq_mat], bool]] = {
    Property.SETTLES: settles,
    Property.STAYS_BOUNDED: stays_bounded,
    Property.KEEPS_ITS_SIDE: keeps_its_side,
}
"""Whether a step with this matrix has the property, exactly."""
