"""The published statements: every one is held to account by a claim, or says why by none."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from verify.claim import Claim

NOT_CLAIMS: dict[str, str] = {
    "A02": "a definition (closeness in the strong sense); the order checks use it",
    "D07": "a definition (the balance |w_+ w_-| = |u^2 - v^2|)",
    "A34": "a first-order approximation that motivates sharpness, neither an equality nor an order",
    "C23": "figures without numbers or formulas; 'undertow recovery' measures what they show",
    "D18": "titles and one caption only: no formula of these statements is at hand",
    "E15": "Adam divides by its memory, and the engine derives rules that are linear in it",
    "E19": "AdamW and Lion are not linear in their memory, which the engine asks of a rule",
}


@dataclass(frozen=True)
class Entry:
    """A published statement: its number, BibTeX key and place, and what it says, in our words."""

    number: str
    source: str
    place: str
    says: str


@dataclass(frozen=True)
class Covered:
    """An entry with the claims that are made of it, or why there is none."""

    entry: Entry
    claims: tuple[Claim, ...]
    reason: str


def entries() -> list[Entry]:
    """The published statements in their order.

    >>> entries()[0].place
    'equation (3)'
    """
    text = files("verify").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return [Entry(number, *said) for number, said in tomllib.loads(text).items()]


def coverage(claims: Iterable[Claim]) -> list[Covered]:
    """Every entry with its claims; one that has neither a claim nor a reason is a gap."""
    made: dict[str, list[Claim]] = {}
    for claim in claims:
        for number in claim.catalogue:
            made.setdefault(number, []).append(claim)
    return [
        Covered(entry, tuple(made.get(entry.number, ())), NOT_CLAIMS.get(entry.number, ""))
        for entry in entries()
    ]
