"""What the drafts of every further type have in common: rule, letters, bounds, and what is said."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import sympy

from derive.language.update_rule import BadInput, Optimizer
from verify.claims.claim import Check
from verify.claims.slots import Domain, Slot
from verify.claims.statement import Type
from verify.formulas.domain import ranges_of
from verify.workbench.draft_fields import EXAMPLES, DraftFields
from verify.workbench.draft_points import Bounds
from verify.workbench.draft_reading import Formulas, aliases_of, bounds_of, rule_of

T = TypeVar("T")
CURVATURE = "L"
"""The letter of a curvature."""
OF_COEFFICIENT = ("quantity", "order", "tree")
ABOUT: Mapping[Type | None, Sequence[str]] = {
    None: (*OF_COEFFICIENT, "claimed_order"),
    Type.EQUALITY: (*OF_COEFFICIENT, "domain"),
    Type.CLOSENESS: (*OF_COEFFICIENT, "domain", "claimed_order", "when", "losses"),
    Type.LIMIT: (*OF_COEFFICIENT, "symbols", "variable", "to", "error"),
    Type.INEQUALITY: (*OF_COEFFICIENT, "symbols", "relation", "equal_at", "domain"),
    Type.THRESHOLD: ("variable", "relation", "property", "domain"),
    Type.EXISTENCE: ("quantity", "claimed_order"),
}
"""What [about] may hold beside the optimizer, by type; None for a draft of the older form."""


@dataclass(frozen=True)
class Stated:
    """What a draft states.

    Args:
        misprint: the slots in which something else was printed.
        given: what the symbols of its formulas obey.
    """

    slots: Mapping[str, Slot]
    checks: tuple[Check, ...]
    misprint: Mapping[str, Slot]
    given: tuple[sympy.Basic, ...] = ()


@dataclass(frozen=True)
class Context:
    """A draft that is being read.

    Args:
        rule: the optimizer with its name, where the draft names one.
        names: the symbols that may occur in its formulas.
        given: its assumptions.
        domain: where it is said to hold, and not beyond; None where it does not say.
    """

    fields: DraftFields
    rule: Optimizer | None
    name: str
    names: tuple[str, ...]
    formulas: Formulas
    given: tuple[sympy.Basic, ...]
    domain: Domain | None

    @staticmethod
    def of(fields: DraftFields, *, rule: bool, more: Sequence[str] = ()) -> Context:
        """Read what is common.

        Args:
            rule: whether an optimizer has to be named.
            more: further letters that its formulas may have.
        Raises:
            BadInput: a field cannot be used.
        """
        name, found = rule_of(fields) if rule or fields.has("about.optimizer") else ("", None)
        declared = [p.name for p in found.declared if not p.flag] if found else []
        own = fields.texts("about.symbols")
        for symbol in own:
            if not re.fullmatch(r"[A-Za-z]\w*", symbol):
                raise fields.bad("about.symbols", f"holds {symbol!r}; a symbol is a word such as a")
        names = tuple(dict.fromkeys((*declared, "h", *more, *own)))
        aliases = aliases_of(fields, names)
        fixed = {
            sympy.Symbol(parameter): sympy.Rational(int(v.p), int(v.q))
            for parameter, v in (found.values if found else ())
        }
        given = bounds_of(fields, names, aliases, fixed)
        domain = bounds_of(fields, names, aliases, fixed, "about.domain")
        if fields.has("about.domain") and not domain:
            raise fields.bad("about.domain", 'holds no bound; write it as ["0 <= beta"]')
        formulas = Formulas(fields, names, aliases, fixed, rational=False)
        stated = Domain(tuple(domain)) if domain else None
        return Context(fields, found, name, names, formulas, tuple(given), stated)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters of the rule that are symbols."""
        return self.rule.parameters if self.rule else ()

    def ground(self, symbols: Sequence[str]) -> Bounds:
        """Where these symbols are tried.

        Raises:
            BadInput: nothing bounds one of them, or nothing obeys all bounds.
        """
        declared = [p for p in self.rule.declared if not p.flag] if self.rule else []
        ranges = [*ranges_of(declared), sympy.Gt(sympy.Symbol(CURVATURE), 0)]
        bounds = [*(self.domain.bounds if self.domain else ()), *self.given]
        free = {symbol.name for bound in bounds for symbol in bound.free_symbols}
        used = [bound for bound in ranges if str(bound.args[0]) in {*symbols, *free}]
        field = "about.domain" if self.domain and not self.given else "formula.assumptions"
        return self.blaming(field, lambda: Bounds.of(bounds, symbols, used))

    def blaming(self, field: str, work: Callable[[], T]) -> T:
        """What the work gives; its objection as one to this field."""
        try:
            return work()
        except BadInput as error:
            raise self.fields.bad(field, f"does not work: {error}") from error


def check_about(fields: DraftFields, of: Type | None) -> None:
    """BadInput for a field of [about] that a draft of this type has no use for."""
    for field in EXAMPLES:
        table, _, name = field.partition(".")
        if table != "about" or not name or not fields.has(field):
            continue
        if name in (*ABOUT[of], "optimizer", "set"):
            continue
        types = [str(other) for other, names in ABOUT.items() if other and name in names]
        raise fields.bad(field, f"belongs to type = {' or '.join(map(repr, types))}; remove it")
