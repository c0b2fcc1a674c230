"""Nothing rests on what Python drops under -O and -OO, nor on the order of its sets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SAY = """
import json, verify.papers
from derive.optimizers import NONLINEAR, ZOO
from verify.claims.claim import REGISTRY
from verify.commands.application import COMMANDS, Menu
from verify.commands.menu import MENU
menu = Menu(name="undertow")
said = {name: COMMANDS[name].help for name in menu.entries if menu.get_command(None, name)
        if name in COMMANDS}
said |= {name: claim.derivation for name, claim in REGISTRY.claims.items()}
said |= {name: rule.summary for name, rule in {**ZOO, **NONLINEAR}.items()}
print(json.dumps(said))
"""
LETTERS = ["-m", "verify", "derive", "heavy-ball", "--order", "3", "--format"]


def run(*words: str, **environment: str) -> str:
    command = [sys.executable, *words]
    told = {**os.environ, **environment}
    return subprocess.run(command, env=told, capture_output=True, text=True, check=True).stdout


def test_every_docstring_that_is_shown_is_there_without_docstrings():
    said = run("-c", SAY)
    assert len(said) > 50_000
    assert run("-OO", "-c", SAY) == said


@pytest.mark.parametrize("form", ["latex", "json", "sympy"])
def test_letters_do_not_depend_on_the_hash_seed(form):
    first, *others = (run(*LETTERS, form, PYTHONHASHSEED=str(seed)) for seed in (0, 1, 7))
    assert all(other == first for other in others)


def test_the_book_does_not_depend_on_the_hash_seed(tmp_path: Path):
    for seed in ("0", "5"):
        run("-m", "verify", "export", "--out", str(tmp_path / seed), PYTHONHASHSEED=seed)
    first, second = (
        {path.name: path.read_bytes() for path in sorted((tmp_path / seed).rglob("*.*"))}
        for seed in ("0", "5")
    )
    assert len(first) > 200
    assert first == second
