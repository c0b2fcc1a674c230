"""What the command imports before it has something to do."""

import json
import os
import subprocess
import sys

import pytest

from verify.commands.menu import MENU, SUBMENUS

HEAVY = {"sympy", "numpy", "mpmath", "flint", "gmpy2", "lark", "rich", "hypothesis"}
OURS = {
    "derive",
    "derive.faces",
    "derive.language.docstrings",
    "derive.language",
    "derive.language.bad_input",
    "derive.language.stages",
    "derive.language.ground_types",
    "verify",
    "verify.cli",
    "verify.commands",
    "verify.commands.application",
    "verify.commands.help",
    "verify.commands.menu",
    "verify.commands.output",
    "verify.commands.values",
    "verify.running",
    "verify.running.lifeline",
}
COMMANDS = [
    [name, inner]
    for group in MENU.values()
    for name in group
    for inner in [n for g in SUBMENUS.get(name, {}).values() for n in g] or [""]
]


def imported(*arguments: str, **environment: str) -> set[str]:
    """The modules that are there when the command ends."""
    code = (
        "import sys\n"
        "from verify.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    print('\\nmodules:', *sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(run.stdout.rpartition("modules:")[2].split())


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []], ids=["--help", "-h", "nothing"])
def test_the_help_imports_these_modules_of_ours_and_no_other(arguments):
    found = imported(*arguments)
    assert {name for name in found if name.split(".")[0] in ("derive", "verify")} == OURS
    assert not found & (HEAVY | {"pydantic"})


EACH_HELP = """
import json, sys
from verify.cli import main
for command in json.loads(sys.argv[1]):
    try:
        main([*filter(None, command), "--help"])
    except SystemExit:
        print("\\nmodules:", *command, *sys.modules)
"""


def test_the_help_of_a_command_imports_nothing_that_computes():
    run = [sys.executable, "-c", EACH_HELP, json.dumps(COMMANDS)]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    found = [line.split()[1:] for line in said.splitlines() if line.startswith("modules:")]
    assert len(found) == len(COMMANDS)
    assert not [modules[0] for modules in found if set(modules) & HEAVY]


@pytest.mark.parametrize(
    "typed", ["undertow ", "undertow ver", "undertow derive --o", "undertow derive x --quantity m"]
)
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_imports_nothing_that_computes(typed: str, shell: str):
    words = typed.split(" ")
    asked = (
        {"COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
        if shell == "bash"
        else {"_TYPER_COMPLETE_ARGS": typed}
    )
    found = imported(**asked, _UNDERTOW_COMPLETE=f"complete_{shell}")
    assert "typer.completion" in found
    assert not found & (HEAVY - {"rich"})


@pytest.mark.parametrize("rule", ["heavy-ball", "adam"])
def test_derive_imports_neither_claims_nor_floating_point(rule: str):
    found = imported("derive", rule, "--order", "2", "--format", "text")
    assert "sympy" in found
    assert not {n for n in found if n.startswith(("verify.papers", "verify.claims"))}
    assert not found & {"numpy", "lark", "rich.console", "hypothesis", "pydantic"}
