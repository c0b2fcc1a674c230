"""A user's own optimizer, from a file."""

from dataclasses import replace
from pathlib import Path

import pytest

from derive.language.bad_input import BadInput
from tests.verify.commands.test_cli import undertow
from verify.claims.claim import Settings
from verify.claims.judging import judge
from verify.running.rule_files import find_rule
from verify.workbench.rule_claims import rule_claim
from verify.workbench.worlds import read_world

RULE = '''
from derive import optimizer


@optimizer(state=("m",), parameters=("beta", "c"))
def my_rule(x, m, grad, h, *, beta, c):
    """A buffer with a look ahead (mine, 2026)."""
    m = beta * m + grad(x - c * h * m)
    return x - h * m, m


@optimizer(state=("m",), parameters=("beta",))
def squared(x, m, grad, h, *, beta):
    m = beta * m + grad(x)
    m = m * m
    return x - h * m, m
'''


@pytest.fixture
def rule(tmp_path: Path) -> str:
    path = tmp_path / "my_rule.py"
    path.write_text(RULE)
    return str(path)


def test_an_own_rule_is_derived_like_a_known_one(capsys, rule):
    code, out, _ = undertow(capsys, "derive", f"{rule}:my_rule", "--order", "2")
    assert code == 0
    assert "−(1−2c+β+2βc)/(2(1−β)³)" in out


def test_an_own_rule_is_verified_like_a_claim(capsys, rule):
    code, out, _ = undertow(capsys, "verify", f"{rule}:my_rule")
    assert code == 0
    assert "confirmed" in out


def test_an_optimizer_of_the_zoo_can_be_verified_by_name(capsys):
    code, out, _ = undertow(capsys, "verify", "nesterov", "sam")
    assert code == 0
    assert out.count("confirmed") == 3


def test_a_wrong_derivation_of_an_own_rule_is_rejected(rule):
    claim = rule_claim("mine", find_rule(f"{rule}:my_rule"))
    rejecting = [
        c.name for c in claim.checks if c.judge(2 * claim.formula.expr, Settings()).passed is False
    ]
    assert "exact residual of the start-up" in rejecting
    assert "observed order with 2 nodes" in rejecting


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        (RULE, "squared", "my_rule.py:15: the rule multiplies a state by another state"),
        (RULE, "nothing", "it declares my_rule, squared"),
        ("x = 1/0\n", "rule", "my_rule.py:1: ZeroDivisionError"),
        ("def rule(:\n", "rule", "my_rule.py:1: SyntaxError"),
        ("import no_such_thing\n", "rule", "my_rule.py:1: ModuleNotFoundError"),
        ("", "rule", "declares no optimizer"),
    ],
)
def test_an_error_in_the_file_points_to_its_line(capsys, tmp_path, text, name, said):
    path = tmp_path / "my_rule.py"
    path.write_text(text)
    code, _, err = undertow(capsys, "derive", f"{path}:{name}")
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_a_file_that_is_not_there_is_named(capsys):
    code, _, err = undertow(capsys, "verify", "nowhere.py:rule")
    assert code == 2
    assert "nowhere.py is not a file" in err


MORE = """
from derive import decoupled, heavy_ball, optimizer

decayed = decoupled(heavy_ball)
GIVEN = dict(start=lambda x, grad, h, **p: (x * 0, x * 0, grad(x)))


@optimizer(state=("i", "d", "last"), parameters=("m", "ki", "kd"), **GIVEN)
def pid(x, i, d, last, grad, h, *, m, ki, kd):
    g = grad(x)
    i = m * i + g
    d = m * d + (1 - m) * (g - last)
    return x - h * (g + ki * i + kd * d), i, d, g


@optimizer(state=("last",), game=True)
def ogda(x, last, grad, h):
    g = grad(x)
    return x - 2 * h * g + h * last, g


@optimizer()
def midpoint(x, grad, h):
    return x - h * grad(x - 0.5 * h * grad(x))


@optimizer(state=("a", "b"), parameters=("p",))
def turning(x, a, b, grad, h, *, p):
    g = grad(x)
    a, b = p * b + g, -p * a + g
    return x - h * (a + b) / 2, a, b


@optimizer(state=("v",))
def growing(x, v, grad, h):
    v = 1.1 * v + grad(x)
    return x - h * v, v
"""


@pytest.fixture
def more(tmp_path: Path) -> str:
    path = tmp_path / "more.py"
    path.write_text(MORE)
    return str(path)


@pytest.mark.parametrize("name", ["decayed", "pid", "ogda", "midpoint", "turning"])
def test_no_right_rule_is_reported_as_wrong(more, name):
    """Two fields; memories in any order; one that forgets at once; order 2; a complex pair."""
    claim = rule_claim("mine", find_rule(f"{more}:{name}"))
    found = [check.judge(claim.formula.expr, Settings()) for check in claim.checks]
    assert all(evidence.passed for evidence in found), found


@pytest.mark.parametrize("text", ["x", "x^2/2", "sqrt(x)", "x^2*y^2"])
def test_a_loss_on_which_terms_vanish_is_no_failure(text):
    rule = find_rule("heavy-ball")
    claim = rule_claim("mine", rule, read_world(rule, text)[0])
    order = claim.checks[-1]
    assert order.judge(claim.formula.expr, Settings()).passed


def test_a_memory_that_grows_is_refused(more):
    with pytest.raises(BadInput, match=r"its largest eigenvalue is 1\.1"):
        rule_claim("mine", find_rule(f"{more}:growing"))


def test_one_loss_for_each_field_is_asked_for(more):
    rule = find_rule(f"{more}:decayed")
    with pytest.raises(BadInput, match="write 'loss for E; loss for W'"):
        read_world(rule, "x^2")
    world, names = read_world(rule, "x^4/4 + x^2/2; (x^2 + y^2)/20")
    assert (names, world.dimension, len(world.parts)) == (["x", "y"], 2, 2)
    other, _ = read_world(rule, "W = (x^2 + y^2)/20; E = x^4/4 + x^2/2")
    assert [part.text for part in other.parts] == [part.text for part in world.parts]


def test_a_verdict_is_shown_shortly_and_as_a_table():
    claim = rule_claim("gd", find_rule("gradient-descent"))
    found = judge(replace(claim, checks=claim.checks[:1]), Settings())
    assert repr(found) == "<gd: confirmed, 1 of 1 checks>"
    assert "| exact residual of the start-up | series | passed |" in found._repr_markdown_()
