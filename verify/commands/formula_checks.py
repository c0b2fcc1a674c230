"""What `undertow check` does: it reads and compares within a budget, and says what was found."""

from __future__ import annotations

import stat
from collections.abc import Collection, Sequence
from pathlib import Path

import sympy

from derive.language.bad_input import BadInput
from derive.language.formula import MEANINGS
from derive.language.writing import latex, plain
from verify.commands.base import say
from verify.formulas.aligning import Derivation, Step, read_derivation
from verify.formulas.comparing import Answer
from verify.formulas.deciding import Outcome
from verify.formulas.displays import ALONE, Display, Term
from verify.formulas.finding import find
from verify.formulas.matching import (
    Verdict,
    compare_display,
    outcome_of,
    read_against,
    renaming,
)
from verify.formulas.notation import read_names, unused, words_in
from verify.formulas.reading import read_expression
from verify.formulas.targets import find_target, list_targets, symbols_of
from verify.running.budget import OverBudget, within_budget
from verify.workbench.drafts import read_condition

EXIT = {Outcome.EQUAL: 0, Outcome.DIFFERENT: 1, Outcome.UNDECIDED: 3}
SECONDS = 8.0
SECONDS_OF_A_SEARCH = 120.0
LARGEST_FILE = 1 << 20


def say_targets() -> None:
    """Every target with what it means."""
    for label, meaning in list_targets():
        say(f"{label}   {meaning}")


def _conditions(
    texts: Sequence[str], names: Collection[str], aliases: dict[str, str], used: Collection[str]
) -> list[sympy.Basic]:
    """The assumptions, each about a symbol that is used."""
    found: list[sympy.Basic] = []
    for text in texts:
        condition = read_condition(text, names=names, aliases=aliases)
        if not {s.name for s in condition.free_symbols} & set(used):
            raise BadInput(
                f"--assume {text.strip()!r} has no effect: neither side holds "
                f"{' or '.join(sorted(s.name for s in condition.free_symbols))}."
            )
        found.append(condition)
    return found


def check_formula(
    text: str, against: str, is_latex: bool, assume: Sequence[str], name: Sequence[str]
) -> Outcome:
    symbols = symbols_of(against)
    known = {*symbols, *MEANINGS, "h"}
    aliases = read_names(name, known)
    unused(aliases, words_in(text, is_latex=is_latex, known=aliases))

    def read() -> Display:
        if is_latex:
            return read_against(text, against, names=known, aliases=aliases)
        expr = read_expression(text, names=known, aliases=aliases)
        return Display("", "coefficient", {ALONE: Term(ALONE, expr)})

    display = within_budget(read, "reading the formula")
    used = {*symbols, *(s.name for t in display.terms.values() for s in t.coefficient.free_symbols)}
    conditions = _conditions(assume, known, aliases, used)
    try:
        verdicts = within_budget(
            lambda: compare_display(display, against, conditions), "comparing", seconds=SECONDS
        )
    except OverBudget as error:
        say(f"undecided: {error}")
        return Outcome.UNDECIDED
    _say_verdicts(verdicts)
    outcome = outcome_of(verdicts)
    if outcome is Outcome.DIFFERENT and display.kind == "coefficient":
        offer = renaming(display.coefficient, find_target(against), conditions)
        if offer:
            say(f"  equal with {offer}")
    return outcome


def _say_verdicts(verdicts: Sequence[Verdict]) -> None:
    if len(verdicts) == 1:
        _say_answer(verdicts[0].answer)
        return
    width = max(len(verdict.beside) for verdict in verdicts)
    for verdict in verdicts:
        say(f"beside {verdict.beside:<{width}}   {plain(verdict.given)}")
        _say_answer(verdict.answer)


