"""What each of two players descends at order h, and the regularizer that cancels it.

Where both fields are gradients of one loss E, every term of the modified flow at order h is a
gradient for its player: f_x[f] of |grad_x E|^2/2 and f_y[g] of |grad_y E|^2/2, both by x. Where x
has a loss E_1 and y another E_2, f_y[g] is the gradient by x of <grad_y E_1, g> with g held, and no
loss of x stands behind it.

Source: Rosca, Wu, Dherin, Barrett, Discretization drift in two-player games (2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from derive.engine.component_ring import NoExpansion
from derive.engine.components import Components
from derive.engine.invariant_manifold import general_flow
from derive.engine.on_loss import SympyWorld
from derive.language.update_rule import Optimizer


@dataclass(frozen=True)
class PlayerLoss:
    """speed grad(E + h (own |grad E by the player|^2 + other |grad E by the other|^2)) by a player.

    Args:
        speed: what multiplies the player's gradient; negative for descent.
    """

    speed: sympy.Expr
    own: sympy.Expr
    other: sympy.Expr

    @property
    def cancelling(self) -> tuple[sympy.Expr, sympy.Expr]:
        """What to add to the player's loss, over h, so that no term of order h is left."""
        return -self.own, -self.other


def player_losses(optimizer: Optimizer) -> Mapping[str, PlayerLoss]:
    """The modified loss of either player at order h, both fields being gradients of one E.

    Args:
        optimizer: a rule with two players, each with one field.
    Raises:
        NoExpansion: it has others, or terms that are no derivative of a field along one.

    >>> from derive.optimizers import alternating_descent_ascent
    >>> losses = player_losses(alternating_descent_ascent)
    >>> losses["x"].own, losses["x"].other, losses["y"].other
    (a/4, -b/4, -a/4)
    """
    if len(optimizer.players) != 2 or len(optimizer.fields) != 2:
        raise NoExpansion(f"{optimizer.name} has not two players with a field each.")
    flow = general_flow(optimizer, order=2)
    own_field = dict(zip(optimizer.players, optimizer.fields, strict=True))
    scalars = Components(
        SympyWorld({}, [], {}), {n: sympy.Symbol(n) for n in optimizer.parameters}, {}
    )
    found: dict[str, PlayerLoss] = {}
    for player, name in own_field.items():
        first, second = flow.flow[player][:2]
        parts: dict[str, sympy.Expr] = {}
        for element, moved in ((first, 0), (second, 1)):
            for weight, vector in flow.algebra.split(element) if element else []:
                (symbol,) = vector.symbols
                along = [v.symbols[0].data[0] for _, v in symbol.data[2]]
                if symbol.data[0] != name or len(along) != moved:
                    raise NoExpansion(f"{optimizer.name} moves {player} along another field.")
                parts["".join(along)] = scalars.of(weight)
        speed = parts.pop("", sympy.Integer(0))
        own, other = (
            sympy.factor(parts.get(f, 0) / (2 * speed))
            for f in (name, *(f for f in optimizer.fields if f != name))
        )
        found[player] = PlayerLoss(sympy.factor(speed), own, other)
    return found
