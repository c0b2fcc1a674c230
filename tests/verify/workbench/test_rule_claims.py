"""A user's own optimizer, from a file."""

from pathlib import Path

import pytest

from tests.verify.commands.test_cli import undertow
from verify.claims.claim import Settings
from verify.running.rule_files import find_rule
from verify.workbench.rule_claims import rule_claim

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
