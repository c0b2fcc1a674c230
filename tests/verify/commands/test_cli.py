"""What the command prints, and how it refuses."""

import json
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
import sympy

from derive.language.trees import tree
from derive.language.writing import latex
from verify.claims.claim import REGISTRY
from verify.cli import main


def undertow(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    said = capsys.readouterr()
    code = stop.value.code
    return (code if isinstance(code, int) else 0), said.out, said.err


def test_derive_prints_the_flow_and_the_loss(capsys):
    code, out, _ = undertow(capsys, "derive", "heavy-ball", "--order", "3")
    assert code == 0
    for part in ("−(1+β)/(2(1−β)³)", "∇²E ∇E", "−(1+10β+β²)/(12(1−β)⁵)", "−1 < β < 1"):
        assert part in out
    assert "E/(1−β) + h(1+β)/(4(1−β)³) ‖∇E‖²   exists through h¹" in out


def read(text: str) -> sympy.Expr:
    return sympy.parse_expr(text, {"beta": sympy.Symbol("beta")})


@pytest.mark.parametrize("quantity", ["modified-flow", "one-step-map"])
def test_derive_json_can_be_read_back(capsys, quantity):
    arguments = ("derive", "heavy-ball", "--order", "4", "--format", "json", "--quantity", quantity)
    code, out, _ = undertow(capsys, *arguments)
    found = json.loads(out)
    assert code == 0
    assert found["parameters"] == ["beta"]
    assert found["quantity"] == quantity
    assert len(found["terms"]) == 8
    for term in found["terms"]:
        t = tree(term["tree"])
        assert (str(t), t.order, t.symmetry) == (term["tree"], term["nodes"], term["symmetry"])
        expr = read(term["coefficient"])
        assert expr.free_symbols <= {sympy.Symbol("beta")}
    at = {term["tree"]: read(term["coefficient"]).subs("beta", "4/5") for term in found["terms"]}
    assert at["[[]]"] == (sympy.Rational(-225, 2) if quantity == "modified-flow" else -100)


def test_derive_sympy_is_code_that_runs_exactly(capsys):
    _, out, _ = undertow(capsys, "derive", "gradient-descent", "--format", "sympy")
    names: dict[str, dict[str, sympy.Expr]] = {}
    exec(out, names)  # noqa: S102 (our own output)
    assert names["modified_flow"]["[[],[]]"] == sympy.Rational(1, 6)


def test_derive_latex(capsys):
    _, out, _ = undertow(capsys, "derive", "heavy-ball", "--order", "2", "--format", "latex")
    assert r"-\frac{h(1+\beta)}{2(1-\beta)^{3}}\nabla^{2}E\,\nabla E" in out


def test_parameters_can_be_given_exactly(capsys):
    arguments = ("derive", "heavy-ball", "--set", "beta=4/5", "--format", "json", "--order", "2")
    _, out, _ = undertow(capsys, *arguments)
    assert [term["coefficient"] for term in json.loads(out)["terms"]] == ["5", "-225/2"]


def test_claims_are_listed_without_a_check(capsys):
    _, out, _ = undertow(capsys, "claims", "--format", "json")
    found = json.loads(out)
    assert {"id", "catalogue", "source", "statement", "verdict"} <= set(found["claims"][0])
    assert "A34" in found["not_claims"]


def test_a_listed_claim_says_how_it_is_known_and_what_it_is_about(capsys):
    _, out, _ = undertow(capsys, "claims", "--format", "json")
    for claim in json.loads(out)["claims"]:
        assert all(slot.keys() == {"name", "kind", "value"} for slot in claim["slots"])
        older = REGISTRY.claims[claim["id"]].says is None
        assert (claim["type"] == "not recorded") == older
        assert (claim["printed"]["status"] == "not recorded") == older
        if claim["printed"]["status"] == "read":
            assert claim["printed"]["quote"]
            assert claim["printed"]["where"]


def test_claims_are_chosen_by_source_verdict_and_text(capsys):
    def listed(*options: str) -> list[dict[str, Any]]:
        _, out, _ = undertow(capsys, "claims", *options, "--format", "json")
        return json.loads(out)["claims"]

    every = listed()
    both = listed("--source", "ghosh2023", "--verdict", "corrected")
    wanted = [c for c in every if c["source"]["key"] == "ghosh2023" and c["verdict"] == "corrected"]
    assert both == wanted
    assert wanted
    searched = {claim["id"] for claim in listed("--search", "KEEPS THE VARIANCE")}
    assert {"undertow.nesterov-variance", "undertow.quasi-hyperbolic-variance"} <= searched
    assert len(searched) < len(every)
    assert {c["id"] for c in listed("--search", "A26")} >= {"ghosh2023.variance-of-history-sum"}
    assert listed("--search", "no text of a claim") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--source", "nobody"), "; there are "),
        (("--verdict", "wrong"), "choose one of confirmed"),
    ],
)
def test_claims_refuses_what_no_claim_can_have(capsys, options, said):
    code, _, error = undertow(capsys, "claims", *options)
    assert code == 2
    assert said in error


