"""The flow of any update rule on a concrete loss, and its slow manifold, at any precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.engine.component_ring import Element
from derive.engine.components import Components
from derive.engine.invariant_manifold import SlowManifold
from derive.engine.on_loss import Ground
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer
from verify.running import numbers
from verify.running.expression_losses import loss_from_expression
from verify.running.losses import VectorField
from verify.running.numbers import MPFR
from verify.running.reals import REAL, Real, Reals, reals
from verify.running.tape import Node, Program, record

Number = Any
State = dict[str, Any]
"""By state, its array of Real."""

FADED = 10**5
"""The number of a step at which every power beta^k is 0 at the working precision."""


@dataclass(frozen=True)
class NamedFields:
    """What a rule moves on: a field for each of its names, over the coordinates of all players.

    Args:
        fields: by the rule's field, the gradient of a loss (or a game's field) in all coordinates.
        sizes: the dimension of every player, in their order.
        schedules: expressions in t.
    """

    fields: Mapping[str, VectorField]
    sizes: Mapping[str, int]
    schedules: Mapping[str, sympy.Expr] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        return sum(self.sizes.values())

    def block(self, player: str) -> slice:
        """Where a player's coordinates stand among all."""
        names = list(self.sizes)
        first = sum(self.sizes[name] for name in names[: names.index(player)])
        return slice(first, first + self.sizes[player])

    def player(self, rule: Optimizer, name: str) -> str:
        """Whose coordinates a field has."""
        players = list(self.sizes)
        return players[rule.fields.index(name) % len(players)]

    def gradients(self, rule: Optimizer) -> Any:
        """What the rule takes as `grad`, on arrays of Real."""

        def gradient(name: str) -> Callable[..., Reals]:
            program = self.fields[name].gradient
            constants = [REAL.convert(c) for c in program.constants]
            block = self.block(self.player(rule, name))

            def at(*points: Reals) -> Reals:
                found = program.run([c for point in points for c in point], constants)
                return reals(found[block])

            return at

        each = tuple(gradient(name) for name in rule.fields)
        return each if len(each) != 1 else each[0]

    def clocks(self, rule: Optimizer) -> dict[str, Callable[[Number], Number]]:
        """The rule's schedules as functions of one number."""
        return {name: partial(_at_time, self.schedules[name]) for name in rule.schedules}


def landscape(ground: Ground) -> NamedFields:
    """What a rule moves on, from the losses of its fields."""
    order = [name for names in ground.owned.values() for name in names]
    fields = {n: loss_from_expression(e, variables=order) for n, e in ground.losses.items()}
    sizes = {player: len(names) for player, names in ground.owned.items()}
    return NamedFields(fields, sizes, ground.schedules)


def _at_time(expr: sympy.Expr, time: Number) -> Number:
    if isinstance(time, np.ndarray):
        return reals([_at_time(expr, t) for t in time])
    found = loss_from_expression(expr, variables=("t",)).value([_bare(time)])
    return Real(found) if isinstance(time, Real) else found


def _bare(number: Number) -> Number:
    return number.value if isinstance(number, Real) else number


class TapeWorld:
    """Component expressions recorded as a program."""

    def __init__(self, rule: Optimizer, land: NamedFields, one: Node) -> None:
        self.rule = rule
        self.land = land
        self.one = one

    def convert(self, value: fmpq) -> Node:
        return self.one.tape.constant(value)

    def field(
        self, name: str, points: Sequence[list[Node]], moved: Sequence[tuple[int, list[Node]]]
    ) -> list[Node]:
        zero = self.convert(fmpq(0))
        inputs = [c for point in points for c in point]
        players = list(self.land.sizes)
        for slot, vector in moved:
            whole = [zero] * self.land.dimension
            whole[self.land.block(players[slot])] = vector
            inputs += whole
        found = self.land.fields[name].derivative(len(moved)).replay(inputs)
        return found[self.land.block(self.land.player(self.rule, name))]

    def schedule(self, name: str, order: int, time: Node) -> Node:
        expr = sympy.diff(self.land.schedules[name], sympy.Symbol("t"), order)
        return loss_from_expression(expr, variables=("t",)).value([time])

    def function(self, name: str, value: Node) -> Node:
        size = numbers.exp(numbers.log(value * value) / 2) if name in {"abs", "sign"} else value
        if name == "tanh":
            return 1 - 2 / (numbers.exp(2 * value) + 1)
        if name == "sign":
            return value / size
        return size if name == "abs" else getattr(value, name)()

    def root(self, value: Node, q: int) -> Node:
        return numbers.exp(numbers.log(value) / q)

    def power(self, base: Node, exponent: Node) -> Node:
        return numbers.exp(numbers.log(base) * exponent)


