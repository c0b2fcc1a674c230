"""Nothing rests on what Python drops under -O and -OO, nor on the order of its sets."""

import os
import subprocess
import sys
from pathlib import Path

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
LETTERS = """
import sys
from contextlib import suppress
from verify.cli import main
for form in ("latex", "json", "sympy"):
    with suppress(SystemExit):
        main(["derive", "heavy-ball", "--order", "3", "--format", form])
main(["export", "--out", sys.argv[1]])
"""


def run(*words: str, **environment: str) -> str:
    command = [sys.executable, *words]
    told = {**os.environ, **environment}
    return subprocess.run(command, env=told, capture_output=True, text=True, check=True).stdout


def test_every_docstring_that_is_shown_is_there_without_docstrings():
    said = run("-c", SAY)
    assert len(said) > 50_000
    assert run("-OO", "-c", SAY) == said


def test_letters_and_the_book_do_not_depend_on_the_hash_seed(tmp_path: Path):
    said, books = [], []
    for seed in ("0", "7"):
        book = tmp_path / seed
        said.append(run("-c", LETTERS, str(book), PYTHONHASHSEED=seed).replace(str(book), ""))
        books.append({path.name: path.read_bytes() for path in sorted(book.rglob("*.*"))})
    assert said[0] == said[1]
    assert all(part in said[0] for part in ("align", '"terms"', "Rational"))
    assert len(books[0]) > 200
    assert books[0] == books[1]
