"""The command line as one thing: its help, its names, what it refuses, what it prints."""

import io
import json
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.verify.commands.test_cli import undertow
from tests.verify.commands.test_start_up import COMMANDS
from verify.commands import output
from verify.commands.application import COMMANDS as IMPORTED
from verify.commands.menu import MENU

WORDS = [" ".join(filter(None, command)) for command in COMMANDS]
RULE = """
from derive import optimizer

print("a rule that talks")

@optimizer(state=("v",), parameters=("beta",))
def rule(x, v, grad, h, *, beta):
    print("in every step")
    v = beta * v - h * grad(x)
    return x + v, v
"""


def help_of(capsys, command: str) -> str:
    code, out, err = undertow(capsys, *command.split(), "--help")
    assert (code, err) == (0, "")
    return out


def test_the_help_has_every_command_in_its_group_and_fits(capsys):
    code, out, err = undertow(capsys)
    assert (code, err) == (0, "")
    assert out == help_of(capsys, "")
    assert undertow(capsys, "-h") == (0, out, "")
    order = [out.index(f"\n{title}:") for title in MENU]
    assert order == sorted(order)
    for group in MENU.values():
        for name, entry in group.items():
            assert re.search(rf"^  {name} +{re.escape(entry.says)}$", out, re.MULTILINE)
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("command", WORDS)
def test_the_help_of_each_command_fits_and_has_examples(capsys, command: str):
    out = help_of(capsys, command)
    assert f"Examples:\n  undertow {command}" in out
    assert max(map(len, out.splitlines())) <= 80
    assert "<" not in out


@pytest.mark.parametrize("command", WORDS)
def test_each_example_is_read(capsys, command: str):
    help_of(capsys, command)
    kind = IMPORTED[command]
    for example in kind.examples:
        words = shlex.split(example)
        assert words[: len(command.split())] == command.split()
        kind.make_context(command, words[len(command.split()) :])


def test_the_version(capsys):
    code, out, _ = undertow(capsys, "--version")
    assert code == 0
    assert re.fullmatch(r"undertow \d+\.\d+\.\d+\n", out)


@pytest.mark.parametrize(
    ("former", "today"),
    [
        (
            "trajectory heavy-ball --set beta=1/2 --loss x^2 --start 1 --h 1/8 --nodes 1",
            "trajectory heavy-ball --set beta=1/2 --loss x^2 --start 1 --lr 1/8 --order 1",
        ),
        (
            "momentum --lr 1/10 --hessian-top 2 --optimizer nesterov --beta 1/2",
            "momentum nesterov --lr 1/10 --hessian-top 2 --set beta=1/2",
        ),
        (
            "interpolator --x 1,2 --y 1 --gamma=1/10 --alpha 1/5 --beta=1/2",
            "interpolator --x 1,2 --y 1 --lr 1/10 --start 1/5 --set beta=1/2",
        ),
        (
            "simulate --loss x^2 --loss (x-1)^2 --start 1 --beta 1/2 --runs 5 --steps 4",
            "simulate --loss x^2 --loss (x-1)^2 --start 1 --set beta=1/2 --runs 5 --steps 4",
        ),
    ],
)
def test_an_option_may_still_be_called_as_it_was(capsys, former: str, today: str):
    code, out, _ = undertow(capsys, *former.split())
    assert code == 0
    assert undertow(capsys, *today.split())[1] == out


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("derive heavy-ball --sampling cyclic", "--sampling"),
        ("derive heavy-ball --batches 3", "--batches"),
        ("derive heavy-ball --minibatch --batches 3", "--batches"),
        ("derive heavy-ball --minibatch --quantity expectation --order 3", "--order"),
        ("derive heavy-ball --minibatch --quantity covariance --name lr=h", "--name"),
        ("derive heavy-ball --k 3", "--k"),
        ("interpolator --x 1,2 --y 1 --lr 1/10 --seed 3", "--seed"),
        ("plot gain --x 1,2 --y 1 --lr 1/10 --out gain.svg --seed 3", "--seed"),
        ("verify cowsik2022.stability --loss x^2", "--loss"),
    ],
)
def test_an_option_without_effect_is_refused(capsys, words: str, option: str):
    code, out, err = undertow(capsys, *words.split())
    assert (code, out) == (2, "")
    assert err.startswith(f"undertow: {option} ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("derve heavy-ball", "there is no command 'derve'. Did you mean 'derive'?"),
        ("plot error", "there is no command 'plot error'. Did you mean 'errors'?"),
        ("derive", "derive needs OPTIMIZER"),
        ("derive heavy-ball --ordr 2", "derive has no option --ordr. Did you mean --order?"),
        ("derive heavy-ball --order", "--order needs a value"),
        ("derive heavy-ball --order two", "--order two is not a whole number."),
        ("derive heavy-ball --format yaml", "--format yaml is none of text, latex, json, sympy."),
        ("derive heavy-ball nesterov", "derive has no use for 'nesterov'."),
        (
            "derive heavy-ball --set beta=1/2 --set beta=1/3",
            "--set beta=1/3: beta is 1/2 already; give it once.",
        ),
        ("campaign --losses 0", "--losses 0 is outside 1 ... 1000000."),
        ("recovery sparse", "sparse is none of large-steps,"),
        ("--verbose", "undertow has no option --verbose."),
    ],
)
def test_a_slip_is_told_with_the_way_out(capsys, words: str, said: str):
    code, out, err = undertow(capsys, *words.split())
    assert (code, out) == (2, "")
    assert err.startswith(f"undertow: {said}")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        "derive {rule} --order 2",
        "trajectory {rule} --set beta=1/2 --loss x^2/2 --start 1 --time 1/2",
        "verify {rule} --digits 15",
    ],
)
def test_json_is_all_that_standard_output_gets(tmp_path: Path, words: str):
    file = tmp_path / "talking.py"
    file.write_text(RULE, encoding="utf-8")
    run = subprocess.run(
        f"{sys.executable} -m verify {words.format(rule=f'{file}:rule')} --format json".split(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(run.stdout)
    assert "a rule that talks" in run.stderr


@pytest.mark.parametrize(
    "words",
    [
        "optimizers",
        "optimizers --table",
        "convert --from torch.AdamW --to optax.adamw --set betas=0.9,0.95",
        "convert --from torch --lr 0.1 --momentum 0.9 --to ema",
        "convert --from torch --lr 0.1 --momentum 0.9 --nesterov --to qhm",
        "show ghosh2023.variance-factor --digits 20",
        "momentum --lr 1e-3 --hessian-top 50",
    ],
)
def test_there_is_json_wherever_there_is_a_result(capsys, words: str):
    code, out, _ = undertow(capsys, *words.split(), "--format", "json")
    assert code == 0
    assert json.loads(out)


class Terminal(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        written = super().write(text)
        self.told.set()
        return written


def test_a_terminal_is_told_that_a_command_still_works(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(output, "PATIENCE", 0.05)
    with output.waiting("undertow derive"):
        assert terminal.told.wait(600)
    said = terminal.getvalue()
    assert re.search(r"undertow derive: \d+ s", said)
    assert said.endswith(output.ERASE)


def test_what_is_no_terminal_is_told_nothing(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    threads = threading.active_count()
    with output.waiting("undertow derive"):
        assert threading.active_count() == threads
