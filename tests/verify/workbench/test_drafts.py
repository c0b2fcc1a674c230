"""Drafts of claims: good ones stand, planted errors fall, bad files are told where they are bad."""

from pathlib import Path

import pytest

from derive.language.formula import Formula
from derive.language.update_rule import BadInput
from verify.claims.claim import Kind, Settings, Verdict
from verify.claims.judging import ClaimResult, judge
from verify.claims.mutants import put_to_the_test, with_survivors
from verify.claims.statement import Type
from verify.formulas.asked import DRAFTED
from verify.formulas.reading import Unreadable
from verify.report.terminal import statement
from verify.workbench.draft_reading import read_condition
from verify.workbench.draft_template import write_template
from verify.workbench.drafts import Draft, find_drafts, load_draft, load_drafts

FAST = Settings(digits=20)
HEAVY_BALL = "h*(1 + beta)/(4*(1 - beta)**2)"
GAMMA = "1 - beta**(2*k + 2) - 4*(k + 1)*beta**(k + 1)*(1 - beta)/(1 + beta)"
SHIFT = "h*beta/(1 - beta)**2"


@pytest.fixture
def draft(tmp_path: Path):
    """Writes a draft from its parts and reads it."""

    def load(
        formula: str,
        quantity: str = "modified-loss",
        optimizer: str = "heavy-ball",
        *,
        expected: str = "confirmed",
        about: str = "claimed_order = 2",
        notation: str = "",
        order: int = 1,
    ) -> Draft:
        path = tmp_path / "draft.toml"
        formula = formula if "=" in formula else f'printed = "{formula}"'
        path.write_text(
            f"""id = "mine.formula"
statement = 'It is {{formula}}.'
expected = "{expected}"
[source]
key = "mine"
where = "equation (1)"
[formula]
{formula}
[about]
optimizer = "{optimizer}"
quantity = "{quantity}"
order = {order}
{about}
[notation]
{notation}
""",
            encoding="utf-8",
        )
        return load_draft(path)

    return load


def failing(result: ClaimResult) -> list[str]:
    return [check.name for check in result.checks if not check.passed]


def test_the_template_stands_as_it_is_written(tmp_path: Path):
    path = tmp_path / "first try.toml"
    write_template(path)
    claim, second, *others = load_drafts(path)
    result = judge(claim, FAST)
    assert claim.id == "mypaper2026.first-try"
    assert result.verdict is Verdict.CONFIRMED
    assert {check.kind for check in result.checks} == {Kind.SYMBOLIC, Kind.SERIES, Kind.ORDER}
    assert "is O(h²)-close at a fixed time, once the start-up is over, to" in statement(claim)
    assert statement(claim).endswith("of E + h(1+β)/(4(1−β)²)‖∇E‖², for every smooth loss.")
    assert second.id == "mypaper2026.first-try-next"
    assert judge(second, FAST).verdict is Verdict.DERIVED
    assert {c.type for c in (claim, second, *others)} == set(Type)
    assert all(judge(other, FAST).verdict is Verdict.DERIVED for other in others)
    assert claim.formula.conditions == r"0\le \beta<1,\ h>0"


def test_every_commented_field_of_the_template_can_be_used(tmp_path: Path):
    path = tmp_path / "draft.toml"
    write_template(path)
    text = path.read_text(encoding="utf-8")
    for name in ("bibtex", "right", "because", "counterexample", "condition", "set", "lr", "mu"):
        assert f"\n# {name} = " in text
        text = text.replace(f"\n# {name} = ", f"\n{name} = ")
    text = text.replace('expected = "confirmed"', 'expected = "corrected"', 1)
    text = text.replace(
        'printed = "h*(1 + beta)/(4*(1 - beta)**2)"', 'printed = "lr/(4*(1 - mu))"', 1
    )
    path.write_text(text, encoding="utf-8")
    claim, *_ = load_drafts(path)
    assert claim.bibtex.startswith("@misc")
    assert claim.condition
    assert claim.because
    assert claim.counterexample
    assert judge(claim, FAST).verdict is Verdict.CORRECTED


