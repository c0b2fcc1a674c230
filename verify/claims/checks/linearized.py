"""What a method leaves of a stated flow, exact in powers of h, as a function of the formulas.

A formula that is a multiple of a power of h moves what is left in proportion where it first stands
in it: the sum of weights and formulas that is written down is 0 with the right ones, and with no
other value of one of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import sympy
from flint import fmpq

from derive.language.formula import H
from verify.claims.checks.identities import marked, noted
from verify.claims.claim import Check, Evidence, Settings
from verify.claims.slots import Value
from verify.claims.statement import Statement
from verify.running.numbers import PowerSeries
from verify.running.recording import recorder

Left = Callable[[Statement], Iterable[PowerSeries]]
"""The components of what is left with the formulas of a statement."""
Draw = Callable[[Statement, random.Random], tuple[Left, Mapping[str, fmpq]]]
"""What is left at a random place, and the numbers in the place of symbols there."""


def written_down(
    check: Check, drawn: Draw, powers: Callable[[Statement], int], *, count: int = 6
) -> Check:
    """The check; where somebody records, what is left at random places is written down first.

    Args:
        powers: how many powers of h are missing in it.
    """

    def judge(says: Statement, settings: Settings) -> Evidence:
        if (log := recorder()) is not None:
            draw = random.Random(settings.seed)
            for _ in range(count):
                left, at = drawn(says, draw)
                note_left(says, left, powers(says), at)
            log.flows.clear()
        return check.judge(says, settings)

    return replace(check, judge=judge)


def note_left(says: Statement, left: Left, powers: int, at: Mapping[str, fmpq]) -> None:
    """Write down that these powers of h are missing in what is left, at these numbers."""
    places = {name: sympy.Rational(str(value)) for name, value in at.items()}
    found, forms = list(left(says)), marked(says)
    moved = {}
    for name, slot in says.slots.items():
        if isinstance(slot, Value) and (power := power_of_h(slot.expr)) is not None:
            more = says.changed(**{name: replace(slot, expr=slot.expr + H**power)})
            there = slot.expr.subs({sympy.Symbol(n): v for n, v in places.items()})
            gap = forms.expr(name) / H**power - sympy.cancel(there / H**power)
            moved[name] = (list(left(more)), gap)
    for i, series in enumerate(found):
        for n in range(powers):
            parts = (
                sympy.Rational(str(other[i][n] - series[n])) * gap for other, gap in moved.values()
            )
            total = sympy.expand(sympy.Rational(str(series[n])) + sympy.Add(*parts))
            if total.free_symbols or series[n] != 0:
                noted(total, sympy.Integer(0), series[n] == 0, **places)


def power_of_h(expr: sympy.Expr) -> int | None:
    """The power of h of which the rest is a multiple, of up to h^3."""
    return next((n for n in range(4) if not sympy.cancel(expr / H**n).has(H)), None)
