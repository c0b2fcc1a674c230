"""`undertow check`, `trajectory`, `convert` and drafts of claims, as a person types them."""

import pytest

from tests.verify.commands.test_cli import undertow

LOSS = "h*(1+beta)/(4*(1-beta)**2)"
TARGET = "heavy-ball:modified-loss:order-1"


@pytest.mark.parametrize(
    "arguments",
    [
        (LOSS, "--against", TARGET),
        (LOSS, "--against", "ghosh2023.modified-loss:weight"),
        (r"\frac{h(1+\beta)}{4(1-\beta)^2}", "--latex", "--against", TARGET),
        ("lr*(1+mu)/(4*(1-mu)^2)", "--name", "lr=h", "--name", "mu=beta", "--against", TARGET),
        ("h/4", "--against", TARGET, "--assume", "beta = 0"),
        ("(1-beta^(k+1))/(1-beta)", "--against", "heavy-ball:transient-factor:order-0"),
        ("sum(beta^(2*r), r, 0, k)", "--against", "ghosh2023.variance-of-history-sum"),
    ],
)
def test_a_right_formula_is_equal_and_exits_with_0(capsys, arguments):
    if "order-0" in arguments[-1]:
        arguments = (f"({arguments[0]})*(1-beta)", *arguments[1:])
    code, out, _ = undertow(capsys, "check", *arguments)
    assert code == 0
    assert out == "equal\n"


def test_a_wrong_formula_is_different_and_exits_with_1(capsys):
    wrong = "h*(1+beta)/(4*(1-beta)**3)"
    code, out, _ = undertow(capsys, "check", wrong, "--against", TARGET)
    assert code == 1
    for part in (
        "different",
        "h*(1 + beta)/(4*(1 - beta)**2)",
        "1/(1 - beta)",
        "the right formula 3/16",
        "beta = 0",
        "exponent of 1 - beta",
        "heavy-ball:modified-loss-unscaled:order-1",
    ):
        assert part in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("h*(1+beta", "--against", TARGET), "character"),
        (("h*(1+bta)", "--against", TARGET), "beta"),
        (("__import__('os')", "--against", TARGET), "cannot be read"),
        ((LOSS, "--against", "heavy-ball:modified-los:order-1"), "modified-loss"),
        ((LOSS,), "--against"),
        ((LOSS, "--against", TARGET, "--assume", "beta"), "beta"),
        (("--align", "/nowhere.tex"), "cannot be read"),
    ],
)
def test_what_cannot_be_read_exits_with_2(capsys, arguments, said):
    code, out, err = undertow(capsys, "check", *arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_the_targets_are_listed(capsys):
    code, out, _ = undertow(capsys, "check", "--list")
    assert code == 0
    assert TARGET in out
    assert "ghosh2023.gamma" in out


def test_a_derivation_is_checked_line_by_line(capsys, tmp_path):
    path = tmp_path / "derivation.tex"
    first, second = r"\frac{h(1-\beta^2)}{(1-\beta)^3}", r"\frac{h(1+\beta)}{(1-\beta)^2}"
    good = rf"\begin{{align}} a &= {first} \\ &= {second} \end{{align}}"
    path.write_text(good)
    code, out, _ = undertow(capsys, "check", "--align", str(path))
    assert code == 0
    assert "every line follows" in out
    path.write_text(good.replace(r"h(1+\beta)", r"2h(1+\beta)"))
    code, out, _ = undertow(capsys, "check", "--align", str(path))
    assert code == 1
    assert "factor 2" in out


def test_a_trajectory_shows_the_flows_and_their_orders(capsys):
    arguments = ("heavy-ball", "--loss", "x**4/4 + x**2/2 + cos(x*y)", "--start", "1,1/2")
    code, out, _ = undertow(capsys, "trajectory", *arguments, "--set", "beta=1/2", "--time", "1")
    assert code == 0
    assert "shifted start" in out
    assert "order  1.0" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--loss", "abs(x)", "--start", "1"), "not smooth"),
        (("--loss", "x**2", "--start", "1,2"), "has 2 numbers; the loss has 1: x"),
        (("--loss", "x**2", "--start", "one"), "not a rational number"),
        (("--loss", "x**2", "--start", "0"), "critical point"),
        (("--loss", "x**4", "--start", "1e330"), "beyond all floats"),
        (("--loss", "x**2", "--start", "1", "--lr", "3", "--time", "9"), "stable range"),
        (("--loss", "x**2", "--start", "1", "--order", "9"), "--order 9"),
        (("--loss", "x.__class__", "--start", "1"), "character"),
    ],
)
def test_a_run_that_cannot_be_made_is_refused(capsys, arguments, said):
    code, _, err = undertow(capsys, "trajectory", "heavy-ball", "--set", "beta=1/2", *arguments)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_an_optimizer_is_verified_on_a_loss_of_the_user(capsys):
    code, out, _ = undertow(capsys, "verify", "nesterov", "--loss", "x**4/4 + x**2/2 + cos(x*y)")
    assert code == 0
    assert "confirmed" in out


