"""The claims on momentum near minimizers hold whatever is drawn."""

import pytest

import verify.papers  # noqa: F401
from verify.claims.claim import REGISTRY, Kind, Settings
from verify.claims.judging import judge

SOURCES = {"cowsik2022", "damian2021", "li2022", "wang2024"}
CLAIMS = [
    claim
    for claim in REGISTRY.claims.values()
    if claim.source.key in SOURCES and all(k.kind is not Kind.SIMULATION for k in claim.checks)
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_the_verdict_does_not_depend_on_the_draw(claim):
    for seed in (3, 11):
        result = judge(claim, Settings(digits=20, seed=seed))
        assert result.as_recorded, result.as_json()
