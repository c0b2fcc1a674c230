"""Which quantity is this formula? Every target of the zoo through order 2, and every claim."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import sympy

from derive.language.bad_input import BadInput
from derive.language.formula import MEANINGS
from derive.optimizers.registry import ZOO
from verify.claims.claim import REGISTRY
from verify.formulas.deciding import FIRST, Outcome, decide, differ_at_once
from verify.formulas.displays import Display, read_display
from verify.formulas.domain import ComparisonDomain
from verify.formulas.latex_tokens import fields_in
from verify.formulas.matching import compare_display, outcome_of
from verify.formulas.reading import read_expression
from verify.formulas.targets import FAMILIES, Asked, Target, claim_formulas, find_target

HIGHEST_SEARCHED = 2


def find(
    text: str,
    *,
    is_latex: bool = False,
    aliases: Mapping[str, str] | None = None,
    where: Sequence[sympy.Basic] = (),
) -> Iterator[tuple[str, str]]:
    """The targets that a formula equals, each with what it stands beside.

    Raises:
        Unreadable: the formula cannot be read.
    """
    names = {*MEANINGS, *(name for rule in ZOO.values() for name in rule.parameters)}
    if is_latex:
        losses = fields_in(text) - {"E"} - set(aliases or {})
        same_loss = dict.fromkeys(losses, "E") if len(losses) == 1 else {}
        display = read_display(text, names=names, aliases={**(aliases or {}), **same_loss})
        if display.kind != "coefficient":
            yield from _whole(display, where)
            return
        expr = display.coefficient
    else:
        expr = read_expression(text, names=names, aliases=aliases)
    for target in _targets():
        if target.expr.free_symbols == expr.free_symbols and _is(expr, target, where):
            yield target.name, f"beside {target.beside}" if target.beside else ""


def _targets() -> Iterator[Target]:
    for name, rule in ZOO.items():
        for family, found in FAMILIES.items():
            asked = Asked(name, rule, family)
            for order in range(HIGHEST_SEARCHED + 1):
                for t in asked.trees_at(order) if order + found.first > 1 else ():
                    try:
                        yield asked.at(t)
                    except BadInput:
                        continue
    for id in REGISTRY.claims:
        yield from map(find_target, claim_formulas(id))


def _is(expr: sympy.Expr, target: Target, where: Sequence[sympy.Basic]) -> bool:
    try:
        domain = ComparisonDomain.of(target.given, where).counts(expr, target.expr)
    except BadInput:
        return False
    left, right = domain.put(expr), domain.put(target.expr)
    names = sorted({s.name for s in {*left.free_symbols, *right.free_symbols}})
    points = list(islice(domain.points(names, FIRST), 2))
    if not points or differ_at_once(left, right, points):
        return False
    return decide(left, right, domain).outcome is Outcome.EQUAL


def _whole(display: Display, where: Sequence[sympy.Basic]) -> Iterator[tuple[str, str]]:
    for name in ZOO:
        for family, found in FAMILIES.items():
            if found.free != (display.kind == "loss") or family == "transient-factor":
                continue
            try:
                verdicts = compare_display(display, f"{name}:{family}", where)
            except BadInput:
                continue
            if verdicts and outcome_of(verdicts) is Outcome.EQUAL:
                yield f"{name}:{family}", "all terms"
    for id in REGISTRY.claims:
        for name, formula in claim_formulas(id).items():
            if formula.lead or formula.beside:
                try:
                    verdicts = compare_display(display, name, where)
                except BadInput:
                    continue
                if verdicts and outcome_of(verdicts) is Outcome.EQUAL:
                    yield name, "all terms"
