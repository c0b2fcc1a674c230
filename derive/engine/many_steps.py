"""What k steps on the slow manifold do to x: at every tree a polynomial in k, solved for directly.

As B-series in the x of now, the state after k steps and the forces F = h f(Y) obey the update,

    Y(k) = x(k) + U m(k) + A F(k),    x(k+1) = x(k) + V m(k) + B F(k),    m(k+1) = W m(k) + C F(k).

At a tree t every one of them is a polynomial in k, and F is the product of Y over the branches of
t, so known from smaller trees, of degree |t| - 1. With the forward difference D in k, the only
polynomial solution is

    m = sum_j (-1)^j (I - W)^(-j-1) C D^j F,    x(0) = 0,    x' = (log(1 + D)/D) (V m + B F),

where x' at k = 0 is the modified flow. No edge of a tree is cut and no Lie derivative taken. The
polynomials are held as their values at k = 0, 1, ..., order - 1, where products are products.
Of the last order, where most trees are, only sums over the values of F are taken: a product of Y
over the branches, or, at a root with one branch, a sum over its memory and its F, on which that Y
depends linearly.

Denominators are cleared beforehand, see `cleared`; D^j F has j powers of the pole less than F.

Source: the product rule is Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), III.1,
Lemma 1.9; the rest is the calculus of finite differences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, repeat
from math import comb, lcm
from operator import add, attrgetter, mul

from derive.engine.bseries import Lazy
from derive.engine.cleared import Cleared, Row, Rows
from derive.engine.linear_memory import LinearMethod
from derive.engine.packing import Packed, Packing, arithmetic
from derive.language.coefficients import Polynomial
from derive.language.stages import orders
from derive.language.trees import Tree, trees_of_order

SHARED = 8
"""Weights are kept for other branches of at most so many nodes, which many trees share."""
_order = attrgetter("order")


@dataclass(frozen=True)
class Numerators:
    """x' times `scales[nodes]` (the flow), x(1) (the step) and m, without their denominators."""

    arithmetic: Packing
    pole: Polynomial
    slope: int
    scales: list[int]
    flow: Mapping[Tree, Packed]
    step: Mapping[Tree, Packed]
    memory: Sequence[Mapping[Tree, Packed]]


def solve(method: LinearMethod, order: int, colours: int) -> Numerators:
    """The coefficients at all trees of at most `order` nodes; step and memory once asked for."""
    cleared = Cleared.of(method)
    numbers = arithmetic(method.ring, cleared.entries(), lambda: cleared.largest_coefficient(order))
    packed = cleared.map(numbers.pack)
    update = [_Update(packed.coloured(colour), numbers, order) for colour in range(colours)]
    scales = [lcm(*range(1, nodes + 1)) for nodes in range(order + 1)]
    found = _Solution(update, order)
    for nodes in orders(order):
        weights = [each.weights(nodes, scales[nodes]) for each in update]
        found.add(trees_of_order(nodes, colours), nodes, weights)
    return Numerators(
        numbers, cleared.pole, cleared.slope, scales, found.flow, found.step, found.memory
    )


class _Solution:
    """What is known at the trees added so far; at the last two orders, sums over F alone."""

    def __init__(self, update: list[_Update], order: int) -> None:
        self.flow: dict[Tree, Packed] = {}
        self.step = Lazy(self.flow, self._displacement)
        self.memory = [
            Lazy(self.flow, partial(self._at_rest, i)) for i in range(len(update[0].method.w))
        ]
        self._update = update
        self._late = max(order - 1, 2)
        self._early: dict[Tree, tuple[Row, Rows]] = {}
        """The memory at k = 0 and Y."""
        self._sums: dict[int, list[list[_Sum]]] = {}
        """By order, colour and place: of the flow and of every memory."""

    def add(self, trees: Iterable[Tree], nodes: int, weights: list[list[Rows]]) -> None:
        """Solve for the trees of the next order, with its weights by colour."""
        if nodes < self._late:
            for t in trees:
                mine = self._update[t.colour]
                forces = mine.forces(self._early[branch][1] for branch in t.branches)
                self.flow[t], *memory = mine.at_rest(weights[t.colour], forces, nodes)
                self._early[t] = memory, mine.stages(memory, forces)
            return
        self._sums[nodes] = [
            [_Sum(mine, rows, mine.pole_powers[nodes - 1], self._early) for rows in own]
            for mine, own in zip(self._update, weights, strict=True)
        ]
        for t in trees:
            self.flow[t] = self._total(t, 0)

    def _total(self, t: Tree, place: int) -> Packed:
        mine, branch = self._sums[t.order][t.colour][place], t.branches[0]
        if branch.order < self._late:
            return mine.at(t.branches)
        on_memory, on_forces = mine.through(self._update[branch.colour])
        more = map(mul, on_memory, (values[branch] for values in self.memory))
        return on_forces.at(branch.branches, more)

    def _at_rest(self, i: int, t: Tree) -> Packed:
        """A memory at k = 0."""
        return self._early[t][0][i] if t in self._early else self._total(t, 1 + i)

    def _displacement(self, t: Tree) -> Packed:
        """x(1)."""
        mine, memory = self._update[t.colour], [values[t] for values in self.memory]
        return mine.displacement(memory, mine.forces(map(self._begin, t.branches)))

    def _begin(self, t: Tree) -> Rows:
        """Y at k = 0 alone."""
        if t in self._early:
            return [values[:1] for values in self._early[t][1]]
        mine, memory = self._update[t.colour], [values[t] for values in self.memory]
        return mine.stages(memory, mine.forces(map(self._begin, t.branches)))


