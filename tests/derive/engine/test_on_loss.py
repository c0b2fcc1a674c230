"""Both engines' fields are one field in the coordinates of a loss; players own theirs."""

import pytest
import sympy

from derive import BadInput
from derive.engine.backward_error import modified_flow
from derive.engine.invariant_manifold import general_flow
from derive.engine.on_loss import Ground, field_on_loss, players_coordinates, series_on_loss
from derive.optimizers import ZOO

X, Y = sympy.symbols("x y")
E = X**4 / 4 + X * Y + Y**2 / 3 + X**2 * Y / 5
PLACE = {X: sympy.Rational(3, 7), Y: sympy.Rational(-2, 5)}


def ground(rule):
    return Ground(rule, dict.fromkeys(rule.fields, E), ("x", "y"))


def values(field):
    """The field's parts at one place and at one choice of the parameters, exactly."""
    names = [sympy.Symbol(name) for name in field.parameters]
    at = PLACE | {s: sympy.Rational(1, 3 + i) for i, s in enumerate(names)}
    return {
        name: [[sympy.simplify(term.subs(at)) for term in part] for part in parts]
        for name, parts in field.field.items()
    }


@pytest.mark.parametrize("rule", ZOO.values(), ids=str)
def test_both_engines_agree_on_linear_rules_through_the_third_power_of_h(rule):
    series = series_on_loss(modified_flow(rule, order=4), ground(rule))
    general = field_on_loss(general_flow(rule, order=4), ground(rule))
    assert values(general) == values(series)


def test_a_player_owns_the_variables_that_begin_with_its_name():
    assert players_coordinates(("x", "y"), ("x1", "y", "x_2")) == (("x1", "x_2"), ("y",))
    assert players_coordinates(("x",), ("a", "b")) == (("a", "b"),)
    with pytest.raises(BadInput, match="belongs to no player"):
        players_coordinates(("x", "y"), ("x", "y", "z"))
    with pytest.raises(BadInput, match="no variable of the player y"):
        players_coordinates(("x", "y"), ("x",))
