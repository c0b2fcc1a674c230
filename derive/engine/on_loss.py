"""A modified field in the coordinates of a loss: formulas to integrate, plot or compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import product
from typing import Any

import sympy
from flint import fmpq

from derive.engine.bseries import BSeries
from derive.engine.components import Components, Vector
from derive.engine.invariant_manifold import SlowManifold
from derive.language.bad_input import BadInput
from derive.language.trees import Tree
from derive.language.update_rule import Optimizer


class SympyWorld:
    """Formulas in the coordinates of a loss.

    Args:
        fields: by field, the expressions of its components.
        coordinates: by player, its coordinates.
        schedules: by schedule, an expression in t; one that is missing stays a function of t.
    """

    def __init__(
        self,
        fields: Mapping[str, Sequence[sympy.Expr]],
        coordinates: Sequence[Sequence[sympy.Symbol]],
        schedules: Mapping[str, sympy.Expr],
    ) -> None:
        self.fields = fields
        self.coordinates = coordinates
        self.schedules = schedules
        self.partial = cache(self._partial)

    def convert(self, value: fmpq) -> sympy.Expr:
        return sympy.Rational(int(value.p), int(value.q))

    def _partial(self, name: str, along: tuple[sympy.Symbol, ...]) -> list[sympy.Expr]:
        if not along:
            return list(self.fields[name])
        return [sympy.diff(e, along[-1]) for e in self.partial(name, along[:-1])]

    def field(
        self, name: str, points: Sequence[Vector], moved: Sequence[tuple[int, Vector]]
    ) -> Vector:
        places = {
            own: value
            for ours, point in zip(self.coordinates, points, strict=True)
            for own, value in zip(ours, point, strict=True)
            if own != value
        }
        total: list[sympy.Expr] = [sympy.Integer(0)] * len(self.fields[name])
        choices = [
            [(c, v) for c, v in zip(self.coordinates[slot], vector, strict=True) if v != 0]
            for slot, vector in moved
        ]
        for chosen in product(*choices):
            weight = sympy.Mul(*(v for _, v in chosen))
            along = tuple(sorted((c for c, _ in chosen), key=str))
            for i, entry in enumerate(self.partial(name, along)):
                there = entry.subs(places, simultaneous=True) if places else entry
                total[i] = total[i] + weight * there
        return total

    def schedule(self, name: str, order: int, time: sympy.Expr) -> sympy.Expr:
        t = sympy.Symbol("t")
        function = self.schedules.get(name, sympy.Function(name)(t))
        return sympy.diff(function, t, order).subs(t, time) if order else function.subs(t, time)

    def function(self, name: str, value: sympy.Expr) -> sympy.Expr:
        return _SYMPY[name](value)

    def root(self, value: sympy.Expr, q: int) -> sympy.Expr:
        return sympy.Pow(value, sympy.Rational(1, q))

    def power(self, base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
        return base**exponent


_SYMPY: Mapping[str, Callable[[sympy.Expr], sympy.Expr]] = {
    "abs": sympy.Abs,
    "sign": sympy.sign,
    "exp": sympy.exp,
    "log": sympy.log,
    "tanh": sympy.tanh,
    "sin": sympy.sin,
    "cos": sympy.cos,
}


@dataclass(frozen=True)
class FieldOnLoss:
    """The modified field in the coordinates of a loss: by slow variable, a sum for each component.

    `field[name][j][n]` is what stands beside h^n in component j; `names[name][j]` its coordinate.
    Time itself is no row.
    """

    coordinates: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]
    parameters: tuple[str, ...]
    field: Mapping[str, tuple[tuple[sympy.Expr, ...], ...]]

    @property
    def slow(self) -> tuple[str, ...]:
        return tuple(self.field)


def players_coordinates(
    players: Sequence[str], variables: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Which variables of a loss belong to which player: x, x1, x_2 to x; all to a lone one.

    Raises:
        BadInput: a variable is nobody's, or a player has none.
    """
    if len(players) == 1:
        return (tuple(variables),)
    owned: dict[str, list[str]] = {player: [] for player in players}
    for name in variables:
        owners = [
            p for p in players if name.startswith(p) and not name[len(p) :].strip("_0123456789")
        ]
        if not owners:
            raise BadInput(
                f"the variable {name} of the loss belongs to no player; name a player's variables "
                f"after it, such as {players[0]}1, {players[0]}2 and {players[1]}1."
            )
        owned[max(owners, key=len)].append(name)
    if missing := [player for player, names in owned.items() if not names]:
        raise BadInput(f"the loss has no variable of the player {missing[0]}.")
    return tuple(tuple(names) for names in owned.values())


