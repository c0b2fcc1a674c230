"""Units of a campaign: one claim, one seed, one number of digits, and how each is decided."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from derive.language.ground_types import GROUND_TYPES
from derive.language.update_rule import BadInput
from verify.campaigns.runner import TRIAL, environment, find_claims
from verify.claims.claim import Check, Claim, Evidence, Settings
from verify.running.files import read_data
from verify.workbench.drafts import Draft

PASSED, REJECTED, UNDECIDED = OUTCOMES = ("passed", "rejected", "undecided")
_ROOM = Path(__file__).parents[2]
_PACKAGES = ("derive", "verify")
_MACHINE = ("python", "system")
_SEED_BITS = 52


def decide(claim_id: str, seed: int, digits: int) -> tuple[str, str]:
    """Run every check of a claim on its right formula; (outcome, figure).

    Rejected where a check rejects, undecided where one cannot tell, passed otherwise. The figure
    names the checks that did not pass, or counts them.

    Raises:
        BadInput: there is no such claim, optimizer or file.
    """
    claim, settings = _claim(claim_id), Settings(digits, seed)
    found = [(check.name, _judged(check, claim, settings)) for check in claim.checks]
    for passed, outcome in ((False, REJECTED), (None, UNDECIDED)):
        if against := [f"{name}: {e.figure}" for name, e in found if e.passed is passed]:
            return outcome, "; ".join(against)
    return PASSED, f"{len(found)} checks"


def _judged(check: Check, claim: Claim, settings: Settings) -> Evidence:
    """What a check says; undecided where what was drawn leaves its range or runs to infinity."""
    try:
        return check.judge(claim.candidate, settings)
    except (BadInput, ArithmeticError) as error:
        return Evidence(None, str(error))


@cache
def _claim(name: str) -> Claim:
    return find_claims([name])[0]


@dataclass(frozen=True, slots=True)
class Unit:
    """What is decided at once.

    Args:
        claim: a claim's id, an optimizer's name, or a file as `undertow verify` takes it.
        code: `code_digest` of the claim.
    """

    claim: str
    seed: int
    digits: int
    code: str

    @property
    def id(self) -> str:
        """SHA-256 of (claim, seed, digits, code): equal exactly for what decides alike."""
        return _sha256([self.claim, self.seed, self.digits, self.code])


def units(claims: Sequence[str], losses: int, seed: int, digits: int) -> Iterator[Unit]:
    """Draw 0 of every claim, then draw 1 of every claim, ...; draws of one index share a seed."""
    codes = {claim: code_digest(claim) for claim in claims}
    for drawn in seeds(losses, seed):
        for claim in claims:
            yield Unit(claim, drawn, digits, codes[claim])


def seeds(losses: int, seed: int) -> Iterator[int]:
    """The seed of each draw.

    It is 52 bits (an integer that JSON keeps) of SHA-256 over the campaign's seed and the index, so
    that it depends neither on the claims nor on the number of losses.
    """
    for index in range(losses):
        yield int(_sha256([seed, index]), 16) % 2**_SEED_BITS


@cache
def code_digest(claim: str) -> str:
    """SHA-256 over all that a verdict on the claim depends on, besides seed and digits.

    That is every Python source of the packages derive and verify, the versions of the libraries,
    SymPy's ground types, and for a user's claim the draft and the file of its optimizer, but not
    what that file imports.

    Raises:
        BadInput: there is no such claim, optimizer or file.
    """
    parts = [_package_digest()]
    for path in _files(claim):
        parts.append(hashlib.sha256(read_data(path)).hexdigest())
    return _sha256(parts)


def _files(name: str) -> list[Path]:
    claim = _claim(name)
    rule = claim.optimizer if isinstance(claim, Draft) else name.removeprefix(TRIAL)
    own = [Path(rule.rpartition(":")[0])] if ".py:" in rule else []
    return [claim.path, *own] if isinstance(claim, Draft) else own


@cache
def _package_digest() -> str:
    sources = sorted(path for name in _PACKAGES for path in (_ROOM / name).rglob("*.py"))
    texts = {str(path.relative_to(_ROOM)): path.read_text(encoding="utf-8") for path in sources}
    versions = {k: v for k, v in environment().items() if k not in _MACHINE}
    return _sha256([texts, versions, GROUND_TYPES])


_as_text = json.JSONEncoder(sort_keys=True).encode


def _sha256(value: object) -> str:
    return hashlib.sha256(_as_text(value).encode()).hexdigest()
