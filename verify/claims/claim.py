"""A claim: a printed formula, the right one, and the checks that tell them apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

import sympy

from derive.language.docstrings import docstring
from derive.language.formula import Formula
from derive.language.update_rule import BadInput
from verify.claims.quoting import as_prose
from verify.claims.slips import mutants
from verify.claims.slots import Domain, Slot, Value
from verify.claims.statement import Statement, rows
from verify.running.digits import DEFAULT_DIGITS


class Verdict(StrEnum):
    """What the evidence says of a printed statement."""

    CONFIRMED = "confirmed"
    """True as printed under the stated assumptions."""
    PREMISE = "needs a premise"
    """True with a premise that the source does not state, and not without it."""
    CORRECTED = "corrected"
    """False or incomplete as printed; the right statement stands beside it."""
    DERIVED = "derived"
    """Worked out here, or again where the text is lost or only recalled."""
    OPEN = "open"
    """Not decided here."""
    REFUTED = "refuted"
    """A draft's formula that is wrong."""


class Status(StrEnum):
    """How the printed form of a statement is known."""

    READ = "read"
    SECOND_HAND = "second-hand"
    RECALLED = "recalled"
    LOST = "lost"
    OURS = "ours"
    NOT_RECORDED = "not recorded"
    """Nobody has said so far: claims of the older form only."""


@dataclass(frozen=True)
class Printed:
    """How the printed form is known.

    Args:
        quote: a few words of the source as the text at hand has them, where they were read.
        where: the text that was read, where it is not the source itself.
    """

    status: Status
    quote: str = ""
    where: str = ""


def read(quote: str) -> Printed:
    """Read in the source, which has these words."""
    return Printed(Status.READ, quote)


def second_hand(quote: str, where: str) -> Printed:
    """Read in another text, named by its BibTeX key and place, which has these words."""
    return Printed(Status.SECOND_HAND, quote, where)


RECALLED = Printed(Status.RECALLED)
"""Known from memory; nobody must quote it."""
LOST = Printed(Status.LOST)
"""The equation is missing in the text at hand."""
OURS = Printed(Status.OURS)
"""Nobody printed it before."""
NOT_RECORDED = Printed(Status.NOT_RECORDED)
"""A claim of the older form."""


class Kind(StrEnum):
    """What a check's evidence rests on."""

    SYMBOLIC = "symbolic"
    SERIES = "series"
    BALL = "ball"
    ORDER = "order"
    ENUMERATION = "enumeration"
    SIMULATION = "simulation"


@dataclass(frozen=True)
class Settings:
    """Decimal digits of the numerical checks and the seed of everything random."""

    digits: int = DEFAULT_DIGITS
    seed: int = 0


@dataclass(frozen=True)
class Evidence:
    """Whether a formula stood (None: the data cannot decide) and the figure that says so."""

    passed: bool | None
    told: str | Callable[[], str]  # the figure, or what writes it when it is read

    @property
    def figure(self) -> str:
        return self.told if isinstance(self.told, str) else self.told()


Candidate = Any
"""What a check is handed: a `Statement`, or the formula alone in a claim of the older form."""


@dataclass(frozen=True)
class Check:
    """A way to tell a right statement from a wrong one.

    Args:
        judge: takes a candidate; passes exactly where it is right.
        refutes: where something else was printed, this check must also reject that.
    """

    name: str
    kind: Kind
    judge: Callable[[Candidate, Settings], Evidence]
    refutes: bool = False


NO_FORMULA = Formula("", sympy.Integer(0))


def on(slot: str, check: Check) -> Check:
    """A check of one formula, on the formula in this slot."""
    return replace(check, judge=lambda says, settings: check.judge(says.expr(slot), settings))


@dataclass(frozen=True)
class Source:
    """A BibTeX key and the place in that work."""

    key: str
    where: str


