r"""What a rule does whose memories are averages of the past, in one component, by running it once.

The averages before a step follow from the past alone: where the gradient was g - jhd a number j of
steps ago, an average of f(g) with the weights (1 - b)b^(j-1) is f(g) - h d f'(g)/(1 - b) + O(h^2),
since the mean of j is 1/(1 - b). One declared step from there, at very small h and high precision,
shows the term of order h, without the engine that derives it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy
from flint import fmpq

from derive.engine.order_h import G, in_one_component, regularizer
from derive.language.update_rule import Optimizer
from derive.optimizers import NONLINEAR
from verify.claims.checks.identities import exact, marked, noted
from verify.claims.claim import Check, Kind, Settings
from verify.claims.slots import Choice
from verify.claims.statement import Statement
from verify.running.numbers import precision
from verify.running.reals import REAL, reals

Number = Any
BETA = sympy.Symbol("beta")
BETA1, BETA2, EPSILON, R = sympy.symbols("beta1 beta2 epsilon r")
"""The parameters, and the size r of the gradient in a component."""


class Defaults(Choice):
    """At which momenta a number is meant."""

    USUAL = r"$\beta_1=0.9$, $\beta_2=0.999$"
    SHORT = r"$\beta_1=0.9$, $\beta_2=0.99$"

    @property
    def numbers(self) -> dict[str, fmpq]:
        beta2 = fmpq(999, 1000) if self is Defaults.USUAL else fmpq(99, 100)
        return {"beta1": fmpq(9, 10), "beta2": beta2}


STEP = fmpq(1, 10**20)
NEAR = 1e-9


@dataclass(frozen=True)
class Average:
    """A memory: the parameter that says how much is kept, and a power of g that is averaged."""

    kept: str
    power: int = 1


@dataclass(frozen=True)
class MomentRule:
    """A rule that remembers averages of powers of the gradient, and the letters of its formulas.

    Args:
        letters: a formula's symbol by the rule's parameter, where they differ.
        through: what a rule with a map puts vectors through.
        tied: both momenta are one, beta.
    """

    rule: Optimizer
    memories: Mapping[str, Average]
    letters: Mapping[str, str] = field(default_factory=dict)
    through: Callable[[Any], Any] | None = None
    tied: bool = False

    def drawn(self, draw: random.Random) -> dict[str, fmpq]:
        """Parameters of the rule, those of memories between 1/10 and 9/10."""
        values = {name: fmpq(draw.randint(10, 90), 100) for name in self.rule.parameters}
        return values | {"beta1": values["beta2"]} if self.tied else values

    def named(self, values: Mapping[str, fmpq]) -> dict[str, fmpq]:
        named = {self.letters.get(name, name): value for name, value in values.items()}
        return named | {"beta": values["beta2"]} if self.tied else named

    def step(self, values: Mapping[str, fmpq], g: Number, drift: Number, h: Number) -> Number:
        """The change of x over h in one step where the gradient is g and grew by drift a step."""
        memory = []
        for name in self.rule.memory:
            own = self.memories[name]
            kept, p = REAL.convert(values[own.kept]), own.power
            memory.append(reals([g**p - drift * p * g ** (p - 1) / (1 - kept)]))
        given = self.rule.arguments(REAL.convert)
        given |= {name: REAL.convert(value) for name, value in values.items()}
        given |= {"k": 10**6} if "k" in self.rule.keywords else {}
        zero = reals([g * 0])
        fields: Any = lambda x: zero + g  # noqa: E731
        fields = (fields, self.through) if self.through else fields
        new, _ = self.rule.step(zero, memory, fields, h, given)
        return new[0] / h

    def term(self, values: Mapping[str, fmpq], size: fmpq, slope: fmpq) -> tuple[Number, Number]:
        """F_1 of the flow over H phi, for g = size and the slope H of the gradient; and D phi."""
        h, g, bent = map(REAL.convert, (STEP, size, slope))
        first = self.step(values, g, g * 0, h)
        turned = (self.step(values, g + h, g * 0, h) - first) / h
        there = self.step(values, g, h * bent * first, h)
        return ((there - first) / h - turned * bent * first / 2) / (bent * -first), -turned

    def by_running(
        self, weight: Callable[[Statement, dict[str, Any]], Number], *, over_slope: bool = False
    ) -> Check:
        """The stated F_1 over H phi, against one step from averages of the past.

        Args:
            over_slope: what is stated is F_1 over D phi H phi.
        """

        def judge(says: Statement, settings: Settings) -> tuple[bool, str]:
            draw, worst = random.Random(settings.seed), 0.0
            with precision(70):
                for _ in range(4):
                    values = self.drawn(draw)
                    size, slope = (fmpq(draw.randint(5, 300), 100) for _ in range(2))
                    found, steep = self.term(values, size, slope)
                    found = float(found / steep if over_slope else found)
                    stated = float(weight(says, {**self.named(values), "r": size}))
                    worst = max(worst, abs(found - stated) / max(abs(found), 1e-3))
            return worst < NEAR, f"{worst:.0e} off"

        return exact("one step from averages of the past", Kind.SIMULATION, judge)

    def by_engine(self, weight: Callable[[Statement], sympy.Expr]) -> Check:
        """The stated F_1 over H phi against the engine's, as expressions in r."""

        def judge(says: Statement, settings: Settings) -> tuple[bool, str]:
            found = regularizer(self.rule)
            if found.c is None:
                return False, "the engine finds no such term"
            part = in_one_component(found.flow, -found.c * found.phi)
            names = {s: sympy.Symbol(self.letters.get(s.name, s.name)) for s in part.free_symbols}
            derived = (part / G).subs(names | {G: R})
            if self.tied:
                derived = derived.subs({BETA1: BETA, BETA2: BETA})
            equal = noted(weight(marked(says)), derived, _is_zero(weight(says) - derived))
            return equal, "equal in the flow of the engine" if equal else f"there it is {derived}"

        return exact("flow of the engine", Kind.SYMBOLIC, judge)


def _is_zero(expr: sympy.Expr) -> bool:
    """Whether an expression with one square root is 0."""
    roots = {p.base for p in expr.atoms(sympy.Pow) if p.exp.is_Rational and p.exp.q == 2}
    y = sympy.Dummy("y")
    for base in roots:
        expr = expr.replace(
            lambda e, b=base: e.is_Pow and e.base == b and e.exp.is_Rational,
            lambda e: y ** (2 * e.exp),
        )
        top = sympy.numer(sympy.together(expr))
        return len(roots) == 1 and sympy.rem(sympy.expand(top), y**2 - base, y) == 0
    return sympy.cancel(expr) == 0


MOMENTS = {"m": Average("beta1"), "v": Average("beta2", 2)}
ADAM_INSIDE = MomentRule(NONLINEAR["adam-inside"], MOMENTS, {"eps": "epsilon"})
ADAM_OUTSIDE = MomentRule(NONLINEAR["adam"], MOMENTS, {"eps": "epsilon"})


def age(beta: Any) -> Any:
    """(1 + b)/(1 - b), which is 1 more than twice the mean age."""
    return (1 + beta) / (1 - beta)
