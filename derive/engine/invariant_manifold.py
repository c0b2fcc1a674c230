"""Any update rule: which variables are slow, where its manifold lies, which flow it follows there.

State z, one step Psi(z; h). At h = 0, with gradients held as data, the fixed points form a manifold
over the slow variables xi. With z = Z_0(xi) + h Z_1(xi) + ... and xi' = F_0 + h F_1 + ...,

    Psi(Z(xi); h) = Z(exp(h F) xi)

is solved order by order: at h^n the unknowns are Z_n of the fast states and F_(n-1), and their
equations are linear, with the derivative of Psi at h = 0 and the constant part of dZ_0/dxi.

Source: Fenichel, Geometric singular perturbation theory (1979); Hairer, Lubich, Wanner, Geometric
Numerical Integration (2006), IX.1 and XV.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from flint import fmpq

from derive.engine.component_ring import Element, NoExpansion, Restart
from derive.engine.elimination import inverse, pivots
from derive.engine.running_rules import Running
from derive.engine.step_series import Series
from derive.engine.vectors import Algebra, direction, lie_terms
from derive.language.bad_input import BadInput
from derive.language.stages import orders
from derive.language.update_rule import Optimizer

GUARD = 4
"""How many orders a rule may lose by dividing by h."""


@dataclass(frozen=True)
class SlowManifold:
    """The flow of the slow variables and the fast ones as functions of them, as powers of h.

    `flow[name][n]` is F_n of a slow variable, `manifold[name][n]` Z_n of a fast one; component
    expressions of `algebra`, in which a slow variable is a symbol of its own name. `counters` are
    states that count steps, with their first value; beside powers that fade they are t/h plus it.
    """

    optimizer: Optimizer
    order: int
    algebra: Algebra
    slow: tuple[str, ...]
    fast: tuple[str, ...]
    counters: Mapping[str, fmpq]
    spaces: Mapping[str, str | None]
    flow: Mapping[str, tuple[Element, ...]]
    manifold: Mapping[str, tuple[Element, ...]]

    @property
    def players(self) -> tuple[str, ...]:
        return self.optimizer.players or ("x",)

    def is_time(self, name: str) -> bool:
        """Whether a slow variable is the time t itself."""
        first, *later = self.flow[name]
        return name == "t" and first == 1 and not any(later)

    @property
    def by_steps(self) -> bool:
        """Whether the time is slow because the rule uses the number of the step."""
        return "t" in self.slow and "t" not in (*self.optimizer.keywords, *self.optimizer.memory)

    @property
    def current(self) -> SlowManifold:
        """The same in the symbols that are left after one was eliminated."""
        algebra = self.algebra
        algebra.forget()

        def each(rows: Mapping[str, tuple[Element, ...]]) -> dict[str, tuple[Element, ...]]:
            return {n: tuple(algebra.current(e) for e in row) for n, row in rows.items()}

        return replace(self, flow=each(self.flow), manifold=each(self.manifold))

    def state(self, name: str) -> tuple[Element, ...]:
        """A state as a series in h over the slow variables."""
        if name in self.manifold:
            return self.manifold[name]
        return (self.algebra.symbol(name, "slow", self.spaces[name]),)


@lru_cache(maxsize=64)
def general_flow(optimizer: Optimizer, *, order: int) -> SlowManifold:
    """The modified flow of any update rule through h^(order-1), with its slow manifold.

    Args:
        optimizer: a declared update rule: elementwise functions, norms, schedules, players.
        order: how many powers of h, at least 1.
    Raises:
        NoExpansion: the rule has no such flow, or it is not found; the message says why.

    >>> from derive import heavy_ball
    >>> general_flow(heavy_ball, order=1).flow["x"]
    ((E)/(beta - 1),)
    """
    return flow_apart(optimizer, order=order)


def flow_apart(optimizer: Optimizer, *, order: int) -> SlowManifold:
    """As `general_flow`, with an algebra of its own: for what adds symbols to it."""
    if order < 1:
        raise BadInput(f"order = {order} is too small; use at least 1, which is h^0.")
    algebra = Algebra({p.name: _typical(p.lower, p.upper) for p in optimizer.declared})
    while True:
        try:
            return _Search(optimizer, algebra).derive(order)
        except Restart:
            algebra.forget()


def _typical(lower: fmpq | None, upper: fmpq | None) -> fmpq:
    if lower is not None and upper is not None:
        return (lower + upper) / 2
    return fmpq(1, 2) if lower is None else lower + fmpq(1, 2)


class NotAtRest(NoExpansion):
    """The memory's fixed point at h = 0 is not found."""


