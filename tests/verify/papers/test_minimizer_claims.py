"""The claims on spectrum, timescales and stationary noise: every slip in a formula is seen."""

import pytest
import sympy

import verify.papers  # noqa: F401
from verify.claims.claim import REGISTRY, Kind, Settings
from verify.claims.judging import judge
from verify.claims.mutants import verdict
from verify.claims.slips import slips

FAST = Settings(digits=20)
CLAIMS = [REGISTRY.claims["wang2024.stationary-variance"]]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_every_slip_is_rejected_by_every_check(claim):
    wrong = dict.fromkeys(expr for _, expr in slips(claim.formula.expr))
    right = claim.formula.expr
    wrong = [expr for expr in wrong if sympy.cancel(sympy.sympify(expr) - right) != 0]
    assert len(wrong) >= 5
    for candidate in wrong[:: max(1, len(wrong) // 12)]:
        for check in claim.checks:
            assert verdict(check, candidate, FAST).passed is False, (check.name, candidate)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_verdict_does_not_depend_on_the_draw(claim, seed):
    result = judge(claim, Settings(digits=20, seed=seed))
    assert result.as_recorded, result.as_json()


def test_each_claim_is_checked_without_the_derivation():
    for claim in CLAIMS:
        assert any(check.kind is not Kind.SYMBOLIC for check in claim.checks)
