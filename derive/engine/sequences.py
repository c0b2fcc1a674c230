"""Sequences in the step number k: sums of k^a times powers of the memory's eigenvalues.

A start-up transient has coefficients such as 1 - beta^(k+1) or (k+1) beta^k; a memory that forgets
at once (eigenvalue 0) adds values of its own at the first few k. Together they form a ring, and a
linear recurrence with such a forcing has such a solution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import comb, lcm
from operator import mul
from typing import Any

import sympy
from flint import fmpq

from derive.language.coefficients import Coefficient, Exact, Ring
from derive.language.update_rule import BadInput
from derive.language.writing import latex, plain

Power = tuple[int, tuple[int, ...]]
"""The exponents of k, and of every eigenvalue's k-th power."""


class NoClosedForm(BadInput):
    """The transient has no closed form of this kind; it is still known at every numeric k."""


@dataclass(frozen=True)
class Rates:
    """The numbers whose k-th powers appear, one symbol for each."""

    ring: Ring
    values: tuple[Coefficient, ...]

    def constant(self, value: Coefficient) -> StepSequence:
        return StepSequence(self, {(0, (0,) * len(self.values)): value})

    def fading(self, rate: Coefficient, first: Coefficient) -> StepSequence:
        """first rate^k for one of the rates, or for 0: then it is 0 from k = 1 on."""
        if not rate:
            return StepSequence(self, {}, {0: first})
        return StepSequence(self, {(0, tuple(int(rate == own) for own in self.values)): first})

    def base(self, exponents: tuple[int, ...]) -> Coefficient:
        """The product of the rates to these powers: what the term is multiplied by in one step."""
        powers = [rate**e for rate, e in zip(self.values, exponents, strict=True)]
        return reduce(mul, powers, self.ring.number(1))


