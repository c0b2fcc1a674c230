"""From a formula in a paper to a claim that is judged: a draft in TOML.

`write_template` writes a commented draft, `load_draft` reads one as a claim with the checks that
its quantity has. The path from there into a test suite is one line:

    assert judge(load_draft(Path("draft.toml")), Settings()).as_recorded
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
from verify.formulas.asked import DRAFTED, FORMS, AtFirstOrder
from verify.formulas.reading import Unreadable, read_expression, read_latex
from verify.formulas.targets import FAMILIES, HIGHEST, trees_at
from verify.running.files import write_whole
from verify.running.rule_files import find_rule
from verify.workbench.candidates import checks, derived
from verify.workbench.coefficients import RUN, one_step
from verify.workbench.draft_fields import Fields, fields_of
from verify.workbench.subjects import Subject

TEMPLATE = r"""# A claim of your own. 'undertow verify @FILE@' derives the formula again, runs the
# optimizer, and exits 1 unless the verdict is the one expected below.
# Text stands between quotes; LaTeX between single quotes, where a backslash is a backslash.

id = "@ID@"
# $...$ is LaTeX. {formula} is where the formula goes; for a loss it comes with E + before it and
# the squared norm of the gradient behind it.
statement = 'After its start-up heavy ball follows $-1/(1-\beta)$ times the gradient of {formula}.'
# confirmed: right as printed. corrected: wrong, and formula.right has the right one. open: neither.
expected = "confirmed"

[source]
key = "mypaper2026"            # a BibTeX key
where = "equation (5)"
# bibtex = '@misc{mypaper2026, title = {My paper}, author = {Me}, year = {2026}}'

[formula]
# In text: * / ** or ^, and sums as Sum(expr, (r, 0, k)). Or as LaTeX:
# printed_latex = '\frac{h(1+\beta)}{4(1-\beta)^2}'
printed = "h*(1 + beta)/(4*(1 - beta)**2)"
assumptions = ["0 <= beta", "beta < 1", "h > 0"]
# For a formula that is wrong as printed (or right_latex):
# right = "h*(1 + beta)/(4*(1 - beta)**2)"
# because = 'the square was lost.'
# counterexample = '$E = x^4/4 + x^2/2$, $\beta = 1/2$: the observed order is 1.'
# condition = 'The start-up is over.'

[about]
# A name of 'undertow optimizers', or file.py:rule with an @optimizer function of yours.
optimizer = "heavy-ball"
# set = { beta = "9/10" }      # parameters with a fixed value
#
# modified-loss            what stands beside |grad E|^2 in E + ...
# modified-loss-unscaled   the same in the loss whose gradient is -x'
# transient-factor         gamma_k: what multiplies the lasting h^1 term on [kh, (k+1)h]; no h in it
# initial-shift            the multiple of grad E(x_0) by which the lasting flow starts beside x_0
# discrete-modified-loss   what stands beside |grad E|^2 in S, x_(k+1) = x_k - h scale grad S(x_k)
# modified-flow            what stands beside derivatives of E in x'; also transient, one-step-map
quantity = "modified-loss"
order = 1                      # the power of h; where several trees share it, add tree = "[[],[]]"
claimed_order = 2              # the distance to the iterates vanishes like h^2; may be left out

[notation]                     # the paper's names on the left
# lr = "h"
# mu = "beta"
"""

_ID = "mypaper2026.modified-loss"
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


def write_template(path: Path, *, force: bool = False) -> None:
    """Write a commented draft that stands as it is: heavy ball's modified loss.

    Raises:
        BadInput: the file exists and `force` is not set, or it cannot be written.
    """
    name = re.sub(r"[^\w-]+", "-", path.stem).strip("-")
    identity = f"mypaper2026.{name}" if name else _ID
    text = TEMPLATE.replace("@ID@", identity).replace("@FILE@", path.name)
    write_whole(path, text, force=force)


def load_draft(path: Path) -> Draft:
    """The claim of a draft; its checks are those of its quantity.

    Raises:
        BadInput: the file cannot be used; the message has the line, the field and what belongs
            there.
    """
    fields = fields_of(path)
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

    return Draft(
        statement=_statement(fields),
        printed=formula(printed, "" if right is None else "Printed"),
        right=None if right is None else formula(right),
        checks=checks(subject, claimed) if runs else _of_one_coefficient(subject, t),
        expected=expected,
        condition=fields.text("formula.condition"),
        because=fields.text("formula.because"),
        counterexample=fields.text("formula.counterexample"),
        id=identity,
        source=Source(fields.needed("source.key"), fields.needed("source.where")),
        derivation=rule.summary,
        path=path,
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
    verdict = Verdict(fields.choice("expected", list(Verdict)))
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