@dataclass(frozen=True)
class Claim:
    """A published statement held to account.

    Args:
        checks: what tells it from its wrong versions.
        says: the statement that holds.
        misprint: the slots in which what was printed differs, with what stands there.
        premise: the slot that the source does not state; its misprint is how it stands without.
        undecided: the checks cannot tell.
        because: why the printed form is wrong or incomplete; slots may stand in it.
        counterexample: how anyone can see that the printed form fails; slots may stand in it.
        expected: the verdict on record; it follows from the rest unless the claim is open.
        known: how the printed form is known.
        statement, printed, right, condition: what a claim of the older form has in the place of
            `says` and `misprint`: a sentence with {formula}, the formula as published, the right
            one where it is another, and what it needs beyond what was printed.
    """

    checks: tuple[Check, ...]
    statement: str = ""
    printed: Formula = NO_FORMULA
    expected: Verdict = Verdict.OPEN
    right: Formula | None = None
    condition: str = ""
    because: str = ""
    counterexample: str = ""
    id: str = ""
    catalogue: tuple[str, ...] = ()
    source: Source = Source("", "")
    derivation: str = ""
    says: Statement | None = None
    misprint: Mapping[str, Slot] = field(default_factory=dict)
    premise: str = ""
    undecided: bool = False
    known: Printed | None = None
    told: tuple[str, str] = ("", "")
    """The reason and the counterexample with their slots open."""

    @property
    def formula(self) -> Formula:
        """The formula that holds."""
        return self.right or self.printed

    @property
    def where_it_stands(self) -> Verdict:
        """The verdict where every check passes."""
        if self.says:
            return self.expected
        return Verdict.CONFIRMED if self.right is None else Verdict.CORRECTED

    @property
    def where_it_fails(self) -> Verdict:
        """The verdict where a check rejects it."""
        return Verdict.OPEN

    @property
    def candidate(self) -> Candidate:
        """What holds, as the checks take it."""
        return self.says or self.formula.expr

    @property
    def printed_candidate(self) -> Candidate:
        """What was printed, as the checks take it."""
        return self.says.changed(**self.misprint) if self.says else self.printed.expr

    @property
    def worded(self) -> str:
        """What holds, with {formula} where that of a claim of the older form stands."""
        return self.says.latex if self.says else self.statement

    @property
    def sentence(self) -> str:
        """What holds: words with LaTeX between dollars."""
        return self.worded.replace("{formula}", f"${self.formula.latex}$")

    @property
    def printed_sentence(self) -> str:
        """What was printed, where it is something else."""
        if self.right is None:
            return ""
        if self.premise and self.known:
            return f"“… {as_prose(self.known.quote)} …”, without the premise"
        if self.says:
            return self.says.changed(**self.misprint).latex
        return self.statement.replace("{formula}", f"${self.printed.latex}$")

    def formulas(self) -> dict[str, Formula]:
        """Every formula that holds or was printed, by name."""
        if self.says is None:
            return {f.name: f for f in (self.printed, self.right) if f is not None}
        first, given = lettered(self.id), self.formula.given
        right = {f"{first}{lettered(n, True)}": e for n, e in self.says.formulas().items()}
        printed = {
            f"{first}{lettered(name, True)}Printed": slot.expr
            for name, slot in self.misprint.items()
            if isinstance(slot, Value)
        }
        return {name: Formula(name, e, given=given) for name, e in (right | printed).items()}

    def wrong(self) -> Iterator[tuple[str, str, Candidate]]:
        """Every wrong version: the slot that is changed, the slip, the candidate."""
        if self.says:
            yield from self.says.wrong()
        else:
            for mutant in mutants(self.formula.expr):
                yield "formula", mutant.slip, mutant.expr

    def as_json(self) -> dict[str, Any]:
        """What a list says of the claim."""
        known = self.known or NOT_RECORDED
        place = known.where or self.source.where
        return {
            "id": self.id,
            "catalogue": list(self.catalogue),
            "source": {"key": self.source.key, "where": self.source.where},
            "statement": self.sentence,
            "type": self.type,
            "verdict": str(self.expected),
            "printed": {"status": str(known.status), "quote": known.quote, "where": place},
            "slots": self.slots(),
        }

    @property
    def type(self) -> str:
        """What its statement is about; of a claim of the older form that is not recorded."""
        return str(self.says.type) if self.says else str(Status.NOT_RECORDED)

    def judged(self, *, printed: bool) -> dict[str, sympy.Expr]:
        """The formulas that its checks are handed, by slot."""
        if self.says:
            return (self.printed_candidate if printed else self.says).formulas()
        return {"formula": (self.printed if printed else self.formula).expr}

    def slots(self) -> list[dict[str, str]]:
        """Every slot with its kind and value."""
        return rows(self.says.slots if self.says else {"formula": Value(self.formula.expr)})

    def printed_slots(self) -> list[dict[str, str]]:
        """What was printed in the slots where that is something else."""
        old_form = {"formula": Value(self.printed.expr)} if self.right is not None else {}
        return rows(self.misprint if self.says else old_form)


