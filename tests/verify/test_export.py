"""The exported LaTeX: one macro a formula, one labelled align a claim, a book that compiles."""

import os
import re
import shutil
import subprocess

import pytest

import verify.papers  # noqa: F401
from derive.update_rule import BadInput
from verify.claim import REGISTRY
from verify.report.book import FILES, export

CLAIMS = list(REGISTRY.claims.values())
needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None and "CI" not in os.environ, reason="pdflatex is not installed"
)


def test_each_formula_is_a_macro_and_each_claim_a_labelled_align(tmp_path):
    export(CLAIMS, tmp_path, force=False)
    text = (tmp_path / "formulas.tex").read_text()
    for claim in CLAIMS:
        assert f"\\label{{eq:{claim.id}}}" in text
        for formula in (claim.printed, claim.right):
            if formula:
                assert f"\\newcommand{{\\{formula.name}}}{{{formula.latex}}}" in text
                assert re.fullmatch("[A-Za-z]+", formula.name)


def test_no_two_different_formulas_share_a_name():
    named: dict[str, str] = {}
    for claim in CLAIMS:
        for formula in (claim.printed, claim.right):
            if formula:
                assert named.setdefault(formula.name, formula.latex) == formula.latex


def test_nothing_is_overwritten_unless_forced(tmp_path):
    export(CLAIMS, tmp_path, force=False)
    (tmp_path / "book.tex").write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        export(CLAIMS, tmp_path, force=False)
    assert (tmp_path / "book.tex").read_text() == "mine"
    assert len(export(CLAIMS, tmp_path, force=True)) == len(FILES)


@needs_tex
def test_the_book_compiles_without_warnings(tmp_path):
    export(CLAIMS, tmp_path, force=False)
    tex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "book"]
    for command in (tex, ["bibtex", "book"], tex):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    run = subprocess.run(tex, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "book.pdf").stat().st_size > 10_000
    said = run.stdout.decode(errors="replace")
    assert not re.findall(r"^.*(?:Warning|Overfull|Undefined).*$", said, re.MULTILINE)
