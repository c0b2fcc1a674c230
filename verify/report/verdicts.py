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


def verdicts_table(claims: Iterable[Claim], separate: int = 5) -> str:
    """The counts as Markdown, the sources with the most statements one by one."""
    by_source = tally(claims)
    rows: dict[str, Counter[Verdict]] = {}
    for place, (key, counts) in enumerate(by_source.items()):
        name = "others" if place >= separate and key != OWN else heading(key).replace("~", " ")
        rows[name] = rows.get(name, Counter()) + counts
    rows["**all**"] = sum(by_source.values(), Counter[Verdict]())
    lines = [f"| source | {' | '.join(Verdict)} |", "| --- " * (1 + len(Verdict)) + "|"]
    for name, counts in rows.items():
        lines.append(f"| {name} | {' | '.join(str(counts[verdict]) for verdict in Verdict)} |")
    return "\n".join(lines)
