"""The quantities that a formula can be checked against, each with one order and one normalization.

A target is written `optimizer:quantity:order-N`, with `:tree` behind it where several trees share
the order, or is a claim's id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches

import sympy
from flint import fmpq

import verify.papers  # noqa: F401  (registers the claims, which are targets too)
from derive import modified_flow
from derive.engine.front_door import why_not_linear
from derive.engine.sequences import StepSequence
from derive.language.differentials import text_differential, text_scalar
from derive.language.formula import Formula, H
from derive.language.trees import LEAF, Tree, tree, trees_of_order
from derive.language.update_rule import BadInput, Optimizer
from derive.optimizers import ZOO
from verify.claims.claim import REGISTRY
from verify.formulas.asked import FORMS, Form, Quantity
from verify.formulas.domain import ranges_of
from verify.running.rule_files import find_rule

HIGHEST = 4


@dataclass(frozen=True)
class Target:
    """A right formula: its name, the expression, what it stands beside, and its symbols' ranges."""

    name: str
    expr: sympy.Expr
    beside: str
    given: tuple[sympy.Basic, ...] = ()


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
        if not isinstance(now, StepSequence):
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


@dataclass(frozen=True)
class Asked:
    """A quantity of a rule, and the trees of the order that is asked for; None for all orders."""

    called: str
    rule: Optimizer
    family: str
    trees: tuple[Tree, ...] | None = None

    def at(self, t: Tree) -> Target:
        """The target of one tree.

        Raises:
            BadInput: the rule has no such quantity at its order.
        """
        found, order = FAMILIES[self.family], t.order - FAMILIES[self.family].first
        label = f"{self.called}:{self.family}:order-{order}{_suffix(found, order, t)}"
        given = tuple(ranges_of(self.rule.declared))
        return Target(label, found.find(self.rule, t), found.beside(t), given)

    def trees_at(self, order: int) -> list[Tree]:
        """The trees of an order."""
        return trees_at(FAMILIES[self.family], order)


def claim_formulas(id: str) -> dict[str, Formula]:
    """The formulas of a claim by the name of a target: the claim's id, and the slot behind a colon
    where the statement has several.

    >>> sorted(claim_formulas("ghosh2023.modified-loss"))
    ['ghosh2023.modified-loss:force', 'ghosh2023.modified-loss:weight']
    """
    claim = REGISTRY.claims[id]
    if claim.says is None:
        return {id: claim.formula}
    found: dict[str, Formula] = {}
    for slot, expr in claim.says.formulas().items():
        lead, beside = claim.says.around(slot)
        formula = replace(claim.formula, expr=expr, lead=lead, beside=beside)
        found[f"{id}:{slot}"] = replace(formula, name=slot)
    if len(found) > 1:
        return found
    alone = [replace(formula, name=claim.formula.name) for formula in found.values()]
    return dict(zip([id], alone, strict=False))


def claim_formula(name: str) -> Formula | None:
    """The formula of a claim, named by its id, or with a slot behind it; None for no claim's name.

    Raises:
        BadInput: the claim has no formula of this name, or none, or several.
    """
    id, colon, slot = name.partition(":")
    if id not in REGISTRY.claims:
        return None
    found = claim_formulas(id)
    if name in found:
        return found[name]
    if not found:
        raise BadInput(f"{id} states no formula, so that none can be compared with it.")
    if colon and id in found:
        raise BadInput(f"{id} has one formula; write {id} without :{slot[:40]}.")
    raise BadInput(f"{id} has several formulas; name one: {', '.join(found)}.")


def find_target(name: str) -> Target:
    """The target of this name.

    Raises:
        BadInput: it cannot be read, there is no such quantity at this order, or the name stands
            for several terms.
    """
    if (formula := claim_formula(name)) is not None:
        return Target(name, formula.expr, formula.beside, formula.given)
    asked = find_quantity(name)
    if asked.trees is None:
        raise BadInput(
            f"'{name}' is a quantity at all orders, which a whole display is compared with; for a "
            f"number add an order, as in {name}:order-1."
        )
    first, *others = asked.trees
    if others:
        raise BadInput(
            f"{1 + len(others)} trees share order-{name.rpartition(':order-')[2]}: add one, as in "
            f"'{name}:{first}'."
        )
    return asked.at(first)


