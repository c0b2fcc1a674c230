"""From a formula in a paper to a claim that is judged: a draft in TOML.

`load_drafts` reads its claims, each with the checks that its quantity and its type have. The path
from there into a test suite is one line:

    assert all(judge(claim, Settings()).as_recorded for claim in load_drafts(Path("draft.toml")))
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sympy

import verify.papers  # noqa: F401  (registers the claims, whose ids are taken)
from derive.language.differentials import latex_differential, latex_scalar
from derive.language.formula import Formula
from derive.language.trees import Tree, tree
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import latex
from verify.claims.claim import REGISTRY, Check, Claim, Source, Verdict
from verify.claims.equality import difference
from verify.claims.slots import Slot, Value
from verify.claims.statement import Type
from verify.formulas.asked import DRAFTED, FORMS, AtFirstOrder
from verify.formulas.reading import Unreadable, read_expression, read_latex
from verify.formulas.targets import FAMILIES, HIGHEST, trees_at
from verify.running.rule_files import find_rule
from verify.workbench.candidate_orders import order_check
from verify.workbench.candidates import checks, derived
from verify.workbench.coefficients import RUN, one_step
from verify.workbench.draft_fields import Fields, fields_of
from verify.workbench.draft_statements import closeness, on_formula, read_statement, type_of
from verify.workbench.subjects import Subject

_ID = "mypaper2026.modified-loss"
EXPECTED = (Verdict.CONFIRMED, Verdict.CORRECTED, Verdict.REFUTED, Verdict.OPEN)
"""The verdicts that a draft may have."""
_RELATIONS: Mapping[str, type[sympy.Rel]] = {
    "<=": sympy.Le,
    "≤": sympy.Le,
    ">=": sympy.Ge,
    "≥": sympy.Ge,
    "<": sympy.Lt,
    ">": sympy.Gt,
    "=": sympy.Eq,
}


@dataclass(frozen=True)
class Draft(Claim):
    """A claim with the file that it was read from, the name of its optimizer (a file's with its
    path), and perhaps the source's BibTeX entry."""

    path: Path = Path()
    optimizer: str = ""
    bibtex: str = ""
    handle: str = ""
    """What it is found by: its file, and its id where the file holds several claims."""

    @property
    def where_it_stands(self) -> Verdict:
        return Verdict.CONFIRMED if self.right is None else Verdict.CORRECTED

    @property
    def where_it_fails(self) -> Verdict:
        return Verdict.REFUTED


def load_draft(path: Path) -> Draft:
    """The claim of a draft that holds one; errors are those of `load_drafts`."""
    claim, *others = load_drafts(path)
    if others:
        raise BadInput(f"{path} holds {len(others) + 1} claims; load_drafts reads them all.")
    return claim


def load_drafts(path: Path) -> list[Draft]:
    """The claims of a draft; their checks are those of their quantities.

    Raises:
        BadInput: the file cannot be used; the message has the line, the field and what belongs
            there.
    """
    return [_draft(fields) for fields in fields_of(path)]


def find_drafts(name: str) -> list[Draft]:
    """The claims of draft.toml, or the one of draft.toml:id."""
    file, colon, identity = name.rpartition(".toml:")
    if not colon:
        return load_drafts(Path(name))
    found = load_drafts(Path(f"{file}.toml"))
    chosen = [claim for claim in found if claim.id == identity]
    if not chosen:
        known = ", ".join(claim.id for claim in found)
        raise BadInput(f"{file}.toml holds no claim '{identity}'; it holds {known}.")
    return chosen


def _draft(fields: Fields) -> Draft:
    path, of = fields.path, type_of(fields)
    name, rule = _rule(fields)
    quantity, order = fields.choice("about.quantity", FORMS), fields.number("about.order", 1)
    t = _tree(fields, quantity, order or 0)
    kind = AtFirstOrder("", symbols=("h", "k"), beside=_beside(quantity, t))
    runs = order == 1 and quantity in DRAFTED
    if runs:
        kind = DRAFTED[quantity]
    claimed = fields.number("about.claimed_order")
    if claimed is not None and claimed < 1:
        raise fields.bad("about.claimed_order", f"is {claimed}; an order is at least 1")
    if claimed is not None and not runs:
        raise fields.bad(
            "about.claimed_order",
            f"is observed at order = 1 of {', '.join(DRAFTED)}; leave it out, and the formula is "
            "compared with what is derived",
        )
    if of is Type.CLOSENESS and not runs:
        raise fields.bad(
            "type",
            f"is 'closeness', which is observed at order = 1 of {', '.join(DRAFTED)}; an equality "
            "may have any order",
        )
    parameters = tuple(p.name for p in rule.declared if not p.flag)
    aliases = _aliases(fields, (*parameters, "h", "k"))
    fixed = {sympy.Symbol(name): sympy.Rational(int(v.p), int(v.q)) for name, v in rule.values}
    given = _assumptions(fields, (*parameters, "h", "k"), aliases, fixed)
    formulas = _Formulas(fields, (*parameters, *kind.symbols), aliases, fixed)
    printed, right = formulas.read("printed"), formulas.read("right", needed=False)
    expected = _expected(fields, right)
    try:
        subject = Subject.of(rule, quantity, t, name=name, given=given)
    except BadInput as error:
        field = "formula.assumptions" if given and "obey" in str(error) else "about.quantity"
        raise fields.bad(field, f"does not work: {error}") from error
    identity = _identity(fields)

    def formula(expr: sympy.Expr, suffix: str = "") -> Formula:
        words = re.findall("[A-Za-z]+", identity)
        name = "draft" + "".join(word[:1].upper() + word[1:] for word in words) + suffix
        if kind.beside and isinstance(expr, sympy.Add):
            expr = difference(expr, sympy.Integer(0))
        lead = kind.lead.rstrip("+") if latex(expr).startswith("-") else kind.lead
        return Formula(name, expr, kind.beside, lead, tuple(given))

    tried = checks(subject) if runs else _of_one_coefficient(subject, t)
    says, misprint = None, dict[str, Slot]()
    if of is not None:
        says = read_statement(fields, of, printed if right is None else right)
        misprint = {} if right is None else {"formula": Value(printed)}
        tried = on_formula(tried) + (closeness(subject) if of is Type.CLOSENESS else ())
    elif claimed is not None:
        tried += (order_check(subject, claimed),)
    return Draft(
        says=says,
        misprint=misprint,
        statement=_statement(fields) if says is None else says.latex,
        printed=formula(printed, "" if right is None else "Printed"),
        right=None if right is None else formula(right),
        checks=tried,
        expected=expected,
        condition=fields.text("formula.condition"),
        because=fields.text("formula.because"),
        counterexample=fields.text("formula.counterexample"),
        id=identity,
        source=Source(fields.needed("source.key"), fields.needed("source.where")),
        derivation=rule.summary,
        path=path,
        handle=f"{path}:{identity}" if fields.many else str(path),
        optimizer=name,
        bibtex=_bibtex(fields),
    )