class GeneralField:
    """The flow through h^(order-1) at given parameters; what `flows.flow` follows.

    Args:
        weights: factors of the powers of h, 1 where they are not given; to try a wrong flow.
    """

    def __init__(
        self,
        derived: SlowManifold,
        land: NamedFields,
        parameters: Mapping[str, fmpq],
        h: fmpq,
        *,
        order: int | None = None,
        weights: Mapping[int, fmpq] | None = None,
    ) -> None:
        self.derived = derived
        self.land = land
        self.order = order or derived.order
        self.weights = weights or {}
        missing = [name for name in derived.optimizer.parameters if name not in parameters]
        if missing:
            raise BadInput(f"the parameter {missing[0]} needs a value: --set {missing[0]}=...")
        self._fixed = [*(parameters[name] for name in derived.optimizer.parameters), h]

    def fixed(self, zero: Number) -> list[Number]:
        return [MPFR.convert(value) for value in self._fixed]

    @property
    def size(self) -> int:
        """How many numbers the slow variables are."""
        return sum(self._size(name) for name in self.derived.slow)

    def _size(self, name: str) -> int:
        space = self.derived.spaces[name]
        return self.land.sizes[space] if space else 1

    @property
    def program(self) -> Program:
        """(slow variables, parameters, h) -> their speeds."""
        return self._program

    @cached_property
    def _program(self) -> Program:
        return record(self.size + len(self._fixed), lambda nodes: self._outputs(nodes, flow=True))

    @cached_property
    def manifold(self) -> Program:
        """(slow variables, parameters, h) -> the fast variables."""
        return record(self.size + len(self._fixed), lambda nodes: self._outputs(nodes, flow=False))

    def program_of(self, elements: Sequence[Element]) -> Program:
        """(slow variables, parameters, h) -> the components of expressions, one after another."""

        def outputs(nodes: list[Node]) -> list[Node]:
            found: list[Node] = []
            for value in map(self._components(nodes).of, elements):
                found += value if isinstance(value, list) else [value]
            return found

        return record(self.size + len(self._fixed), outputs)

    def _components(self, nodes: list[Node]) -> Components:
        derived, values, used = self.derived, dict[str, Any](), 0
        for name in derived.slow:
            own = nodes[used : used + self._size(name)]
            values[name] = own if derived.spaces[name] else own[0]
            used += len(own)
        values |= zip(derived.optimizer.parameters, nodes[self.size : -1], strict=True)
        world = TapeWorld(derived.optimizer, self.land, nodes[0])
        return Components(world, values, self.land.sizes)

    def _outputs(self, nodes: list[Node], *, flow: bool) -> list[Node]:
        derived, components, h = self.derived, self._components(nodes), nodes[-1]
        found: list[Node] = []
        rows = derived.flow if flow else derived.manifold
        for name in derived.slow if flow else derived.fast:
            total = [components.world.convert(fmpq(0))] * self._size(name)
            for n, c in enumerate(rows[name][: self.order]):
                part = components.of(c)
                part = part if isinstance(part, list) else [part] * len(total)
                weight = components.world.convert(self.weights.get(n, fmpq(1))) * h**n
                total = [a + weight * b for a, b in zip(total, part, strict=True)]
            found += total
        return found

    def on_manifold(self, slow: Sequence[Number]) -> State:
        """The whole state that belongs to these slow variables."""
        derived = self.derived
        fast = self.manifold.at([*slow, *self.fixed(0)], MPFR) if derived.fast else []
        rows = iter([*slow, *fast])
        state = {
            name: reals([next(rows) for _ in range(self._size(name))])
            for name in (*derived.slow, *derived.fast)
        }
        count = self.first_step(state)
        return state | {name: reals([count + v]) for name, v in derived.counters.items()}

    def first_step(self, state: Mapping[str, Reals]) -> fmpq:
        """The number of the step at this state: t/h where the rule uses it, else a late one."""
        if not self.derived.by_steps:
            return fmpq(FADED)
        return fmpq(round(float(_bare(state["t"][0])) / float(self._fixed[-1])))

    def places(self, state: Mapping[str, Reals]) -> list[Number]:
        """Where the players are, in the order of the coordinates."""
        return [_bare(entry) for player in self.land.sizes for entry in state[player]]

    def slow_part(self, state: Mapping[str, Reals]) -> list[Number]:
        """The slow variables of a state as one list."""
        return [
            _bare(entry) for name in self.derived.slow for entry in state[name][: self._size(name)]
        ]


