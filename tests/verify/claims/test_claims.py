"""Every claim stands as recorded, and wrong versions of its formula fall."""

import json
from dataclasses import replace

import pytest

import verify.papers  # noqa: F401
from derive.language.formula import BETA, H, K
from verify.claims.certificates import certify
from verify.claims.checks.heavy_ball import HEAVY_BALL, loss_weights
from verify.claims.claim import REGISTRY, Kind, Settings, Verdict
from verify.claims.slots import Value
from verify.claims.sources import BIBTEX
from verify.recheck import redo
from verify.running.digits import DEFAULT_DIGITS

CLAIMS = list(REGISTRY.claims.values())
FAST = Settings(digits=20)
b, k, h = BETA, K, H
SILENT = {
    "no formula": "ghosh2023.gradient-flow ghosh2023.figure-norms ghosh2023.figure-norms-elsewhere "
    "gunasekar2023.gain-not-negative gunasekar2023.deep-small-start gunasekar2023.small-start "
    "gunasekar2023.limits-of-the-minimizer cowsik2022.mixed-mode-bound",
    "order measured": "barakat2021.continuous-adam barakat2021.leapfrog "
    "chavdarova2023.descent-ascent chavdarova2023.extragradient chavdarova2023.optimistic "
    "ghosh2023.batch-interval ghosh2023.gamma-not-needed "
    "undertow.mean-feels-the-variance",
    "bound tried on both sides": "cattaneo2024.penalized-inside cattaneo2024.penalized-outside "
    "defazio2024.late-stability gunasekar2023.gain-sign gunasekar2023.step-size-limit "
    "papazov2024.explicit-inertia papazov2024.no-crossing-of-the-flow "
    "papazov2024.no-crossing-of-the-iteration su2016.rate "
    "woodworth2020.small-initialization-printed",
    "numbers at single places": "cowsik2022.hessian-trace cowsik2022.label-noise-covariance "
    "cowsik2022.sensing-noise even2023.loss-integral ghosh2023.batch-strength-mean "
    "ghosh2023.batch-strength-noise ghosh2023.batch-time-range ghosh2023.figure-minima "
    "ghosh2023.injected-hessian-with-momentum gunasekar2023.alpha-for-sparsity "
    "gunasekar2023.batch-constants gunasekar2023.gaussian-gain gunasekar2023.weighted-limit "
    "undertow.first-order-rule",
}
"""Why a certificate holds nothing that proves its formula, and of which claims."""
PROVES_NOTHING = {id for ids in SILENT.values() for id in ids.split()}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_each_verdict_is_as_recorded_and_its_certificate_holds(claim):
    settings = Settings(digits=DEFAULT_DIGITS if claim.id == "ghosh2023.gamma" else 20)
    result, certificate = certify(claim, settings, {})
    assert result.as_recorded, result.as_json()
    if claim.expected is Verdict.CORRECTED:  # refuted without rounding or truncation
        refuted = {c.kind for c in result.checks if c.name.endswith("printed form rejected")}
        assert refuted - {Kind.ORDER, Kind.SIMULATION}
    found = redo(json.loads(json.dumps(certificate)), claim.id)
    assert bool(found["proves"]) is (claim.id not in PROVES_NOTHING)
    redone = found["redone"]
    assert {check.name for check in claim.checks} <= {c["name"] for c in certificate["checks"]}
    assert sum(redone.values()) == sum(len(check["items"]) for check in certificate["checks"])


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_each_claim_rests_on_two_kinds_of_evidence_and_a_source(claim):
    assert len({check.kind for check in claim.checks}) >= 2
    assert claim.source.key in BIBTEX
    assert claim.source.where
    assert claim.derivation


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.expected is Verdict.CORRECTED], ids=lambda c: c.id
)
def test_a_corrected_claim_says_what_is_right_and_how_to_see_it(claim):
    assert claim.right is not None
    assert claim.because
    assert claim.counterexample
    assert claim.condition or claim.says
    assert any(check.refutes for check in claim.checks)


LATE_GAMMA = 1 - b ** (2 * k + 2) - 4 * k * b ** (k + 1) * (1 - b) / (1 + b)


def test_an_observed_order_cannot_see_an_error_in_gamma_but_a_residual_can():
    """Replacing gamma changes the path by O(h^2) only; see the claim on gamma not being needed."""
    by_kind = {check.kind: check for check in REGISTRY.claims["ghosh2023.gamma"].checks}
    late = REGISTRY.claims["ghosh2023.gamma"].candidate.changed(factor=Value(LATE_GAMMA))
    assert by_kind[Kind.ORDER].judge(late, FAST).passed is True
    assert by_kind[Kind.SERIES].judge(late, FAST).passed is False


def test_the_counterexample_to_the_reduced_flow_has_the_published_size():
    """max error 3.80601255682e-3 at h = 2^-10 for E = x^4/4 + x^2/2, x_0 = 1, beta = 1/2, T = 2."""
    run = replace(HEAVY_BALL, halvings=range(10, 11))

    def follow(flow):
        beta = flow.values["beta"]
        coefficient = flow.h * (1 + beta) / (4 * (1 - beta) ** 2)
        return flow.steady(loss_weights(coefficient, 1 / (1 - beta)))

    (error,) = run.errors(follow, digits=40)
    assert abs(error - 3.80601255682e-3) < 1e-14
