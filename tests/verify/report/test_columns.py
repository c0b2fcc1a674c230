"""LaTeX that fits a column: nothing is lost, only sums are broken, TeX takes it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.verify.commands.test_cli import undertow
from verify.report.columns import BEGIN, END, LETTERS, broken, width

PAGE = r"""\documentclass[%s]{article}
\usepackage{amsmath,amssymb}
\begin{document}
%s
\end{document}
"""
DERIVATIONS = [
    ("heavy-ball", "--order", "4"),
    ("nesterov", "--order", "2", "--quantity", "initial-shift"),
    ("heavy-ball", "--order", "4", "--quantity", "modified-loss"),
    ("heavy-ball", "--minibatch", "--quantity", "modified-loss"),
]


def latex(capsys, *words: str) -> str:
    code, out, _ = undertow(capsys, "derive", *words, "--format", "latex")
    assert code == 0
    return out


def joined(text: str) -> str:
    return re.sub(r"\s|\\\\|&|\\quad", "", text)


@pytest.mark.parametrize("words", DERIVATIONS, ids=" ".join)
def test_a_break_changes_no_formula(capsys, words):
    one, two = (latex(capsys, *words, "--columns", n) for n in "12")
    assert joined(one) == joined(two)
    assert len(two.splitlines()) >= len(one.splitlines())


def test_only_a_term_that_cannot_be_broken_is_longer_than_the_column():
    terms = [r"\frac{1+\beta}{2}\nabla E", r"(a+b+c)\nabla^{2}E\,\nabla E", r"\nabla^{3}E[v,w]"]
    body = broken(BEGIN + "x' &= " + "+".join(terms * 4) + END, 2)
    rows = body.removeprefix(BEGIN).removesuffix(END).split("\\\\\n")
    assert len(rows) > 3
    assert all(width(row) <= LETTERS[2] for row in rows)
    assert all(row.count("(") == row.count(")") for row in rows)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex")
@pytest.mark.parametrize("columns", ["1", "2"])
def test_a_broken_formula_fits_a_page_of_as_many_columns(capsys, tmp_path: Path, columns: str):
    text = "\n".join(latex(capsys, *w, "--columns", columns) for w in DERIVATIONS)
    page = PAGE % ({"1": "11pt", "2": "twocolumn"}[columns], text)
    (tmp_path / "page.tex").write_text(page, encoding="utf-8")
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "page"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        check=True,
    )
    assert "Overfull" not in run.stdout


def test_a_prefix_makes_a_macro(capsys):
    out = latex(capsys, "heavy-ball", "--order", "2", "--prefix", "my")
    assert out.startswith(r"\newcommand{\myHeavyBallModifiedFlow}{\begin{align*}")
    for prefix in ("my2", "my" * 30):
        words = ("derive", "nesterov", "--format", "latex", "--prefix", prefix)
        code, _, err = undertow(capsys, *words)
        assert code == 2
        assert "letters only" in err


@pytest.mark.parametrize("option", [("--columns", "2"), ("--prefix", "my")], ids=" ".join)
def test_what_concerns_latex_is_refused_elsewhere(capsys, option):
    code, _, err = undertow(capsys, "derive", "heavy-ball", *option)
    assert code == 2
    assert err.startswith(f"undertow: {option[0]} has no effect")
