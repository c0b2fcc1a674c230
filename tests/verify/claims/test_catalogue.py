"""Every published statement is held to account, or the project says why it is not."""

import json

import pytest

import verify.papers  # noqa: F401
from verify.claims.catalogue import coverage, entries, not_claimed
from verify.claims.claim import REGISTRY
from verify.claims.sources import BIBTEX
from verify.cli import main

CLAIMS = list(REGISTRY.claims.values())
NUMBERS = [entry.number for entry in entries()]


def test_every_entry_is_a_claim_or_has_its_reason_and_never_both():
    for found in coverage(CLAIMS):
        assert bool(found.claims) != bool(found.reason), found.entry


def test_every_claim_and_every_reason_names_an_entry():
    named = {number for claim in CLAIMS for number in claim.catalogue} | not_claimed().keys()
    assert named == set(NUMBERS)
    assert len(set(NUMBERS)) == len(NUMBERS)


def test_every_entry_names_its_source_its_place_and_what_it_says():
    for entry in entries():
        assert entry.source in BIBTEX, entry
        assert entry.place
        assert entry.says.endswith("."), entry


def test_an_entry_without_a_claim_shows(capsys):
    assert [found.entry.number for found in coverage([]) if not found.reason] == [
        number for number in NUMBERS if number not in not_claimed()
    ]
    with pytest.raises(SystemExit):
        main(["coverage", "--format", "json"])
    printed = json.loads(capsys.readouterr().out)
    assert [entry["number"] for entry in printed] == NUMBERS
    with pytest.raises(SystemExit):
        main(["coverage"])
    none, all_of_them = len(not_claimed()), len(NUMBERS)
    told = f"{all_of_them} statements: {all_of_them - none} held to account, {none} no claim."
    assert told in capsys.readouterr().out