def symbols_of(name: str) -> set[str]:
    """The symbols that may occur in a target, which may stand for several terms.

    Raises:
        BadInput: there is no such target.
    """
    if (formula := claim_formula(name)) is not None:
        given = {s for relation in formula.given for s in relation.free_symbols}
        return {s.name for s in {*formula.expr.free_symbols, *given}}
    return {*find_quantity(name).rule.parameters, "h", "k"}


def siblings(name: str) -> Iterator[Target]:
    """The same order of the same optimizer in the other normalizations and quantities."""
    if claim_formula(name) is not None:
        return
    asked = find_quantity(name)
    first = asked.trees[0] if asked.trees else LEAF
    order = first.order - FAMILIES[asked.family].first
    for family in FAMILIES:
        other = replace(asked, family=family)
        for t in other.trees_at(order):
            if family != asked.family or t not in (asked.trees or ()):
                try:
                    yield other.at(t)
                except BadInput:
                    continue


def list_targets() -> Iterator[tuple[str, str]]:
    """Every target of the zoo through order 2, and every claim, with what it means."""
    for name in ZOO:
        for family, found in FAMILIES.items():
            if found.free and ZOO[name].game:
                continue
            for order in range(3):
                for t in trees_at(found, order):
                    label = f"{name}:{family}:order-{order}{_suffix(found, order, t)}"
                    yield label, f"{found.meaning}, beside {found.beside(t)}"
    for claim in REGISTRY.claims.values():
        for name in claim_formulas(claim.id):
            yield name, f"a formula of the claim ({claim.source.key}, {claim.source.where})"


def trees_at(family: Family, order: int) -> list[Tree]:
    """The trees that carry coefficients at an order, free ones for a loss."""
    nodes = order + family.first
    if nodes < 1:
        return []
    trees = trees_of_order(nodes)
    return list(dict.fromkeys(t.free for t in trees)) if family.free else list(trees)


def _suffix(family: Family, order: int, t: Tree) -> str:
    return f":{t}" if len(trees_at(family, order)) > 1 else ""


def find_quantity(name: str) -> Asked:
    """A quantity of a rule, as in heavy-ball:modified-loss, perhaps with an order and a tree.

    Raises:
        BadInput: it cannot be read, or the rule is not linear in its memory.
    """
    head, mark, tail = name.rpartition(":order-")
    rule_name, colon, family = (head if mark else name).rpartition(":")
    if not colon or (not mark and family not in FAMILIES):
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
    rule, found = find_rule(rule_name), FAMILIES[family]
    if (why := why_not_linear(rule)) is not None:
        raise BadInput(
            f"what {rule.name} follows is no series over trees, of which one coefficient could be "
            f"compared: {why} 'undertow derive {rule_name}' writes it."
        )
    if not mark:
        return Asked(rule_name, rule, family)
    number, _, shape = tail.partition(":")
    if not (number.isascii() and number.isdecimal() and len(number) < 9) or int(number) > HIGHEST:
        raise BadInput(f"order-{number[:20]} is outside order-0 ... order-{HIGHEST}.")
    trees = trees_at(found, int(number))
    if not trees:
        raise BadInput(f"{family} starts at order-{1 - found.first}.")
    if not shape:
        return Asked(rule_name, rule, family, tuple(trees))
    try:
        t = tree(shape)
    except ValueError as error:
        raise BadInput(str(error)) from None
    t = t.free if found.free else t
    if t not in trees:
        raise BadInput(f"{shape} has {t.order} nodes; order-{number} has {trees[0].order}.")
    return Asked(rule_name, rule, family, (t,))
