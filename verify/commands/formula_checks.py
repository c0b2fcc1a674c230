"""What `undertow check` does: it reads and compares within a budget, and says what was found."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sympy

from derive.language.bad_input import BadInput
from derive.language.formula import MEANINGS
from derive.language.writing import latex, plain
from verify.claims.claim import REGISTRY
from verify.formulas.aligning import Derivation, DerivationStep, read_derivation
from verify.formulas.comparing import Answer
from verify.formulas.deciding import Outcome
from verify.formulas.displays import ALONE, Display, DisplayTerm
from verify.formulas.finding import find
from verify.formulas.matching import (
    MatchedTerm,
    compare_display,
    outcome_of,
    read_against,
    renaming,
)
from verify.formulas.notation import read_names, unused, words_in
from verify.formulas.reading import read_expression
from verify.formulas.targets import claim_formulas, find_target, list_targets, symbols_of
from verify.running.budget import OverBudget, within_budget
from verify.running.cells import aligned
from verify.workbench.draft_reading import read_condition

EXIT = {Outcome.EQUAL: 0, Outcome.DIFFERENT: 1, Outcome.UNDECIDED: 3}
SECONDS = 8.0
SECONDS_OF_A_SEARCH = 120.0
LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class CheckReport:
    """What was found: in lines for a terminal, and as data for a program."""

    outcome: Outcome
    lines: tuple[str, ...]
    data: dict[str, Any]


def targets_report() -> CheckReport:
    """Every target with what it means."""
    found = list(list_targets())
    return CheckReport(Outcome.EQUAL, _listed(found), {"targets": _labelled(found)})


def _listed(found: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(f"{label}   {meaning}" for label, meaning in found)


def _labelled(found: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": label, "meaning": meaning} for label, meaning in found]


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
) -> CheckReport:
    """A formula or display, beside a target; of a claim with several formulas beside the one that
    it equals, else beside the first that it can be compared with.
    """
    several = list(claim_formulas(against)) if against in REGISTRY.claims else []
    if len(several) < 2:
        return _compared(text, against, is_latex, assume, name)
    found: list[CheckReport] = []
    refused: list[BadInput] = []
    for one in several:
        try:
            found.append(_compared(text, one, is_latex, assume, name))
        except BadInput as error:
            refused.append(error)
    if not found:
        raise refused[0]
    best = next((report for report in found if report.outcome is Outcome.EQUAL), found[0])
    return replace(best, lines=(*best.lines, f"  beside {best.data['against']}"))


def _compared(
    text: str, against: str, is_latex: bool, assume: Sequence[str], name: Sequence[str]
) -> CheckReport:
    symbols = symbols_of(against)
    known = {*symbols, *MEANINGS, "h"}
    aliases = read_names(name, known)
    unused(aliases, words_in(text, is_latex=is_latex, known=aliases))

    def read() -> Display:
        if is_latex:
            return read_against(text, against, names=known, aliases=aliases)
        expr = read_expression(text, names=known, aliases=aliases)
        return Display("", "coefficient", {ALONE: DisplayTerm(ALONE, expr)})

    display = within_budget(read, "reading the formula")
    used = {*symbols, *(s.name for t in display.terms.values() for s in t.coefficient.free_symbols)}
    conditions = _conditions(assume, known, aliases, used)
    try:
        verdicts = within_budget(
            lambda: compare_display(display, against, conditions), "comparing", seconds=SECONDS
        )
    except OverBudget as error:
        undecided = Outcome.UNDECIDED
        data = {"outcome": str(undecided), "against": against, "why": str(error), "terms": []}
        return CheckReport(undecided, (f"undecided: {error}",), data)
    outcome = outcome_of(verdicts)
    lines = list(_verdict_lines(verdicts))
    data = {"outcome": str(outcome), "against": against, "terms": _verdict_data(verdicts)}
    if outcome is Outcome.DIFFERENT and display.kind == "coefficient":
        offer = renaming(display.coefficient, find_target(against), conditions)
        if offer:
            lines.append(f"  equal with {offer}")
            data["renaming"] = offer
    return CheckReport(outcome, tuple(lines), data)


def _verdict_lines(verdicts: Sequence[MatchedTerm]) -> Iterator[str]:
    if len(verdicts) == 1:
        yield from _answer_lines(verdicts[0].answer)
        return
    heads = aligned([(f"beside {v.beside}", plain(v.given)) for v in verdicts]).split("\n")
    for head, verdict in zip(heads, verdicts, strict=True):
        yield head
        yield from _answer_lines(verdict.answer)


def _verdict_data(verdicts: Sequence[MatchedTerm]) -> list[dict[str, str]]:
    return [
        {
            "beside": verdict.beside,
            "formula": plain(verdict.given),
            "outcome": str(verdict.answer.outcome),
            "why": verdict.answer.why,
            **(_details(verdict.answer) if verdict.answer.outcome is Outcome.DIFFERENT else {}),
        }
        for verdict in verdicts
    ]


def _answer_lines(answer: Answer) -> Iterator[str]:
    yield f"{answer.outcome}   ({answer.why})" if answer.why else str(answer.outcome)
    if answer.outcome is not Outcome.DIFFERENT:
        return
    details = _details(answer)
    rows = [(label, details[name]) for name, label in _DETAILS.items() if details[name]]
    yield from aligned(rows, indent="  ").split("\n") if rows else ()


_DETAILS = {
    "right": "right formula",
    "latex": "LaTeX",
    "ratio": "yours / right",
    "difference": "yours - right",
    "counterexample": "counterexample",
    "agree": "they agree for",
    "slip": "one slip",
    "elsewhere": "it is right for",
}


def _details(answer: Answer) -> dict[str, str]:
    """What tells a wrong formula from the right one."""
    return {
        "right": plain(answer.right),
        "latex": latex(answer.right),
        "ratio": answer.ratio,
        "difference": answer.difference,
        "counterexample": answer.counterexample,
        "agree": ", ".join(answer.agree),
        "slip": answer.slip,
        "elsewhere": answer.elsewhere,
    }


def search_formula(
    text: str, is_latex: bool, assume: Sequence[str], name: Sequence[str]
) -> CheckReport:
    """The quantities and claims that have this formula."""
    aliases = read_names(name, MEANINGS)
    unused(aliases, words_in(text, is_latex=is_latex, known=aliases))
    conditions = _conditions(assume, MEANINGS, aliases, MEANINGS)
    found = within_budget(
        lambda: list(find(text, is_latex=is_latex, aliases=aliases, where=conditions)),
        "searching",
        seconds=SECONDS_OF_A_SEARCH,
    )
    outcome = Outcome.EQUAL if found else Outcome.DIFFERENT
    none = ("no quantity of the optimizers, and no claim, has this formula",)
    return CheckReport(outcome, _listed(found) or none, {"found": _labelled(found)})


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


def check_lines(
    path: Path, against: str, assume: Sequence[str], name: Sequence[str]
) -> CheckReport:
    """A derivation, line by line; its last right-hand side beside a target where one is named."""
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
    outcome = _worst(steps)
    lines = list(_step_lines(derivation, steps, derivation.usual(conditions)))
    data = {
        "outcome": str(outcome),
        "compared": len(steps),
        "notes": list(derivation.notes),
        "steps": [_step_data(step) for step in steps],
    }
    if against and outcome is Outcome.EQUAL:
        lines.append(f"the last right-hand side, line {derivation.last.number}, beside {against}")
        verdicts = within_budget(
            lambda: compare_display(derivation.last.display, against, conditions),
            "comparing",
            seconds=SECONDS,
        )
        lines.extend(_verdict_lines(verdicts))
        outcome = outcome_of(verdicts)
        data |= {"outcome": str(outcome), "against": against, "terms": _verdict_data(verdicts)}
    return CheckReport(outcome, tuple(lines), data)


def _worst(steps: Sequence[DerivationStep]) -> Outcome:
    """Different as soon as one line is, else undecided as soon as one is."""
    found = {step.outcome for step in steps}
    ranked = (Outcome.DIFFERENT, Outcome.UNDECIDED)
    return next((outcome for outcome in ranked if outcome in found), Outcome.EQUAL)


def _step_data(step: DerivationStep) -> dict[str, Any]:
    return {
        "line": step.line.number,
        "from": step.before.number,
        "outcome": str(step.outcome),
        "before": step.before.text,
        "here": step.line.text,
        "why": step.why,
        "slip": step.slip,
        "counterexample": step.counterexample,
    }


def _step_lines(
    derivation: Derivation, steps: Sequence[DerivationStep], usual: Sequence[sympy.Basic]
) -> Iterator[str]:
    """What was passed over, what is undecided, and the first line that does not follow."""
    yield from derivation.notes
    for step in steps:
        if step.outcome is Outcome.EQUAL:
            continue
        before, line = step.before, step.line
        if step.outcome is Outcome.UNDECIDED:
            yield f"line {line.number} is undecided: {step.why}"
        else:
            yield f"line {line.number} does not follow from line {before.number}"
        rows = [("before", before.text), ("this line", line.text)]
        rows += [("one slip", step.slip), ("counterexample", step.counterexample)]
        yield aligned([row for row in rows if row[1]], indent="  ")
        if step.outcome is Outcome.DIFFERENT:
            return
    if not steps:
        yield "nothing to compare: no equation has two formulas, such as A = B or a row with ="
    elif _worst(steps) is Outcome.EQUAL:
        said = ", ".join(plain(relation) for relation in usual)
        under = f", for {said}" if said else ""
        counted = f"{len(steps)} equation{'' if len(steps) == 1 else 's'} compared"
        yield f"every line follows from the one before it ({counted}{under})"
