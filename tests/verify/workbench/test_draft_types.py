"""Drafts of limits, inequalities, thresholds and existence: right ones stand, with every wrong
version of every slot rejected, and planted errors are refuted."""

import re
from pathlib import Path

import pytest

from derive.language.update_rule import BadInput
from verify.claims.claim import Kind, Settings, Verdict
from verify.claims.judging import judge
from verify.claims.mutants import put_to_the_test, with_survivors
from verify.workbench.drafts import Draft, load_draft

FAST = Settings(digits=20)

LIMIT = r"""
id = "mine.limit"
type = "limit"
statement = 'With $c:={left}$, $c={formula}+{error}$ as {regime}.'
expected = "derived"
source = { key = "mine", where = "(1)", known = "ours" }
[formula]
left = "beta/(1 - beta*h)"
printed = "beta + h*beta**2"
assumptions = ["0 < beta < 1", "h > 0"]
[about]
symbols = ["beta"]
variable = "h"
to = "0"
error = 2
"""
OF_A_RULE = r"""
id = "mine.weight"
type = "limit"
statement = 'What stands beside $\lVert\nabla E\rVert^2$ is ${formula}$ and {error} as {regime}.'
expected = "derived"
source = { key = "mine", where = "(1)", known = "ours" }
[formula]
printed = "h/(2*(1 - beta)**2)"
[about]
optimizer = "heavy-ball"
quantity = "modified-loss"
variable = "beta"
to = "1"
error = -1
"""
INEQUALITY = r"""
id = "mine.bound"
type = "inequality"
statement = 'With $c:={left}$, {domain} gives $c{relation}{formula}$; they meet at {sharp}.'
expected = "derived"
source = { key = "mine", where = "(2)", known = "ours" }
[formula]
left = "a**2"
printed = "a"
[about]
symbols = ["a"]
relation = "<="
equal_at = { a = "1" }
domain = ["0 <= a", "a <= 1"]
"""
THRESHOLD = r"""
id = "mine.stable"
type = "threshold"
statement = 'On $E:=\tfrac L2x^2$ heavy ball {property} for $h{relation}{formula}$.'
expected = "derived"
source = { key = "mine", where = "(3)", known = "ours" }
[formula]
printed = "2*(1 + beta)/L"
[about]
optimizer = "heavy-ball"
variable = "h"
relation = "<"
property = "settles"
"""
EXISTENCE = r"""
id = "mine.loss"
type = "existence"
statement = 'The flow of heavy ball is the gradient of a loss below {order}.'
expected = "derived"
source = { key = "mine", where = "(4)", known = "ours" }
[about]
optimizer = "heavy-ball"
quantity = "modified-loss"
claimed_order = 2
"""
MEANS = r"""
id = "mine.means"
type = "inequality"
statement = 'With $c:={left}$, $c{relation}{formula}$; they meet at {sharp}.'
expected = "derived"
source = { key = "mine", where = "(5)", known = "ours" }
[formula]
left = "a*b"
printed = "(a + b)**2/4"
assumptions = ["a > 0", "b > 0"]
[about]
symbols = ["a", "b"]
relation = "<="
equal_at = { a = "2", b = "2" }
"""
WEIGHT = r"""
id = "mine.larger"
type = "inequality"
statement = 'Beside $\lVert\nabla E\rVert^2$ stands $c{relation}{formula}$; they meet at {sharp}.'
expected = "derived"
source = { key = "mine", where = "(6)", known = "ours" }
[formula]
printed = "h/(4*(1 - beta))"
assumptions = ["0 < beta < 1"]
[about]
optimizer = "heavy-ball"
quantity = "modified-loss"
relation = ">"
equal_at = { beta = 0 }
"""
NOT_SHARP = (('equal_at = { a = "2", b = "2" }\n', ""), ("; they meet at {sharp}", ""))
EQUALITY = r"""
id = "mine.equal"
type = "equality"
statement = 'For {domain} it is {formula}.'
expected = "confirmed"
source = { key = "mine", where = "(7)", known = "read", quote = "a few words" }
[formula]
printed = "h*(1 + beta)/(4*(1 - beta)**2)"
[about]
optimizer = "heavy-ball"
quantity = "modified-loss"
domain = ["-1 < beta", "beta < 1"]
"""


