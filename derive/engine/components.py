"""Component expressions on a concrete loss: what number, or formula, is each component?

`Components` walks an expression on any number type; a `World` knows the fields and the functions
of that type. `SympyWorld` writes formulas in the coordinates of a loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any, Protocol

import sympy
from flint import fmpq

from derive.engine.slow_manifold import SlowManifold
from derive.engine.vectors import Element, Symbol
from derive.language.bad_input import BadInput

Number = Any
Vector = list[Number]
"""The components of a vector; a plain scalar is a single number."""


class World(Protocol):
    """The fields and functions of one number type."""

    def convert(self, value: fmpq) -> Number: ...

    def field(
        self, name: str, points: Sequence[Vector], moved: Sequence[tuple[int, Vector]]
    ) -> Vector:
        """D^k of a field at the players' points, applied to vectors of the players."""
        ...

    def schedule(self, name: str, order: int, time: Number) -> Number: ...

    def function(self, name: str, value: Number) -> Number:
        """abs, sign, exp, log, tanh, sin or cos."""
        ...

    def root(self, value: Number, q: int) -> Number: ...

    def power(self, base: Number, exponent: Number) -> Number: ...


@dataclass(frozen=True)
class Components:
    """Values of expressions where slow variables and parameters are given.

    Args:
        values: of every slow variable and parameter, by name; a vector as a list.
        sizes: the dimension of every vector space.
    """

    world: World
    values: Mapping[str, Any]
    sizes: Mapping[str, int]

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {})

    def of(self, element: Element) -> Any:
        """The value: a list of components, or one number for a plain scalar."""
        terms, space = factored_terms(element), element.space
        used = {s.index: s for _, factors in terms for f, _ in factors for s in f.symbols}
        columns = {i: self._symbol(s) for i, s in used.items()}
        if space is None:
            return self._value(terms, columns)
        return [
            self._value(terms, {i: v[j] if isinstance(v, list) else v for i, v in columns.items()})
            for j in range(self.sizes[space])
        ]

    def vector(self, element: Element, space: str) -> Vector:
        """The components, a plain scalar as often as the space has dimensions."""
        found = self.of(element)
        return found if isinstance(found, list) else [found] * self.sizes[space]

    def _value(self, terms: list[Term], columns: Mapping[int, Number]) -> Number:
        total: Number = None
        for weight, factors in terms:
            term = self.world.convert(weight)
            for factor, power in factors:
                base = self._polynomial(factor, columns)
                term = term * base**power if power > 0 else term / base**-power
            total = term if total is None else total + term
        return self.world.convert(fmpq(0)) if total is None else total

    def _polynomial(self, factor: Element, columns: Mapping[int, Number]) -> Number:
        total: Number = None
        for exponents, weight in factor.num.to_dict().items():
            term = None if weight == 1 else self.world.convert(weight)
            for i, power in enumerate(exponents):
                if power:
                    part = columns[i] ** power if power > 1 else columns[i]
                    term = part if term is None else term * part
            term = self.world.convert(weight) if term is None else term
            total = term if total is None else total + term
        return total

    def _symbol(self, s: Symbol) -> Any:
        known: dict[int, Any] = self.__dict__["_known"]
        if s.index not in known:
            known[s.index] = self._found(s)
        return known[s.index]

    def _found(self, s: Symbol) -> Any:
        world = self.world
        if s.kind in {"slow", "parameter"}:
            return self.values[s.name]
        if s.kind == "field":
            name, points, moved = s.data
            places = [self.vector(p, p.space or "x") for p in points]
            directions = [(slot, self.vector(v, points[slot].space or "x")) for slot, v in moved]
            return world.field(name, places, directions)
        if s.kind == "total":
            parts = self.of(s.data)
            parts = parts if isinstance(parts, list) else [parts] * self.sizes["x"]
            return sum(parts[1:], start=parts[0])
        if s.kind == "name":
            return self.of(s.data)
        if s.kind == "schedule":
            name, order, time = s.data
            return _each(self.of(time), lambda t: world.schedule(name, order, t))
        value = self.of(s.data[-1])
        if s.kind == "root":
            return _each(value, lambda v: world.root(v, s.data[0]))
        if s.kind == "power":
            return _each(value, lambda v: world.power(v, self.of(s.data[0])))
        return _each(value, lambda v: world.function(s.kind, v))


def _each(value: Any, function: Callable[[Number], Number]) -> Any:
    return [function(v) for v in value] if isinstance(value, list) else function(value)


Term = tuple[fmpq, list[tuple[Element, int]]]


