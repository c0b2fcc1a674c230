"""What each rule penalizes at order h, beside what is known of it otherwise."""

import re

import pytest
import sympy
from flint import fmpq

import verify.papers  # noqa: F401
from derive.engine.modified_loss import modified_loss
from derive.engine.order_h import G, coefficient, regularizer
from derive.language.bad_input import BadInput
from derive.language.trees import tree
from derive.optimizers import LIBRARIES, NONLINEAR, ZOO
from verify.claims.claim import REGISTRY, Settings
from verify.report.regularizers import as_json, as_latex, as_text, rows, signs
from verify.report.site import SiteContent, pages

BY_NAME = {row.rule.name: row for row in rows()}
B1, B2, EPS = (sympy.Symbol(name, positive=True) for name in ("beta1", "beta2", "eps"))


def a(beta):
    return (1 + beta) / (1 - beta)


@pytest.mark.parametrize("name", [n for n, rule in ZOO.items() if not rule.game])
def test_linear_rules_have_the_modified_loss_of_their_series(name: str):
    """E + h c w |g|^2/2, of which w = -b of one node is the first flow."""
    rule = ZOO[name]
    values = {p: fmpq(k, 7) for k, p in enumerate(rule.parameters, 2)}
    rule, (flat, pair) = rule.at(**values), (tree("[]"), tree("[[]]"))
    loss = modified_loss(rule, order=2)
    weight = loss.scale.at({}) if hasattr(loss.scale, "at") else loss.scale
    c = coefficient(rule)
    assert c * sympy.Rational(str(weight)) / 2 == sympy.Rational(str(loss.terms[pair].at({})))
    assert flat in loss.terms


def test_adam_is_what_was_found_by_hand():
    """c = (A(beta1) - A(beta2) |g|/(|g| + eps))/2 with A(b) = (1 + b)/(1 - b)."""
    c = BY_NAME["adam"].c
    assert sympy.simplify(c - (a(B1) - a(B2) * G / (G + EPS)) / 2) == 0
    inside = BY_NAME["adam-inside"].c
    assert sympy.simplify(inside - (a(B1) - a(B2) * G**2 / (G**2 + EPS)) / 2) == 0


def test_a_smooth_lion_penalizes_its_norm_by_one_half_and_the_mean_age():
    loss = BY_NAME["lion-smooth"].loss
    assert sympy.simplify(loss - sympy.Rational(1, 2) - B1 / (1 - B2)) == 0


@pytest.mark.parametrize("sign", signs(), ids=lambda sign: str(sign.one))
def test_the_sign_is_that_of_c_on_both_sides_of_where_it_changes(sign):
    c = coefficient(sign.one.setting().exact)
    at = lambda r: c.subs(G, r * sign.scale)  # noqa: E731
    places = [0, *sign.changes, 10**12]
    for low, place, high in zip(places, sign.changes, places[2:], strict=False):
        assert at((low + place) / 2) * at(place * 2 if high == 10**12 else (place + high) / 2) < 0
    assert sympy.sign(at(sympy.Rational(1, 10**15))) == sympy.sign(sign.near)


def test_adam_turns_from_a_penalty_to_a_reward_at_a_hundredth_of_epsilon():
    turns = {str(sign.one): sign.changes for sign in signs()}
    assert turns["torch.Adam"] == turns["optax.adamw"] == (sympy.Rational(19, 1980),)
    assert turns["torch.Adamax"] == turns["optax.contrib.ademamix"] == ()


def test_the_note_on_noise_is_what_the_claim_says():
    says = REGISTRY.find(["undertow.adam-under-noise"])[0].says
    assert says
    beta = sympy.Symbol("beta1")
    less = (1 + 2 * beta) / (1 + beta)
    near = BY_NAME["adam"].near
    assert near is not None
    assert sympy.cancel(near.subs(B1, beta) - less - says.expr("weight")) == 0
    assert "(1 + 2 beta1)/(1 + beta1) less" in re.sub(r"\s+", " ", as_text())


def test_batches_are_felt_by_rules_that_are_linear_in_their_memory():
    beta = sympy.Symbol("beta")
    assert BY_NAME["heavy-ball"].noise == BY_NAME["nesterov"].noise == beta / (1 + beta)
    assert BY_NAME["gradient-descent"].noise == 0
    assert BY_NAME["adam"].noise is None
    assert "d = β/(1+β)" in as_text()


def test_a_norm_of_the_gradient_is_no_coefficient_in_components():
    row = BY_NAME["sam-normalized"]
    assert row.c is None
    assert row.why == "norms couple the components"


def test_every_rule_on_one_loss_is_in_the_table_in_each_format():
    text, found = as_text(), as_json()
    names = {
        r.name for r in (ZOO | NONLINEAR).values() if not (r.game or r.players or r.schedules)
    } - {"lion-k", "muon"}
    assert {row["rule"] for row in found["rules"]} == names
    assert all(re.search(rf"^{name}( |$)", text, re.MULTILINE) for name in names)
    assert all(row.why or f"\n{row.rule.name} & " in as_latex() for row in rows())


def test_a_map_or_a_game_is_refused():
    with pytest.raises(BadInput, match="one loss"):
        regularizer(NONLINEAR["muon"])


def test_the_page_of_the_site_has_a_row_for_each_and_typesets_it():
    html = "".join(pages(SiteContent([], Settings(), optimizers=()))["regularizers.html"])
    assert all(f'<th scope="row">{row.rule.name}</th>' in html for row in rows() if not row.why)
    assert all(f"<li>{name}: " in html for name in LIBRARIES)
    assert "merror" not in html