def test_a_source_stands_for_all_its_claims(capsys):
    _, out, _ = undertow(capsys, "claims", "--source", "wang2024", "--format", "json")
    ids = [claim["id"] for claim in json.loads(out)["claims"]]
    code, out, _ = undertow(capsys, "verify", "wang2024", "--digits", "20", "--format", "json")
    assert code == 0
    assert [claim["id"] for claim in json.loads(out)["claims"]] == ids


def test_mutants_tell_per_slot_which_check_rejected_what(capsys):
    name = "ghosh2023.variance-factor"
    code, out, _ = undertow(capsys, "mutants", name, "--format", "json")
    (found,) = json.loads(out)["claims"]
    says = REGISTRY.claims[name].says
    assert code == 0
    assert says is not None
    assert [slot["name"] for slot in found["slots"]] == list(says.slots)
    assert sum(slot["tried"] for slot in found["slots"]) == found["tried"]
    checks = {check["name"]: check for check in found["checks"]}
    for slot in found["slots"]:
        assert slot["rejected"] == slot["tried"] == sum(slot["by"].values())
        assert all(checks[name]["independent"] for name in slot["by"])


def test_show_prints_statement_derivation_verdict_and_evidence(capsys):
    code, out, _ = undertow(capsys, "show", "ghosh2023.variance-of-history-sum", "--digits", "20")
    assert code == 0
    for part in ("Counterexample", "verdict: corrected", "geometric sum", "printed form rejected"):
        assert part in out


def test_show_prints_every_formula_by_name(capsys):
    name = "ghosh2023.variance-factor"
    _, out, _ = undertow(capsys, "show", name, "--digits", "20")
    says = REGISTRY.claims[name].says
    assert says is not None
    assert len(says.formulas()) > 1
    lines = [line.split(maxsplit=1) for line in out.splitlines() if line]
    assert all([name, latex(expr)] in lines for name, expr in says.formulas().items())


def test_verify_json_is_all_there_is_on_standard_output(capsys):
    ids = ("ghosh2023.variance-factor", "cowsik2022.stability")
    code, out, _ = undertow(capsys, "verify", *ids, "--digits", "20", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert [claim["id"] for claim in found["claims"]] == list(ids)
    assert found["summary"]["confirmed"] == found["summary"]["derived"] == 1
    assert "python-flint" in found["environment"]
    for claim in found["claims"]:
        assert claim["verdict"] == claim["expected"]
        assert all(check["passed"] for check in claim["checks"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["derive", "heavyball"], "Did you mean 'heavy-ball'?"),
        (["derive", "heavy-ball", "--order", "0"], "at least 1"),
        (["derive", "heavy-ball", "--order", "50"], "rooted trees"),
        (["derive", "heavy-ball", "--order", "many"], "--order"),
        (["derive", "heavy-ball", "--set", "beta=1"], "outside (-1, 1)"),
        (["derive", "heavy-ball", "--set", "beta"], "NAME=VALUE"),
        (["derive", "heavy-ball", "--set", "beta=__import__('os')"], "not a rational number"),
        (["derive", "heavy-ball", "--quantity", "flow"], "--quantity"),
        (["verify", "ghosh2023.gama"], "Did you mean 'ghosh2023.gamma'?"),
        (["verify", "--digits", "5"], "use 15 or more"),
        (["show", "nothing"], "no claim is called 'nothing'"),
        (["export", "--out", "/proc/nowhere"], "cannot be written"),
        (["frobnicate"], "frobnicate"),
        (["optimizers", "--format", "latex"], "add --table"),
        (["derive", "nesterov-sc", "--observe", "y = x + sqrt(h)*u"], "not smooth there"),
        (["derive", "nesterov-sc", "--observe", "h = x"], "the name 'h' of the step"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_2(capsys, arguments, said):
    code, out, err = undertow(capsys, *arguments)
    assert code == 2
    assert out == ""
    assert said in err
    assert err.startswith("undertow: ")
    assert err.count("\n") == 1


def test_an_ascii_terminal_gets_ascii():
    run = subprocess.run(
        [sys.executable, "-m", "verify", "derive", "heavy-ball"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert b"(1-beta)^3" in run.stdout


listens = pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN, reason="interrupts are ignored here"
)
