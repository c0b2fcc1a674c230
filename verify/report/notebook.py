"""Verdicts in a notebook: what was printed and what holds, as Markdown with its mathematics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from verify.campaigns.runner import find_claims
from verify.claims.claim import Claim, Settings
from verify.claims.judging import ClaimResult, judge


@dataclass(frozen=True)
class Verdicts:
    """Judged claims; a notebook shows them as Markdown, a terminal as one line a claim."""

    results: tuple[ClaimResult, ...]

    def __repr__(self) -> str:
        return "\n".join(f"{r.claim.id}: {r.verdict}" for r in self.results)

    def _repr_markdown_(self) -> str:
        return "\n\n".join(map(_card, self.results))


def verdicts(*names: str, digits: int = 20, seed: int = 0) -> Verdicts:
    """Judge claims, by id or by the file of a draft.

    Raises:
        BadInput: an unknown id.

    >>> verdicts("cowsik2022.stability")
    cowsik2022.stability: derived
    """
    settings = Settings(digits, seed)
    return Verdicts(tuple(judge(claim, settings) for claim in find_claims(names)))


def _card(result: ClaimResult) -> str:
    claim = result.claim
    head = f"**{str(result.verdict).upper()}** · `{claim.id}` · {claim.source.where}"
    return "\n".join([head, "", *(f"- {line}" for line in _lines(claim, result))])


def _lines(claim: Claim, result: ClaimResult) -> Iterator[str]:
    holds = claim.sentence
    if claim.right is None:
        yield f"holds: {holds}"
    else:
        yield f"printed: {claim.printed_sentence if claim.says else f'${claim.printed.latex}$'}"
        yield f"holds instead: {holds}"
        yield f"why: {claim.because}"
        yield f"counterexample: {claim.counterexample}"
    if claim.condition:
        yield f"condition: {claim.condition}"
    passed = sum(check.passed is True for check in result.checks)
    refuting = len(result.checks) - len(claim.checks)
    rejected = f", {refuting} of them by rejecting the printed form" if refuting else ""
    names = ", ".join(check.name for check in claim.checks)
    yield f"checks: {passed} of {len(result.checks)} passed{rejected} ({names})"
