"""Every claim stands as recorded, and wrong versions of its formula fall."""

import json
from dataclasses import replace

import pytest
import sympy

import verify.papers  # noqa: F401
from derive.language.formula import BETA, H, K
from verify.claims.certificates import certify
from verify.claims.checks.heavy_ball import HEAVY_BALL, loss_weights
from verify.claims.claim import REGISTRY, Kind, Settings, Verdict
from verify.claims.slots import Batches, Losses, Number, Order, Relation, Value, When
from verify.claims.sources import BIBTEX
from verify.recheck import redo
from verify.running.digits import DEFAULT_DIGITS

CLAIMS = list(REGISTRY.claims.values())
FAST = Settings(digits=20)
b, k, h = BETA, K, H


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_each_verdict_is_as_recorded_and_its_certificate_holds(claim):
    settings = Settings(digits=DEFAULT_DIGITS if claim.id == "ghosh2023.gamma" else 20)
    result, certificate = certify(claim, settings, {})
    assert result.as_recorded, result.as_json()
    redone = redo(json.loads(json.dumps(certificate)), claim.id)["redone"]
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


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.expected is Verdict.CORRECTED], ids=lambda c: c.id
)
def test_what_a_corrected_claim_refutes_is_refuted_without_rounding_or_truncation(claim):
    proofs = [c for c in claim.checks if c.refutes and c.kind not in (Kind.ORDER, Kind.SIMULATION)]
    assert any(check.judge(claim.printed_candidate, FAST).passed is False for check in proofs)


# Planted errors: (claim, wrong formula, the kinds of check that must reject it).
GAMMA = 1 - b ** (2 * k + 2) - 4 * (k + 1) * b ** (k + 1) * (1 - b) / (1 + b)
LATE_GAMMA = 1 - b ** (2 * k + 2) - 4 * k * b ** (k + 1) * (1 - b) / (1 + b)
GAMMA_POWER = sympy.Symbol("gamma")
EXACT = {Kind.SYMBOLIC, Kind.ENUMERATION, Kind.SERIES}
COUNTED = {Kind.SYMBOLIC, Kind.ENUMERATION}
PLANTED = [
    ("ghosh2023.gamma", {"factor": Value(LATE_GAMMA)}, EXACT),
    ("ghosh2023.gamma", {"factor": Value(GAMMA.subs(k, k + 1))}, EXACT),
    ("ghosh2023.gamma", {"factor": Value(2 * GAMMA)}, EXACT | {Kind.ORDER}),
    ("ghosh2023.gamma", {"order": Order(7)}, {Kind.ORDER}),
    ("ghosh2023.gamma", {"when": When.AFTER_START_UP}, {Kind.ORDER}),
    ("ghosh2023.shifted-start", {"when": When.EVERY_STEP}, {Kind.ORDER}),
    ("ghosh2023.shifted-start", {"losses": Losses.QUADRATIC}, {Kind.SERIES}),
    ("ghosh2023.modified-loss", {"weight": Value(h * (1 + b) / (4 * (1 - b)))}, {Kind.SERIES}),
    ("ghosh2023.modified-loss", {"weight": Value(h * (1 - b) / (4 * (1 - b) ** 2))}, {Kind.SERIES}),
    ("ghosh2023.modified-loss", {"weight": Value(h * (1 + b) / (2 * (1 - b) ** 2))}, {Kind.SERIES}),
    ("ghosh2023.gradient-descent", {"weight": Value(h / 2)}, {Kind.SERIES, Kind.ORDER}),
    ("ghosh2023.gradient-flow", {"single": Order(3)}, {Kind.SERIES}),
    ("ghosh2023.amplification", {"ratio": Value((1 + b) / (1 - b) ** 2)}, {Kind.BALL, Kind.SERIES}),
    ("ghosh2023.amplification", {"ratio": Value((1 - b) / (1 + b))}, {Kind.BALL, Kind.SERIES}),
    ("ghosh2023.gamma-not-needed", {"factor": Value(sympy.Integer(2))}, {Kind.ENUMERATION}),
    ("ghosh2023.reduced-flow-order", {"error": Number("0.0038061")}, {Kind.SIMULATION}),
    ("ghosh2023.shifted-start", {"shift": Value(-h * b / (1 - b) ** 2)}, {Kind.SERIES}),
    ("ghosh2023.variance-factor", {"factor": Value((1 - b) / (1 + b))}, COUNTED),
    ("ghosh2023.variance-factor", {"limit": Value((1 + b) / (1 - b), "limit")}, {Kind.ENUMERATION}),
    ("ghosh2023.variance-of-history-sum", {"factor": Value((1 - b**k) / (1 - b**2))}, COUNTED),
    ("ghosh2023.variance-of-history-sum", {"batches": Batches.RESHUFFLED}, {Kind.ENUMERATION}),
    ("cowsik2022.jacobian", {"determinant": Value(-b)}, COUNTED),
    ("cowsik2022.stability", {"high": Value(2 * (1 - b), "threshold")}, COUNTED),
    ("cowsik2022.stability", {"above": Relation.AT_LEAST}, {Kind.ENUMERATION}),
    ("cowsik2022.oscillation-threshold", {"low": Value((1 - b) ** 2, "threshold")}, COUNTED),
    ("cowsik2022.zero-modes", {"mixed": Value(sympy.Integer(1))}, COUNTED),
    ("cowsik2022.product", {"product": Value(b**2)}, None),
    ("cowsik2022.slow-rate", {"rate": Value(2 - 2 * GAMMA_POWER, "rate")}, {Kind.BALL}),
    ("cowsik2022.mixed-mode-bound", {"relation": Relation.AT_LEAST}, {Kind.ENUMERATION}),
]


@pytest.mark.parametrize(
    ("id", "wrong", "by"), PLANTED, ids=[f"{row[0]}-{i}" for i, row in enumerate(PLANTED)]
)
def test_a_planted_error_is_rejected(id, wrong, by):
    claim = REGISTRY.claims[id]
    planted = claim.says.changed(**wrong) if claim.says else wrong
    rejecting = {c.kind for c in claim.checks if c.judge(planted, FAST).passed is False}
    everyone = {check.kind for check in claim.checks}
    assert rejecting >= (everyone if by is None else by)


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