def run(
    rule: Optimizer,
    land: NamedFields,
    state: State,
    *,
    h: fmpq,
    steps: int,
    parameters: Mapping[str, fmpq],
    first: fmpq | int = 0,
) -> list[State]:
    """States 0, ..., steps of the declared step at the working precision.

    Args:
        state: where to begin, with every state of the rule, and the time t.
        first: the number of the first step.
    """
    grad, step = land.gradients(rule), REAL.convert(h)
    values = rule.arguments(REAL.convert) | {n: REAL.convert(v) for n, v in parameters.items()}
    values |= land.clocks(rule)
    x_name = (rule.players or ("x",))[0]
    path = [dict(state)]
    for k in range(steps):
        here = path[-1]
        asked: dict[str, Any] = {"k": int(first) + k} if "k" in rule.keywords else {}
        asked |= {"t": here["t"][0]} if "t" in rule.keywords else {}
        memory = [here[name] for name in rule.memory]
        x, new = rule.step(here[x_name], memory, grad, step, values | asked)
        after = {x_name: x, **dict(zip(rule.memory, new, strict=True))}
        if "t" in here and "t" not in after:
            after["t"] = here["t"] + step
        path.append(after)
    return path


def cold_start(
    rule: Optimizer,
    land: NamedFields,
    start: Mapping[str, Sequence[fmpq]],
    *,
    h: fmpq,
    parameters: Mapping[str, fmpq],
) -> State:
    """The state before the first step: the given players and slow variables, the memory declared.

    Args:
        start: by state; what is not given starts as declared.
    """
    grad = land.gradients(rule)
    values = rule.arguments(REAL.convert) | {n: REAL.convert(v) for n, v in parameters.items()}
    x_name = (rule.players or ("x",))[0]
    given = {name: reals(list(point)) for name, point in start.items()}
    x = given[x_name]
    found = [x * 0] * len(rule.memory)
    if not rule.players:
        found = rule.start(x, grad, REAL.convert(h), values)
    states = dict(zip(rule.memory, found, strict=True))
    return {"t": reals([fmpq(0)]), x_name: x, **states, **given}


def distance(a: Sequence[Number], b: Sequence[Number]) -> float:
    """The largest difference of two lists of numbers."""
    return float(max(abs(_bare(x) - _bare(y)) for x, y in zip(a, b, strict=True)))


def steps_for(time: fmpq, h: fmpq) -> int:
    """The number of steps of size h nearest to a time."""
    return max(1, math.floor(float(time / h) + 0.5))
