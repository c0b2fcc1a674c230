"""What either player descends at order h, and that the cancelling regularizer cancels it."""

import math

import pytest
import sympy

from derive import BadInput, gradient_descent, modified_flow
from derive.engine.games import player_losses
from derive.engine.invariant_manifold import general_flow
from derive.engine.on_loss import Ground, field_on_loss
from derive.language.update_rule import Optimizer, optimizer
from derive.optimizers import NONLINEAR, adam
from derive.optimizers.players import inner_updates

X, Y = sympy.symbols("x y")
E = X**3 / 3 + X * Y + X**2 * Y**2 / 4 - Y**3 / 5 + X * Y**3 / 7
F, G = sympy.diff(E, X), sympy.diff(E, Y)
NAMES = [
    "descent-ascent",
    "simultaneous-descent-ascent",
    "alternating-descent-ascent",
    "momentum-descent-ascent",
    "optimistic-descent-ascent",
]
RULES = [*(NONLINEAR[name] for name in NAMES), inner_updates(3)]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_flow_at_order_h_is_that_of_either_players_loss(rule):
    found = field_on_loss(
        general_flow(rule, order=2), Ground(rule, {"f": E, "g": E}, ("x", "y"))
    ).field
    for player, loss in player_losses(rule).items():
        own, other = (F, G) if player == "x" else (G, F)
        coordinate = sympy.Symbol(player)
        first = loss.speed * own
        second = loss.speed * sympy.diff(loss.own * own**2 + loss.other * other**2, coordinate)
        terms = found[player][0]
        assert sympy.simplify(terms[0] - first) == 0
        assert sympy.simplify(terms[1] - second) == 0
        assert sympy.simplify(terms[1] - second * sympy.Rational(101, 100)) != 0


def slope(factor):
    """The order at which descent-ascent, some of the regularizer added, meets its first flow."""
    a, b = 1.0, 0.5
    losses = player_losses(NONLINEAR["simultaneous-descent-ascent"].at(a=1, b="1/2"))
    moves = []
    h = sympy.Symbol("h")
    for player, own, other in (("x", F, G), ("y", G, F)):
        of_own, of_other = losses[player].cancelling
        whole = E + h * factor * (of_own * own**2 + of_other * other**2)
        moves.append(sympy.lambdify((X, Y, h), sympy.diff(whole, sympy.Symbol(player))))
    errors = []
    for n in (200, 400, 800):
        step = 1 / n
        x, y = 0.3, 0.2
        u, v = x, y
        for _ in range(n):
            x, y = x - step * a * moves[0](x, y, step), y + step * b * moves[1](x, y, step)
            for _ in range(4):  # the flow, by a midpoint rule that is finer by far
                du, dv = -a * moves[0](u, v, 0), b * moves[1](u, v, 0)
                mid = u + step / 8 * du, v + step / 8 * dv
                u, v = u - step / 4 * a * moves[0](*mid, 0), v + step / 4 * b * moves[1](*mid, 0)
        errors.append(math.hypot(x - u, y - v))
    return math.log2(errors[1] / errors[2])


def test_the_cancelling_regularizer_gains_an_order_and_half_of_it_does_not():
    assert slope(1) == pytest.approx(2, abs=0.2)
    assert slope(0.5) == pytest.approx(1, abs=0.2)


def proximal_point(substitutions: int) -> Optimizer:
    """x' = x - h G(x') (Martinet 1970), solved by substituting: right through this power of h."""

    @optimizer(game=True)
    def rule(x, grad, h):
        new = x
        for _ in range(substitutions):
            new = x - h * grad(new)
        return new

    return rule


def test_the_proximal_point_is_descent_with_the_step_turned():
    descent, proximal = (
        modified_flow(rule, order=4) for rule in (gradient_descent, proximal_point(4))
    )
    assert all(proximal[t] == (-1) ** (t.order - 1) * descent[t] for t in descent)
    two = modified_flow(proximal_point(2), order=4)
    assert any(two[t] != proximal[t] for t in two if t.order == 3)


def test_other_rules_are_refused():
    with pytest.raises(BadInput, match="two players"):
        player_losses(adam)
