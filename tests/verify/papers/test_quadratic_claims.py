"""The claims on a quadratic at few and at many digits."""

import pytest
import sympy
from flint import ctx as flint_context

import verify.papers  # noqa: F401
from derive.language.formula import BETA, Z
from verify.claims.checks.quadratics import DISCRIMINANT, vanishes
from verify.claims.claim import REGISTRY, Settings
from verify.claims.judging import judge
from verify.papers.cattaneo2025.principal_flow import KAPPA, ROOT, paths_by_peaks

FAST = Settings(digits=20)
IDS = ("rosca2023.principal-flow",)


OTHER_KAPPA = (1 + BETA - Z - ROOT) / 2


@pytest.mark.parametrize("id", IDS)
def test_each_claim_stands_at_few_and_at_many_digits(id):
    for digits in (15, 50):
        result = judge(REGISTRY.claims[id], Settings(digits=digits))
        assert result.as_recorded, result.as_json()


def test_the_field_of_the_root_decides_equality():
    assert vanishes((KAPPA * OTHER_KAPPA) - BETA)
    assert vanishes(KAPPA**2 - (1 + BETA - Z) * KAPPA + BETA)
    assert vanishes(1 / KAPPA - OTHER_KAPPA / BETA)
    assert vanishes(sympy.sqrt(sympy.expand(DISCRIMINANT)) - ROOT)
    assert not vanishes(KAPPA - OTHER_KAPPA)
    assert not vanishes(ROOT)
    assert not vanishes(sympy.sqrt(1 - Z) - sympy.sqrt(1 + Z))


def test_narayana_numbers_count_paths_by_peaks():
    assert [paths_by_peaks(n)[1:] for n in range(1, 6)] == [
        [1],
        [1, 1],
        [1, 3, 1],
        [1, 6, 6, 1],
        [1, 10, 20, 10, 1],
    ]


def test_the_checks_leave_the_length_of_power_series_as_it_was():
    before = flint_context.cap
    judge(REGISTRY.claims["cattaneo2025.principal-flow-series"], FAST)
    assert flint_context.cap == before