def test_a_loss_without_an_optimizer_is_refused(capsys):
    code, _, err = undertow(capsys, "verify", "--loss", "x**2")
    assert code == 2
    assert "--loss checks optimizers" in err


def test_conventions_are_converted(capsys):
    arguments = ("--from", "torch", "--lr", "0.1", "--momentum", "0.9", "--to", "ema")
    code, out, _ = undertow(capsys, "convert", *arguments)
    assert code == 0
    assert "lr=1 beta=0.9" in out
    assert "difference 0 over 20 steps, exactly" in out


def test_a_draft_is_written_and_judged(capsys, tmp_path):
    path = tmp_path / "draft.toml"
    assert undertow(capsys, "claim", "new", str(path))[0] == 0
    code, _, err = undertow(capsys, "claim", "new", str(path))
    assert code == 2
    assert "draft.toml" in err
    code, out, _ = undertow(capsys, "verify", str(path), "nesterov")
    assert code == 0
    assert "7 claims: 2 confirmed, 5 derived" in out
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("claimed_order = 2", "claimed_order = 3", 1), encoding="utf-8")
    code, out, _ = undertow(capsys, "verify", str(path))
    assert code == 1
    assert "1 wrong" in out
    code, _, err = undertow(capsys, "show", str(path))
    assert code == 2
    assert "stands for 6 claims" in err
    assert undertow(capsys, "show", f"{path}:mypaper2026.draft-next")[0] == 0


def test_the_users_notation_is_used_throughout(capsys):
    names = ("--name", "lr=h", "--name", "mu=beta")
    _, text, _ = undertow(capsys, "derive", "heavy-ball", *names)
    _, latex, _ = undertow(capsys, "derive", "heavy-ball", *names, "--format", "latex")
    _, json, _ = undertow(capsys, "derive", "heavy-ball", *names, "--format", "json")
    assert "lr¹   −(1+μ)/(2(1−μ)³)" in text
    assert r"\frac{\mathrm{lr}(1+\mu)}{2(1-\mu)^{3}}" in latex
    assert '"coefficient": "-(1 + mu)/(2*(1 - mu)**3)"' in json
    assert "lr^(nodes-1)" in json
    code, _, err = undertow(capsys, "derive", "heavy-ball", "--name", "mu=gamma")
    assert code == 2
    assert "no parameter 'gamma'" in err


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        (("beta=h",), "has another beta"),
        (("E=h",), "has another E"),
        (("v=h",), "has another v"),
        (("h=beta",), "stands for the step size"),
        (("E=beta",), "the loss is called E"),
        (("lr=h", "eta=h"), "h is lr already"),
        (("mu=beta", "mu=h"), "mu is beta already"),
        (("sin=h",), "no name"),
    ],
)
def test_a_name_that_would_mean_two_things_is_refused(capsys, pairs: tuple[str, ...], said: str):
    options = [word for pair in pairs for word in ("--name", pair)]
    code, out, err = undertow(capsys, "derive", "heavy-ball", *options)
    assert (code, out) == (2, "")
    assert said in err


def test_a_letter_is_one_name_however_it_is_written(capsys):
    written = [
        undertow(capsys, "derive", "heavy-ball", "--name", f"{mu}=beta") for mu in ("μ", "mu")
    ]
    assert written[0] == written[1]
