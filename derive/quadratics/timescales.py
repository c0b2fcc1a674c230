"""How fast modes decay when the momentum tends to 1 with the step size: beta = 1 - C h^gamma.

With kappa = 1 - u the multipliers of a mode of curvature lambda solve u^2 - A u + B = 0, where A
and B are polynomials in 1 - beta = C h^gamma and h lambda, sums of powers of h. Their lowest powers
decide: B against A^2 whether the mode oscillates, and then how fast it decays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import sympy

from derive.language.update_rule import BadInput, Optimizer
from derive.quadratics.linearization import NotInClosedForm, Z, quadratic

C, GAMMA, H, LAMBDA = sympy.symbols("C gamma h lambda")
Sum = dict[sympy.Expr, sympy.Expr]
"""Coefficients of powers of h, by exponents that are linear in gamma."""


@dataclass(frozen=True)
class Rate:
    """-log|kappa| = leading (1 + O(h^error)): one over it is the number of steps to shrink by e.

    Attributes:
        error: the exponent of h in the relative error; a minimum where no term is always largest.
    """

    leading: sympy.Expr
    error: sympy.Expr


@dataclass(frozen=True)
class Regime:
    """What a mode of positive curvature does for gamma between two bounds, or at one value.

    Attributes:
        above, below: the open interval of gamma; equal where gamma is one value.
        rates: the slow and the fast multiplier of an overdamped mode; once for an oscillating one.
        turns: the curvature above which modes oscillate, where that depends on it.
        leading: at one value of gamma, both u = 1 - kappa to leading order.
    """

    above: sympy.Expr
    below: sympy.Expr
    rates: tuple[Rate, ...]
    turns: sympy.Expr | None = None
    leading: tuple[sympy.Expr, ...] = ()

    @property
    def oscillates(self) -> bool:
        return len(self.rates) == 1


def timescales(optimizer: Optimizer, *, momentum: str = "beta") -> tuple[Regime, ...]:
    """The regimes of gamma in rising order, for a rule with one memory variable.

    A direction without curvature has the multipliers 1 and beta: its rate is C h^gamma in every
    regime.

    Raises:
        NotInClosedForm: the rule has not one memory variable, or no such momentum.
        BadInput: a parameter has the name of a symbol used here.

    >>> from derive import heavy_ball
    >>> for regime in timescales(heavy_ball):
    ...     print(regime.above, regime.below, *(rate.leading for rate in regime.rates))
    0 1/2 h**(1 - gamma)*lambda/C C*h**gamma
    1/2 1/2
    1/2 oo C*h**gamma/2
    """
    if momentum not in optimizer.parameters:
        raise NotInClosedForm(f"{optimizer.name} has no parameter {momentum} that could tend to 1.")
    if taken := {"C", "gamma", "h", "lambda"} & set(optimizer.parameters):
        raise BadInput(f"{optimizer.name} uses the name {min(taken)} itself; rename its parameter.")
    linear, constant = quadratic(optimizer)
    a, b, decay = (
        _powers(expr, momentum) for expr in (linear + 2, 1 + linear + constant, 1 - constant)
    )
    points = sorted({g for total in (a, b, decay) for g in _crossings(total)} | _balances(a, b))
    ends = [sympy.Integer(0), *points, sympy.oo]
    found: list[Regime] = []
    for low, high in pairwise(ends):
        regime = _between(a, b, decay, low, high)
        if found and found[-1].rates == regime.rates:
            regime = Regime(found.pop().above, high, regime.rates)
        elif found and 2 * _order(a, low) == _order(b, low):
            found.append(_at(a, b, low))
        elif found and found[-1].oscillates and regime.oscillates:
            found.append(_between(a, b, decay, low, low))
        found.append(regime)
    return tuple(found)


def _powers(expr: sympy.Expr, momentum: str) -> Sum:
    """The terms of a polynomial in 1 - beta = C h^gamma and z = h lambda, by powers of h."""
    delta = sympy.Dummy("delta")
    polynomial = sympy.Poly(sympy.expand(expr.subs(sympy.Symbol(momentum), 1 - delta)), delta, Z)
    found: Sum = {}
    for (i, j), c in polynomial.terms():
        power = i * GAMMA + j
        found[power] = found.get(power, sympy.Integer(0)) + c * C**i * LAMBDA**j
    return {power: c for power, c in found.items() if c != 0}


def _crossings(total: Sum) -> set[sympy.Expr]:
    """The positive gamma at which two terms are of the same size, neither below a third."""
    found = set()
    for one, other in combinations(total, 2):
        for gamma in sympy.solve(one - other, GAMMA):
            if gamma > 0 and one.subs(GAMMA, gamma) == _order(total, gamma):
                found.add(gamma)
    return found


def _balances(a: Sum, b: Sum) -> set[sympy.Expr]:
    """The positive gamma at which B is as large as A^2."""
    return {
        gamma
        for p in a
        for q in b
        for gamma in sympy.solve(2 * p - q, GAMMA)
        if gamma > 0
        and p.subs(GAMMA, gamma) == _order(a, gamma)
        and q.subs(GAMMA, gamma) == _order(b, gamma)
    }


def _order(total: Sum, gamma: sympy.Expr) -> sympy.Expr:
    """The lowest power of h at this gamma."""
    return min(power.subs(GAMMA, gamma) for power in total)


def _between(a: Sum, b: Sum, decay: Sum, low: sympy.Expr, high: sympy.Expr) -> Regime:
    inside = (low + high) / 2 if high != sympy.oo else low + 1
    (pa, ca), (pb, cb), (pd, cd) = (_lowest(total, inside) for total in (a, b, decay))
    gaps = [p - pa for p in a if p != pa] + [p - pb for p in b if p != pb]
    if _order(b, inside) > 2 * _order(a, inside):
        gap = pb - 2 * pa
        slow = Rate(_term(cb / ca, pb - pa), _least([gap, pb - pa, *gaps], low, high))
        fast = Rate(_term(ca, pa), _least([gap, pa, *gaps], low, high))
        return Regime(low, high, (slow, fast))
    gaps = [pd, *(p - pd for p in decay if p != pd)]
    if low == high:
        pd = pd.subs(GAMMA, low)
        gaps = [gap for gap in (gap.subs(GAMMA, low) for gap in gaps) if gap > 0]
    return Regime(low, high, (Rate(_term(cd / 2, pd), _least(gaps, low, high)),))


def _at(a: Sum, b: Sum, gamma: sympy.Expr) -> Regime:
    """The balance 4 B = A^2 of the leading terms."""
    (power, ca), (_, cb) = _lowest(a, gamma), _lowest(b, gamma)
    root = sympy.sqrt(sympy.expand(ca**2 - 4 * cb))
    lead = tuple(_term((ca + sign * root) / 2, power.subs(GAMMA, gamma)) for sign in (-1, 1))
    turns = sympy.solve(sympy.expand(ca**2 - 4 * cb), LAMBDA)
    return Regime(gamma, gamma, (), turns[0] if len(turns) == 1 else None, lead)


def _lowest(total: Sum, gamma: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """The lowest power of h and its coefficient, equal powers at this gamma taken together."""
    order = _order(total, gamma)
    same = [power for power in total if power.subs(GAMMA, gamma) == order]
    return same[0], sympy.factor(sympy.Add(*(total[power] for power in same)))


def _term(coefficient: sympy.Expr, power: sympy.Expr) -> sympy.Expr:
    return sympy.factor(coefficient) * H**power


def _least(powers: Sequence[sympy.Expr], low: sympy.Expr, high: sympy.Expr) -> sympy.Expr:
    """Their minimum, without those that another is below on the whole interval."""
    end = high if high != sympy.oo else low + 1000
    kept = [
        p
        for p in set(powers)
        if not any(q != p and all((q - p).subs(GAMMA, g) <= 0 for g in (low, end)) for q in powers)
    ]
    return sympy.Min(*kept)
