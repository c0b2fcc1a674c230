"""What a drafted claim is about: a coefficient of a rule, what is right, where to try it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import sympy
from flint import fmpq

from derive.engine.backward_error import modified_flow
from derive.language.formula import K
from derive.language.trees import Tree, tree
from derive.language.update_rule import BadInput, Optimizer
from verify.formulas.asked import DRAFTED
from verify.formulas.targets import Asked, Target
from verify.running.numbers import evaluate
from verify.running.points import samples

Values = dict[str, fmpq]

PAIR = tree("[[]]")
POINTS = 5
TRIES = 10_000


@dataclass(frozen=True)
class Subject:
    """A rule, a quantity of it, and exact parameter values at which candidates are run."""

    rule: Optimizer
    quantity: str
    target: Target
    points: tuple[Values, ...]

    @staticmethod
    def of(
        rule: Optimizer,
        quantity: str,
        t: Tree | None = None,
        *,
        name: str = "",
        given: Sequence[sympy.Basic] = (),
    ) -> Subject:
        """Derive the right formula.

        Args:
            t: the tree that carries the coefficient; by default that of a draft at order 1.
            name: how the rule is called, by name or as file.py:rule.
            given: inequalities that the parameter values obey.
        Raises:
            BadInput: the rule has no such quantity, or no parameter value obeys the inequalities.
        """
        t = t or tree(DRAFTED[quantity].tree)
        if quantity == "transient-factor" and not modified_flow(rule, order=2)[PAIR]:
            raise BadInput(f"{rule.name} has no term at h^1 that a factor could multiply.")
        target = Asked(name or rule.name, rule, quantity).at(t)
        return Subject(rule, quantity, target, tuple(points_of(rule, target.expr, given)))


def points_of(rule: Optimizer, right: sympy.Expr, given: Sequence[sympy.Basic]) -> list[Values]:
    """Parameter values that obey the inequalities between them and at which `right` is finite."""
    symbols = {sympy.Symbol(name) for name in rule.parameters}
    bounds = [bound for bound in given if bound.free_symbols <= symbols]

    def allowed(values: Values) -> bool:
        written = {name: sympy.Rational(int(v.p), int(v.q)) for name, v in values.items()}
        if any(bound.subs(written) == sympy.false for bound in bounds):
            return False
        try:
            evaluate(right.subs(K, 0), {**values, "h": fmpq(1)})
        except (ValueError, ZeroDivisionError):
            return False
        return True

    found = [values for values in samples(rule) if allowed(values)]
    draw = random.Random(0)
    for _ in range(TRIES):
        if len(found) >= (POINTS if rule.parameters else 1):
            return found
        try:
            values = {
                p.name: p.check(_rational(draw)) for p in rule.declared if p.name in rule.parameters
            }
        except BadInput:
            continue
        if allowed(values) and values not in found:
            found.append(values)
    if not found:
        raise BadInput("no values of the parameters were found that obey all of them.")
    return found


def _rational(draw: random.Random) -> fmpq:
    """A number of [-1, 1] or [-20, 20], simple or close to a bound."""
    denominator, reach = draw.choice((6, 60, 1000, 10_000)), draw.choice((1, 20))
    return fmpq(draw.randint(-reach * denominator, reach * denominator), denominator)
