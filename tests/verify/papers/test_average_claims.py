"""Averages, noise and weak flows: wrong versions of each formula fall, with any seed."""

import pytest
import sympy

from derive.batches.averages import BATCHES, POSITION
from derive.batches.injection import MU, SIGMA
from derive.language.formula import BETA, H, K
from verify.claims.checks.noisy_losses import C, D, N, P, T
from verify.claims.claim import REGISTRY, Settings
from verify.claims.judging import judge
from verify.papers import li2019, smith2021
from verify.papers.cattaneo2025memory import batches
from verify.papers.ghosh2023 import averages, injection, variance
from verify.papers.ghosh2023.averages import F, S
from verify.papers.undertow import forces, injected_noise, reshuffling, weak_flows

FAST = Settings(digits=20)
b, h, k, M, m = BETA, H, K, BATCHES, POSITION
q = 1 - b
MODULES = (
    averages,
    batches,
    forces,
    injected_noise,
    injection,
    li2019,
    reshuffling,
    smith2021,
    variance,
    weak_flows,
)
ALL = {
    claim.id: claim
    for claim in REGISTRY.claims.values()
    if any(claim in vars(module).values() for module in MODULES)
}
CLAIMS = {id: claim for id, claim in ALL.items() if claim.says is None}
DERIVED = {
    "sums over blocks",
    "sums over blocks, no momentum",
    "pairs of steps in one epoch",
    "sum of all covariances",
    "moments of the noise",
    "fresh noise in the mean regularizer",
    "B-series engine",
    "a mode without curvature",
    "step matrix of heavy ball",
}
"""The checks that call the derivation; every other one shares no code with it."""

FULL = h * (1 + b) / (4 * q**3) * S
INDEPENDENT = h / (4 * q**2) * F
SHUFFLED = h / (4 * (M - 1) * q**2) * (M - (1 + b) / q + 2 * b * (1 - b**M) / (M * q**2))
PLANTED = {
    "undertow.noise-averaged-remainder": [SIGMA**4 * D / 8, SIGMA**4 * D / 24 * MU],
    "undertow.injected-fourth-order": [SIGMA**4 * (D / 8 + h / 16 * C)],
    "undertow.injected-loss-with-momentum": [
        SIGMA**2 * (T / (2 * q) + h / 4 * (1 + b) / q**3 * (P + N)),
    ],
    "undertow.momentum-weak-drift": [h / (4 * q), h * (1 + b) / (4 * q**3), h / 4 + 0 * b],
    "undertow.momentum-weak-diffusion": [h / (1 - b**2), h + 0 * b],
    "undertow.momentum-weak-state": [sympy.Integer(0), b, 1 / q],
}


def test_every_claim_has_planted_errors():
    assert PLANTED.keys() == CLAIMS.keys()


@pytest.mark.parametrize(("id", "wrong"), [(i, w) for i, row in PLANTED.items() for w in row])
def test_a_planted_error_falls_by_a_check_that_shares_no_code_with_the_derivation(id, wrong):
    verdicts = {c.name: c.judge(wrong, FAST).passed for c in CLAIMS[id].checks}
    assert False in {passed for name, passed in verdicts.items() if name not in DERIVED}


@pytest.mark.parametrize("id", CLAIMS)
def test_each_check_rejects_something(id):
    for check in CLAIMS[id].checks:
        assert any(check.judge(wrong, FAST).passed is False for wrong in PLANTED[id]), check.name


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("id", [i for i in ALL if not i.startswith("undertow")])
def test_other_seeds_lead_to_the_same_verdict(id, seed):
    assert judge(ALL[id], Settings(digits=20, seed=seed)).as_recorded