@pytest.fixture
def load(tmp_path: Path):
    """Writes a draft, with some text of it exchanged, and reads it."""

    def read(text: str, *changes: tuple[str, str]) -> Draft:
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path = tmp_path / "draft.toml"
        path.write_text(text.lstrip(), encoding="utf-8")
        return load_draft(path)

    return read


RIGHT = [
    (LIMIT,),
    (LIMIT, ('printed = "beta + h*beta**2"', 'printed = "beta"'), ("error = 2", "error = 1")),
    (LIMIT, ('to = "0"', 'to = "infinity"'), ('"beta + h*beta**2"', '"-1/h"')),
    (OF_A_RULE,),
    (INEQUALITY,),
    (INEQUALITY, ('"<="', '"<"'), ('"0 <= a", "a <= 1"', '"0 < a", "a < 1"')),
    (INEQUALITY, ('"<="', '"<"'), ('"0 <= a", "a <= 1"', '"0 < a", "a < 1"'), ('"a**2"', '"a"'),
     ('"a"\n[', '"sqrt(a)"\n[')),
    (MEANS,), (MEANS, ("(a + b)**2/4", "((a + b)/2)**2")),
    (WEIGHT,),
    (MEANS, *NOT_SHARP, ('"<="', '"<"'), ("**2/4", "**2")),
    (THRESHOLD,),
    (THRESHOLD, ('"<"', '"<="'), ('"settles"', '"stays bounded"')),
    (THRESHOLD, ('"<"', '"<="'), ('"settles"', '"keeps its side"'),
     ('"2*(1 + beta)/L"', '"(1 - sqrt(beta))**2/L"\nassumptions = ["0 < beta"]')),
    (THRESHOLD, ('"heavy-ball"', '"nesterov"'),
     ('/L"', '/(L*(1 + 2*beta))"\nassumptions = ["0 <= beta"]')),
    (THRESHOLD, ('variable = "h"', 'variable = "L"'), ('beta)/L"', 'beta)/h"')),
    (EXISTENCE,),
    (EXISTENCE, ('"heavy-ball"', '"gradient-descent"')),
    (EXISTENCE, ('"heavy-ball"', '"nesterov"'), ('"modified-loss"', '"discrete-modified-loss"')),
]  # fmt: skip


@pytest.mark.parametrize(
    "parts", RIGHT, ids=lambda p: "-".join(c[1][:12] for c in p[1:]) or p[0][7:16]
)
def test_a_right_draft_stands_with_its_wrong_versions_rejected(load, parts):
    claim = load(*parts)
    result = with_survivors(judge(claim, FAST), FAST)
    assert result.verdict is Verdict.DERIVED, (result.as_json(), result.survivors)
    assert result.as_recorded


REFUTED = [
    # the leading term, its error one too low and one too high, the end
    (LIMIT, ('"beta + h*beta**2"', '"beta + 2*h*beta**2"')),
    (LIMIT, ('"beta + h*beta**2"', '"beta + 1000001*h*beta**2/1000000"')),
    (LIMIT, ("error = 2", "error = 3")),
    (LIMIT, ("error = 2", "error = 1")),
    (LIMIT, ('to = "0"', 'to = "1"')),
    (LIMIT, ('to = "0"', 'to = "infinity"')),
    (OF_A_RULE, ("(2*(1", "(4*(1")),
    (OF_A_RULE, ("error = -1", "error = 0")),
    # the sides exchanged, a bound that is too small, one that is not met, a domain off by one
    (INEQUALITY, ('"<="', '">="')),
    (INEQUALITY, ('"<="', '"<"')),
    (INEQUALITY, ('"a"\n[', '"a/2"\n[')),
    (INEQUALITY, ('"a"\n[', '"2*a"\n[')),
    (INEQUALITY, ('equal_at = { a = "1" }', 'equal_at = { a = "1/2" }')),
    (INEQUALITY, ('"a <= 1"', '"a <= 2"')),
    (INEQUALITY, ('"a <= 1"', '"a < 1"')),
    (INEQUALITY, ('"0 <= a"', '"1/2 <= a"')),
    (MEANS, ("a*b", "a*b + (a - b)**2/2")),
    (MEANS, ("**2/4", "**2/4 + (a - b)/1000000")),
    (WEIGHT, ('">"', '"<"')),
    (WEIGHT, ("(4*(1", "(3*(1")),
    # half the bound, the bound of another method, the edge, the other side, another property
    (THRESHOLD, ("2*(1 + beta)", "(1 + beta)")),
    (THRESHOLD, ("2*(1 + beta)", "2000001/1000000*(1 + beta)")),
    (THRESHOLD, ("2*(1 + beta)", "2")),
    (THRESHOLD, ('"<"', '"<="')),
    (THRESHOLD, ('"<"', '">"')),
    (THRESHOLD, ('"settles"', '"stays bounded"')),
    (THRESHOLD, ('"settles"', '"keeps its side"')),
    (THRESHOLD, ('"heavy-ball"', '"nesterov"')),
    (EXISTENCE, ("claimed_order = 2", "claimed_order = 1")),
    (EXISTENCE, ("claimed_order = 2", "claimed_order = 3")),
    (EXISTENCE, ('"modified-loss"', '"discrete-modified-loss"')),
]