def test_the_template_is_not_written_over_a_file(tmp_path: Path):
    path = tmp_path / "draft.toml"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(BadInput, match="exists already"):
        write_template(path)
    assert path.read_text(encoding="utf-8") == "mine"
    write_template(path, force=True)
    assert len(load_drafts(path)) == 6
    with pytest.raises(BadInput, match="holds 6 claims"):
        load_draft(path)
    with pytest.raises(BadInput, match="cannot be written"):
        write_template(tmp_path / "nowhere" / "draft.toml")


RIGHT = [
    ("modified-loss", "heavy-ball", HEAVY_BALL),
    ("modified-loss", "nesterov", "h*(1 - beta + 2*beta**2)/(4*(1 - beta)**2)"),
    ("modified-loss", "gradient-descent", "h/4"),
    ("modified-loss-unscaled", "heavy-ball", "h*(1 + beta)/(4*(1 - beta)**3)"),
    ("transient-factor", "heavy-ball", GAMMA),
    ("initial-shift", "heavy-ball", SHIFT),
    ("initial-shift", "torch-sgd", "h*(momentum - dampening)/(1 - momentum)**2"),
    ("discrete-modified-loss", "nesterov", "h*beta**2/(2*(1 - beta)**2)"),
]


@pytest.mark.parametrize(("quantity", "optimizer", "formula"), RIGHT, ids=lambda v: v[:25])
def test_a_right_formula_is_confirmed(draft, quantity, optimizer, formula):
    result = judge(draft(formula, quantity, optimizer), FAST)
    assert result.verdict is Verdict.CONFIRMED, result.as_json()
    assert len(result.checks) == 3


@pytest.mark.parametrize(("quantity", "optimizer", "formula"), RIGHT, ids=lambda v: v[:25])
def test_a_wrong_factor_is_not_confirmed_and_every_check_says_so(
    draft, quantity, optimizer, formula
):
    result = judge(draft(f"2*({formula})", quantity, optimizer), FAST)
    assert result.verdict is Verdict.REFUTED
    assert len(failing(result)) == 3
    assert all(check.passed is False for check in result.checks)
    assert not result.as_recorded


@pytest.mark.parametrize(
    ("quantity", "wrong", "by"),
    [
        ("modified-loss", "-h*(1 + beta)/(4*(1 - beta)**2)", 3),
        ("modified-loss", "(1 + beta)/(4*(1 - beta)**2)", 3),
        ("modified-loss", "h*(1 + beta)/(4*(1 - beta)**3)", 3),
        ("initial-shift", "0", 3),
        ("initial-shift", "h*beta/(1 - beta)", 3),
        # moves the path by O(h^2) only: the observed order cannot see it
        ("transient-factor", GAMMA.replace("(k + 1)*beta", "k*beta"), 2),
        ("transient-factor", "1", 2),
    ],
)
def test_a_planted_error_falls(draft, quantity, wrong, by):
    result = judge(draft(wrong, quantity), FAST)
    assert result.verdict is Verdict.REFUTED
    assert len(failing(result)) >= by


@pytest.mark.parametrize("infinite", ["1/h", "h/(2*beta - 1)"])
def test_a_formula_that_is_infinite_where_it_is_tried_falls(draft, infinite):
    result = judge(draft(infinite, about=""), FAST)
    assert [check.passed for check in result.checks] == [False, False]


def test_the_evidence_says_what_is_right_and_which_slip_it_was(draft):
    symbolic, residual, _ = judge(draft(f"2*{HEAVY_BALL}"), FAST).checks
    assert "derived is h*(1 + beta)/(4*(1 - beta)**2)" in symbolic.figure
    assert "over it is 2" in symbolic.figure
    assert "a factor 2" in symbolic.figure
    assert "h^2 is left at beta = 1/2 on E = " in residual.figure


