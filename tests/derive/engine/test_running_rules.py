"""A rule run on component expressions: its states, their spaces, and one step."""

import pytest

from derive import BadInput, heavy_ball, optimizer
from derive.engine.running_rules import Running
from derive.engine.vectors import Algebra
from derive.optimizers import NONLINEAR


def test_one_step_of_heavy_ball_is_the_rule():
    algebra = Algebra()
    run = Running(heavy_ball, algebra)
    x, v = (run.slow(name) for name in run.names)
    gradient = algebra.field("E", "x", (x,))
    beta = algebra.symbol("beta", "parameter")
    after = run.step({"x": [x], "v": [v]}, 2)
    assert after["v"].coefficients[:2] == [beta * v, -gradient]
    assert after["x"].coefficients[:2] == [x + beta * v, -gradient]


@pytest.mark.parametrize(
    ("name", "spaces"),
    [
        ("adam", {"x": "x", "m": "x", "v": "x"}),
        ("descent-ascent", {"x": "x", "y": "y"}),
        ("scheduled-heavy-ball", {"x": "x", "v": "x", "t": None}),
    ],
)
def test_each_state_lies_in_the_space_of_what_enters_it(name, spaces):
    assert Running(NONLINEAR[name], Algebra()).spaces == spaces


def test_a_player_that_is_no_state_is_refused():
    rule = optimizer(players=("x", "y"))(lambda x, grad, h: x)
    with pytest.raises(BadInput, match="is no state"):
        Running(rule, Algebra())