def lettered(text: str, first: bool = False) -> str:
    """Letters only, as the name of a LaTeX macro; `first` makes the first one large.

    >>> lettered("ghosh2023.modified-loss")
    'ghoshModifiedLoss'
    """
    name = "".join(word[:1].upper() + word[1:] for word in re.findall("[A-Za-z]+", text))
    return name if first else name[:1].lower() + name[1:]


def completed(claim: Claim) -> Claim:
    """The claim with the verdict and the two formulas that follow from what it says."""
    if claim.says is None or claim.known is None:
        return claim
    says, known = claim.says, claim.known.status
    given = next((s.bounds for s in says.slots.values() if isinstance(s, Domain)), ())

    def main(slots: Mapping[str, Slot], suffix: str) -> Formula:
        first = next((s.expr for s in slots.values() if isinstance(s, Value)), sympy.Integer(0))
        return Formula(lettered(claim.id) + suffix, first, given=given)

    unread = known in (Status.RECALLED, Status.LOST, Status.OURS)
    verdict = Verdict.DERIVED if unread else Verdict.CONFIRMED
    if claim.misprint:
        if unread:
            raise ValueError(f"{claim.id}: what nobody read cannot be corrected.")
        verdict = Verdict.PREMISE if claim.premise else Verdict.CORRECTED
    other = {**says.slots, **claim.misprint}
    return replace(
        claim,
        expected=Verdict.OPEN if claim.undecided else verdict,
        printed=main(other if claim.misprint else says.slots, "Printed" if claim.misprint else ""),
        right=main(says.slots, "") if claim.misprint else None,
        told=(claim.because, claim.counterexample),
        because=says.filled(claim.because),
        counterexample=says.filled(claim.counterexample),
    )


@dataclass
class Registry:
    """All claims by id."""

    claims: dict[str, Claim] = field(default_factory=dict)

    def of_source(self, key: str) -> list[Claim]:
        """The claims of a source; BadInput where it has none."""
        found = [claim for claim in self.claims.values() if claim.source.key == key]
        if not found:
            keys = ", ".join(sorted({claim.source.key for claim in self.claims.values()}))
            raise BadInput(f"no claim is of the source '{key}'; there are {keys}.")
        return found

    def find(self, names: Iterable[str]) -> list[Claim]:
        """The claims of these ids and sources, or all where none is named.

        Raises:
            BadInput: an id is unknown.
        """
        sources = {claim.source.key for claim in self.claims.values()}
        chosen = []
        for name in names:
            if name in sources:
                chosen += self.of_source(name)
            elif name in self.claims:
                chosen.append(self.claims[name])
            else:
                near = get_close_matches(name, self.claims, n=1, cutoff=0.4)
                hint = f" Did you mean '{near[0]}'?" if near else ""
                raise BadInput(f"no claim is called '{name}'.{hint} ('undertow claims' lists all)")
        return chosen or list(self.claims.values())


REGISTRY = Registry()


def claim(
    id: str, *, catalogue: str, where: str, printed: Printed | None = None
) -> Callable[[Callable[[], Claim]], Claim]:
    """Register a claim; the function's docstring is its derivation.

    Args:
        id: source key and short name, such as "ghosh2023.modified-loss".
        catalogue: the entries of the list of published statements, such as "A03 A05".
        where: theorem, equation or remark in the source.
        printed: how the printed form is known.
    """

    def register(define: Callable[[], Claim]) -> Claim:
        complete = completed(
            replace(
                define(),
                id=id,
                catalogue=tuple(catalogue.split()),
                source=Source(id.split(".", maxsplit=1)[0], where),
                derivation="\n".join(map(str.strip, docstring(define).splitlines())),
                known=printed,
            )
        )
        REGISTRY.claims[id] = complete
        return complete

    return register