Rows = list[list[Element]]


class _Search:
    def __init__(self, optimizer: Optimizer, algebra: Algebra) -> None:
        self.algebra = algebra
        self.run = Running(optimizer, algebra)
        self.names = self.run.names

    def derive(self, order: int) -> SlowManifold:
        self.slow = self._slow_variables()
        self.fast = [name for name in self.names if name not in self.slow]
        self.hiding = [name for name in self.names if self._hides(self.probe[name])]
        self.xi = {name: self.run.slow(name) for name in self.slow}
        self.z = {name: [self.xi[name]] for name in self.slow}
        self.z |= {name: [value] for name, value in self._at_rest().items()}
        self.solver = self._solver()
        self.along: list[Callable[[Element], Element]] = []
        flow: dict[str, list[Element]] = {name: [] for name in self.slow}
        for n in orders(order):
            for name, speed in self._next(n, last=n == order).items():
                flow[name].append(speed)
        return SlowManifold(
            self.run.optimizer,
            order,
            self.algebra,
            tuple(self.slow),
            tuple(self.fast),
            dict(self.run.counters),
            self.run.spaces,
            {name: tuple(speeds) for name, speeds in flow.items()},
            {name: tuple(self.z[name][:order]) for name in self.fast},
        )

    def _slow_variables(self) -> list[str]:
        """The states on which the fixed points at h = 0 depend; x before the others."""
        unknown = {name: self.run.unknown(name) for name in self.names}
        after = self.probe = self.run.held({name: [y] for name, y in unknown.items()})
        # what depends on the columns before it is slow: at best x, and what does not move at h = 0
        order = sorted(
            self.names,
            key=lambda name: (name == self.names[0], after[name].coefficients[0] == unknown[name]),
        )
        for name in self.names:
            grown = after[name].coefficients[0] - unknown[name]
            if grown == 1:
                raise NoExpansion(
                    f"the state {name} counts steps, and the rule does more with it than to form "
                    f"powers that fade: as h tends to 0 there is no flow. Let it be the time: "
                    f"{name} + h, with constants in the same unit, or declare a schedule."
                )
        conserved = {n for n in self.names if after[n].coefficients[0] == unknown[n]}
        settled = {unknown[n].symbols[0].index for n in conserved}
        rows = [
            [
                self._entry(
                    after[i].coefficients[0] - unknown[i],
                    unknown[j],
                    settled if j in conserved else None,
                )
                for j in order
            ]
            for i in self.names
        ]
        fast = {order[j] for j in pivots(rows)}
        if self.names[0] in fast:
            states = ", ".join(("x", *self.names[1:]))
            raise NoExpansion(
                "as h tends to 0 the new x forgets the old one or does not stay where it is; let "
                f"the rule return ({states}), the new x first, and write the new x as x minus a "
                "step."
            )
        return [name for name in self.names if name not in fast]

    def _entry(self, gap: Element, unknown: Element, settled: set[int] | None) -> Element:
        """d gap/d unknown; of a conserved state only the part that does not vanish at rest.

        Args:
            settled: the conserved states, where this is one: they alone may be in that part.
        """
        slope = _slope(gap, unknown)
        varies = settled is not None and self.algebra.unknowns(slope) - settled
        return self.algebra.zero if varies else slope

    def _at_rest(self) -> dict[str, Element]:
        """The fast states at h = 0 with the gradients held."""
        known = self._solved()
        if len(known) < len(self.fast):
            found = self._guessed() or self._repeated(known)
            if found is None:
                names = ", ".join(name for name in self.fast if name not in known)
                raise NotAtRest(
                    f"where the memory ({names}) rests as h tends to 0 is not found; give a guess: "
                    "@optimizer(..., rest=lambda x, grad, h, **p: ...) returns the memory at h = 0."
                )
            known = found
        after = self._held(known)
        for name in self.slow:
            moved = after[name].coefficients[0] - self.xi[name]
            if moved:
                raise NoExpansion(
                    f"at h = 0 the state {name} still moves, by {self.run.shown(moved)} in every "
                    "step, so that no flow is left as h tends to 0. The step size is the argument "
                    "h: write x - h * v, or scale the state by a power of h."
                )
        return known

    def _held(self, known: Mapping[str, Element]) -> dict[str, Series]:
        rest = {n: self.run.unknown(n) for n in self.fast if n not in known}
        return self.run.held({n: [v] for n, v in {**self.xi, **known, **rest}.items()})

    def _solved(self) -> dict[str, Element]:
        """One state after the other where that is possible, else all that are linear together."""
        known: dict[str, Element] = {}
        while left := [name for name in self.fast if name not in known]:
            after = self._held(known)
            gaps = {name: after[name].coefficients[0] - self.run.unknown(name) for name in left}
            single = next((n for n in left if _depends_only(gaps[n], self.run.unknown(n))), None)
            together = [single] if single else left
            unknown = [self.run.unknown(name) for name in together]
            parts = [part for name in together if (part := linear_parts(gaps[name], unknown))]
            if len(parts) < len(together):
                break
            try:
                solver = inverse([part[:-1] for part in parts])
            except ZeroDivisionError:
                break
            for name, row in zip(together, solver, strict=True):
                pairs = zip(row, parts, strict=True)
                known[name] = -sum((w * p[-1] for w, p in pairs), self.algebra.zero)
        return known

    def _repeated(self, solved: dict[str, Element]) -> dict[str, Element] | None:
        """What some steps from the declared start settle at."""
        known = self.run.started(self.xi, self.fast) | solved
        for _ in range(3):
            try:
                after = self._held(known)
            except NoExpansion:
                return None
            new = {name: after[name].coefficients[0] for name in self.fast}
            if all(new[name] == known[name] for name in self.fast):
                return known
            known = new
        return None

    def _guessed(self) -> dict[str, Element] | None:
        known = self.run.guessed(self.xi, self.fast)
        if known is None:
            return None
        after = self._held(known)
        for name in self.fast:
            if gap := after[name].coefficients[0] - known[name]:
                raise NoExpansion(
                    f"the guess does not rest: {name} moves by {self.run.shown(gap)} in a step at "
                    "h = 0."
                )
        return known

    def _solver(self) -> Rows:
        """The inverse of [(I - dPsi/dz) of the fast states | dZ_0/dxi]."""
        moved = {name: self.algebra.symbol(name, "tangent", None) for name in self.fast}
        state = {n: [c, moved[n]] if n in moved else [c] for n, (c,) in self.z.items()}
        after = self.run.held(state)
        ones = {name: self.algebra.number(1) for name in self.slow}
        each = [direction(self.algebra, {name: ones[name]}, fields_held=True) for name in self.slow]
        rows = [
            [
                -after[i].coefficients[1].derivative(moved[j].symbols[0]) + int(i == j)
                for j in self.fast
            ]
            + [along(self.z[i][0]) for along in each]
            for i in self.names
        ]
        try:
            return inverse(rows)
        except ZeroDivisionError:
            raise NoExpansion(
                "x alone does not follow a flow at this scale: at h = 0 the memory has an "
                "eigenvalue 1 in a Jordan block, as a velocity whose friction fades with h. "
                f"Declare the velocity {self._velocity()} as a state: x <- x + h u."
            ) from None

    def _velocity(self) -> str:
        """How to write a velocity in the user's terms: a memory at rest at x, or at 0."""
        x = self.names[0]
        for name in self.fast:
            if self.z[name][0] == self.xi[x]:
                return f"u = ({x} - {name})/h"
        name = next((n for n in self.fast if not self.z[n][0]), "")
        return f"u = {name}/h in the place of {name}" if name else f"u = ({x} - last)/h"

    def _next(self, n: int, *, last: bool) -> dict[str, Element]:
        """F_(n-1), and Z_n unless it is the last order."""
        zero, size = self.algebra.zero, len(self.fast)
        for name in self.fast:
            self.z[name].append(zero)
        speeds = dict.fromkeys(self.slow, zero)
        earlier = {name: partial(lie_terms, self.z[name], self.along, n) for name in self.names}
        needed = self._needed() if last else list(range(len(self.names)))
        partial_solve = len(needed) < len(self.names)
        base: dict[int, Element] = {}
        for _ in range(len(self.names) + 2):
            after = self.run.step(self.z, n + 1)
            moving = {s: self.algebra.named(speed) for s, speed in speeds.items()}
            along = direction(self.algebra, moving if n == 1 else speeds)
            gaps: dict[int, Element] = {}
            for i in needed:
                name = self.names[i]
                if i not in base:
                    base[i] = earlier[name]()
                own = self.z[name][n] if n < len(self.z[name]) else zero
                gap = after[name].coefficients[n] - own - base[i] - along(self.z[name][0])
                if not self.algebra.is_zero(gap):
                    gaps[i] = gap
            change = [
                sum((row[i] * gap for i, gap in gaps.items() if row[i]), zero)
                for row in self.solver
            ]
            settled = partial_solve and all(self.algebra.is_zero(c) for c in change[size:])
            if settled or not gaps:
                self.along.append(along)
                return speeds
            for name, value in zip(self.slow, change[size:], strict=True):
                speeds[name] = speeds[name] + value
            if not partial_solve:
                for name, value in zip(self.fast, change[:size], strict=True):
                    self.z[name][n] = self.z[name][n] + value
        raise NoExpansion(
            "the memory depends on itself through a gradient or a norm, which the engine does not "
            "solve; write the rule with fewer states."
        )

    def _needed(self) -> list[int]:
        """The equations that the last speeds need: all, where a gradient or a norm hides more."""
        rows = self.solver[len(self.fast) :]
        needed = [i for i in range(len(self.names)) if any(row[i] for row in rows)]
        hidden = any(self.names[i] in self.hiding for i in needed)
        return list(range(len(self.names))) if hidden else needed

    def _hides(self, after: Series) -> bool:
        """Whether a fast state stands inside a gradient or a sum, which no derivative sees."""
        fast = {self.run.unknown(name).symbols[0].index for name in self.fast}
        inside = (s for s in after.coefficients[0].symbols if s.kind in {"held", "total"})
        return any(fast & self.algebra.unknowns(self.algebra.variable(s)) for s in inside)


def _slope(element: Element, unknown: Element) -> Element:
    """The derivative by an unknown; a function of it counts as one with a slope of its own."""
    algebra, symbol = element.algebra, unknown.symbols[0]
    found = element.derivative(symbol)
    for s in element.symbols:
        if s.kind == "function" and symbol.index in algebra.unknowns(algebra.variable(s)):
            slope = algebra.symbol(f"slope of {s.name} by {symbol.name}", "slope", None)
            found = found + element.derivative(s) * slope
    return found


def _depends_only(gap: Element, unknown: Element) -> bool:
    return gap.algebra.unknowns(gap) == {unknown.symbols[0].index}


def linear_parts(gap: Element, unknown: list[Element]) -> list[Element] | None:
    """The weights of the unknowns and the rest, or None where the gap is not linear in them."""
    algebra = gap.algebra
    own = [y.symbols[0] for y in unknown]
    weights = [gap.derivative(s) for s in own]
    rest = gap.at({s.index: algebra.zero for s in own})
    inside = {s.index for s in own}
    if any(algebra.unknowns(part) & inside for part in (*weights, rest)):
        return None
    return [*weights, rest]
