"""A statement asserts nothing outside its slots, and what it says was printed is where it says."""

import re
from pathlib import Path

import pytest

import verify.papers  # noqa: F401
from derive.language.formula import BETA, H, K
from verify.claims.claim import REGISTRY, Status, Verdict
from verify.claims.slots import Domain, Instance, Number, Order, Relation, Value, When
from verify.claims.statement import MARK, Statement, Type, asserted
from verify.running.losses import polynomial

CLAIMS = [claim for claim in REGISTRY.claims.values() if claim.says]
QUOTED = [claim for claim in CLAIMS if claim.known and claim.known.quote]
SHARED = Path(__file__).parents[4] / "shared"
TEXTS = {Status.READ: ("papers/*.txt",), Status.SECOND_HAND: ("papers/*.txt", "claims*.md")}
"""Where a quotation stands: in the source, or in what quotes it."""

ARGUED = {"gunasekar2023.weighted-limit": "its reason takes up the printed word 'uniformly'"}
"""Claims whose text holds an assertion outside a slot, and why it has to."""


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_what_is_asserted_stands_in_a_slot(claim):
    slots = claim.says.slots
    for text in (claim.says.text, *claim.told):
        assert claim.id in ARGUED or not asserted(text, slots), text
    shown = {mark[2] for text in (claim.says.text, *claim.told) for mark in MARK.finditer(text)}
    assert shown == set(slots)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_how_the_printed_form_is_known_goes_with_the_verdict(claim):
    assert claim.known is not None
    known = claim.known.status
    assert bool(claim.known.quote) == (known in (Status.READ, Status.SECOND_HAND))
    if claim.expected in (Verdict.CORRECTED, Verdict.PREMISE, Verdict.CONFIRMED):
        assert known in (Status.READ, Status.SECOND_HAND)
    assert (claim.source.key == "undertow") <= (known is Status.OURS)
    assert bool(claim.premise) == (claim.expected is Verdict.PREMISE)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the texts of the sources are not at hand")
@pytest.mark.parametrize("claim", QUOTED, ids=lambda c: c.id)
def test_a_quotation_stands_in_a_text_at_hand(claim):
    wanted = " ".join(claim.known.quote.split())
    paths = (path for glob in TEXTS[claim.known.status] for path in sorted(SHARED.glob(glob)))
    assert any(wanted in " ".join(path.read_text().split()) for path in paths), wanted


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r"Heavy ball is $O(h^2)$-close.", ["O("]),
        (r"It holds for $k\ge1$.", [r"\ge", "1"]),
        (r"The order is 7.", ["7"]),
        (r"It is close over all steps, however drawn.", ["over all steps", "however"]),
        (r"The loss $\hat E:=E+c\lVert\nabla E\rVert^2$ at $x_{k+1}$.", []),
        (r"The factor is $c={factor}$ and {order}.", []),
        (r"The factor is $c={other}$.", ["="]),
    ],
)
def test_digits_relations_and_orders_outside_slots_are_found(text, found):
    slots = {"factor": Value(H / 4), "order": Order(2)}
    assert asserted(text.replace("{other}", "d"), slots) == found


def test_a_type_asks_for_what_it_is_about():
    with pytest.raises(ValueError, match="when"):
        Statement(Type.CLOSENESS, "{order}", {"order": Order(2)})


@pytest.mark.parametrize(
    ("slot", "wrong"),
    [
        (Order(2), ["O(h^3)", "O(h^1)"]),
        (Number("0.0999"), ["0.1000", "0.0998"]),
        (Number("-3"), ["-2", "-4"]),
        (When.EVERY_STEP, ["after start up"]),
        (Relation.AT_MOST, ["below", "equal", "at least", "above"]),
        (Domain((BETA < 1,)), ["beta <= 1", "beta < 2"]),
        (Instance(polynomial(1, (), "x"), {"h": "1/4"}), ["E = x, h = 1/5"]),
        (Value(BETA**K), None),
    ],
    ids=lambda s: getattr(s, "plain", None),
)
def test_every_kind_of_slot_knows_its_wrong_versions(slot, wrong):
    found = [other.plain for _, other in slot.wrong()]
    assert slot.plain not in found
    assert wrong is None or found == wrong
    assert found


def test_a_slot_gives_a_sign_where_a_sum_needs_it():
    for value, shown in ((H / 4, r"$E+\frac{h}{4}F$"), (-H, "$E-hF$")):
        says = Statement(Type.EQUALITY, "$E{+term}F$", {"term": Value(value)})
        assert says.latex == shown


def test_words_do_not_stand_between_dollars():
    slots = {"order": Order(2), "when": When.EVERY_STEP, "factor": Value(H)}
    with pytest.raises(ValueError, match="is words"):
        _ = Statement(Type.EQUALITY, "$x {when} {factor}$", slots).latex


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_the_sentence_is_written_from_the_slots(claim):
    for name, _, wrong in claim.says.wrong():
        if f"{{{name}}}" in claim.says.text:
            assert wrong.latex != claim.says.latex, name
    assert ",," not in claim.sentence
    words = re.sub(r"\\(?:mathrm|operatorname)\{\w+\}", "", claim.sentence)
    assert not re.search(r"\{[a-z]\w{2,}\}", words)