class _Update:
    """One step of the rule at trees with a root of one colour, by values at k = 0, 1, ..."""

    def __init__(self, method: Cleared, numbers: Packing, length: int) -> None:
        self.method = method
        self.exact_quotient = numbers.divide
        self.length = length
        self.zero = method.unit * 0
        self.pushes = [[method.pole * entry for entry in row] for row in method.c]
        self.pole_powers = [*accumulate([method.pole] * length, mul, initial=method.unit)]
        self.moments = self._moments()

    def _moments(self) -> list[tuple[Row, Rows]]:
        """(-1)^j V R^(j+1) C and (-1)^j R^(j+1) C for j = 0, 1, ..., where R = (I - W)^(-1)."""
        method, rows, found = self.method, self.method.c, list[tuple[Row, Rows]]()
        for _ in range(self.length):
            (drift,) = self._product([method.v_inverse], rows)
            rows = self._product(method.inverse, rows)
            found.append((drift, rows))
            rows = [[-entry for entry in row] for row in rows]
        return found

    def _product(self, left: Rows, right: Rows) -> Rows:
        return [
            [self._dot(row, [entries[r] for entries in right]) for r in range(len(self.method.b))]
            for row in left
        ]

    def _dot(self, left: Iterable[Packed], right: Iterable[Packed]) -> Packed:
        return sum(map(mul, left, right), self.zero)

    def over(self, value: Packed, divisor: Packed) -> Packed:
        return value if divisor == self.method.unit else self.exact_quotient(value, divisor)

    def weights(self, nodes: int, scale: int) -> list[Rows]:
        """Of F(0), F(1), ... for scale times x' and for every memory, at k = 0 and this order."""
        powers = self.pole_powers[:nodes][::-1]
        logarithm = [(-1) ** j * scale // (j + 1) for j in range(nodes)]

        def flow(r: int) -> Row:
            steps = [
                drift[r] * power for (drift, _), power in zip(self.moments, powers, strict=False)
            ]
            steps[0] = steps[0] + self.method.b[r] * powers[0]
            return [self._dot(steps[j::-1], logarithm) for j in range(nodes)]

        def memory(i: int, r: int) -> Row:
            return [
                rows[i][r] * power for (_, rows), power in zip(self.moments, powers, strict=False)
            ]

        stages = range(len(self.method.b))
        return [
            [self._on_values(flow(r)) for r in stages],
            *([self._on_values(memory(i, r)) for r in stages] for i in range(len(self.method.w))),
        ]

    def _on_values(self, weights: Row) -> Row:
        """Of F(0), F(1), ... instead of F, D F, D^2 F, ... at 0."""
        size = len(weights)
        return [
            self._dot(weights[q:], [(-1) ** (j - q) * comb(j, q) for j in range(q, size)])
            for q in range(size)
        ]

    def forces(self, branches: Iterable[Rows]) -> Rows:
        """The values of F, from those of Y at the branches."""
        found: Rows = []
        for stages in branches:
            found = self.times(found, stages) if found else [stages[r] for r in self.method.fields]
        return found or [[self.method.unit] * self.length for _ in self.method.fields]

    def times(self, rows: Rows, stages: Rows) -> Rows:
        """Rows for every stage of the root, times the values of Y there."""
        mine = (stages[r] for r in self.method.fields)
        return [[*map(mul, *pair)] for pair in zip(rows, mine, strict=True)]

    def at_rest(self, weights: list[Rows], forces: Rows, nodes: int) -> Row:
        """What these weights say: the flow and the memories at k = 0."""
        divisor = self.pole_powers[nodes - 1]
        return [
            self.over(sum(map(self._dot, rows, forces), self.zero), divisor) for rows in weights
        ]

    def displacement(self, memory: Row, forces: Rows) -> Packed:
        """x(1), from the memory and the forces at k = 0."""
        fading = self.over(self._dot(self.method.v, memory), self.method.divisor)
        return fading + self._dot(self.method.b, [values[0] for values in forces])

    def stages(self, memory: Row, forces: Rows) -> Rows:
        """The values of Y, from the memory at k = 0 and the forces."""
        method = self.method
        before = [values[:-1] for values in forces]
        memories = self._memories(memory, [self._combined(row, before) for row in self.pushes])
        fading = self._combined(method.v, memories)
        if method.divisor != method.unit:
            fading = [self.exact_quotient(value, method.divisor) for value in fading]
        x = [*accumulate(map(add, fading, self._combined(method.b, before)), initial=self.zero)]
        return [
            self._combined([method.pole, *u, *a], [x, *memories, *forces])
            for u, a in zip(method.u, method.a, strict=True)
        ]

    def _memories(self, start: Row, pushes: Rows) -> Rows:
        """The values of every memory, pushed at each step."""
        w, divisor = self.method.w, self.method.divisor
        if len(w) == 1 and divisor == self.method.unit:
            ((keep,),), (push,) = w, pushes
            return [[*accumulate(push, lambda m, kick: keep * m + kick, initial=start[0])]]

        path = [start]
        for kicks in zip(*pushes, strict=True):
            kept = [self.over(self._dot(row, path[-1]), divisor) for row in w]
            path.append([*map(add, kept, kicks)])
        return [[*values] for values in zip(*path, strict=True)]

    def _combined(self, weights: Row, rows: Rows) -> Row:
        """The sum of the rows, each times its weight."""
        total: Row | None = None
        for weight, row in zip(weights, rows, strict=True):
            if weight:
                scaled = row if weight == self.method.unit else [*map(mul, row, repeat(weight))]
                total = [*map(add, total, scaled)] if total else scaled
        return total or [self.zero] * (len(rows[0]) if rows else self.length)

    def weighed(self, weights: Rows, stages: Rows) -> Packed:
        """The sum of the values of Y at the root's stages, each times its weight."""
        mine = [stages[r] for r in self.method.fields]
        return sum(map(self._dot, weights, mine), self.zero)


class _Sum:
    """The sum of the values of F, each times its weight, over a divisor."""

    def __init__(
        self,
        update: _Update,
        weights: Rows,
        divisor: Packed,
        early: Mapping[Tree, tuple[Row, Rows]],
    ) -> None:
        self._update = update
        self._divisor = divisor
        self._early = early
        self._weights: dict[tuple[Tree, ...], Rows] = {(): weights}
        self._through: dict[_Update, tuple[Row, _Sum]] = {}

    def at(self, branches: tuple[Tree, ...], more: Iterable[Packed] = ()) -> Packed:
        """The sum where F is the product over these branches, the first mostly the largest."""
        total = self._update.weighed(self._beside(branches[1:]), self._early[branches[0]][1])
        return self._update.over(sum(more, total), self._divisor)

    def _beside(self, others: tuple[Tree, ...]) -> Rows:
        """The weights of a further branch."""
        if others in self._weights:
            return self._weights[others]
        rows = self._update.times(self._beside(others[1:]), self._early[others[0]][1])
        if sum(map(_order, others)) <= SHARED:
            self._weights[others] = rows
        return rows

    def through(self, lower: _Update) -> tuple[Row, _Sum]:
        """The weights of the memory, and the sum over F, of an only branch: its Y is this F."""
        if lower in self._through:
            return self._through[lower]
        size, length, zero = len(lower.method.w), lower.length, lower.zero
        scale = lower.method.divisor**length  # a quotient is taken at every step

        def on(memory: Row, forces: Rows) -> Packed:
            return self._update.weighed(self._weights[()], lower.stages(memory, forces))

        def unit(place: int, size: int) -> Row:
            return [scale if i == place else zero for i in range(size)]

        rest, still = [zero] * size, [[zero] * length for _ in lower.method.fields]
        on_memory = [on(unit(i, size), still) for i in range(size)]
        on_forces = [
            [on(rest, [*still[:r], unit(q, length), *still[r + 1 :]]) for q in range(length)]
            for r in range(len(still))
        ]
        found = on_memory, _Sum(lower, on_forces, self._divisor * scale, self._early)
        self._through[lower] = found
        return found
