"""Component expressions that change with the number k of the step: polynomials in k and powers.

A power beta^k is a symbol that a step multiplies by beta; linear recurrences with such forcings are
solved by undetermined coefficients.
"""

from __future__ import annotations

from math import comb

from flint import fmpq

from derive.engine.component_ring import Element, Symbol
from derive.engine.displaced import displaced
from derive.engine.sequences import NoClosedForm
from derive.engine.step_series import Series, constant
from derive.engine.vectors import Algebra


class Ends(NoClosedForm):
    """A start-up is over after some steps, as no power is."""


KINDS = {"fading", "step"}


class Fading:
    """Sequences in k over an algebra."""

    def __init__(self, algebra: Algebra, name: str) -> None:
        self.algebra = algebra
        self.name = name

    def power(self, base: Element) -> Element:
        """base^k."""
        if base == 1:
            return self.algebra.number(1)
        return self.algebra.symbol(f"({base!r})^k", "fading", None, base, key=(base.key,))

    @property
    def step(self) -> Element:
        """k itself."""
        return self.algebra.symbol("k", "step")

    def later(self, element: Element) -> Element:
        """The sequence one step later."""
        known = {s.index: s.data * self.algebra.variable(s) for s in self._own("fading")}
        known |= {s.index: self.algebra.variable(s) + 1 for s in self._own("step")}
        return self._with(element, known)

    def at(self, element: Element, k: int) -> Element:
        """Its value at a step."""
        one = self.algebra.number(1)
        known = {s.index: s.data**k if k else one for s in self._own("fading")}
        known |= {s.index: one * k for s in self._own("step")}
        return self._with(element, known)

    def _own(self, kind: str) -> list[Symbol]:
        return [s for s in self.algebra.symbols if s.kind == kind]

    def _with(self, element: Element, known: dict[int, Element]) -> Element:
        values = {i: constant(self.algebra, value, 1) for i, value in known.items()}
        return displaced(Series(self.algebra, [element]), values).coefficients[0]

    def solved(self, rate: Element, forcing: Element, first: Element | None) -> Element:
        """y with y_(k+1) = rate y_k + forcing_k and y_0 = first; the one that fades without it.

        Raises:
            NoClosedForm: the forcing is no polynomial in k and in powers that fade.
        """
        found, zero = self.algebra.zero, self.algebra.zero
        for power, mu, parts in self._parts(forcing):
            if first is None and mu == rate:
                raise NoClosedForm(f"what the start-up of {self.name} adds does not fade.")
            if not mu and not rate:
                raise Ends(
                    f"the start-up of {self.name} ends after some steps, which no formula in k "
                    "says; give a step: --k 3."
                )
            solution = self._undetermined(rate, mu, parts)
            values = (c * self.step**p for p, c in enumerate(solution))
            found = found + power * sum(values, zero)
        if first is None:
            return found
        return found + (first - self.at(found, 0)) * self.power(rate)

    def _undetermined(self, rate: Element, mu: Element, parts: list[Element]) -> list[Element]:
        """P with mu P(k + 1) - rate P(k) = sum_p parts[p] k^p."""
        left = list(parts)
        extra = int(mu == rate)
        solution = [self.algebra.zero] * (len(left) + extra)
        for p in reversed(range(len(left))):
            top = p + extra
            weight = mu * top if extra else mu - rate
            solution[top] = left[p] / weight
            for j in range(p):
                left[j] = left[j] - mu * solution[top] * comb(top, j)
        return solution

    def _parts(self, element: Element) -> list[tuple[Element, Element, list[Element]]]:
        """(power symbol's monomial, its rate, coefficients of the powers of k)."""
        algebra = self.algebra
        if any(self.holds(s) for s in self._nested(element)):
            raise NoClosedForm(
                f"the start-up of {self.name} adds up quotients or roots of powers of its memory, "
                "which has no closed form in the number of the step; give a step, --k 3, or a "
                "lower order."
            )
        num, den = algebra.lifted(element.num, element.den)
        own = {s.index: s for s in algebra.symbols if s.kind in KINDS}
        found: dict[tuple[int, ...], dict[int, dict[tuple[int, ...], fmpq]]] = {}
        for exponents, weight in num.to_dict().items():
            powers = tuple(
                e if i in own and own[i].kind == "fading" else 0 for i, e in enumerate(exponents)
            )
            k = sum(e for i, e in enumerate(exponents) if i in own and own[i].kind == "step")
            rest = tuple(0 if i in own else e for i, e in enumerate(exponents))
            found.setdefault(powers, {}).setdefault(k, {})[rest] = weight
        context, result = num.context(), list[tuple[Element, Element, list[Element]]]()
        for powers, by_k in found.items():
            monomial, mu = algebra.number(1), algebra.number(1)
            for i, e in enumerate(powers):
                if e:
                    monomial = monomial * algebra.variable(own[i]) ** e
                    mu = mu * own[i].data ** e
            parts = [
                algebra.fraction(context.from_dict(by_k.get(k, {})), den)
                for k in range(max(by_k) + 1)
            ]
            result.append((monomial, mu, parts))
        return result

    def _nested(self, element: Element) -> list[Symbol]:
        """The symbols of the denominator, and those of the numerator that are no powers."""
        below = Element(self.algebra, element.den, element.den.context().constant(1))
        return [*below.symbols, *(s for s in element.symbols if s.kind not in KINDS)]

    def holds(self, s: Symbol) -> bool:
        """Whether a symbol changes with k, itself or inside."""
        if s.kind in KINDS:
            return True
        parts = [s.data]
        while parts:
            part = parts.pop()
            if isinstance(part, Element):
                if any(self.holds(inner) for inner in part.symbols):
                    return True
            elif isinstance(part, list | tuple):
                parts += part
        return False
