"""The quantities that a formula can be checked against, each with one order and one normalization.

A target is written `optimizer:quantity:order-N`, with `:tree` behind it where several trees share
the order, or is a claim's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

import sympy
from flint import fmpq

import verify.papers  # noqa: F401  (registers the claims, which are targets too)
from derive import modified_flow
from derive.engine.sequences import Sequence
from derive.language.differentials import text_differential, text_scalar
from derive.language.formula import H
from derive.language.trees import Tree, tree, trees_of_order
from derive.language.update_rule import BadInput, Optimizer
from derive.optimizers import ZOO
from verify.claims.claim import REGISTRY
from verify.formulas.asked import FORMS, Form, Quantity
from verify.running.rule_files import find_rule

HIGHEST = 4


@dataclass(frozen=True)
class Target:
    """A right formula: its name, the expression, and what it stands beside."""

    name: str
    expr: sympy.Expr
    beside: str


@dataclass(frozen=True)
class Family:
    """A quantity in one normalization.

    Args:
        find: the coefficient of a tree, h included, from the optimizer and the tree's order.
        first: the number of nodes of a tree at h^0.
        free: whether free trees count rather than rooted ones.
    """

    meaning: str
    find: Callable[[Optimizer, Tree], sympy.Expr]
    beside: Callable[[Tree], str]
    first: int
    free: bool = False


def _family(quantity: Quantity, form: Form) -> Family:
    """What the record of a quantity says, as coefficients by tree."""
    shape = quantity.about.shape
    if shape is None:
        return Family(form.meaning, _loss_term(quantity, form.scaled), text_scalar, 1, free=True)
    find = _over_the_lasting(quantity) if form.relative else _series_term(quantity, shape.shift)
    return Family(form.meaning, find, text_differential, -shape.shift)


def _series_term(quantity: Quantity, power: int) -> Callable[[Optimizer, Tree], sympy.Expr]:
    def find(rule: Optimizer, t: Tree) -> sympy.Expr:
        coefficient = quantity.about.derive(rule, order=t.order)[t]
        sign = fmpq(-1 if t.order % 2 else 1, t.symmetry)
        return H ** (t.order + power) * (coefficient * sign).as_expr()

    return find


def _over_the_lasting(quantity: Quantity) -> Callable[[Optimizer, Tree], sympy.Expr]:
    def find(rule: Optimizer, t: Tree) -> sympy.Expr:
        now = quantity.about.derive(rule, order=t.order)[t]
        if not isinstance(now, Sequence):
            return sympy.Integer(1)
        return (now * modified_flow(rule, order=t.order)[t].inverse()).as_expr()

    return find


def _loss_term(quantity: Quantity, scaled: bool) -> Callable[[Optimizer, Tree], sympy.Expr]:
    def find(rule: Optimizer, t: Tree) -> sympy.Expr:
        if rule.game:
            raise BadInput(f"{rule.name} follows any vector field, behind which no loss stands.")
        loss = quantity.about.derive(rule, order=t.order)
        if t.order >= loss.exists_below:
            raise BadInput(
                f"{rule.name} has no such loss at h^{t.order - 1}: it exists through "
                f"h^{loss.exists_below - 2}."
            )
        coefficient = loss.terms[t] * (loss.scale if scaled else 1)
        return H ** (t.order - 1) * coefficient.as_expr()

    return find


FAMILIES: dict[str, Family] = {
    name: _family(quantity, form) for name, (quantity, form) in FORMS.items()
}


def find_target(name: str) -> Target:
    """The target of this name.

    Raises:
        BadInput: it cannot be read, or there is no such quantity at this order.
    """
    if name in REGISTRY.claims:
        formula = REGISTRY.claims[name].formula
        return Target(name, formula.expr, formula.beside)
    rule, family, t = _parse(name)
    found = FAMILIES[family]
    return Target(name, found.find(rule, t), found.beside(t))


def siblings(name: str) -> Iterator[Target]:
    """The same order of the same optimizer in the other normalizations and quantities."""
    if name in REGISTRY.claims:
        return
    rule, family, t = _parse(name)
    order = t.order - FAMILIES[family].first
    for other, found in FAMILIES.items():
        for u in _trees(found, order):
            label = f"{_rule_name(name)}:{other}:order-{order}" + _suffix(found, order, u)
            if label != name:
                try:
                    yield Target(label, found.find(rule, u), found.beside(u))
                except BadInput:
                    continue


def list_targets() -> Iterator[tuple[str, str]]:
    """Every target of the zoo through order 2, and every claim, with what it means."""
    for name in ZOO:
        for family, found in FAMILIES.items():
            if found.free and ZOO[name].game:
                continue
            for order in range(3):
                for t in _trees(found, order):
                    label = f"{name}:{family}:order-{order}{_suffix(found, order, t)}"
                    yield label, f"{found.meaning}, beside {found.beside(t)}"
    for claim in REGISTRY.claims.values():
        yield claim.id, f"the formula of the claim ({claim.source.key}, {claim.source.where})"


def _trees(family: Family, order: int) -> list[Tree]:
    nodes = order + family.first
    if nodes < 1:
        return []
    trees = trees_of_order(nodes)
    return list(dict.fromkeys(t.free for t in trees)) if family.free else list(trees)


def _suffix(family: Family, order: int, t: Tree) -> str:
    return f":{t}" if len(_trees(family, order)) > 1 else ""


def _rule_name(name: str) -> str:
    return name[: name.rindex(":order-")].rpartition(":")[0]


def _parse(name: str) -> tuple[Optimizer, str, Tree]:
    head, mark, tail = name.rpartition(":order-")
    rule_name, colon, family = head.rpartition(":")
    if not mark or not colon:
        near = get_close_matches(name, REGISTRY.claims, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise BadInput(
            f"'{name}' is no target; write optimizer:quantity:order-N, such as "
            f"heavy-ball:modified-loss:order-1.{hint} ('undertow check --list' lists all)"
        )
    if family not in FAMILIES:
        near = get_close_matches(family, FAMILIES, n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise BadInput(f"'{family}' is no quantity of a target.{hint}")
    number, _, shape = tail.partition(":")
    if not number.isdecimal() or int(number) > HIGHEST:
        raise BadInput(f"order-{number} is outside order-0 ... order-{HIGHEST}.")
    rule, found = find_rule(rule_name), FAMILIES[family]
    trees = _trees(found, int(number))
    if not trees:
        raise BadInput(f"{family} starts at order-{1 - found.first}.")
    if not shape:
        if len(trees) > 1:
            raise BadInput(
                f"{len(trees)} trees share order-{number}: add one, as in '{name}:{trees[0]}'."
            )
        return rule, family, trees[0]
    try:
        t = tree(shape)
    except ValueError as error:
        raise BadInput(str(error)) from None
    t = t.free if found.free else t
    if t not in trees:
        raise BadInput(f"{shape} has {t.order} nodes; order-{number} has {trees[0].order}.")
    return rule, family, t
