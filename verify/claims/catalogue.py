"""The published statements: every one is held to account by a claim, or says why by none."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from verify.claims.claim import Claim


@dataclass(frozen=True)
class CatalogueEntry:
    """A published statement: its number, BibTeX key and place, and what it says, in our words.

    Args:
        reason: why no claim is made of it, where none is.
    """

    number: str
    source: str
    place: str
    says: str
    reason: str = ""


@dataclass(frozen=True)
class Covered:
    """An entry with the claims that are made of it."""

    entry: CatalogueEntry
    claims: tuple[Claim, ...]

    @property
    def reason(self) -> str:
        return self.entry.reason


def entries() -> list[CatalogueEntry]:
    """The published statements in their order.

    >>> entries()[0].place
    'equation (3)'
    """
    text = files("verify.claims").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return [CatalogueEntry(number, *said) for number, said in tomllib.loads(text).items()]


def not_claimed() -> dict[str, str]:
    """The entries of which no claim is made, with the reason."""
    return {entry.number: entry.reason for entry in entries() if entry.reason}


def coverage(claims: Iterable[Claim]) -> list[Covered]:
    """Every entry with its claims; one that has neither a claim nor a reason is a gap."""
    made: dict[str, list[Claim]] = {}
    for claim in claims:
        for number in claim.catalogue:
            made.setdefault(number, []).append(claim)
    return [Covered(entry, tuple(made.get(entry.number, ()))) for entry in entries()]