def test_what_stands_in_another_normalization_is_named(draft):
    symbolic, *_ = judge(draft("h*(1 + beta)/(4*(1 - beta)**3)"), FAST).checks
    assert "heavy-ball:modified-loss-unscaled" in symbolic.figure


def test_a_printed_error_with_its_correction_is_corrected(draft):
    claim = draft(f'printed = "h*(1 + beta)/4"\nright = "{HEAVY_BALL}"', expected="corrected")
    result = judge(claim, FAST)
    assert result.verdict is Verdict.CORRECTED
    assert result.as_recorded
    assert [check.name for check in result.checks].count("observed order, printed form rejected")
    assert isinstance(claim.right, Formula)
    assert claim.right.name != claim.printed.name


@pytest.mark.parametrize(
    "formulas",
    [
        f'printed = "{HEAVY_BALL}"\nright = "{HEAVY_BALL}"',  # nothing was wrong
        f'printed = "{HEAVY_BALL}"\nright = "2*{HEAVY_BALL}"',
        'printed = "h/4"\nright = "h/2"',
    ],
)
def test_a_wrong_correction_does_not_stand(draft, formulas):
    result = judge(draft(formulas, expected="corrected"), FAST)
    assert result.verdict is Verdict.REFUTED
    assert failing(result)


def test_a_wrong_transient_is_corrected_without_the_order_that_cannot_see_it(draft):
    late = GAMMA.replace("(k + 1)*beta", "k*beta")
    claim = draft(
        f'printed = "{late}"\nright = "{GAMMA}"', "transient-factor", expected="corrected"
    )
    assert judge(claim, FAST).verdict is Verdict.CORRECTED


def test_a_closeness_that_is_claimed_too_high_is_not_confirmed(draft):
    result = judge(draft(HEAVY_BALL, about="claimed_order = 3"), FAST)
    assert result.verdict is Verdict.REFUTED
    assert failing(result) == ["observed order"]


def test_without_a_claimed_order_none_is_checked(draft):
    result = judge(draft(HEAVY_BALL, about=""), FAST)
    assert result.verdict is Verdict.CONFIRMED
    assert len(result.checks) == 2


def test_latex_sums_and_the_papers_own_letters_are_read(draft):
    latex = r"printed_latex = '\frac{\eta(1+\mu)}{4(1-\mu)^2}'"
    letters = 'eta = "h"\nmu = "beta"'
    assert judge(draft(latex, notation=letters), FAST).verdict is Verdict.CONFIRMED
    square = "(Sum(beta**r, (r, 0, k)))**2"
    history = "2*Sum(beta**(k - r)*((1 - beta**(r + 1))/(1 - beta))**2, (r, 0, k - 1))"
    gamma = f"({square} + {history})*(1 - beta)**3/(1 + beta)"
    assert judge(draft(gamma, "transient-factor"), FAST).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize("value", ["9/10", "1/20"])
def test_a_parameter_may_have_a_fixed_value(draft, value):
    claim = draft(HEAVY_BALL, about=f'claimed_order = 2\nset = {{ beta = "{value}" }}')
    assert judge(claim, FAST).verdict is Verdict.CONFIRMED


def test_assumptions_choose_the_values_that_are_tried(draft):
    text = f'printed = "{HEAVY_BALL}"\nassumptions = ["19/20 < beta < 1"]'
    residual = judge(draft(f"{text}".replace("h*", "2*h*")), FAST).checks[1]
    beta = residual.figure.partition("beta = ")[2].split()[0]
    top, bottom = map(int, beta.split("/"))
    assert 19 / 20 < top / bottom < 1


