"""What k steps on the slow manifold do to x: at every tree a polynomial in k, solved for directly.

As B-series in the x of now, the state after k steps and the forces F = h f(Y) obey the update,

    Y(k) = x(k) + U m(k) + A F(k),    x(k+1) = x(k) + V m(k) + B F(k),    m(k+1) = W m(k) + C F(k).

At a tree t every one of them is a polynomial in k, and F is the product of Y over the branches of
t, so known from smaller trees, of degree |t| - 1. With the forward difference D in k, the only
polynomial solution is

    m = sum_j (-1)^j (I - W)^(-j-1) C D^j F,    x(0) = 0,    x' = (log(1 + D)/D) (V m + B F),

where x' at k = 0 is the modified flow. No edge of a tree is cut and no Lie derivative taken. The
polynomials are held as their values at k = 0, 1, ..., order - 1, where products are products.

Denominators are cleared beforehand, see `cleared`; D^j F has j powers of the pole less than F.

Source: the product rule is Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), III.1,
Lemma 1.9; the rest is the calculus of finite differences.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, repeat
from math import comb, lcm
from operator import add, mul

from derive.engine.cleared import Cleared, Row, Rows
from derive.engine.linear_memory import LinearMethod
from derive.engine.packing import Packed, Packing, arithmetic
from derive.language.coefficients import Polynomial
from derive.language.stages import orders
from derive.language.trees import Tree, trees_of_order


@dataclass(frozen=True)
class Numerators:
    """x' times `scales[nodes]` (the flow), x(1) (the step) and m, without their denominators."""

    arithmetic: Packing
    pole: Polynomial
    slope: int
    scales: list[int]
    flow: dict[Tree, Packed]
    step: dict[Tree, Packed]
    memory: list[dict[Tree, Packed]]


def solve(method: LinearMethod, order: int, colours: int) -> Numerators:
    """The coefficients at all trees of at most `order` nodes."""
    cleared = Cleared.of(method)
    numbers = arithmetic(method.ring, cleared.entries(), lambda: cleared.largest_coefficient(order))
    packed = cleared.map(numbers.pack)
    update = [_Update(packed.coloured(colour), numbers, order) for colour in range(colours)]
    scales = [lcm(*range(1, nodes + 1)) for nodes in range(order + 1)]
    flow: dict[Tree, Packed] = {}
    step: dict[Tree, Packed] = {}
    memory: list[dict[Tree, Packed]] = [{} for _ in packed.w]
    kept: dict[Tree, Rows] = {}

    def stages(t: Tree) -> Rows:
        if t in kept:
            return kept[t]
        mine = update[t.colour]
        return mine.stages([values[t] for values in memory], mine.forces(map(stages, t.branches)))

    for nodes in orders(order):
        weights = [each.weights(nodes, scales[nodes]) for each in update]
        for t in trees_of_order(nodes, colours):
            mine = update[t.colour]
            forces = mine.forces(map(stages, t.branches))
            flow[t], *rest = mine.at_rest(weights[t.colour], forces, nodes)
            step[t] = mine.displacement(rest, forces)
            for values, value in zip(memory, rest, strict=True):
                values[t] = value
            if nodes < order - 1:  # those of the next order are asked for once
                kept[t] = mine.stages(rest, forces)
    return Numerators(numbers, cleared.pole, cleared.slope, scales, flow, step, memory)


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

    def _over(self, value: Packed, divisor: Packed) -> Packed:
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
            mine = [stages[r] for r in self.method.fields]
            found = (
                [[*map(mul, *pair)] for pair in zip(found, mine, strict=True)] if found else mine
            )
        return found or [[self.method.unit] * self.length for _ in self.method.fields]

    def at_rest(self, weights: list[Rows], forces: Rows, nodes: int) -> Row:
        """What these weights say: the flow and the memories at k = 0."""
        divisor = self.pole_powers[nodes - 1]
        return [
            self._over(sum(map(self._dot, rows, forces), self.zero), divisor) for rows in weights
        ]

    def displacement(self, memory: Row, forces: Rows) -> Packed:
        """x(1), from the memory and the forces at k = 0."""
        fading = self._over(self._dot(self.method.v, memory), self.method.divisor)
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
            kept = [self._over(self._dot(row, path[-1]), divisor) for row in w]
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
