"""A display beside what is right: every term with its own verdict, and what is missing.

A target with an order, `heavy-ball:modified-loss:order-1`, asks for that term; without one,
`heavy-ball:modified-loss`, for all terms through the highest order that the display claims to hold.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import permutations

import sympy

from derive.language.bad_input import BadInput
from derive.language.formula import Formula, H
from derive.language.trees import Tree
from verify.formulas.comparing import Answer, compare_with
from verify.formulas.deciding import Outcome
from verify.formulas.displays import Display, DisplayTerm, display_of, read_display
from verify.formulas.latex_tokens import fields_in
from verify.formulas.targets import (
    FAMILIES,
    HIGHEST,
    Asked,
    Target,
    claim_formula,
    find_quantity,
    find_target,
)
from verify.formulas.tokens import Unreadable

COEFFICIENT = sympy.Symbol("coefficient")
MOST_RENAMED = 3


@dataclass(frozen=True)
class MatchedTerm:
    """What a display gives beside something, what is right there, and what comparing them says."""

    beside: str
    given: sympy.Expr
    answer: Answer


def read_against(
    text: str,
    against: str,
    *,
    names: Collection[str],
    aliases: Mapping[str, str],
) -> Display:
    """A display in LaTeX in the notation of a target: its one loss is that of the target.

    What a claim's formula is printed with, in front and behind, is recognized as it is written.

    Raises:
        Unreadable: it cannot be read.
    """
    wanted = {"E"}
    if (formula := claim_formula(against)) is not None:
        for spelt in (str, _braced):
            lead, behind = spelt(formula.lead), spelt(formula.beside)
            if (inside := _between(text, lead, behind)) is not None:
                return read_display(inside, names=names, aliases=aliases)
        with suppress(Unreadable):
            wanted = fields_in(formula.lead + formula.beside)
    written = fields_in(text) - set(aliases)
    if len(written) == len(wanted) == 1 and written != wanted and not written & set(names):
        aliases = {**aliases, next(iter(written)): next(iter(wanted))}
        wanted = set()
    return read_display(text, names=names, aliases=aliases, losses=wanted)


def _braced(text: str) -> str:
    """LaTeX with braces around every raised character, as in s^{2}."""
    return re.sub(r"\^(\w)", r"^{\1}", text)


def _between(text: str, lead: str, behind: str) -> str | None:
    """What stands between two pieces of LaTeX, blanks apart; None where it does not."""

    def bare(piece: str) -> str:
        return "".join(piece.replace(r"\,", "").split())

    start, end = bare(lead), bare(behind)
    if not (start or end):
        return None
    kept = [i for i, c in enumerate(text) if not c.isspace()]
    squeezed = "".join(text[i] for i in kept)
    inside = squeezed.replace(r"\,", "")
    if not (inside.startswith(start) and inside.endswith(end)):
        return None
    first, last = _place(text, len(start)), _place(text, len(inside) - len(end))
    return text[first:last] if first < last else "1" if start or end else None


def _place(text: str, count: int) -> int:
    """The place in the text behind so many characters that are neither blanks nor thin spaces."""
    at = 0
    while count and at < len(text):
        if text[at].isspace():
            at += 1
        elif text.startswith(r"\,", at):
            at += 2
        else:
            at, count = at + 1, count - 1
    return at


def compare_display(
    display: Display, against: str, where: Sequence[sympy.Basic] = ()
) -> list[MatchedTerm]:
    """A verdict on each term that the display holds or should hold.

    Raises:
        BadInput: the display and the target are of different kinds.
    """
    if display.kind == "coefficient":
        target = find_target(against)
        given = display.coefficient
        return [MatchedTerm(target.beside, given, compare_with(given, target, where))]
    if (formula := claim_formula(against)) is not None:
        return list(_beside_claim(display, against, formula, where))
    return list(_beside_rule(display, against, where))


def outcome_of(verdicts: Sequence[MatchedTerm]) -> Outcome:
    """Different where one term is, else undecided where one is, else equal."""
    outcomes = {verdict.answer.outcome for verdict in verdicts}
    for outcome in (Outcome.DIFFERENT, Outcome.UNDECIDED):
        if outcome in outcomes:
            return outcome
    return Outcome.EQUAL


def _beside_claim(
    display: Display, id: str, formula: Formula, where: Sequence[sympy.Basic]
) -> Iterator[MatchedTerm]:
    try:
        body = formula.lead + r"\mathrm{coefficient}" + formula.beside
        own = display_of(body, [], fields=fields_in(body))
    except Unreadable:
        own = None
    if own is None or own.kind == "coefficient":
        stands = f"stands beside {formula.beside.strip()}" if formula.beside else "is a number"
        raise BadInput(f"the formula of {id} {stands}; give only the number, or all as printed.")
    for beside in [*own.terms, *(b for b in display.terms if b not in own.terms)]:
        right = own.terms[beside].coefficient if beside in own.terms else sympy.S.Zero
        given = display.terms[beside].coefficient if beside in display.terms else sympy.S.Zero
        if beside == "E" and beside not in display.terms and right == 1:
            continue  # the coefficient with what it stands beside, without what is in front
        right = right.xreplace({COEFFICIENT: formula.expr})
        part = Target(id, right, beside, formula.given)
        yield MatchedTerm(beside, given, compare_with(given, part, where))


def _beside_rule(
    display: Display, against: str, where: Sequence[sympy.Basic]
) -> Iterator[MatchedTerm]:
    asked = find_quantity(against)
    family, found = asked.family, FAMILIES[asked.family]
    if found.free != (display.kind == "loss"):
        wanted = "a loss" if found.free else "a vector, such as a right-hand side of x' = ..."
        raise BadInput(f"{family} is {wanted}; the display is {_kind(display)}.")
    foreign = [term for term in display.terms.values() if term.tree is None and not _is_start(term)]
    if foreign:
        raise BadInput(
            f"{family} has no term beside {foreign[0].beside}; its terms stand beside derivatives "
            "of one loss E."
        )
    given = {t.tree: t for t in display.terms.values() if t.tree is not None}
    for t in sorted({*given, *_wanted(display, asked)}, key=lambda t: (t.order, t.text)):
        target = asked.at(t)
        value = given[t].coefficient if t in given else sympy.S.Zero
        if t in given or target.expr != 0:
            yield MatchedTerm(target.beside, value, compare_with(value, target, where))


def _is_start(term: DisplayTerm) -> bool:
    """x_k, of x_(k+1) = x_k - ...."""
    return term.coefficient == 1 and "∇" not in term.beside


def _kind(display: Display) -> str:
    return {"flow": "a vector", "loss": "a loss"}.get(display.kind, "a number")


def _wanted(display: Display, asked: Asked) -> Iterator[Tree]:
    """The trees that the display should hold."""
    if asked.trees is not None:
        yield from asked.trees
        return
    first = FAMILIES[asked.family].first
    cuts = [cut for cut in display.cuts if cut.symbol == H.name]
    orders = [t.tree.order - first for t in display.terms.values() if t.tree is not None]
    for order in range(HIGHEST + 1):
        if all(cut.keeps(order) for cut in cuts) if cuts else order <= max(orders, default=0):
            yield from asked.trees_at(order)


def renaming(given: sympy.Expr, target: Target, where: Sequence[sympy.Basic]) -> str:
    """Options --name under which a formula would equal the target, if there are some."""
    extra = sorted(s.name for s in given.free_symbols - target.expr.free_symbols)
    free = sorted(s.name for s in target.expr.free_symbols - given.free_symbols)
    if not 0 < len(extra) <= min(len(free), MOST_RENAMED):
        return ""
    for chosen in permutations(free, len(extra)):
        names = dict(zip(extra, chosen, strict=True))
        renamed = given.xreplace({sympy.Symbol(a): sympy.Symbol(b) for a, b in names.items()})
        try:
            if compare_with(renamed, target, where).equal:
                return " ".join(f"--name {mine}={ours}" for mine, ours in names.items())
        except BadInput:
            continue
    return ""
