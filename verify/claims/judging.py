"""A claim before its checks: what each of them found, and the verdict that they amount to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from verify.claims.claim import Candidate, Check, Claim, Evidence, Kind, Settings, Verdict
from verify.claims.statement import Statement
from verify.running.digits import FEW_DIGITS
from verify.running.recording import recorder


@dataclass(frozen=True)
class CheckResult:
    """What one check found, and how long it took."""

    name: str
    kind: Kind
    passed: bool | None
    figure: str
    seconds: float
    reads: frozenset[str] = frozenset()
    """The slots that it looked at."""


@dataclass(frozen=True)
class ClaimResult:
    """The verdict that the checks amount to, beside the one on record."""

    claim: Claim
    checks: tuple[CheckResult, ...]
    survivors: tuple[str, ...] = ()
    """Slips of the pen in the formula that no check rejects."""

    @property
    def verdict(self) -> Verdict:
        if any(check.passed is False for check in self.checks):
            return self.claim.where_it_fails
        if self.survivors or not all(check.passed for check in self.checks):
            return Verdict.OPEN
        return self.claim.where_it_stands

    @property
    def as_recorded(self) -> bool:
        return self.verdict == self.claim.expected

    def __repr__(self) -> str:
        passed = sum(bool(check.passed) for check in self.checks)
        return f"<{self.claim.id}: {self.verdict}, {passed} of {len(self.checks)} checks>"

    def _repr_markdown_(self) -> str:
        marks = {True: "passed", False: "**failed**", None: "undecided"}
        rows = [f"| {c.name} | {c.kind} | {marks[c.passed]} | {c.figure} |" for c in self.checks]
        head = ["| check | kind | result | figure |", "| --- | --- | --- | --- |"]
        title = f"**{self.claim.id}** {self.verdict}"
        return "\n".join([title, "", f"${self.claim.formula.latex}$", "", *head, *rows])

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.claim.id,
            "catalogue": list(self.claim.catalogue),
            "source": {"key": self.claim.source.key, "where": self.claim.source.where},
            "type": self.claim.type,
            "slots": self.claim.slots(),
            "verdict": str(self.verdict),
            "expected": str(self.claim.expected),
            "checks": [
                {
                    "name": check.name,
                    "kind": str(check.kind),
                    "passed": check.passed,
                    "figure": check.figure,
                    "seconds": round(check.seconds, 3),
                }
                for check in self.checks
            ],
            "survivors": list(self.survivors),
        }


def judge(claim: Claim, settings: Settings) -> ClaimResult:
    """Run every check of a claim on what holds, and the refuting ones on what was printed."""
    results: list[CheckResult] = []
    for check in claim.checks:
        results.append(_timed(check.name, check, claim, settings, stands=True))
        if check.refutes and claim.right is not None:
            name = f"{check.name}, printed form rejected"
            results.append(_timed(name, check, claim, settings, stands=False))
    return ClaimResult(claim, tuple(results))


def _timed(
    name: str, check: Check, claim: Claim, settings: Settings, *, stands: bool
) -> CheckResult:
    if (log := recorder()) is not None:
        log.begin(name, claim.judged(printed=not stands), refutes=not stands)
    begin = time.perf_counter()
    candidate = claim.candidate if stands else claim.printed_candidate
    with looking(candidate) as seen:
        evidence = _judged(check, candidate, settings, stands=stands)
    passed = None if evidence.passed is None else evidence.passed == stands
    seconds = time.perf_counter() - begin
    return CheckResult(name, check.kind, passed, evidence.figure, seconds, frozenset(seen))


def _judged(check: Check, candidate: Candidate, settings: Settings, *, stands: bool) -> Evidence:
    """What a check says; what few digits reject is wrong at more of them, where that is expected
    and nobody records."""
    few = quick(settings)
    if not stands and settings != few and recorder() is None:
        found = check.judge(candidate, few)
        if found.passed is False:
            return found
    return check.judge(candidate, settings)


@contextmanager
def looking(candidate: Candidate) -> Iterator[set[str]]:
    """The slots that are looked at meanwhile; of a bare formula that is the formula."""
    if not isinstance(candidate, Statement):
        yield {"formula"}
        return
    candidate.read.clear()
    yield candidate.read


Judge = Callable[[Candidate, Settings], Evidence]


def soonest(judge: Judge) -> Judge:
    """The same judge on few digits, and on all of them where few do not confirm; on all of them
    alone where somebody records, so that one judgement is written down and not two."""

    def judge_soonest(candidate: Candidate, settings: Settings) -> Evidence:
        few = quick(settings)
        if settings != few and recorder() is None and (found := judge(candidate, few)).passed:
            return found
        return judge(candidate, settings)

    return judge_soonest


def quick(settings: Settings) -> Settings:
    """The settings with few digits."""
    return replace(settings, digits=min(settings.digits, FEW_DIGITS))