def _say_answer(answer: Answer) -> None:
    say(f"{answer.outcome}   ({answer.why})" if answer.why else str(answer.outcome))
    if answer.outcome is not Outcome.DIFFERENT:
        return
    lines = {
        "right formula": plain(answer.right),
        "LaTeX": latex(answer.right),
        "yours / right": answer.ratio,
        "yours - right": answer.difference,
        "counterexample": answer.counterexample,
        "they agree for": ", ".join(answer.agree),
        "one slip": answer.slip,
        "it is right for": answer.elsewhere,
    }
    width = max(map(len, lines))
    for label, text in lines.items():
        if text:
            say(f"  {label:<{width}}   {text}")


def search_formula(
    text: str, is_latex: bool, assume: Sequence[str], name: Sequence[str]
) -> Outcome:
    aliases = read_names(name, MEANINGS)
    unused(aliases, words_in(text, is_latex=is_latex, known=aliases))
    conditions = _conditions(assume, MEANINGS, aliases, MEANINGS)
    found = within_budget(
        lambda: list(find(text, is_latex=is_latex, aliases=aliases, where=conditions)),
        "searching",
        seconds=SECONDS_OF_A_SEARCH,
    )
    for label, meaning in found:
        say(f"{label}   {meaning}")
    if not found:
        say("no quantity of the optimizers, and no claim, has this formula")
    return Outcome.EQUAL if found else Outcome.DIFFERENT


def _text_of(path: Path) -> str:
    try:
        kept = path.stat()
        if not stat.S_ISREG(kept.st_mode):
            raise BadInput(f"--align {path} is no file.")
        if kept.st_size > LARGEST_FILE:
            raise BadInput(f"--align {path} has more than {LARGEST_FILE >> 20} MB; cut it.")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise (
            error
            if isinstance(error, BadInput)
            else BadInput(f"--align {path} cannot be read: {why}.")
        ) from None


def check_lines(path: Path, against: str, assume: Sequence[str], name: Sequence[str]) -> Outcome:
    text = _text_of(path)
    known = {*MEANINGS, *(symbols_of(against) if against else ())}
    aliases = read_names(name, known)
    derivation = within_budget(
        lambda: read_derivation(text, aliases=aliases), "reading the derivation"
    )
    unused(aliases, derivation.words)
    conditions = _conditions(assume, {*known, *derivation.words}, aliases, derivation.symbols)
    steps = within_budget(
        lambda: derivation.judged(conditions), "comparing the lines", seconds=4 * SECONDS
    )
    outcome = _say_steps(derivation, steps, derivation.usual(conditions))
    if against and outcome is Outcome.EQUAL:
        say(f"the last right-hand side, line {derivation.last.number}, beside {against}")
        verdicts = within_budget(
            lambda: compare_display(derivation.last.display, against, conditions),
            "comparing",
            seconds=SECONDS,
        )
        _say_verdicts(verdicts)
        return outcome_of(verdicts)
    return outcome


def _say_steps(
    derivation: Derivation, steps: Sequence[Step], usual: Sequence[sympy.Basic]
) -> Outcome:
    for note in derivation.notes:
        say(note)
    outcome = Outcome.EQUAL
    for step in steps:
        if step.outcome is Outcome.EQUAL:
            continue
        before, line = step.before, step.line
        if step.outcome is Outcome.UNDECIDED:
            say(f"line {line.number} is undecided: {step.why}")
            outcome = outcome if outcome is Outcome.DIFFERENT else Outcome.UNDECIDED
        else:
            say(f"line {line.number} does not follow from line {before.number}")
            outcome = Outcome.DIFFERENT
        say(f"  before           {before.text}")
        say(f"  this line        {line.text}")
        for label, told in (("one slip", step.slip), ("counterexample", step.counterexample)):
            if told:
                say(f"  {label:<14}   {told}")
        if outcome is Outcome.DIFFERENT:
            return outcome
    if not steps:
        say("nothing to compare: no equation has two formulas, such as A = B or a row with =")
    elif outcome is Outcome.EQUAL:
        said = ", ".join(plain(relation) for relation in usual)
        under = f", for {said}" if said else ""
        counted = f"{len(steps)} equation{'' if len(steps) == 1 else 's'} compared"
        say(f"every line follows from the one before it ({counted}{under})")
    return outcome
