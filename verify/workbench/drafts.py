"""From a formula in a paper to a claim that is judged: a draft in TOML.

`load_drafts` reads its claims, each with the checks that its quantity and its type have. The path
from there into a test suite is one line:

    assert all(judge(claim, Settings()).as_recorded for claim in load_drafts(Path("draft.toml")))
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import sympy

import verify.papers  # noqa: F401  (registers the claims, whose ids are taken)
from derive.language.differentials import latex_differential, latex_scalar
from derive.language.formula import Formula
from derive.language.trees import Tree, tree
from derive.language.update_rule import BadInput
from derive.language.writing import latex
from verify.claims.claim import REGISTRY, Check, Claim, Printed, Source, Verdict, lettered
from verify.claims.equality import difference
from verify.claims.slots import Domain, Slot, Value
from verify.claims.statement import Type
from verify.formulas.asked import DRAFTED, FORMS, AtFirstOrder
from verify.formulas.targets import FAMILIES, HIGHEST, trees_at
from verify.workbench.candidate_coefficients import RUN, one_step
from verify.workbench.candidate_orders import order_check
from verify.workbench.candidates import checks, derived
from verify.workbench.draft_context import CURVATURE, Context, Stated
from verify.workbench.draft_fields import DraftFields, fields_of
from verify.workbench.draft_formulas import inequality, limit
from verify.workbench.draft_reading import (
    SEEN,
    Formulas,
    aliases_of,
    bounds_of,
    known_of,
    rule_of,
)
from verify.workbench.draft_rules import existence, threshold
from verify.workbench.draft_statements import (
    OF_COEFFICIENTS,
    closeness,
    in_domain,
    on_formula,
    read_statement,
    slots_of,
    type_of,
)
from verify.workbench.subjects import Subject

_ID = "mypaper2026.modified-loss"
EXPECTED = (
    Verdict.CONFIRMED,
    Verdict.DERIVED,
    Verdict.CORRECTED,
    Verdict.REFUTED,
    Verdict.OPEN,
)
"""The verdicts that a draft may have."""


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
        if self.right is not None:
            return Verdict.CORRECTED
        if self.known is None:
            return Verdict.CONFIRMED if self.says is None else Verdict.DERIVED
        return Verdict.CONFIRMED if self.known.status in SEEN else Verdict.DERIVED

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


def _draft(fields: DraftFields) -> Draft:
    of = type_of(fields)
    if of is None or of in OF_COEFFICIENTS:
        return _of_coefficient(fields, of)
    return _of_any_other(fields, of)


def _of_any_other(fields: DraftFields, of: Type) -> Draft:
    """A limit, an inequality, a threshold, or what exists."""
    ruled = of in (Type.THRESHOLD, Type.EXISTENCE)
    context = Context.of(fields, rule=ruled, more=(CURVATURE,) if of is Type.THRESHOLD else ())
    read: Mapping[Type, Callable[[], Stated]] = {
        Type.LIMIT: lambda: limit(context, lambda: _coefficient(fields)),
        Type.INEQUALITY: lambda: inequality(context, lambda: _coefficient(fields)),
        Type.THRESHOLD: lambda: threshold(context),
        Type.EXISTENCE: lambda: existence(context),
    }
    stated, identity = read[of](), _identity(fields)
    says = read_statement(fields, of, stated.slots)

    def formula(slots: Mapping[str, Slot], suffix: str = "") -> Formula:
        found = slots.get("formula")
        expr = found.expr if isinstance(found, Value) else sympy.Integer(0)
        return Formula(lettered(identity) + suffix, expr, given=stated.given)

    wrong = stated.misprint
    return _made(
        fields,
        Draft(
            says=says,
            misprint=wrong,
            statement=says.latex,
            printed=formula(wrong or stated.slots, "Printed" if wrong else ""),
            right=formula(stated.slots) if wrong else None,
            checks=stated.checks,
            id=identity,
            optimizer=context.name,
            derivation=context.rule.summary if context.rule else "Two formulas.",
        ),
    )


def _made(fields: DraftFields, draft: Draft) -> Draft:
    """The draft with what is read alike for every type."""
    known = known_of(fields)
    expected = _expected(fields, draft, known)
    return replace(
        draft,
        expected=expected,
        known=known,
        condition=fields.text("formula.condition"),
        because=fields.text("formula.because"),
        counterexample=fields.text("formula.counterexample"),
        source=Source(fields.needed("source.key"), fields.needed("source.where")),
        path=fields.path,
        handle=f"{fields.path}:{draft.id}" if fields.many else str(fields.path),
        bibtex=_bibtex(fields),
    )


def _coefficient(fields: DraftFields) -> tuple[str, Tree]:
    """The quantity, and the tree that carries the coefficient that is meant."""
    quantity, order = fields.choice("about.quantity", FORMS), fields.number("about.order", 1)
    return quantity, _tree(fields, quantity, order or 0)


def _of_coefficient(fields: DraftFields, of: Type | None) -> Draft:
    """An equality or a closeness, or a draft of the older form."""
    name, rule = rule_of(fields)
    quantity, t = _coefficient(fields)
    order = fields.number("about.order", 1)
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
    aliases = aliases_of(fields, (*parameters, "h", "k"))
    fixed = {sympy.Symbol(name): sympy.Rational(int(v.p), int(v.q)) for name, v in rule.values}
    given = bounds_of(fields, (*parameters, "h", "k"), aliases, fixed)
    formulas = Formulas(fields, (*parameters, *kind.symbols), aliases, fixed)
    printed, right = formulas.read("printed"), formulas.read("right", needed=False)
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
        slots = slots_of(fields, of, printed if right is None else right)
        domain = bounds_of(fields, (*parameters, "h"), aliases, fixed, "about.domain")
        tried = on_formula(tried) + (closeness(subject) if of is Type.CLOSENESS else ())
        if domain:
            slots["domain"] = Domain(tuple(domain))
            tried += (_domain_check(fields, Domain(tuple(domain)), subject, t, given),)
        says = read_statement(fields, of, slots)
        misprint = {} if right is None else {"formula": Value(printed)}
    elif claimed is not None:
        tried += (order_check(subject, claimed),)
    return _made(
        fields,
        Draft(
            says=says,
            misprint=misprint,
            statement=_statement(fields) if says is None else says.latex,
            printed=formula(printed, "" if right is None else "Printed"),
            right=None if right is None else formula(right),
            checks=tried,
            id=identity,
            optimizer=name,
            derivation=rule.summary,
        ),
    )


def _domain_check(
    fields: DraftFields, domain: Domain, subject: Subject, t: Tree, given: Sequence[sympy.Basic]
) -> Check:
    """The run of the rule, in the domain and beyond it."""
    if subject.quantity in DRAFTED and t == tree(DRAFTED[subject.quantity].tree):
        return in_domain(domain, subject, lambda s: checks(s)[1], given)
    if subject.quantity in RUN:
        return in_domain(domain, subject, lambda s: one_step(s, t), given)
    raise fields.bad(
        "about.domain",
        f"is tried by runs: at order = 1 of {', '.join(DRAFTED)}, and of {' and '.join(RUN)}; "
        "leave it out here",
    )


def _of_one_coefficient(subject: Subject, t: Tree) -> tuple[Check, ...]:
    """Beside the comparison with what is derived a step of the rule, where it shows one."""
    steps = (one_step(subject, t),) if subject.quantity in RUN else ()
    return (*derived(subject), *steps)


def _tree(fields: DraftFields, quantity: str, order: int) -> Tree:
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


def _expected(fields: DraftFields, draft: Draft, known: Printed | None) -> Verdict:
    verdict = Verdict(fields.choice("expected", EXPECTED))
    seen = known is not None and known.status in SEEN
    if verdict is Verdict.CORRECTED and draft.right is None:
        raise fields.bad("expected", 'is "corrected", so formula.right has to say what is right')
    if verdict in (Verdict.CONFIRMED, Verdict.DERIVED) and draft.right is not None:
        raise fields.bad("expected", 'is "corrected" or "open" where formula.right is given')
    if verdict is Verdict.CONFIRMED and not seen and (known or draft.says):
        raise fields.bad(
            "expected",
            'is "confirmed", as a statement is that was read: add source.known = "read" with '
            'source.quote, or expect "derived"',
        )
    if draft.right is not None and known is not None and not seen:
        raise fields.bad("source.known", f"is '{known.status}'; what nobody read is not corrected")
    return verdict


def _statement(fields: DraftFields) -> str:
    statement = fields.needed("statement")
    if statement.count("{formula}") != 1:
        raise fields.bad("statement", "has {formula} once, where the formula goes")
    return statement


def _identity(fields: DraftFields) -> str:
    identity = fields.needed("id")
    if not re.fullmatch(r"[A-Za-z][\w.-]*", identity) or identity.endswith((".toml", ".")):
        raise fields.bad("id", f"is {identity!r}; use letters, digits, - and ., such as {_ID}")
    if identity in REGISTRY.claims:
        raise fields.bad("id", f"is {identity!r}, a claim that is built in; choose another")
    return identity


def _bibtex(fields: DraftFields) -> str:
    entry, key = fields.text("source.bibtex"), fields.needed("source.key")
    if not re.fullmatch(r"[A-Za-z0-9][\w:.+-]*", key):
        raise fields.bad("source.key", f"is {key!r}; use letters and digits, such as mypaper2026")
    if entry and not re.match(rf"\s*@\w+\s*\{{\s*{re.escape(key)}\s*,", entry):
        raise fields.bad("source.bibtex", f"is an entry for {key}, such as @misc{{{key}, ...}}")
    return entry
