"""What a drafted claim can be about: a coefficient of a rule, what is right, and where to try it.

A quantity is a coefficient at the order h^1; `verify.workbench.candidates` has the checks of a
candidate.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sympy
from flint import fmpq

from derive.engine.backward_error import modified_flow
from derive.language.formula import K
from derive.language.trees import LEAF, Tree, tree
from derive.language.update_rule import BadInput, Optimizer
from verify.formulas.targets import FAMILIES, Target
from verify.running.numbers import evaluate
from verify.running.points import samples

Values = dict[str, fmpq]

PAIR = tree("[[]]")
POINTS = 5
TRIES = 10_000
_SQUARE = r"\lVert\nabla E\rVert^{2}"


@dataclass(frozen=True)
class Quantity:
    """One coefficient at the order h^1.

    Args:
        tree: the tree that carries it.
        symbols: what a formula may hold beside the optimizer's parameters.
        lead, beside: LaTeX around the formula in a statement.
    """

    meaning: str
    tree: Tree
    symbols: tuple[str, ...] = ("h",)
    lead: str = ""
    beside: str = ""


QUANTITIES: Mapping[str, Quantity] = {
    "modified-loss": Quantity(
        "what stands beside |grad E|^2 in E + ...", PAIR, lead="E+", beside=_SQUARE
    ),
    "modified-loss-unscaled": Quantity(
        "what stands beside |grad E|^2 in the loss whose gradient is -x'", PAIR, beside=_SQUARE
    ),
    "transient-factor": Quantity(
        "gamma_k: what multiplies the lasting h^1 term on [kh, (k+1)h]", PAIR, ("h", "k")
    ),
    "initial-shift": Quantity(
        "the multiple of grad E(x_0) by which the lasting flow starts beside x_0", LEAF
    ),
    "discrete-modified-loss": Quantity(
        "what stands beside |grad E|^2 in S = E + ..., x_(k+1) = x_k - h scale grad S(x_k)",
        PAIR,
        lead="E+",
        beside=_SQUARE,
    ),
}


@dataclass(frozen=True)
class Subject:
    """A rule, a quantity of it, and exact parameter values at which candidates are run."""

    rule: Optimizer
    quantity: str
    target: Target
    points: tuple[Values, ...]

    @staticmethod
    def of(
        rule: Optimizer, quantity: str, *, name: str = "", given: Sequence[sympy.Basic] = ()
    ) -> Subject:
        """Derive the right formula.

        Args:
            name: how the rule is called, by name or as file.py:rule.
            given: inequalities that the parameter values obey.
        Raises:
            BadInput: the rule has no such quantity, or no parameter value obeys the inequalities.
        """
        t, family = QUANTITIES[quantity].tree, FAMILIES[quantity]
        called = f"{name or rule.name}:{quantity}:order-1"
        if quantity == "transient-factor" and not modified_flow(rule, order=2)[PAIR]:
            raise BadInput(f"{rule.name} has no term at h^1 that a factor could multiply.")
        target = Target(called, family.find(rule, t), family.beside(t))
        return Subject(rule, quantity, target, tuple(_points(rule, target.expr, given)))


def _points(rule: Optimizer, right: sympy.Expr, given: Sequence[sympy.Basic]) -> list[Values]:
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
