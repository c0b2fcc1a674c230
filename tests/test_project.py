"""The project as a stranger meets it: README, package, direction of imports."""

import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conventions_table import conventions_table
from tests.verify.commands.test_cli import undertow

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("mark", ["run", "test"])
def test_the_readme_marks_one_line_to_run_and_one_to_test(mark: str):
    (block,) = re.findall(rf"<!-- {mark} -->\n+```\w*\n(.*?)```", README, re.DOTALL)
    assert len(block.strip().splitlines()) == 1
    assert "venv" in block


@pytest.mark.parametrize("code", blocks("python"), ids=lambda c: c.split("\n")[0][:40])
def test_each_python_snippet_of_the_readme_runs(code: str):
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102


def commands() -> list[str]:
    return [
        line.removeprefix("$ ")
        for block in blocks("console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


@pytest.mark.parametrize("command", commands())
def test_each_command_of_the_readme_prints_what_the_readme_shows(
    capsys, monkeypatch, tmp_path: Path, command: str
):
    monkeypatch.chdir(tmp_path)
    first, *arguments = shlex.split(command)
    assert first == "undertow"
    code, out, _ = undertow(capsys, *arguments)
    assert code in (0, 1)
    (shown,) = re.findall(rf"```console\n\$ {re.escape(command)}\n(.*?)```", README, re.DOTALL)
    if shown.strip():
        assert out.strip() == shown.strip()


def test_the_draft_of_the_readme_is_judged_as_it_expects(capsys, tmp_path: Path):
    (draft,) = blocks("toml")
    (tmp_path / "draft.toml").write_text(draft, encoding="utf-8")
    code, out, _ = undertow(capsys, "verify", str(tmp_path / "draft.toml"), "--digits", "20")
    assert not code
    assert "1 claim: 1 derived" in out


def test_the_table_of_conventions_of_the_readme_is_the_generated_one():
    (table,) = re.findall(
        r"<!-- conventions -->\n+(.*?)\n+<!-- end conventions -->", README, re.DOTALL
    )
    assert table.strip() == conventions_table().strip()


def test_derive_knows_nothing_of_verify_and_of_no_paper_on_momentum():
    for path in (ROOT / "derive").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(from|import) verify", text, re.MULTILINE), path
        assert not re.search("ghosh|cowsik|papazov|gunasekar", text, re.IGNORECASE), path


def test_the_wheel_holds_both_packages_and_nothing_else(tmp_path: Path):
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            str(tmp_path),
            str(ROOT),
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "derive",
        "verify",
        "undertow-0.1.0.dist-info",
    }
    assert {"derive/py.typed", "derive/__init__.pyi", "verify/py.typed"} <= set(names)
    assert {"verify/claims/bibliography.bib", "verify/claims/catalogue.toml"} <= set(names)
    assert "verify/report/templates/site.js" in names


@pytest.mark.parametrize("version", ["(3, 8)", "(3, 10, 13)"])
def test_an_older_python_is_told_which_one_to_take(version: str):
    pretend = f"import sys; sys.version_info = {version}; import verify"
    run = subprocess.run(
        [sys.executable, "-c", pretend], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.stderr.strip().splitlines()[-1].endswith("3.11 or newer: python3.11 -m venv .venv")


def test_an_export_without_tex_says_how_to_get_it(capsys, monkeypatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, _ = undertow(capsys, "export", "--out", str(tmp_path / "book"))
    assert code == 0
    assert out.strip().endswith("apt install texlive-latex-base texlive-latex-recommended")