def factored_terms(element: Element) -> list[Term]:
    """The element as a sum of products: a rational number and polynomials with their powers.

    Terms are gathered by what they hold of the fields, their derivatives and sums.
    """
    algebra = element.algebra
    if not element:
        return []
    num, den = algebra.lifted(element.num, element.den)
    gathered = [s.kind in {"field", "total", "name", "schedule"} for s in algebra.symbols]
    gathered += [False] * (algebra.context.nvars() - len(gathered))
    parts: dict[tuple[int, ...], dict[tuple[int, ...], fmpq]] = {}
    for exponents, weight in num.to_dict().items():
        ours = tuple(e if g else 0 for e, g in zip(exponents, gathered, strict=True))
        rest = tuple(0 if g else e for e, g in zip(exponents, gathered, strict=True))
        parts.setdefault(ours, {})[rest] = weight
    found: list[Term] = []
    for ours, part in parts.items():
        weight = algebra.fraction(algebra.context.from_dict(part), den)
        scale, factors = algebra.factors(weight)
        own = [
            (algebra.variable(algebra.symbols[i]), power) for i, power in enumerate(ours) if power
        ]
        found.append((scale, _unsigned([*factors, *own])))
    return found


def _unsigned(factors: list[tuple[Element, int]]) -> list[tuple[Element, int]]:
    """sign(g)|g| written as g."""
    if not factors:
        return factors
    algebra = factors[0][0].algebra
    powers = {factor.key: (factor, power) for factor, power in factors}
    for index, value in algebra.replaced.items():
        pair = [algebra.variable(s) for s in value.symbols]
        if len(pair) != 2 or value != pair[0] * pair[1]:
            continue
        s, size = sorted(pair, key=lambda one: one.symbols[0].positive)
        if s.key in powers and powers.get(size.key, (size, 0))[1] > 0:
            factor, power = powers.pop(size.key)
            del powers[s.key]
            powers |= {size.key: (factor, power - 1)} if power > 1 else {}
            symbol = algebra.variable(algebra.symbols[index])
            powers[symbol.key] = symbol, 1
    return list(powers.values())


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
                entry = entry.subs(places, simultaneous=True) if places else entry
                total[i] = total[i] + weight * entry
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


def field_on_loss(
    flow: SlowManifold,
    losses: Mapping[str, sympy.Expr],
    variables: Sequence[str],
    *,
    schedules: Mapping[str, sympy.Expr] | None = None,
) -> FieldOnLoss:
    """The modified field as formulas in the coordinates of a loss.

    Args:
        losses: for every field of the rule the loss whose gradient (of its player) it is.
        variables: the coordinates.
        schedules: expressions in t.
    """
    rule, players = flow.optimizer, flow.players
    owned = players_coordinates(players, variables)
    symbols = [[sympy.Symbol(v) for v in names] for names in owned]
    fields = {
        name: [sympy.diff(losses[name], c) for c in symbols[i % len(players)]]
        for i, name in enumerate(rule.fields)
    }
    world = SympyWorld(fields, symbols, schedules or {})
    sizes = {player: len(names) for player, names in zip(players, owned, strict=True)}
    names: dict[str, tuple[str, ...]] = {}
    for name in flow.slow:
        space = flow.spaces[name]
        own = owned[players.index(space)] if space else ()
        ours = own if name in players else tuple(f"{name}_{c}" for c in own)
        names[name] = ours if space else (name,)
    _distinct([*(n for own in names.values() for n in own), *rule.parameters, "h"], rule.name)
    values: dict[str, Any] = {name: sympy.Symbol(name) for name in rule.parameters}
    for name, own in names.items():
        each = [sympy.Symbol(n) for n in own]
        values[name] = each if flow.spaces[name] else each[0]
    components = Components(world, values, sizes)
    field = {
        name: tuple(
            zip(
                *(
                    components.vector(c, space) if space else [components.of(c)]
                    for c in flow.flow[name]
                    for space in [flow.spaces[name]]
                ),
                strict=True,
            )
        )
        for name in flow.slow
        if not flow.is_time(name)
    }
    parameters = (*rule.parameters, *(n for n in rule.schedules if n not in (schedules or {})))
    return FieldOnLoss(tuple(variables), names, parameters, field)


def _distinct(names: Sequence[str], rule: str) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise BadInput(
            f"{twice} is both a variable of the loss and a parameter or a state of {rule}; rename "
            "the variable."
        )


def step_polynomial(terms: Sequence[sympy.Expr], step: str = "h") -> sympy.Expr:
    """sum_n terms[n] h^n."""
    h = sympy.Symbol(step)
    return sympy.Add(*(sympy.Mul(h**n, term) for n, term in enumerate(terms)))

