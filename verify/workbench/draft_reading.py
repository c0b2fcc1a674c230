"""What stands in a draft, read: its rule, the writer's letters, conditions and formulas.

Text and LaTeX go through the readers of formulas; nothing is evaluated as code.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from derive.language.update_rule import BadInput, Optimizer
from verify.claims.claim import Printed, Status
from verify.claims.equality import closed, difference
from verify.claims.slots import Relation
from verify.formulas.reading import Unreadable, read_expression, read_latex
from verify.running.rule_files import find_rule
from verify.workbench.draft_fields import DraftFields

_RELATIONS: Mapping[str, type[sympy.Rel]] = {
    "<=": sympy.Le,
    "≤": sympy.Le,
    ">=": sympy.Ge,
    "≥": sympy.Ge,
    "<": sympy.Lt,
    ">": sympy.Gt,
    "=": sympy.Eq,
}


def read_condition(
    text: str, *, names: Collection[str], aliases: Mapping[str, str] | None = None
) -> sympy.Basic:
    """A condition such as beta < 1, 0 <= beta < 1 or nu = beta; a chain comes back as an And.

    The side with a symbol comes first. Arguments are those of `read_expression`.

    Raises:
        Unreadable: a side cannot be read, or it is no condition on a symbol.

    >>> read_condition("0 <= lr", names=["h"], aliases={"lr": "h"})
    h >= 0
    """
    found = _relations(text, names, aliases or {})
    return found[0] if len(found) == 1 else sympy.And(*found)


def _relations(text: str, names: Collection[str], aliases: Mapping[str, str]) -> list[sympy.Basic]:
    pieces = re.split(r"(<=|>=|≤|≥|<|>|=+)", text)
    sides, signs = pieces[::2], ["=" if s == "==" else s for s in pieces[1::2]]
    if not signs:
        raise Unreadable(f"{text!r} compares nothing; write a condition such as 0 <= beta.")
    if any(sign not in _RELATIONS for sign in signs) or not all(side.strip() for side in sides):
        raise Unreadable(f"{text!r} is no condition; write one such as 0 <= beta or beta < 1.")
    read = read_latex if "\\" in text else read_expression
    exprs = [read(side, names=names, aliases=aliases) for side in sides]
    found = []
    for left, sign, right in zip(exprs, signs, exprs[1:], strict=False):
        relation = _RELATIONS[sign](left, right)
        if not relation.free_symbols:
            raise Unreadable(f"{text!r} says nothing of a symbol; write one such as 0 <= beta.")
        found.append(relation if left.free_symbols else relation.reversed)
    return found


RELATIONS: Mapping[str, Relation] = {
    "<": Relation.BELOW,
    "<=": Relation.AT_MOST,
    ">=": Relation.AT_LEAST,
    ">": Relation.ABOVE,
}
"""How the relation of a draft is written."""


def rule_of(fields: DraftFields) -> tuple[str, Optimizer]:
    """The optimizer and its name; a file is looked for beside the draft first."""
    name = fields.needed("about.optimizer")
    beside = fields.path.parent / name.rpartition(":")[0]
    if beside.suffix == ".py" and beside.is_file():
        name = str(fields.path.parent / name)
    try:
        rule = find_rule(name)
    except BadInput as error:
        raise fields.bad("about.optimizer", f"does not work: {error}") from error
    values = fields.table("about.set", (str, int, float, bool))
    try:
        return name, rule.at(**values)
    except BadInput as error:
        raise fields.bad("about.set", f"does not work: {error}") from error


def aliases_of(fields: DraftFields, names: Collection[str]) -> dict[str, str]:
    """The writer's letters, each with the name that it stands for."""
    found = fields.table("notation", (str,))
    for alias, name in found.items():
        if name not in names:
            raise fields.bad(
                f"notation.{alias}", f"is {name!r}; it stands for one of {', '.join(names)}"
            )
    return found


def bounds_of(
    fields: DraftFields,
    names: Collection[str],
    aliases: Mapping[str, str],
    fixed: Mapping[sympy.Symbol, sympy.Rational],
    field: str = "formula.assumptions",
) -> list[sympy.Basic]:
    """The inequalities of a field, with what has a fixed value left out."""
    found: list[sympy.Basic] = []
    for text in fields.texts(field):
        try:
            relations = _relations(text, names, aliases)
        except Unreadable as error:
            raise fields.bad(field, f"cannot be read: {error}") from error
        if any(isinstance(relation, sympy.Eq) for relation in relations):
            raise fields.bad(
                field,
                f"holds the equation {text!r}; give the parameter its value by about.set",
            )
        for relation in (relation.subs(fixed) for relation in relations):
            if relation == sympy.false:
                raise fields.bad(field, f"holds {text!r}, which about.set contradicts")
            found += [relation] if relation.free_symbols else []
    return found


SEEN = (Status.READ, Status.SECOND_HAND)
"""How a statement is known that may be confirmed or corrected, and is quoted."""


def known_of(fields: DraftFields) -> Printed | None:
    """How the printed form is known; None where the draft does not say so."""
    if not fields.has("source.known"):
        for field in ("source.quote", "source.text"):
            if fields.has(field):
                raise fields.bad(field, 'needs source.known = "read" or "second-hand" beside it')
        return None
    statuses = [status for status in Status if status is not Status.NOT_RECORDED]
    status = Status(fields.choice("source.known", statuses))
    quoted = status in SEEN
    if not quoted and fields.has("source.quote"):
        raise fields.bad("source.quote", f"is of a text that was read, not of one {status}")
    if status is not Status.SECOND_HAND and fields.has("source.text"):
        raise fields.bad("source.text", 'belongs to source.known = "second-hand"; remove it')
    quote = fields.needed("source.quote") if quoted else ""
    text = fields.needed("source.text") if status is Status.SECOND_HAND else ""
    return Printed(status, quote, text)


@dataclass(frozen=True)
class Formulas:
    """The formulas of a draft.

    Args:
        rational: whether they have to be rational functions.
    """

    fields: DraftFields
    names: Collection[str]
    aliases: Mapping[str, str]
    fixed: Mapping[sympy.Symbol, sympy.Rational]
    rational: bool = True

    def read(self, name: str, *, needed: bool = True) -> Any:
        """formula.NAME or formula.NAME_latex; None where neither is there and none is needed."""
        written = {f"formula.{name}": read_expression, f"formula.{name}_latex": read_latex}
        present = [field for field in written if self.fields.has(field)]
        if len(present) == 2:
            raise self.fields.bad(present[1], f"says again what {present[0]} says; keep one")
        if not present and not needed:
            return None
        field = (present or list(written))[0]
        text, read = self.fields.needed(field), written[field]
        try:
            expr = read(text, names=self.names, aliases=self.aliases).subs(self.fixed)
        except Unreadable as error:
            raise self.fields.bad(field, f"cannot be read: {error}") from error
        if not self.rational:
            return closed(expr)
        try:
            difference(expr, sympy.Integer(0))
        except (ValueError, ZeroDivisionError):
            raise self.fields.bad(
                field,
                f"is no rational function of {', '.join(self.names)} and of powers such as beta**k"
                if self.names
                else "is no rational number",
            ) from None
        return expr