@pytest.mark.parametrize("parts", REFUTED, ids=lambda p: f"{p[0][7:13]} {p[1][1][:20]}")
def test_a_planted_error_is_refuted_without_the_derivation(load, parts):
    claim = load(*parts)
    result = judge(claim, FAST)
    assert result.verdict is Verdict.REFUTED, result.as_json()
    assert not result.as_recorded
    assert any(c.passed is False and c.kind is not Kind.SYMBOLIC for c in result.checks)


def test_an_equality_holds_in_its_domain_and_not_beyond(load):
    claim = load(EQUALITY)
    result = with_survivors(judge(claim, FAST), FAST)
    assert result.verdict is Verdict.CONFIRMED, (result.as_json(), result.survivors)
    assert {slot["kind"] for slot in claim.slots()} == {"formula", "domain"}
    for change in (('"-1 < beta"', '"0 < beta"'), ('"beta < 1"', '"beta < 2"')):
        assert judge(load(EQUALITY, change), FAST).verdict is Verdict.REFUTED


def test_a_printed_bound_with_its_correction_is_corrected(load):
    read = ('known = "ours"', 'known = "read", quote = "is stable"')
    wrong = ('"2*(1 + beta)/L"', '"2/L"\nright = "2*(1 + beta)/L"\nbecause = "momentum"')
    claim = load(THRESHOLD, read, wrong, ('"derived"', '"corrected"'))
    result = judge(claim, FAST)
    assert result.verdict is Verdict.CORRECTED, result.as_json()
    assert r"\frac{2}{L}" in claim.printed_sentence
    assert claim.as_json()["printed"]["quote"] == "is stable"


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        ('known = "read", quote = "words"', "confirmed"),
        ('known = "second-hand", quote = "words", text = "review2027, p. 3"', "confirmed"),
        ('known = "recalled"', "derived"),
        ('known = "lost"', "derived"),
        ('known = "ours"', "derived"),
    ],
)
def test_the_verdict_follows_from_how_the_printed_form_is_known(load, known, verdict):
    claim = load(EXISTENCE, ('known = "ours"', known), ('"derived"', f'"{verdict}"'))
    assert judge(claim, FAST).verdict == verdict
    assert claim.as_json()["printed"]["status"] == known.split('"')[1]


