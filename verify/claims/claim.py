"""A claim: a printed formula, the right one, and the checks that tell them apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

import sympy

from derive.language.formula import Formula
from derive.language.update_rule import BadInput
from verify.running.digits import DEFAULT_DIGITS
from verify.running.recording import recorder


class Verdict(StrEnum):
    """What the evidence says of a printed statement."""

    CONFIRMED = "confirmed"
    """True as printed under the stated assumptions."""
    CORRECTED = "corrected"
    """False or incomplete as printed; the right statement stands beside it."""
    OPEN = "open"
    """Not decided here."""


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
    figure: str


@dataclass(frozen=True)
class Check:
    """A way to tell a right formula from a wrong one.

    Args:
        judge: takes a candidate formula; passes exactly where the formula is right.
        refutes: in a corrected claim, this check must also reject the printed form.
    """

    name: str
    kind: Kind
    judge: Callable[[sympy.Expr, Settings], Evidence]
    refutes: bool = False


@dataclass(frozen=True)
class Source:
    """A BibTeX key and the place in that work."""

    key: str
    where: str


@dataclass(frozen=True)
class Claim:
    """A published statement held to account.

    Args:
        statement: what is said, with {formula} where the formula stands.
        printed: the formula as published.
        right: the corrected formula, None where the printed one is right.
        condition: what the statement needs beyond what was printed.
        because: why the printed form is wrong or incomplete.
        counterexample: how anyone can see that the printed form fails.
        expected: the verdict on record.
    """

    statement: str
    printed: Formula
    checks: tuple[Check, ...]
    expected: Verdict
    right: Formula | None = None
    condition: str = ""
    because: str = ""
    counterexample: str = ""
    id: str = ""
    catalogue: tuple[str, ...] = ()
    source: Source = Source("", "")
    derivation: str = ""

    @property
    def formula(self) -> Formula:
        """The formula that holds."""
        return self.right or self.printed


@dataclass(frozen=True)
class CheckResult:
    """What one check found, and how long it took."""

    name: str
    kind: Kind
    passed: bool | None
    figure: str
    seconds: float


@dataclass(frozen=True)
class ClaimResult:
    """The verdict that the checks amount to, beside the one on record."""

    claim: Claim
    checks: tuple[CheckResult, ...]
    survivors: tuple[str, ...] = ()
    """Slips of the pen in the formula that no check rejects."""

    @property
    def verdict(self) -> Verdict:
        if self.survivors or not all(check.passed for check in self.checks):
            return Verdict.OPEN
        return Verdict.CONFIRMED if self.claim.right is None else Verdict.CORRECTED

    @property
    def as_recorded(self) -> bool:
        return self.verdict == self.claim.expected

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.claim.id,
            "catalogue": list(self.claim.catalogue),
            "source": {"key": self.claim.source.key, "where": self.claim.source.where},
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
    """Run every check of a claim on the right formula, and the refuting ones on the printed one."""
    results: list[CheckResult] = []
    for check in claim.checks:
        results.append(_timed(check.name, check, claim.formula, settings, stands=True))
        if check.refutes and claim.right is not None:
            name = f"{check.name}, printed form rejected"
            results.append(_timed(name, check, claim.printed, settings, stands=False))
    return ClaimResult(claim, tuple(results))


def _timed(
    name: str, check: Check, formula: Formula, settings: Settings, *, stands: bool
) -> CheckResult:
    if (log := recorder()) is not None:
        log.begin(name, formula.expr, refutes=not stands)
    begin = time.perf_counter()
    evidence = check.judge(formula.expr, settings)
    passed = None if evidence.passed is None else evidence.passed == stands
    return CheckResult(name, check.kind, passed, evidence.figure, time.perf_counter() - begin)


@dataclass
class Registry:
    """All claims by id."""

    claims: dict[str, Claim] = field(default_factory=dict)

    def find(self, names: Iterable[str]) -> list[Claim]:
        """The claims of these ids, or all where none is named; BadInput for an unknown id."""
        chosen = []
        for name in names:
            if name not in self.claims:
                near = get_close_matches(name, self.claims, n=1, cutoff=0.4)
                hint = f" Did you mean '{near[0]}'?" if near else ""
                raise BadInput(f"no claim is called '{name}'.{hint} ('undertow claims' lists all)")
            chosen.append(self.claims[name])
        return chosen or list(self.claims.values())


REGISTRY = Registry()


def claim(id: str, *, catalogue: str, where: str) -> Callable[[Callable[[], Claim]], Claim]:
    """Register a claim; the function's docstring is its derivation.

    Args:
        id: source key and short name, such as "ghosh2023.modified-loss".
        catalogue: the entries of the list of published statements, such as "A03 A05".
        where: theorem, equation or remark in the source.
    """

    def register(define: Callable[[], Claim]) -> Claim:
        made = define()
        lines = (define.__doc__ or "").strip().splitlines()
        complete = Claim(
            **{
                **made.__dict__,
                "id": id,
                "catalogue": tuple(catalogue.split()),
                "source": Source(id.split(".", maxsplit=1)[0], where),
                "derivation": "\n".join(line.strip() for line in lines),
            }
        )
        REGISTRY.claims[id] = complete
        return complete

    return register
