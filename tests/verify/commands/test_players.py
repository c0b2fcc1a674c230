"""`undertow derive` of two players: what either descends, in every format."""

import json

import pytest
import sympy

from derive.engine.games import player_losses
from derive.optimizers import NONLINEAR
from verify.cli import main
from verify.formulas.reading import read_expression

ASKED = ("--quantity", "modified-loss")


def derive(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["derive", *arguments])
    return stop.value.code or 0, capsys.readouterr()


@pytest.mark.parametrize("name", ["alternating-descent-ascent", "momentum-descent-ascent"])
def test_the_data_are_the_losses_and_what_cancels_them(capsys, name):
    code, said = derive(capsys, name, *ASKED, "--format", "json")
    assert code == 0
    rule = NONLINEAR[name]
    for player, loss in player_losses(rule).items():
        told = json.loads(said.out)["players"][player]
        (other,) = {"x", "y"} - {player}
        for q, right in ((player, loss.own), (other, loss.other)):
            read = [
                read_expression(told[key][q], names=rule.parameters)
                for key in ("terms", "cancelling")
            ]
            assert sympy.simplify(read[0] - right) == 0
            assert sympy.simplify(read[1] + right) == 0


def test_text_and_latex_show_the_signs(capsys):
    _, said = derive(capsys, "simultaneous-descent-ascent", *ASKED)
    assert "x' = −a ∇x[E + h (a/4 ‖∇xE‖² − b/4 ‖∇yE‖²)]" in said.out
    assert "adding h (b/4 ‖∇yE‖² − a/4 ‖∇xE‖²) to its E" in said.out
    _, said = derive(capsys, "descent-ascent", *ASKED, "--format", "latex")
    assert r"x' &= -\nabla_{x}\Bigl[E+h\bigl(\frac{1}{4}\lVert\nabla_{x}E\rVert^{2}" in said.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("consensus", *ASKED), "two players with a field each"),
        (("descent-ascent", *ASKED, "--format", "sympy"), "no coefficients by tree"),
        (("descent-ascent", *ASKED, "--order", "3"), "no effect"),
    ],
)
def test_what_there_is_not_is_said(capsys, arguments, message):
    code, said = derive(capsys, *arguments)
    assert code == 2
    assert message in said.err