def test_a_rule_of_ones_own_is_found_beside_the_draft(draft, tmp_path):
    (tmp_path / "rules.py").write_text(
        "from derive import optimizer\n\n\n"
        '@optimizer(state=("m",), parameters=("c",))\n'
        "def half(x, m, grad, h, *, c):\n"
        "    m = m / 2 - h * grad(x - c * h * grad(x))\n"
        "    return x + m, m\n",
        encoding="utf-8",
    )
    claim = draft("h*(3 - c)/2", optimizer="rules.py:half")
    result = judge(claim, FAST)
    assert result.verdict is Verdict.CONFIRMED, result.as_json()


@pytest.mark.parametrize("quantity", DRAFTED)
def test_what_a_rule_does_not_have_is_said(draft, quantity):
    if quantity in ("transient-factor", "initial-shift"):
        assert draft("0", quantity, "extragradient")
        return
    with pytest.raises(BadInput, match=r"draft\.toml:11: about\.quantity .*no loss stands"):
        draft("0", quantity, "extragradient")


GOOD = r"""id = "mine.formula"
statement = 'It is $x$, {formula}.'
expected = "confirmed"

[source]
key = "mine"
where = "equation (1)"

[formula]
printed = "h/4"
assumptions = ["h > 0"]

[about]
optimizer = "gradient-descent"
quantity = "modified-loss"
order = 1

[notation]
lr = "h"
"""
BAD = [
    # no TOML
    ('id = "mine.formula"', "id = mine.formula", 1, "id: invalid value"),
    ('printed = "h/4"', 'printed = "h/4', 10, "printed: illegal character"),
    ('printed = "h/4"', r'printed_latex = "\h/4"', 10, "single quotes"),
    ('[notation]\nlr = "h"', "[notation", 18, 'name = "text"'),
    # a field that is missing, unknown or of the wrong kind
    ('where = "equation (1)"\n', "", 5, "source.where is missing; write where = "),
    ('expected = "confirmed"\n', "", 1, "expected is missing"),
    ('printed = "h/4"\n', "", 9, "formula.printed is missing"),
    (
        'key = "mine"',
        'kee = "mine"',
        6,
        "source.kee is no field of a draft; did you mean source.key",
    ),
    ('key = "mine"', 'key = " "', 6, "source.key is empty"),
    ('key = "mine"', "key = 3", 6, "source.key is 3, which is not a text"),
    ("order = 1", 'order = "one"', 16, "about.order is 'one', which is not a whole number"),
    ("order = 1", "order = true", 16, "about.order is True, which is not a whole number"),
    ("order = 1", "order = 9", 16, "about.order is 9; modified-loss has orders 0 ... 4"),
    ("order = 1", "claimed_order = 0", 16, "an order is at least 1"),
    ('assumptions = ["h > 0"]', 'assumptions = "h > 0"', 11, "which is not a list of texts"),
    ('assumptions = ["h > 0"]', "assumptions = [0]", 11, "something else than texts"),
    ('[source]\nkey = "mine"\nwhere = "equation (1)"', 'source = "mine"', 5, "a table, [source]"),
    # a value that cannot be used
    ('id = "mine.formula"', 'id = "ghosh2023.gamma"', 1, "built in"),
    ('id = "mine.formula"', 'id = "a b"', 1, "use letters"),
    ('id = "mine.formula"', 'id = "draft.toml"', 1, "use letters"),
    ("$x$, {formula}", "nothing", 2, "statement has {formula} once"),
    ("'It is $x$, {formula}.'", r'"\beta {formula}"', 2, "put LaTeX between single quotes"),
    ("'It is $x$, {formula}.'", r'"\nabla {formula}"', 2, "put LaTeX between single quotes"),
    ('"confirmed"', '"true"', 3, "use one of confirmed, derived, corrected, refuted, open."),
    ('"confirmed"', '"confirm"', 3, "did you mean 'confirmed'?"),
    ('"confirmed"', '"corrected"', 3, "formula.right has to say what is right"),
    ('"h/4"', '"h/4"\nright = "h/2"', 3, "where formula.right is given"),
    ('"h/4"', "\"h/4\"\nprinted_latex = 'h/4'", 11, "says again what formula.printed says"),
    ('where = "equation (1)"', "bibtex = '@misc{you,}'\nwhere = 'x'", 7, "an entry for mine"),
    ('"gradient-descent"', '"gradient-decent"', 14, "Did you mean 'gradient-descent'?"),
    ('"gradient-descent"', '"no.py:rule"', 14, "no.py is not a file"),
    ("order = 1", 'set = { beta = "1/2" }', 16, "has no parameter 'beta'"),
    ('"modified-loss"', '"modified-los"', 15, "did you mean 'modified-loss'?"),
    ('lr = "h"', 'lr = "eta"', 19, "notation.lr is 'eta'; it stands for one of h, k"),
    ('lr = "h"', "lr = 1", 19, "notation.lr is 1"),
    # a formula or an assumption that cannot be read
    ('"h/4"', '"h/(4"', 10, "formula.printed cannot be read: "),
    ('"h/4"', '"h*alpha/4"', 10, "'alpha' at character 3"),
    ('"h/4"', '"h*k/4"', 10, "formula.printed cannot be read: 'k'"),
    ('"h/4"', '"sqrt(h)/4"', 10, "no rational function of h"),
    ('"h/4"', '"__import__(1)"', 10, "formula.printed cannot be read: "),
    ('["h > 0"]', '["h"]', 11, "'h' compares nothing"),
    ('["h > 0"]', '["h > 0", "rho < 1"]', 11, "'rho' at character 1"),
    ('["h > 0"]', '["h = 1"]', 11, "about.set"),
    ('["h > 0"]', '["1 < 2"]', 11, "says nothing of a symbol"),
]