def _of_one_coefficient(subject: Subject, t: Tree) -> tuple[Check, ...]:
    """Beside the comparison with what is derived a step of the rule, where it shows one."""
    steps = (one_step(subject, t),) if subject.quantity in RUN else ()
    return (*derived(subject), *steps)


def _tree(fields: Fields, quantity: str, order: int) -> Tree:
    """The tree that carries the coefficient, as about.tree gives it where the order has several."""
    found = FAMILIES[quantity]
    shapes = {str(t): t for t in trees_at(found, order)} if 0 <= order <= HIGHEST else {}
    if not shapes:
        raise fields.bad(
            "about.order", f"is {order}; {quantity} has orders {1 - found.first} ... {HIGHEST}"
        )
    if order == 1 and quantity in DRAFTED and not fields.has("about.tree"):
        return tree(DRAFTED[quantity].tree)
    if len(shapes) == 1 and not fields.has("about.tree"):
        return next(iter(shapes.values()))
    shape = fields.text("about.tree").replace(" ", "")
    if shape not in shapes:
        raise fields.bad(
            "about.tree", f"is {shape!r}; at order {order} it is {' or '.join(shapes)}"
        )
    return shapes[shape]


def _beside(quantity: str, t: Tree) -> str:
    return r"\," + (latex_scalar(t) if FAMILIES[quantity].free else latex_differential(t))


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


def _rule(fields: Fields) -> tuple[str, Optimizer]:
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


def _aliases(fields: Fields, names: Collection[str]) -> dict[str, str]:
    found = fields.table("notation", (str,))
    for alias, name in found.items():
        if name not in names:
            raise fields.bad(
                f"notation.{alias}", f"is {name!r}; it stands for one of {', '.join(names)}"
            )
    return found


def _assumptions(
    fields: Fields,
    names: Collection[str],
    aliases: Mapping[str, str],
    fixed: Mapping[sympy.Symbol, sympy.Rational],
) -> list[sympy.Basic]:
    found: list[sympy.Basic] = []
    for text in fields.texts("formula.assumptions"):
        try:
            relations = _relations(text, names, aliases)
        except Unreadable as error:
            raise fields.bad("formula.assumptions", f"cannot be read: {error}") from error
        if any(isinstance(relation, sympy.Eq) for relation in relations):
            raise fields.bad(
                "formula.assumptions",
                f"holds the equation {text!r}; give the parameter its value by about.set",
            )
        for relation in (relation.subs(fixed) for relation in relations):
            if relation == sympy.false:
                raise fields.bad(
                    "formula.assumptions", f"holds {text!r}, which about.set contradicts"
                )
            found += [relation] if relation.free_symbols else []
    return found


@dataclass(frozen=True)
class _Formulas:
    fields: Fields
    names: Collection[str]
    aliases: Mapping[str, str]
    fixed: Mapping[sympy.Symbol, sympy.Rational]

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


def _expected(fields: Fields, right: sympy.Expr | None) -> Verdict:
    verdict = Verdict(fields.choice("expected", EXPECTED))
    if verdict is Verdict.CORRECTED and right is None:
        raise fields.bad("expected", 'is "corrected", so formula.right has to say what is right')
    if verdict is Verdict.CONFIRMED and right is not None:
        raise fields.bad("expected", 'is "corrected" or "open" where formula.right is given')
    return verdict


def _statement(fields: Fields) -> str:
    statement = fields.needed("statement")
    if statement.count("{formula}") != 1:
        raise fields.bad("statement", "has {formula} once, where the formula goes")
    return statement


def _identity(fields: Fields) -> str:
    identity = fields.needed("id")
    if not re.fullmatch(r"[A-Za-z][\w.-]*", identity) or identity.endswith((".toml", ".")):
        raise fields.bad("id", f"is {identity!r}; use letters, digits, - and ., such as {_ID}")
    if identity in REGISTRY.claims:
        raise fields.bad("id", f"is {identity!r}, a claim that is built in; choose another")
    return identity


def _bibtex(fields: Fields) -> str:
    entry, key = fields.text("source.bibtex"), fields.needed("source.key")
    if entry and not re.match(rf"\s*@\w+\s*\{{\s*{re.escape(key)}\s*,", entry):
        raise fields.bad("source.bibtex", f"is an entry for {key}, such as @misc{{{key}, ...}}")
    return entry
