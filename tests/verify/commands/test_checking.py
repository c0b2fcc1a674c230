"""What `undertow check` says, and its code: 0 equal, 1 different, 2 bad input, 3 undecided."""

import json

import pytest

from tests.verify.commands.test_cli import undertow
from verify.cli import main

LOSS = "heavy-ball:modified-loss:order-1"
GRADIENT = "gradient-descent:modified-loss"


@pytest.fixture
def check(capsys):
    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(["check", *arguments])
        said = capsys.readouterr()
        code = left.value.code
        assert isinstance(code, int)
        return code, said.out + said.err

    return run


@pytest.mark.parametrize(
    "arguments",
    [
        ("h*(1+beta)/(4*(1-beta)^2)", "--against", LOSS),
        ("-h*(1+beta)/(2*(1-beta)^3)", "--against", "heavy-ball:modified-flow:order-1"),
        (" -h*(1+beta)/(2*(1-beta)^3)", "--against", "heavy-ball:modified-flow:order-1"),
        ("--against", "gradient-descent:modified-flow:order-1", "--", "-h/2"),
        ("--against", "gradient-descent:modified-flow:order-1", "-h/2"),
        (r"-\frac h2", "--latex", "--against", "gradient-descent:modified-flow:order-1"),
        ("lr/4", "--name", "lr=h", "--against", f"{GRADIENT}:order-1"),
        (r"\frac{\varepsilon}{4}", "--latex", "--name", "varepsilon=h",
         "--against", f"{GRADIENT}:order-1"),
        (r"\frac{h(1+\beta_1)}{4(1-\beta_1)^2}", "--latex", "--name", "beta_1=beta",
         "--against", LOSS),
        (r"f(x)+\frac{h}{4}\|\nabla f(x)\|^2_2", "--latex", "--against", f"{GRADIENT}:order-1"),
        (r"\frac{h}{4}\lVert\nabla E\rVert^2", "--latex", "--against", f"{GRADIENT}:order-1"),
        (r"\tilde E = E+\tfrac h4|\nabla E|^2+O(h^2)", "--latex", "--against", GRADIENT),
        ("h/4", "--assume", "-1 < h", "--against", f"{GRADIENT}:order-1"),
    ],
)  # fmt: skip
def test_equal(check, arguments):
    code, said = check(*arguments)
    assert code == 0
    assert "equal" in said
    assert "different" not in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("1/7", "--against", "ghosh2023.batch-recursion"), "it gives 1/7"),
        (("lambda/2", "--against", "undertow.label-noise-regularizer:part"), "counterexample"),
        (("theta", "--against", "woodworth2020.potential:potential"), "counterexample"),
        (("sin(beta+h)", "--against", LOSS), "counterexample"),
        (("exp(1)", "--against", LOSS), "counterexample"),
        (("pi", "--against", LOSS), "counterexample"),
        (("LambertW(h)", "--against", LOSS), "counterexample"),
        (("tan(1+beta*h)", "--against", LOSS), "counterexample"),
        (("eta/4", "--against", f"{GRADIENT}:order-1"), "equal with --name eta=h"),
        (
            (r"E+\frac h2\|\nabla E\|^2", "--latex", "--against", GRADIENT),
            "a factor 2",
        ),
        ((r"E + O(h^2)", "--latex", "--against", GRADIENT), "beside ‖∇E‖²"),
    ],
)
def test_different_with_a_counterexample(check, arguments, told):
    code, said = check(*arguments)
    assert code == 1
    assert told in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("17*sqrt(h)", "--against", LOSS, "--assume", "beta > 2"), "contradict"),
        (("h/4", "--against", LOSS, "--name", "zzz=yyy"), "nothing here is called 'yyy'"),
        (("h/4", "--against", LOSS, "--name", "zzz=h"), "has no effect"),
        ((r"\frac h4", "--latex", "--against", LOSS, "--name", "lr=h"), "has no effect"),
        (("h/4", "--against", LOSS, "--name", "beta=h"), "meaning of its own"),
        (("h/4", "--against", LOSS, "--name", "h=beta"), "meaning of its own"),
        (("h/4", "--against", LOSS, "--name", "E=beta"), "meaning of its own"),
        (("lr", "--against", LOSS, "--name", "lr=h", "--name", "lr=beta"), "given twice"),
        (("if", "--against", LOSS, "--name", "if=h"), "word of Python"),
        (("beta_1", "--against", LOSS), "--name beta_1=beta"),
        (("h/4",), "--against TARGET, or --find"),
        ((), "give a formula"),
        (("--list", "h/4"), "has no effect"),
        (("h/4", "--find", "--against", LOSS), "has no effect"),
        (("--align", "nowhere.tex", "--latex"), "has no effect"),
        (("--align", "nowhere.tex"), "cannot be read"),
        (("--align", "."), "is no file"),
        (("h", "--against", LOSS, "--assume", "gamma > 0"), "has no effect"),
        (
            ("1/(nu-beta)", "--against", "quasi-hyperbolic:modified-loss:order-1",
             "--assume", "nu = beta"),
            "divides by zero",
        ),
        ((r"\dot x = -\nabla E", "--latex", "--against", GRADIENT), "is a loss"),
        ((r"\nabla E(x) + \nabla E(y)", "--latex", "--against", GRADIENT), "at one point"),
        (("h/4", "--against", GRADIENT), "at all orders"),
        (("h", "--against", "adam:modified-flow:order-1"), "is no series over trees"),
        (("h", "--against", "scheduled-buffer:one-step-map:order-1"), "depends on time"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence(check, arguments, told):
    code, said = check(*arguments)
    assert code == 2
    assert told in said
    assert said.count("\n") == 1


def test_what_cannot_be_decided_has_a_code_of_its_own(check):
    code, said = check("sqrt(beta - 2)*0 + h/4 + 0*log(h)", "--against", f"{GRADIENT}:order-1")
    assert code == 0
    code, said = check(
        "h/4", "--against", f"{GRADIENT}:order-1", "--assume", "h^2 < 1/4 - h - h^3 - 1"
    )
    assert code == 3
    assert "undecided" in said


@pytest.mark.parametrize(
    "bomb",
    [
        "Sum(Sum(Sum(sin(a*b*r), (r, 0, 9999)), (a, 0, 9999)), (b, 0, 9999))",
        "exp(exp(exp(exp(exp(h)))))",
        "(1+h+beta+k+nu+mu+alpha+gamma)^1000",
        "binomial((h+beta)^200, k)",
        "((h+1)^999)^999",
    ],
)
def test_a_bomb_is_answered(check, bomb):
    code, said = check(bomb, "--against", LOSS)
    assert code in (1, 2, 3)
    assert "Traceback" not in said


def test_a_formula_is_found_among_the_quantities(check):
    code, said = check("-lr/2", "--name", "lr=h", "--find")
    assert code == 0
    assert "gradient-descent:modified-flow:order-1" in said
    code, said = check(r"E+\frac{h(1+\beta)}{4(1-\beta)^2}\|\nabla E\|^2", "--latex", "--find")
    assert "heavy-ball:modified-loss" in said
    _, said = check("h*(1+beta)/(4*(1-beta)^2)", "--find")
    assert "ghosh2023.modified-loss:weight" in said
    code, _ = check("h/4321", "--find")
    assert code == 1


def test_a_derivation_is_compared_with_a_target_in_the_end(check, tmp_path):
    path = tmp_path / "derivation.tex"
    path.write_text(r"\[ c = \frac{\eta}{8}\cdot 2 = \frac\eta4 \]")
    target = ("--against", f"{GRADIENT}:order-1")
    assert check("--align", str(path), "--name", "eta=h", *target)[0] == 0
    code, said = check("--align", str(path), *target)
    assert code == 1
    assert "last right-hand side" in said
    code, said = check("--align", str(path), "--name", "lr=h")
    assert (code, "has no effect" in said) == (2, True)


def test_json_says_what_the_lines_say(capsys, tmp_path):
    def answer(*arguments: str) -> tuple[int, dict]:
        code, out, _ = undertow(capsys, "check", *arguments, "--format", "json")
        return code, json.loads(out)

    code, found = answer("h/5", "--against", f"{GRADIENT}:order-1")
    (term,) = found["terms"]
    assert (code, found["outcome"], term["right"], term["ratio"]) == (1, "different", "h/4", "4/5")
    path = tmp_path / "derivation.tex"
    path.write_text(r"\[ c = \frac{h}{4} = \frac{h}{2} \]")
    code, found = answer("--align", str(path))
    assert (code, [step["slip"] for step in found["steps"]]) == (1, ["a factor 2"])
    code, found = answer("h/4", "--find")
    assert code == 0
    assert f"{GRADIENT}:order-1" in {row["name"] for row in found["found"]}


@pytest.mark.parametrize(
    ("formula", "code", "slot"),
    [
        ("h*(1+beta)/(4*(1-beta)^2)", 0, "weight"),
        ("1/(1-beta)", 0, "force"),
        ("1/7", 1, "force"),
    ],
)
def test_of_a_claim_with_several_formulas_the_one_that_fits_is_compared(
    capsys, formula: str, code: int, slot: str
):
    found, out, _ = undertow(capsys, "check", formula, "--against", "ghosh2023.reduced-flow-order")
    assert found == code
    assert out.splitlines()[-1] == f"  beside ghosh2023.reduced-flow-order:{slot}"


@pytest.mark.parametrize(
    ("written", "claim"),
    [
        (r"E+\frac{h(1+\beta)}{4(1-\beta)^{2}}\lVert\nabla E\rVert^{2}", "ghosh2023.modified-loss"),
        (
            r"\frac{h(1+\beta)}{\lambda(1-\beta)(2+2\beta-h\lambda)}s^{2}",
            "cowsik2022.position-variance",
        ),
    ],
)
def test_a_formula_as_a_claim_shows_it_is_equal(capsys, written: str, claim: str):
    code, _, _ = undertow(capsys, "check", "--latex", written, "--against", claim)
    assert code == 0
    code, _, _ = undertow(capsys, "check", "--latex", f"2{written}", "--against", claim)
    assert code == 1