@dataclass(frozen=True)
class Ground:
    """The coordinates of a loss, and who has which.

    Args:
        losses: for every field of the rule the loss whose gradient (of its player) it is.
        variables: the coordinates.
        schedules: expressions in t.
    """

    rule: Optimizer
    losses: Mapping[str, sympy.Expr]
    variables: tuple[str, ...]
    schedules: Mapping[str, sympy.Expr] = field(default_factory=dict)

    @property
    def players(self) -> tuple[str, ...]:
        return self.rule.players or ("x",)

    @cached_property
    def owned(self) -> dict[str, tuple[str, ...]]:
        """By player, its coordinates."""
        owned = players_coordinates(self.players, self.variables)
        return dict(zip(self.players, owned, strict=True))

    @cached_property
    def world(self) -> SympyWorld:
        symbols = [[sympy.Symbol(name) for name in names] for names in self.owned.values()]
        fields = {
            name: [sympy.diff(self.losses[name], c) for c in symbols[i % len(symbols)]]
            for i, name in enumerate(self.rule.fields)
        }
        return SympyWorld(fields, symbols, self.schedules)

    @property
    def parameters(self) -> tuple[str, ...]:
        """What the formulas leave open besides the slow variables and h."""
        return (*self.rule.parameters, *(n for n in self.rule.schedules if n not in self.schedules))


def field_on_loss(flow: SlowManifold, ground: Ground) -> FieldOnLoss:
    """The modified field of any rule as formulas in the coordinates of a loss."""
    names: dict[str, tuple[str, ...]] = {}
    for name in flow.slow:
        space = flow.spaces[name]
        own = ground.owned[space] if space else (name,)
        names[name] = tuple(f"{name}_{c}" for c in own) if space and name != space else own
    _distinct([n for own in names.values() for n in own], ground)
    values: dict[str, Any] = {name: sympy.Symbol(name) for name in ground.rule.parameters}
    for name, own in names.items():
        each = [sympy.Symbol(n) for n in own]
        values[name] = each if flow.spaces[name] else each[0]
    sizes = {player: len(own) for player, own in ground.owned.items()}
    components = Components(ground.world, values, sizes)

    def rows(name: str) -> Iterator[Vector]:
        for speed in flow.flow[name]:
            space = flow.spaces[name]
            yield components.vector(speed, space) if space else [components.of(speed)]

    moving = [name for name in flow.slow if not flow.is_time(name)]
    return FieldOnLoss(
        ground.variables,
        {name: names[name] for name in moving},
        ground.parameters,
        {name: tuple(zip(*rows(name), strict=True)) for name in moving},
    )


def series_on_loss(series: BSeries, ground: Ground) -> FieldOnLoss:
    """The modified field of a linear rule, sum over trees of h^(nodes-1) b/sigma F, likewise."""
    _distinct(list(ground.variables), ground)
    place = [sympy.Symbol(name) for name in ground.variables]
    values: dict[Tree, Vector] = {}
    orders: list[Vector] = [[sympy.Integer(0)] * len(place) for _ in range(series.order)]
    for t, b in series.items():
        moved = [(0, values[branch]) for branch in t.branches]
        gradient = ground.world.field(ground.rule.fields[t.colour], [place], moved)
        values[t] = [-entry for entry in gradient]
        weight = (b * fmpq(1, t.symmetry)).as_expr()
        row = orders[t.order - 1]
        if b:
            orders[t.order - 1] = [a + weight * v for a, v in zip(row, values[t], strict=True)]
    return FieldOnLoss(
        ground.variables,
        {"x": ground.variables},
        ground.parameters,
        {"x": tuple(zip(*orders, strict=True))},
    )


def _distinct(names: list[str], ground: Ground) -> None:
    taken = [*names, *ground.rule.parameters, *ground.rule.schedules, "h"]
    twice = next((name for name in taken if taken.count(name) > 1), None)
    if twice:
        raise BadInput(
            f"{twice} is a variable of the loss and also a parameter, a schedule or a state of "
            f"{ground.rule.name}, or the step size; rename the variable."
        )


def step_polynomial(terms: Sequence[sympy.Expr], step: str = "h") -> sympy.Expr:
    """sum_n terms[n] h^n."""
    h = sympy.Symbol(step)
    return sympy.Add(*(sympy.Mul(h**n, term) for n, term in enumerate(terms)))
