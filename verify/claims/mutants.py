"""Wrong versions of a right statement, and which check rejects which of them.

A verifier is worth what it rejects: a claim one of whose mutants passes every check that shares no
code with the derivation is not confirmed by them.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from cProfile import Profile
from dataclasses import dataclass, replace
from functools import _lru_cache_wrapper
from types import CodeType
from typing import Any

from flint.utils.flint_exceptions import DomainError

from verify.claims.claim import Candidate, Check, Claim, Evidence, Kind, Settings
from verify.claims.judging import ClaimResult, looking, quick

VOCABULARY = {"language", "optimizers"}
"""The folders of `derive` that name things and declare rules; the others derive."""
SLOW = (Kind.SIMULATION, Kind.ORDER)
Reads = Mapping[str, frozenset[str]]
"""The slots that each check looks at in the right statement: one that does not look at a slot
cannot tell another value of it from the right one."""


@dataclass(frozen=True)
class Tried:
    """A wrong version before the checks.

    Args:
        by: the check that rejected it, empty where none did.
    """

    slot: str
    kind: str
    slip: str
    by: str


@dataclass(frozen=True)
class MutantResult:
    """All mutants of a claim before its checks.

    Args:
        checks: name and kind of every check, and whether it shares nothing with the derivation.
        idle: the checks that reject nothing.
        failing: the checks that do not pass the right statement.
    """

    id: str
    tried: tuple[Tried, ...]
    checks: tuple[tuple[str, str, bool], ...]
    idle: tuple[str, ...]
    failing: tuple[str, ...]

    @property
    def survivors(self) -> list[str]:
        """The slips that no independent check rejects."""
        return [_told(t) for t in self.tried if not t.by]

    def as_json(self) -> dict[str, Any]:
        by = Counter(t.by for t in self.tried)
        slots = dict[str, list[Tried]]()
        for tried in self.tried:
            slots.setdefault(tried.slot, []).append(tried)
        return {
            "id": self.id,
            "tried": len(self.tried),
            "rejected": len(self.tried) - by[""],
            "survivors": self.survivors,
            "slots": [
                {
                    "name": name,
                    "kind": found[0].kind,
                    "tried": len(found),
                    "rejected": sum(bool(t.by) for t in found),
                    "by": dict(Counter(t.by for t in found if t.by)),
                }
                for name, found in slots.items()
            ],
            "checks": [
                {"name": name, "kind": kind, "independent": independent, "rejected": by[name]}
                for name, kind, independent in self.checks
            ],
        }


def with_survivors(result: ClaimResult, settings: Settings) -> ClaimResult:
    """The result with the slips that no check rejects, where all checks passed; what few digits
    reject is wrong at more of them."""
    if not all(check.passed for check in result.checks):
        return result
    reads = {check.name: check.reads for check in result.checks}
    seconds = {check.name: check.seconds for check in result.checks}
    few = quick(settings)
    found = survivors(result.claim, few, result.claim.checks, reads, seconds)
    if found and settings != few:
        found = survivors(result.claim, settings, result.claim.checks, reads, seconds)
    return replace(result, survivors=found)


def survivors(
    claim: Claim,
    settings: Settings,
    checks: Sequence[Check],
    reads: Reads | None = None,
    seconds: dict[str, float] | None = None,
) -> tuple[str, ...]:
    """The slips that none of these checks rejects; the first that rejects is the last one asked.

    Args:
        seconds: of each check when it ran last, where the quickest is to be asked first.
    """
    reads = reads or _reads(claim, settings, checks)
    found = _tried(claim, settings, checks, reads, seconds)
    return tuple(_told(tried) for tried in found if not tried.by)


def put_to_the_test(claim: Claim, settings: Settings) -> MutantResult:
    """The independent checks of a claim, in turn and slow kinds last, against every wrong version;
    a check that had nothing left to reject is asked on its own."""
    independent, reads = dict[str, bool](), dict[str, frozenset[str]]()
    failing: list[str] = []
    for check in claim.checks:
        with looking(claim.candidate) as seen:
            found, independent[check.name] = watched(check, claim.candidate, settings)
            reads[check.name] = frozenset(seen)
        if not found.passed:
            failing.append(check.name)
    in_turn = sorted(claim.checks, key=lambda check: check.kind in SLOW)
    tried = _tried(claim, settings, [c for c in in_turn if independent[c.name]], reads)
    busy = {t.by for t in tried}
    idle = [
        check.name
        for check in claim.checks
        if check.name not in busy
        and not any(
            slot in reads[check.name] and verdict(check, wrong, settings).passed is False
            for slot, _, wrong in claim.wrong()
        )
    ]
    names = tuple((c.name, str(c.kind), independent[c.name]) for c in claim.checks)
    return MutantResult(claim.id, tuple(tried), names, tuple(idle), tuple(failing))


def _tried(
    claim: Claim,
    settings: Settings,
    checks: Sequence[Check],
    reads: Reads,
    seconds: dict[str, float] | None = None,
) -> list[Tried]:
    """Every wrong version with the first check that rejects it, the quickest first by `seconds`.

    What a check compares with has been computed by now, so that it may be ten times as quick, until
    it has been asked; what it remembers may hold for another order and not for another formula.
    """
    slots = claim.says.slots if claim.says else {}
    kinds = {name: slot.kind for name, slot in slots.items()} or {"formula": "formula"}
    hoped = {name: before / 10 for name, before in (seconds or {}).items()}
    took = {kind: dict(hoped) for kind in kinds.values()}
    found: list[Tried] = []
    for slot, slip, wrong in claim.wrong():
        by = ""
        for check in sorted(checks, key=lambda c: took[kinds[slot]][c.name]) if seconds else checks:
            if slot not in reads[check.name]:
                continue
            begin = time.perf_counter()
            rejected = verdict(check, wrong, settings).passed is False
            took[kinds[slot]][check.name] = time.perf_counter() - begin
            if rejected:
                by = check.name
                break
        found.append(Tried(slot, kinds[slot], slip, by))
    return found


def _reads(claim: Claim, settings: Settings, checks: Sequence[Check]) -> Reads:
    found = dict[str, frozenset[str]]()
    for check in checks:
        with looking(claim.candidate) as seen:
            verdict(check, claim.candidate, settings)
        found[check.name] = frozenset(seen)
    return found


def _told(tried: Tried) -> str:
    return tried.slip if tried.slot == "formula" else f"{tried.slot}: {tried.slip}"


def verdict(check: Check, candidate: Candidate, settings: Settings) -> Evidence:
    """What a check says of a candidate; one without a value where it is tried is rejected.

    A right statement is never judged here, so that no error of ours passes for a rejection of it.
    """
    try:
        return check.judge(candidate, settings)
    except (ValueError, ZeroDivisionError, DomainError, TypeError, AttributeError) as error:
        return Evidence(False, f"the formula has no value where it is tried: {error}")
    except ArithmeticError as error:
        return Evidence(None, str(error))


def watched(check: Check, candidate: Candidate, settings: Settings) -> tuple[Evidence, bool]:
    """What a check says, and whether it decides without a call to what derives, nor a look at what
    was derived earlier and kept."""
    deriving = [
        module for name, module in tuple(sys.modules.items()) if _derives(name) and module.__file__
    ]
    kept = [
        f
        for module in deriving
        for f in vars(module).values()
        if isinstance(f, _lru_cache_wrapper) and f.__module__ == module.__name__
    ]
    before = [f.cache_info().hits for f in kept]
    watch = Profile(subcalls=False, builtins=False)
    found = watch.runcall(check.judge, candidate, settings)
    codes = (entry.code for entry in watch.getstats())
    called = {code.co_filename for code in codes if isinstance(code, CodeType)}
    looked = before != [f.cache_info().hits for f in kept]
    alone = not looked and called.isdisjoint(str(module.__file__) for module in deriving)
    return found, alone


def _derives(module: str) -> bool:
    package, _, rest = module.partition(".")
    return package == "derive" and bool(rest) and rest.partition(".")[0] not in VOCABULARY