@pytest.mark.parametrize(("old", "new", "line", "said"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_a_bad_draft_is_told_in_one_sentence_with_its_line(tmp_path, old, new, line, said):
    path = tmp_path / "draft.toml"
    assert GOOD.count(old) >= 1
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load_draft(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: ")
    assert said in message
    assert "\n" not in message
    assert message[-1] in ".?)"


def test_the_draft_that_the_bad_ones_come_from_is_good(tmp_path):
    path = tmp_path / "draft.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert judge(load_draft(path), FAST).as_recorded


def test_a_file_that_is_none_or_no_text_is_named(tmp_path):
    with pytest.raises(BadInput, match="is not a file; 'undertow claim new"):
        load_draft(tmp_path / "draft.toml")
    path = tmp_path / "latin.toml"
    path.write_bytes(b'id = "x"\nstatement = "\xe9"\n')
    with pytest.raises(BadInput, match=r"latin\.toml:2: the text is not UTF-8"):
        load_draft(path)


def test_values_that_nothing_obeys_are_refused(draft):
    with pytest.raises(BadInput, match=r":9: formula\.assumptions does not work: no values"):
        draft(f'printed = "{HEAVY_BALL}"\nassumptions = ["beta > 2"]')


def test_a_condition_is_read_from_both_sides():
    names = ["beta", "nu"]
    assert str(read_condition("0 <= beta", names=names)) == "beta >= 0"
    assert str(read_condition("nu = beta", names=names)) == "Eq(nu, beta)"
    assert str(read_condition("0 <= b < 1", names=names, aliases={"b": "beta"})) == (
        "(beta >= 0) & (beta < 1)"
    )
    assert read_condition(r"\frac12 < \beta", names=names) == read_condition(
        "beta > 1/2", names=names
    )
    for text in ("beta", "beta <", "< 1", "beta <> 1", "beta => 1", "1 < 2", "beta === 1", ""):
        with pytest.raises(Unreadable):
            read_condition(text, names=names)


@pytest.mark.parametrize(
    ("quantity", "order", "about", "right", "wrong"),
    [
        ("modified-flow", 1, "", "-h*(1+beta)/(2*(1-beta)^3)", "-h*(1+beta)/(2*(1-beta)^2)"),
        (
            "modified-flow", 2, 'tree = "[[[]]]"',
            "-h^2*(1+4*beta+beta^2)/(3*(1-beta)^5)", "-h^2*(1+4*beta)/(3*(1-beta)^5)",
        ),
        (
            "one-step-map", 1, "", "-h/(1-beta)", "-h",
        ),
    ],
)  # fmt: skip
def test_any_quantity_at_any_order_is_derived_again_and_run(
    draft, quantity, order, about, right, wrong
):
    assert judge(draft(right, quantity, about=about, order=order), FAST).verdict == "confirmed"
    refused = judge(draft(wrong, quantity, about=about, order=order), FAST)
    assert [check.passed for check in refused.checks] == [False, False]


def test_a_tree_is_asked_for_where_an_order_has_several(draft):
    with pytest.raises(BadInput, match=r"about\.tree is ''; at order 2 it is"):
        draft("h^2", "modified-flow", about="", order=2)


def closeness(**changes: str) -> str:
    """A file with one claim of heavy ball, a closeness, with some fields changed."""
    fields = {
        "type": '"closeness"',
        "statement": r"'Heavy ball is {order}-close {when} to $E{+formula}S$, for {losses}.'",
        "expected": '"confirmed"',
        "printed": f'"{HEAVY_BALL}"',
        "quantity": '"modified-loss"',
        "claimed_order": "2",
        "when": '"after start up"',
        "losses": '"every"',
        **changes,
    }
    top = "".join(f"{name} = {fields[name]}\n" for name in ("type", "statement", "expected"))
    about = "".join(
        f"{name} = {fields[name]}\n"
        for name in ("quantity", "claimed_order", "when", "losses")
        if fields[name]
    )
    return (
        f'[[claim]]\nid = "mine.close"\n{top}'
        'source = { key = "mine", where = "(1)", known = "read", quote = "close" }\n'
        f"[claim.formula]\nprinted = {fields['printed']}\n{fields.get('more', '')}"
        f'[claim.about]\noptimizer = "heavy-ball"\norder = 1\n{about}'
    )


EQUALITY = r"""
[[claim]]
id = "mine.equal"
type = "equality"
statement = 'Its flow has the term ${formula}HHg$.'
expected = "refuted"
source = { key = "mine", where = "(2)" }
formula = { printed = "-h**2*(1 + 4*beta)/(3*(1 - beta)**5)" }
about = { optimizer = "heavy-ball", quantity = "modified-flow", order = 2, tree = "[[[]]]" }
"""


@pytest.fixture
def typed(tmp_path: Path):
    """Writes a file of several claims and reads it."""

    def load(text: str) -> list[Draft]:
        path = tmp_path / "several.toml"
        path.write_text(text, encoding="utf-8")
        return load_drafts(path)

    return load


def test_a_file_holds_several_claims_of_different_types_and_orders(typed):
    claims = typed(closeness() + EQUALITY)
    assert [(c.id, c.type) for c in claims] == [
        ("mine.close", "closeness"),
        ("mine.equal", "equality"),
    ]
    results = [judge(claim, FAST) for claim in claims]
    assert [r.verdict for r in results] == [Verdict.CONFIRMED, Verdict.REFUTED]
    assert all(r.as_recorded for r in results)
    assert [slot["kind"] for slot in results[0].as_json()["slots"]] == [
        "formula",
        "order",
        "when",
        "losses",
    ]
    path = claims[0].path
    assert [c.handle for c in claims] == [f"{path}:{c.id}" for c in claims]
    assert [c.id for c in find_drafts(claims[1].handle)] == ["mine.equal"]
    with pytest.raises(BadInput, match=r"holds no claim 'mine'; it holds mine\.close, mine\.equal"):
        find_drafts(f"{path}:mine")


def test_every_wrong_version_of_every_slot_is_rejected(typed):
    (claim,) = typed(closeness())
    result = with_survivors(judge(claim, FAST), FAST)
    assert result.verdict is Verdict.CONFIRMED, result.survivors
    assert {slot for slot, _, _ in claim.wrong()} == {"formula", "order", "when", "losses"}
    tried = put_to_the_test(claim, FAST)
    assert not tried.survivors
    assert {t.slot for t in tried.tried} == {"formula", "order", "when", "losses"}


@pytest.mark.parametrize(
    "change",
    [
        {"claimed_order": "3"},
        {"when": '"every step"'},
        {"losses": '"quadratic"'},
        {"printed": '"h*(1 + beta)/(4*(1 - beta))"'},
    ],
    ids=str,
)
def test_a_draft_with_one_wrong_slot_is_refuted(typed, change):
    result = judge(typed(closeness(**change))[0], FAST)
    assert result.verdict is Verdict.REFUTED
    assert not result.as_recorded


def test_a_printed_formula_is_corrected_in_its_slot(typed):
    (claim,) = typed(
        closeness(
            printed='"h*(1 + beta)/4"', more=f'right = "{HEAVY_BALL}"\n', expected='"corrected"'
        )
    )
    result = judge(claim, FAST)
    assert result.verdict is Verdict.CORRECTED, result.as_json()
    assert result.as_recorded
    assert "4(1-" not in claim.printed_sentence.replace(" ", "")


@pytest.mark.parametrize("infinite", ["1/h", "h/(2*beta - 1)"])
def test_a_closeness_with_an_infinite_formula_is_refuted(typed, infinite):
    result = judge(typed(closeness(printed=f'"{infinite}"'))[0], FAST)
    assert result.verdict is Verdict.REFUTED


def test_the_start_up_of_a_history_sum_is_close_at_every_step(typed):
    square = "(Sum(beta**r, (r, 0, k)))**2"
    history = "2*Sum(beta**(k - r)*((1 - beta**(r + 1))/(1 - beta))**2, (r, 0, k - 1))"
    (claim,) = typed(
        closeness(
            printed=f'"({square} + {history})*(1 - beta)**3/(1 + beta)"',
            quantity='"transient-factor"',
            when='"every step"',
        )
    )
    assert judge(claim, FAST).verdict is Verdict.CONFIRMED


def test_the_iterates_of_gradient_descent_are_close_at_every_step(typed):
    text = closeness(printed='"h/4"', when='"every step"')
    (claim,) = typed(text.replace("heavy-ball", "gradient-descent"))
    assert judge(claim, FAST).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            closeness(type='"limit"'),
            13,
            "about.claimed_order belongs to type = 'closeness' or 'existence'; remove it",
        ),
        (closeness(type='"close"'), 3, "did you mean 'closeness'?"),
        (closeness(type='"equality"'), 13, "about.claimed_order belongs to type"),
        (closeness(claimed_order=""), 9, "about.claimed_order is missing; write claimed_order = 2"),
        (closeness(when='"later"'), 14, "use one of every step, after start up"),
        (closeness(losses=""), 9, "about.losses is missing"),
        (closeness(quantity='"modified-flow"', claimed_order=""), 3, "an equality may have any"),
        (closeness(statement="'{formula} {when} {losses}'"), 4, "has no {order}"),
        (
            closeness(statement="'{order} {formula} {when} {losses}, and $h<1$'"),
            4,
            "asserts '<' beside its slots",
        ),
        (closeness(statement="'{order} {formula} ${when}$ {losses}'"), 4, "cannot be written"),
        (f'id = "x"\n{closeness()}', 1, "id stands outside of the claims"),
        (closeness().replace('type = "closeness"\n', ""), 1, "type is missing"),
        ('claim = "x"\n', 1, "begin each claim with [[claim]]"),
        (closeness() + EQUALITY.replace("[[[]]]", "[[]]"), 24, "about.tree is '[[]]'"),
    ],
)
def test_a_bad_claim_among_several_is_told_with_its_line(typed, text, line, said):
    with pytest.raises(BadInput) as caught:
        typed(text)
    message = str(caught.value)
    assert f"several.toml:{line}: " in message, message
    assert said in message
