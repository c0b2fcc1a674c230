"""Is a formula the right one? Equal, different or undecided, with a counterexample and the slip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import sympy

from derive.language.formula import H, K
from derive.language.writing import plain
from verify.claims.slips import slips
from verify.formulas.deciding import (
    FIRST,
    Outcome,
    decide,
    differ_at_once,
    normal_difference,
)
from verify.formulas.domain import ComparisonDomain
from verify.formulas.normal_form import NormalForm
from verify.formulas.targets import Target, siblings

LONGEST = 60


@dataclass(frozen=True)
class Answer:
    """What comparing a formula with a target says.

    Args:
        why: for what is undecided, the reason; for what is equal without proof, at how many points.
        right: the right formula.
        ratio, difference: what was given over, and minus, the right formula, in simplest form.
        counterexample: values of the symbols with the two numbers.
        agree: values of one parameter for which the two are the same, as text.
        slip: the single slip that explains the difference, if one does.
        elsewhere: the target for which the formula would be right.
    """

    outcome: Outcome
    right: sympy.Expr
    why: str = ""
    ratio: str = ""
    difference: str = ""
    counterexample: str = ""
    agree: tuple[str, ...] = ()
    slip: str = ""
    elsewhere: str = ""

    @property
    def equal(self) -> bool:
        return self.outcome is Outcome.EQUAL


def compare_with(given: sympy.Expr, target: Target, where: Sequence[sympy.Basic] = ()) -> Answer:
    """Decide whether a formula equals the target on the target's ranges, under extra conditions.

    Args:
        where: equations, which are substituted, and inequalities, which all points obey.
    Raises:
        BadInput: the conditions contradict each other or the target's ranges.
    """
    domain = ComparisonDomain.of(target.given, where)
    decision = decide(given, target.expr, domain)
    if decision.outcome is not Outcome.DIFFERENT:
        return Answer(decision.outcome, target.expr, decision.why)
    left, right = domain.put(given), domain.put(target.expr)
    domain = domain.counts(left, right)
    points = list(islice(domain.points(sorted(s.name for s in left.free_symbols), FIRST), FIRST))

    def is_given(other: sympy.Expr) -> bool:
        put = domain.put(other)
        if put.free_symbols <= left.free_symbols and differ_at_once(put, left, points):
            return False
        return put.free_symbols == left.free_symbols and same(put, left, domain)

    found = normal_difference(left, right, domain)
    return Answer(
        decision.outcome,
        target.expr,
        ratio=_ratio(left, right, domain),
        difference=_short(found.value) if found else "",
        counterexample=decision.example,
        agree=tuple(_agreeing(found.value)) if found else (),
        slip=next((name for name, e in slips(target.expr) if is_given(e)), ""),
        elsewhere=next((s.name for s in siblings(target.name) if is_given(s.expr)), ""),
    )


def same(left: sympy.Expr, right: sympy.Expr, domain: ComparisonDomain | None = None) -> bool:
    """Whether two formulas are equal on the domain, by default for all real numbers."""
    try:
        return decide(left, right, domain or ComparisonDomain()).outcome is Outcome.EQUAL
    except (ValueError, ZeroDivisionError):
        return False


def _short(expr: sympy.Expr) -> str:
    text = plain(expr)
    return text if len(text) <= 4 * LONGEST else ""


def _ratio(left: sympy.Expr, right: sympy.Expr, domain: ComparisonDomain) -> str:
    try:
        text = plain(NormalForm(left / right, domain).value)
    except (ValueError, ZeroDivisionError):
        return ""
    return text if len(text) <= LONGEST else ""


def _agreeing(found: sympy.Expr) -> Iterator[str]:
    """The roots of the difference's factors in one parameter, as `beta = 0`, inside [0, 1)."""
    top = sympy.numer(sympy.together(found))
    for factor in sympy.Mul.make_args(sympy.factor(top)):
        base = factor.as_base_exp()[0]
        symbols = base.free_symbols - {H, K}
        if len(base.free_symbols) != 1 or not symbols:
            continue
        (symbol,) = symbols
        if not base.is_polynomial(symbol):
            continue
        for root in sympy.roots(sympy.Poly(base, symbol)):
            if root.is_real and 0 <= root < 1:
                yield f"{symbol} = {plain(root)}"
