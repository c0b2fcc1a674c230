"""The exported LaTeX: one macro and one file a formula, a labelled statement a claim, a book."""

import os
import re
import shutil
import subprocess

import pytest
import sympy

import verify.papers  # noqa: F401
from derive.language.update_rule import BadInput
from derive.language.writing import latex
from verify.claims.claim import REGISTRY
from verify.claims.equality import difference
from verify.claims.sources import BIBTEX, people
from verify.formulas.comparing import same
from verify.formulas.reading import read_latex
from verify.report.book import FILES, FOLDER, export, named

CLAIMS = list(REGISTRY.claims.values())
FORMULAS = named(CLAIMS)
needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None and "CI" not in os.environ, reason="pdflatex is not installed"
)
PDFLATEX = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error"]
ALONE = r"""\documentclass{article}
\usepackage{amsmath,amssymb}
\begin{document}
%s
\end{document}
"""


def test_each_formula_is_a_macro_and_each_claim_a_labelled_statement(tmp_path):
    export(CLAIMS, tmp_path, force=False)
    macros = (tmp_path / "formulas.tex").read_text()
    statements = (tmp_path / "statements.tex").read_text()
    for name, formula in FORMULAS.items():
        assert f"\\newcommand{{\\{name}}}{{{formula.latex}}}" in macros
        assert re.fullmatch("[A-Za-z]+", name)
    for claim in CLAIMS:
        assert f"\\label{{{claim.id}}}" in statements
        assert claim.sentence in statements if claim.says else True
        if claim.right and not claim.says:
            _, errata = statements.split(r"\section*{Errata}")
            row = errata.split(f"\\ref{{{claim.id}}} & ")[1].split(r"\\*[1ex]")[0].split(" & ")
            for side, formula in zip(row, (claim.printed, claim.formula), strict=True):
                assert f"\\fit{{\\{formula.name}}}" in side
                assert all(words in side for words in claim.worded.split("{formula}"))


def test_no_two_different_formulas_share_a_name():
    for claim in CLAIMS:
        for name, formula in claim.formulas().items():
            assert FORMULAS[name].latex == formula.latex


@pytest.mark.parametrize("name", FORMULAS)
def test_the_exported_latex_reads_back_as_the_formula(name):
    formula = FORMULAS[name]
    written = formula.latex.removeprefix(formula.lead).removesuffix(formula.beside)
    assert written == latex(formula.expr)
    names = {symbol.name for symbol in formula.expr.free_symbols}
    plain = formula.expr.xreplace({s: sympy.Symbol(s.name) for s in formula.expr.free_symbols})
    read = read_latex(written, names=names)
    try:
        assert difference(read, plain) == 0
    except ValueError:
        assert same(read, plain)


@pytest.mark.parametrize("name", FORMULAS)
def test_what_stands_around_a_formula_multiplies_and_adds_all_of_it(name):
    formula = FORMULAS[name]
    assert not (formula.lead and latex(formula.expr).startswith("-"))
    assert not (formula.beside and isinstance(formula.expr, sympy.Add))


def test_every_source_has_people_and_an_entry():
    for key, entry in BIBTEX.items():
        assert re.match(rf"@\w+\{{{key},\n", entry)
        assert key == "undertow" or re.match("[A-Z]", people(key))
    assert people("ghosh2023") == "Ghosh et~al. (2023)"
    assert people("cowsik2022") == "Cowsik, Can and Glorioso (2022)"
    titles = [re.findall(r"title = \{(.*?)\},\n", entry, re.DOTALL)[0] for entry in BIBTEX.values()]
    assert len(set(titles)) == len(titles)


def test_nothing_is_overwritten_unless_forced(tmp_path):
    export(CLAIMS, tmp_path, force=False)
    (tmp_path / "book.tex").write_text("mine")
    with pytest.raises(BadInput, match="exists already"):
        export(CLAIMS, tmp_path, force=False)
    assert (tmp_path / "book.tex").read_text() == "mine"
    assert len(export(CLAIMS, tmp_path, force=True)) == len(FILES) + len(FORMULAS)


@needs_tex
def test_the_book_compiles_without_warnings(tmp_path):
    export(CLAIMS, tmp_path, force=False)
    tex = [*PDFLATEX, "book"]
    for command in (tex, ["bibtex", "book"], tex, tex):
        run = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
        assert command[0] != "bibtex" or b"arning" not in run.stdout
    run = subprocess.run(tex, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "book.pdf").stat().st_size > 10_000
    said = run.stdout.decode(errors="replace")
    assert not re.findall(r"^.*(?:Warning|Overfull|Undefined).*$", said, re.MULTILINE)


@needs_tex
def test_each_formula_can_be_input_alone(tmp_path):
    export(CLAIMS, tmp_path, force=False)
    shown = "\n".join(f"\\[\\input{{{FOLDER}/{name}}}\\]" for name in FORMULAS)
    (tmp_path / "alone.tex").write_text(ALONE % shown)
    run = subprocess.run([*PDFLATEX, "alone"], cwd=tmp_path, check=True, capture_output=True)
    assert not re.findall(rb"Warning|Undefined", run.stdout)
