r"""A derivation in LaTeX: does each line follow from the one before it?

Every displayed environment of a file is read. Both sides of = count, where the left one is more
than a name; rows that begin with a new left side start afresh; \approx, \le and their like are no
equations. Lines with an order term are compared as far as it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy

from derive.language.bad_input import BadInput
from derive.language.formula import H, K
from derive.language.writing import plain
from verify.claims.slips import slips
from verify.formulas.deciding import Decision, Outcome, decide
from verify.formulas.displays import Cut, Display, display_of
from verify.formulas.domain import ComparisonDomain
from verify.formulas.latex_tokens import fields_in
from verify.formulas.layout import EnvironmentRow, environments, is_equation, order_terms, relations
from verify.formulas.normal_form import NormalForm
from verify.formulas.notation import words_in
from verify.formulas.tokens import Unreadable

MOST_TERMS = 12
_USUAL: tuple[Any, ...] = (
    sympy.Ge(sympy.Symbol("beta"), 0),
    sympy.Lt(sympy.Symbol("beta"), 1),
    sympy.Gt(H, 0),
    sympy.Ge(K, 0),
)
_NAME = (
    r"(?:\\(?:dot|ddot|tilde|widetilde|hat|widehat|bar|overline|mathcal|mathrm|mathbf|boldsymbol|text"
    r"|operatorname|mathbb|vec)\s*\{?\s*)*\\?[A-Za-z]+\}*"
)
_INDEX = (
    r"(?:\s*_\s*(?:\{[^{}]*\}|\\?[A-Za-z0-9*]+)"
    r"|\s*\^\s*(?:\{\s*(?:\([^{}]*\)|\\star|\*|\\prime)\s*\}|\\star|\*)|')*"
)
_POINT = r"(?:\s*(?:\\left)?\s*[(\[][^()\[\]=]*(?:\([^()]*\))?[^()\[\]=]*(?:\\right)?\s*[)\]])?"
_SUBJECT = re.compile(
    rf"\s*(?:(?:d|\\mathrm\{{d\}})?\s*{_NAME}{_INDEX}{_POINT}"
    rf"|\\[dt]?frac\s*\{{\s*(?:\\mathrm\{{d\}}|d)[^{{}}]*\}}\s*\{{\s*(?:\\mathrm\{{d\}}|d)[^{{}}]*\}}\s*{_NAME}?{_INDEX}{_POINT}"
    rf"|\\nabla\s*{_NAME}{_INDEX}{_POINT}|[A-Za-z]_\{{[^{{}}]*\}}\s*-\s*[A-Za-z]_\{{?[A-Za-z0-9]+\}}?)\s*"
)
_CONTINUES = re.compile(r"\s*(?:[-+]|\\cdot|\\times|\\left|[)\]}])")


@dataclass(frozen=True)
class EquationSide:
    """One side of an equation: the number of its line in the file, its text, and what it says."""

    number: int
    text: str
    display: Display


@dataclass(frozen=True)
class DerivationStep:
    """An equation between two sides, judged."""

    before: EquationSide
    line: EquationSide
    outcome: Outcome
    why: str = ""
    slip: str = ""
    counterexample: str = ""


@dataclass
class Derivation:
    """The equations of a file, in its order.

    Attributes:
        pairs: both sides of each.
        notes: what is there and is no equation, each with its line.
    """

    pairs: list[tuple[EquationSide, EquationSide]] = field(default_factory=list)
    lines: list[EquationSide] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    words: set[str] = field(default_factory=set)

    @property
    def last(self) -> EquationSide:
        """The last right-hand side."""
        return self.lines[-1]

    @property
    def symbols(self) -> set[str]:
        """The symbols of all sides."""
        return {s.name for line in self.lines for s in _symbols(line)}

    def usual(self, where: Sequence[sympy.Basic] = ()) -> list[Any]:
        """The usual ranges of the symbols of which nothing is assumed."""
        stated = {s.name for condition in where for s in condition.free_symbols}
        used = {s.name for pair in self.pairs for line in pair for s in _symbols(line)}
        return [r for r in _USUAL if {s.name for s in r.free_symbols} <= used - stated]

    def judged(self, where: Sequence[sympy.Basic] = ()) -> list[DerivationStep]:
        """Every equation, through the first that does not hold.

        Args:
            where: assumptions, in the place of the usual ranges of their symbols.
        Raises:
            BadInput: the assumptions contradict each other.
        """
        domain = ComparisonDomain.of(self.usual(where), where)
        found: list[DerivationStep] = []
        for before, line in self.pairs:
            found.append(_judged(before, line, domain))
            if found[-1].outcome is Outcome.DIFFERENT:
                break
        return found


def read_derivation(text: str, *, aliases: Mapping[str, str] | None = None) -> Derivation:
    r"""The equations of every displayed environment in a LaTeX file.

    Raises:
        BadInput: there is no environment; a line cannot be read (with its number).
    """
    found = environments(text)
    if not found:
        raise BadInput("there is no align environment in the file, nor another display.")
    derivation = Derivation()
    for rows in found:
        _read(list(_joined(rows)), aliases or {}, derivation)
    return derivation


def _joined(rows: Sequence[EnvironmentRow]) -> Iterator[EnvironmentRow]:
    """Rows, each with those that only go on with it."""
    current: EnvironmentRow | None = None
    for row in rows:
        _, signs = relations(row.text)
        open_before = current is not None and re.search(r"[-+*(=]\s*$", current.text)
        if current is not None and not signs and (_CONTINUES.match(row.text) or open_before):
            current = EnvironmentRow(current.line, f"{current.text} {row.text}")
            continue
        if current is not None:
            yield current
        current = row
    if current is not None:
        yield current


def _read(
    rows: Sequence[EnvironmentRow], aliases: Mapping[str, str], derivation: Derivation
) -> None:
    fields = {name for row in rows for name in fields_in(row.text)}
    last: EquationSide | None = None
    subject = ""
    for row in rows:
        sides, signs = relations(row.text)
        for place, side in enumerate(sides):
            sign = signs[place - 1] if place else ""
            if place and not is_equation(sign):
                derivation.notes.append(
                    f"line {row.line}: {sign} is no equation; what follows it is not compared with "
                    "what is before it"
                )
                last = None
            if not side:
                if place:
                    raise BadInput(f"line {row.line}: nothing follows {sign!r}.")
                continue
            if place == 0 and signs and _SUBJECT.fullmatch(side):
                name = re.sub(r"\s|\\left|\\right", "", side)
                last = last if name == subject else None
                subject = name
                continue
            if place == 0:
                last, subject = None, ""
            line = _line(row.line, side, fields, aliases)
            derivation.words |= words_in(side, is_latex=True)
            if last is not None and place:
                derivation.pairs.append((last, line))
            derivation.lines.append(line)
            last = line


def _line(number: int, text: str, fields: set[str], aliases: Mapping[str, str]) -> EquationSide:
    try:
        body, found = order_terms(text)
        return EquationSide(number, text, display_of(body, found, fields=fields, aliases=aliases))
    except BadInput as error:
        raise BadInput(f"line {number}: {error}") from None


def _symbols(line: EquationSide) -> set[sympy.Symbol]:
    return {s for term in line.display.terms.values() for s in term.coefficient.free_symbols}


def _judged(before: EquationSide, line: EquationSide, domain: ComparisonDomain) -> DerivationStep:
    cuts = (*before.display.cuts, *line.display.cuts)
    undecided = ""
    for beside in dict.fromkeys((*before.display.terms, *line.display.terms)):
        left, right = (
            side.display.terms[beside].coefficient if beside in side.display.terms else sympy.S.Zero
            for side in (line, before)
        )
        found = _follows(left, right, cuts, domain)
        if found.outcome is Outcome.DIFFERENT:
            wrong = (
                name
                for name, slipped in slips(right)
                if _follows(left, slipped, cuts, domain).outcome is Outcome.EQUAL
            )
            example = found.example
            if beside and len(before.display.terms) > 1:
                example = f"beside {beside}, {example}"
            return DerivationStep(before, line, Outcome.DIFFERENT, "", next(wrong, ""), example)
        if found.outcome is Outcome.UNDECIDED:
            undecided = found.why
    if undecided:
        return DerivationStep(before, line, Outcome.UNDECIDED, undecided)
    return DerivationStep(before, line, Outcome.EQUAL)


def _follows(
    left: sympy.Expr, right: sympy.Expr, cuts: Sequence[Cut], domain: ComparisonDomain
) -> Decision:
    """Whether the two sides are the same as far as the order terms say."""
    if not cuts:
        return decide(left, right, domain, "the line before")
    symbols = {cut.symbol for cut in cuts}
    if len(symbols) > 1:
        return Decision(Outcome.UNDECIDED, f"order terms in {' and '.join(sorted(symbols))}")
    difference = domain.put(left) - domain.put(right)
    try:
        terms = list(_low_terms(difference, sympy.Symbol(symbols.pop()), cuts, domain))
    except (Unreadable, ValueError, ZeroDivisionError):
        return Decision(Outcome.UNDECIDED, "its order in the step size could not be found")
    for power, term in terms:
        found = decide(term, sympy.S.Zero, domain, "it should be")
        if found.outcome is Outcome.DIFFERENT:
            example = f"the difference has the term {plain(term)} at the power {power}"
            whole = decide(left, right, domain, "the line before").example
            return Decision(Outcome.DIFFERENT, example=whole or example)
        if found.outcome is Outcome.UNDECIDED:
            return found
    return Decision(Outcome.EQUAL)


def _low_terms(
    difference: sympy.Expr, symbol: sympy.Symbol, cuts: Sequence[Cut], domain: ComparisonDomain
) -> Iterator[tuple[sympy.Rational, sympy.Expr]]:
    """The coefficients of a difference below what the order terms leave out.

    The difference is a power series in a root of the symbol, times one of its powers.
    """
    form = NormalForm(difference, domain)
    if form.value == 0:
        return
    root, order = sympy.Dummy("root", positive=True), _root_order(form.value, symbol)
    bottom = sympy.fraction(sympy.together(form.value))[1]
    expr = sympy.powdenest(form.value.xreplace({symbol: root**order}), force=True)
    pole = 0
    if bottom.has(symbol):
        pole = _zero_order(bottom.xreplace({symbol: root**order}), root)
        expr = expr * root**pole
        expr = sympy.together(expr)
    for place in range(MOST_TERMS * order):
        power = sympy.Rational(place - pole, order)
        if not all(cut.keeps(power) for cut in cuts):
            return
        value = sympy.limit(expr, root, 0) if place == 0 else _at_zero(expr, root, place)
        if value.has(sympy.zoo, sympy.nan, sympy.oo):
            raise ValueError("no power series")
        yield power, value


def _at_zero(expr: sympy.Expr, root: sympy.Symbol, place: int) -> sympy.Expr:
    slope = sympy.diff(expr, root, place)
    value = slope.xreplace({root: sympy.S.Zero})
    if value.has(sympy.zoo, sympy.nan, sympy.oo):
        value = sympy.limit(slope, root, 0)
    return value / sympy.factorial(place)


def _root_order(expr: sympy.Expr, symbol: sympy.Symbol) -> int:
    order = 1
    for power in expr.atoms(sympy.Pow):
        if power.base.has(symbol) and isinstance(power.exp, sympy.Rational):
            order = int(sympy.ilcm(order, power.exp.q)) if power.base == symbol else order
    return order


def _zero_order(expr: sympy.Expr, root: sympy.Symbol) -> int:
    """How often an expression vanishes where the root does."""
    for place in range(MOST_TERMS):
        value = expr.xreplace({root: sympy.S.Zero})
        if value.has(sympy.zoo, sympy.nan):
            raise ValueError("no power series")
        if sympy.expand(value) != 0:
            return place
        expr = sympy.diff(expr, root)
    raise ValueError("no power series")
