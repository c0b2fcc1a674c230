"""What Python and a notebook show, and what they say beyond the order that was asked for."""

import subprocess
import sys
from pathlib import Path

import pytest
import sympy

from derive import (
    BadInput,
    coupled,
    heavy_ball,
    modified_flow,
    modified_loss,
    one_step_map,
    optimizer,
    transient,
    tree,
)
from derive.language.formula import BETA, Formula

LEAF, PAIR = tree("[]"), tree("[[]]")
ROOT = Path(__file__).parents[3]


def test_the_name_of_a_rule_stands_for_it():
    by_name = modified_flow("heavy-ball", order=2)  # pyright: ignore[reportArgumentType]
    assert by_name[PAIR] == modified_flow(heavy_ball, order=2)[PAIR]
    with pytest.raises(BadInput, match="Did you mean 'heavy-ball'"):
        modified_flow("heavyball", order=2)  # pyright: ignore[reportArgumentType]


def test_beyond_the_order_there_is_a_sentence():
    with pytest.raises(BadInput, match="this series ends at order 2; derive it with order=3"):
        _ = modified_flow(heavy_ball, order=2)[tree("[[[]]]")]
    with pytest.raises(BadInput, match="derive it with order=3"):
        _ = modified_loss(heavy_ball, order=2).terms[tree("[[[]]]")]
    with pytest.raises(BadInput, match="a colour that this series has not"):
        _ = modified_flow(heavy_ball, order=2)[tree("1[]")]


def test_coefficients_are_numbers_of_sympy():
    b, x = modified_flow(heavy_ball, order=2)[LEAF], sympy.Symbol("x")
    assert sympy.simplify(sympy.diff(b, BETA) - 1 / (1 - BETA) ** 2) == 0
    assert sympy.simplify(b * x - x / (1 - BETA)) == 0 == sympy.simplify(x / b - x * (1 - BETA))
    early = sympy.sympify(transient(heavy_ball, order=1)[LEAF]).subs(sympy.Symbol("k"), 2)
    assert sympy.cancel(early) == 1 + BETA + BETA**2


@pytest.mark.parametrize(
    ("shown", "inside"),
    [
        (modified_flow(heavy_ball, order=2), r"-\frac{h(1+\beta)}{2(1-\beta)^{3}}f^{(1)}\,f"),
        (one_step_map(heavy_ball, order=1), r"x+\frac{h}{1-\beta}f"),
        (modified_flow(coupled(heavy_ball), order=1), r"f_{0}+\frac{1}{1-\beta}f_{1}"),
        (modified_loss(heavy_ball, order=2), r"\frac{1}{1-\beta}\Bigl(E+"),
        (modified_flow(heavy_ball, order=1)[LEAF], r"\frac{1}{1-\beta}"),
        (Formula("speed", 1 / (1 - BETA)), r"\frac{1}{1-\beta}"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_notebook_shows_mathematics(shown, inside):
    text = shown._repr_latex_()
    assert inside in text
    assert text.startswith("$")
    assert text.endswith("$")
    assert len(repr(shown)) < 80


def test_an_optimizer_is_shown_shortly_and_with_its_source():
    assert repr(heavy_ball.at(beta="1/2")) == "<heavy-ball beta=1/2>"
    assert "Polyak 1964" in heavy_ball._repr_markdown_()
    assert "beta in (-1, 1)" in heavy_ball._repr_markdown_()


def test_a_parameter_k_is_not_the_number_of_the_step():
    @optimizer(state=("v",), parameters=("k",))
    def rule(x, v, grad, h, *, k):
        v = k * v - h * grad(x)
        return x + v, v

    with pytest.raises(BadInput, match="has a parameter k"):
        transient(rule, order=1)
    assert transient(rule, order=1, k=1)[LEAF].at({"k": "1/2"}) == transient(
        heavy_ball.at(beta="1/2"), order=1, k=1
    )[LEAF].at({})


def test_a_file_that_hides_the_package_is_named(tmp_path):
    (tmp_path / "derive.py").write_text("from derive import optimizer\n")
    run = subprocess.run(
        [sys.executable, "-m", "verify", "optimizers"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "derive.py hides the package 'derive': rename that file" in run.stderr
    assert run.stderr.count("\n") == 1