class StepSequence:
    """A sum of terms c k^a r_1^(k j_1) r_2^(k j_2) ..., exact in the parameters; no r is 0.

    `early[j]` is added at k = j alone.
    """

    __slots__ = ("early", "rates", "terms")

    def __init__(
        self,
        rates: Rates,
        terms: dict[Power, Coefficient],
        early: dict[int, Coefficient] | None = None,
    ) -> None:
        self.rates = rates
        self.terms = {power: c for power, c in terms.items() if c}
        self.early = {j: c for j, c in (early or {}).items() if c}

    def _lift(self, other: object) -> StepSequence | None:
        if isinstance(other, StepSequence):
            return other
        if isinstance(other, Coefficient):
            return self.rates.constant(other)
        if isinstance(other, int | Fraction | fmpq):
            return self.rates.constant(self.rates.ring.number(other))
        return None

    def __add__(self, other: object) -> StepSequence:
        if (right := self._lift(other)) is None:
            return NotImplemented
        return StepSequence(
            self.rates, _sum(self.terms, right.terms), _sum(self.early, right.early)
        )

    def __mul__(self, other: object) -> StepSequence:
        if (right := self._lift(other)) is None:
            return NotImplemented
        terms: dict[Power, Coefficient] = {}
        for (a, i), c in self.terms.items():
            for (b, j), d in right.terms.items():
                power = (a + b, tuple(map(sum, zip(i, j, strict=True))))
                terms[power] = terms[power] + c * d if power in terms else c * d
        early = {j: self._value(j) * right._value(j) for j in {*self.early, *right.early}}
        smooth = StepSequence(self.rates, terms)
        return StepSequence(self.rates, terms, {j: c - smooth._value(j) for j, c in early.items()})

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> StepSequence:
        return self * -1

    def __sub__(self, other: object) -> StepSequence:
        return NotImplemented if (right := self._lift(other)) is None else self + -right

    def __rsub__(self, other: object) -> StepSequence:
        return -self + other

    def __eq__(self, other: object) -> bool:
        if (right := self._lift(other)) is None:
            return NotImplemented
        return not (self - right)

    def __bool__(self) -> bool:
        return bool(self.terms or self.early)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def later(self) -> StepSequence:
        """The sequence at k + 1."""
        terms: dict[Power, Coefficient] = {}
        for (a, exponents), c in self.terms.items():
            scaled = c * self.rates.base(exponents)
            for b in range(a + 1):
                power = (b, exponents)
                term = scaled * comb(a, b)
                terms[power] = terms[power] + term if power in terms else term
        return StepSequence(self.rates, terms, {j - 1: c for j, c in self.early.items() if j})

    def first(self) -> Coefficient:
        """The value at k = 0."""
        return self._value(0)

    def _value(self, k: int) -> Coefficient:
        powers = (
            c * k**a * self.rates.base(exponents) ** k for (a, exponents), c in self.terms.items()
        )
        return sum(powers, self.early.get(k, self.rates.ring.number(0)))

    def at_step(self, k: int, values: Mapping[str, Exact | float]) -> fmpq:
        """The exact value at one k, for parameters that are all given."""
        rates = [rate.at(values) for rate in self.rates.values]
        total = fmpq(0)
        for (a, exponents), c in self.terms.items():
            powers = (rate ** (k * e) for rate, e in zip(rates, exponents, strict=True))
            total += reduce(mul, powers, c.at(values) * k**a)
        return total + (self.early[k].at(values) if k in self.early else 0)

    def limit(self) -> Coefficient:
        """The value as k grows, for rates below 1."""
        still = (0, (0,) * len(self.rates.values))
        return self.terms.get(still, self.rates.ring.number(0))

    def solve(self, rate: Coefficient) -> StepSequence:
        """A sequence u with u_(k+1) = rate u_k + this one; the term rate^k is left out of it."""
        solution: dict[Power, Coefficient] = {}
        by_exponents: dict[tuple[int, ...], dict[int, Coefficient]] = {}
        for (a, exponents), c in self.terms.items():
            by_exponents.setdefault(exponents, {})[a] = c
        for exponents, forcing in by_exponents.items():
            base = self.rates.base(exponents)
            for a, c in _particular(forcing, base, rate).items():
                solution[(a, exponents)] = c
        return StepSequence(self.rates, solution, self._solve_early(rate))

    def _solve_early(self, rate: Coefficient) -> dict[int, Coefficient]:
        """Of this one's early values: the solution that is 0 from some k on."""
        if not rate:
            return {j + 1: c for j, c in self.early.items()}
        found: dict[int, Coefficient] = {}
        following = self.rates.ring.number(0)
        for j in range(max(self.early, default=-1), -1, -1):
            following = (following - self.early.get(j, following * 0)) / rate
            found[j] = following
        return found

    def as_expr(self) -> sympy.Expr:
        """A SymPy expression in the parameters and k, over one factored denominator."""
        ring = self.rates.ring
        wide = ring.with_parameters("k")
        by_rate: dict[tuple[int, ...], Coefficient] = {}
        for (a, exponents), c in self.terms.items():
            term = wide.from_expr(c.as_expr()) * wide.parameter("k") ** a
            by_rate[exponents] = by_rate.get(exponents, wide.number(0)) + term
        below = wide.number(1)
        for c in by_rate.values():
            below = below * Coefficient(wide, (c * below).reduced.denominator, wide.unit)
        numbers = [(c * below).as_expr().as_coeff_Mul()[0] for c in by_rate.values()]
        whole = lcm(*(int(number.q) for number in numbers))
        sign = -1 if below.as_expr().as_coeff_Mul()[0] < 0 else 1
        below = below * (sign * whole)
        top = sympy.Add(*(self._with_rates(c * below, e) for e, c in by_rate.items()))
        smooth = sympy.Mul(*sympy.Mul.make_args(top), *sympy.Mul.make_args((1 / below).as_expr()))
        step = sympy.Symbol("k")
        early = (c.as_expr() * sympy.KroneckerDelta(j, step) for j, c in self.early.items())
        return sympy.Add(smooth, *early)

    def _with_rates(self, coefficient: Coefficient, exponents: tuple[int, ...]) -> sympy.Expr:
        """The coefficient times the rates' powers, rate^1 rate^k written as rate^(k+1)."""
        k = sympy.Symbol("k")
        factors = list(sympy.Mul.make_args(coefficient.as_expr()))
        for rate, e in zip(self.rates.values, exponents, strict=True):
            base = rate.as_expr()
            own = sum(f.as_base_exp()[1] for f in factors if f.as_base_exp()[0] == base)
            if e:
                factors = [f for f in factors if f.as_base_exp()[0] != base]
                factors.append(sympy.Pow(base, e * k + own))
        return sympy.Mul(*factors, evaluate=False)

    def __repr__(self) -> str:
        return plain(self.as_expr())

    def _sympy_(self) -> sympy.Expr:
        return self.as_expr()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {latex(self.as_expr())}$"


def _sum(left: dict[Any, Coefficient], right: dict[Any, Coefficient]) -> dict[Any, Coefficient]:
    found = dict(left)
    for key, c in right.items():
        found[key] = found[key] + c if key in found else c
    return found


def _particular(
    forcing: dict[int, Coefficient], base: Coefficient, rate: Coefficient
) -> dict[int, Coefficient]:
    """The polynomial p with base p(k+1) - rate p(k) = forcing, coefficient after coefficient."""
    resonant = base == rate
    degree = max(forcing) + (1 if resonant else 0)
    found: dict[int, Coefficient] = {}
    for a in range(degree, -1 + resonant, -1):
        # the coefficient of k^(a - resonant) on the left, from the unknown and from higher ones
        row = a - resonant
        known = [base * comb(b, row) * c for b, c in found.items() if b > a]
        rest = sum((-value for value in known), forcing.get(row, base * 0))
        found[a] = rest / (base * a if resonant else base - rate)
    return found
