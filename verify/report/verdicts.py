"""How many statements of each source are confirmed, corrected and open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from verify.claims.claim import Claim, Verdict
from verify.claims.sources import people

OWN = "undertow"


def tally(claims: Iterable[Claim]) -> dict[str, Counter[Verdict]]:
    """The verdicts on record, by source, the source with the most statements first."""
    found: dict[str, Counter[Verdict]] = {}
    for claim in claims:
        found.setdefault(claim.source.key, Counter())[claim.expected] += 1
    return dict(sorted(found.items(), key=lambda row: (row[0] == OWN, -row[1].total(), row[0])))


def heading(key: str) -> str:
    """A source as a heading says it."""
    return "Worked out here" if key == OWN else people(key)