BAD = [
    (LIMIT, 'variable = "h"', 'variable = "k"', "about.variable is 'k'; use one of h, beta"),
    (LIMIT, 'to = "0"\n', "", 'about.to is missing; write to = "0"'),
    (LIMIT, 'to = "0"', 'to = "h"', "about.to cannot be read"),
    (LIMIT, 'to = "0"', 'to = "sqrt(2)"', "write a fraction such as 1/2"),
    (LIMIT, "error = 2\n", "", "about.error is missing; write error = 2"),
    (LIMIT, 'left = "beta/(1 - beta*h)"\n', "", "formula.left is missing; write it, or about.qu"),
    (LIMIT, '"beta/(1 - beta*h)"', '"__import__(1)"', "formula.left cannot be read"),
    (LIMIT, '["beta"]', '["beta[0]"]', "about.symbols holds 'beta[0]'"),
    (LIMIT, '"0 < beta < 1", ', "", "nothing bounds beta; write what it obeys, such as beta > 0"),
    (LIMIT, '"0 < beta < 1"', '"1 < beta < 0"', "no values were found that obey all of them"),
    (LIMIT, '"0 < beta < 1"', '"beta*h < 1"', "bounds no single symbol"),
    (LIMIT, "error = 2", 'error = 2\nrelation = "<"', "belongs to type = 'inequality' or 'thresh"),
    (LIMIT, "error = 2", 'error = 2\noptimizer = "heavy-ball"', "needs about.quantity beside it"),
    (LIMIT, "as {regime}", "", "statement has no {regime}, which stands for a field"),
    (LIMIT, "as {regime}", "as {regime}, always", "statement asserts 'always' beside its slots"),
    (LIMIT, '"ours"', '"read"', "source.quote is missing; write quote = "),
    (LIMIT, '"ours"', '"ours", quote = "x"', "source.quote is of a text that was read"),
    (LIMIT, '"ours"', '"ours", text = "x"', 'belongs to source.known = "second-hand"'),
    (LIMIT, ', known = "ours"', ', quote = "x"', 'needs source.known = "read"'),
    (LIMIT, '"derived"', '"confirmed"', 'add source.known = "read" with source.quote, or expect'),
    (OF_A_RULE, 'optimizer = "heavy-ball"\n', "", "about.optimizer is missing"),
    (OF_A_RULE, "[about]", 'left = "h"\n[about]', "says again what formula.left says"),
    (OF_A_RULE, '"modified-loss"', '"transient-factor"', "depends on the step k; use one that"),
    (OF_A_RULE, '"modified-loss"', '"modified-loss"\norder = 0', "about.order is run at 1 only"),
    (INEQUALITY, 'equal_at = { a = "1" }\n', "", "say where by about.equal_at, or leave out the ="),
    (INEQUALITY, '{ a = "1" }', '{ b = "1" }', "stands in neither formula; these have a"),
    (INEQUALITY, '"<="', '"less"', "use one of <, <=, >=, >"),
    (INEQUALITY, '["0 <= a", "a <= 1"]', "[]", "about.domain holds no bound"),
    (THRESHOLD, '"settles"', '"settle"', "did you mean 'settles'?"),
    (THRESHOLD, 'variable = "h"', 'variable = "L"', "is L, which stands in the formula too"),
    (THRESHOLD, '"heavy-ball"', '"adam"', "which is not linear in its memory"),
    (THRESHOLD, '"heavy-ball"', '"gradient-descent"', "formula.printed cannot be read: 'beta'"),
    (EXISTENCE, '"modified-loss"', '"modified-flow"', "about.quantity is 'modified-flow'; did you"),
    (EXISTENCE, "claimed_order = 2", "claimed_order = 9", "is 9; it lies in 1 ... 4"),
    (EXISTENCE, "claimed_order = 2\n", "", "about.claimed_order is missing"),
    (EXISTENCE, '"heavy-ball"', '"extragradient"', "behind which not one loss stands"),
    (EXISTENCE, "[about]", '[formula]\nprinted = "h"\n[about]', "formula.printed has no place"),
    (EXISTENCE, "[about]", '[formula]\nleft = "h"\n[about]', "formula.left belongs to type ="),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "said"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_a_bad_draft_is_told_in_one_sentence_with_its_line(load, text, old, new, said):
    with pytest.raises(BadInput) as caught:
        load(text, (old, new))
    message = str(caught.value)
    assert re.match(r".*draft\.toml:\d+: [a-z.]+", message)
    assert said in message
    assert "\n" not in message
    assert message[-1] in ".?)"


@pytest.mark.parametrize("text", [LIMIT, OF_A_RULE, INEQUALITY, MEANS, THRESHOLD, EXISTENCE])
def test_no_wrong_version_survives_the_independent_checks(load, text):
    tried = put_to_the_test(load(text), FAST)
    assert not tried.survivors
    assert tried.tried


@pytest.mark.parametrize("seed", range(8))
def test_no_seed_raises_a_false_alarm(load, seed):
    for text in (LIMIT, OF_A_RULE, INEQUALITY, MEANS, WEIGHT, THRESHOLD, EXISTENCE):
        result = judge(load(text), Settings(digits=20, seed=seed))
        assert result.verdict is Verdict.DERIVED, result.as_json()
