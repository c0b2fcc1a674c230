"""How far to trust the verdicts: what each kind of check did to right and to wrong formulas."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from derive.language.update_rule import BadInput
from verify.campaigns.draws import OUTCOMES
from verify.campaigns.ledger import Ledger
from verify.claims.claim import Kind
from verify.claims.judging import ClaimResult
from verify.running.files import read_text

MEANINGS: Mapping[Kind, str] = {
    Kind.SYMBOLIC: "equality of formulas, decided exactly",
    Kind.SERIES: "power series in the step size with exact rationals",
    Kind.BALL: "ball arithmetic: an enclosure that is proved",
    Kind.ORDER: "the observed order of an error between iteration and flow",
    Kind.ENUMERATION: "all cases of a finite family, in exact arithmetic",
    Kind.SIMULATION: "runs of the discrete iteration",
}


@dataclass(frozen=True)
class KindCount:
    """The checks of one kind in this run."""

    kind: Kind
    claims: int
    checks: int
    passed: int
    seconds: float

    @property
    def meaning(self) -> str:
        return MEANINGS[self.kind]


def by_kind(results: Sequence[ClaimResult]) -> list[KindCount]:
    """How many checks of each kind ran, and how many passed."""
    counts = []
    for kind in Kind:
        mine = [[c for c in result.checks if c.kind is kind] for result in results]
        checks = [check for some in mine for check in some]
        if checks:
            passed = sum(check.passed is True for check in checks)
            seconds = sum(check.seconds for check in checks)
            counts.append(KindCount(kind, sum(map(bool, mine)), len(checks), passed, seconds))
    return counts


@dataclass(frozen=True)
class Trials:
    """Wrong formulas put to the checks, and right ones at random draws, as files report them.

    Args:
        mutants: (tried, rejected) by claim.
        draws: how many draws of each claim came out how.
    """

    mutants: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    draws: Mapping[str, Counter[str]] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        return sum(tried for tried, _ in self.mutants.values())

    @property
    def rejected(self) -> int:
        return sum(rejected for _, rejected in self.mutants.values())

    @property
    def survived(self) -> list[str]:
        return [id for id, (tried, rejected) in self.mutants.items() if rejected < tried]

    @property
    def outcomes(self) -> dict[str, int]:
        together = sum(self.draws.values(), Counter[str]())
        return {outcome: together[outcome] for outcome in OUTCOMES}


def read_trials(mutants: Path | None, ledger: Path | None) -> Trials:
    """What `undertow mutants --format json` printed and `undertow campaign --ledger` wrote.

    Raises:
        BadInput: a file is missing or is not of that kind.
    """
    draws: dict[str, Counter[str]] = {}
    if ledger is not None:
        with closing(Ledger(ledger, create=False)) as book:
            for _, _, claim, outcome, number in book.counts():
                draws.setdefault(claim, Counter())[outcome] += number
    return Trials(_read_mutants(mutants) if mutants is not None else {}, draws)


def _read_mutants(path: Path) -> dict[str, tuple[int, int]]:
    try:
        claims = json.loads(read_text(path, "--mutants"))["claims"]
        return {claim["id"]: (int(claim["tried"]), int(claim["rejected"])) for claim in claims}
    except BadInput:
        raise
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        raise BadInput(
            f"--mutants {path} is not what 'undertow mutants --format json' prints."
        ) from None
