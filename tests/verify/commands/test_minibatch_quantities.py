"""`undertow derive --minibatch` and `undertow simulate`."""

import json

import pytest
import sympy

from derive.batches.averages import SAMPLINGS, history_regularizer
from derive.language.formula import BETA
from tests.verify.commands.test_cli import undertow
from verify.report.averages import factors

BATCHES = ("--loss", "(x-1)^2/2", "--loss", "x^2+y^2", "--start", "1,1/2")


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("quantity", ["expectation", "covariance"])
@pytest.mark.parametrize("form", ["text", "latex", "json", "sympy"])
@pytest.mark.parametrize("more", [(), ("--batches", "3", "--k", "4"), ("--set", "beta=1/3")])
def test_every_average_in_every_format(capsys, sampling, quantity, form, more):
    arguments = ("--sampling", sampling, "--quantity", quantity, "--format", form, *more)
    code, out, _ = undertow(capsys, "derive", "heavy-ball", "--minibatch", *arguments)
    assert code == 0
    if form == "json":
        assert json.loads(out)["terms"]
    if form == "sympy":
        space: dict = {}
        exec(out, space)  # noqa: S102 (our own output)
        assert not any(e.atoms(sympy.Float) for e in space[quantity].values())


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_one_step_is_the_double_sum(capsys, sampling):
    arguments = ("--sampling", sampling, "--quantity", "expectation", "--batches", "3", "--k", "4")
    _, out, _ = undertow(
        capsys, "derive", "heavy-ball", "--minibatch", *arguments, "--format", "json"
    )
    (text,) = (t["coefficient"] for t in json.loads(out)["terms"] if t["beside"] == "F")
    shared = history_regularizer(SAMPLINGS[sampling], 3, 4)
    coefficients = [sympy.Rational(str(c)) for c in shared.coeffs()]
    wanted = sympy.Add(*(c * BETA**n for n, c in enumerate(coefficients)))
    assert sympy.expand(sympy.parse_expr(text, {"beta": BETA}) - wanted) == 0


def test_which_statement_holds_in_which_normalization():
    """Remark 5.4 needs equal mean forces; the slides' factor is right in one reading, for F."""
    held = {f.normalization.name: list(f.statements.values()) for f in factors()}
    assert held == {
        "raw": ["no", "no", "yes", "no"],
        "equal effective rate": ["yes", "F part only", "yes", "yes"],
        "moving average": ["yes", "no", "yes", "yes"],
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nesterov", "--quantity", "covariance"), "not for nesterov"),
        (("heavy-ball", "--quantity", "one-step-map"), "expectation or covariance"),
        (("heavy-ball", "--quantity", "covariance", "--batches", "1"), "outside 2"),
        (("heavy-ball", "--quantity", "covariance", "--k", "-1"), "outside 0"),
        (
            ("heavy-ball", "--quantity", "covariance", "--sampling", "cyclic", "--k", "2"),
            "needs --batches",
        ),
        (("heavy-ball", "--quantity", "covariance", "--set", "beta=1"), "beta"),
    ],
)
def test_what_is_refused(capsys, arguments, said):
    code, _, err = undertow(capsys, "derive", *arguments, "--minibatch")
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_averages_are_asked_for_with_minibatch(capsys):
    code, _, err = undertow(capsys, "derive", "heavy-ball", "--quantity", "covariance")
    assert code == 2
    assert "--minibatch" in err


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_a_simulation_is_shown_with_its_prediction(capsys, sampling):
    more = ("--sampling", sampling, "--steps", "12", "--runs", "40")
    code, out, _ = undertow(capsys, "simulate", *BATCHES, *more)
    assert code == 0
    for name in ("mean x", "mean y", "predicted", "off: measured minus predicted"):
        assert name in out
    code, out, _ = undertow(capsys, "simulate", *BATCHES, *more, "--format", "json")
    found = json.loads(out)
    assert len(found["steps"]) == 13
    assert found["variables"] == ["x", "y"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("--loss", "x*"), "has to follow"),
        (("--loss", "abs(x)"), "abs"),
        (("--start", "1"), "1 numbers"),
        (("--start", "1,nan"), "--start"),
        (("--lr", "0"), "--lr 0"),
        (("--lr", "1000000", "--loss", "x^4"), "infinity"),
        (("--set", "beta=1"), "beta = 1"),
        (("--set", f"beta=0.{'9' * 30}"), "in floats"),
        (("--lr", "1e-330"), "in floats"),
        (("--lr", "1e330"), "is no float"),
        (("--steps", "0"), "--steps 0"),
        (("--runs", "1"), "--runs 1"),
        (("--runs", "1000000", "--steps", "100000"), "too many"),
    ],
)
def test_bad_input_is_one_sentence(capsys, change, said):
    code, _, err = undertow(capsys, "simulate", *BATCHES, "--runs", "10", *change)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_one_batch_is_not_enough(capsys):
    code, _, err = undertow(capsys, "simulate", "--loss", "x^2", "--start", "1")
    assert code == 2
    assert "twice" in err
