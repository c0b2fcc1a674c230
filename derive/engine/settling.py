"""How any rule starts up: the flow that depends on the step, and where the lasting flow starts.

With a memory Z_k(xi) that depends on the step, k = 0 the declared start,

    Psi(xi, Z_k(xi); h) = (exp(h F_k) xi, Z_(k+1)(exp(h F_k) xi))

is solved order by order: from step to step for a given k, and where the memory is linear as a
recurrence in k. The point of the lasting flow that belongs to the state before step k is
sigma_k(xi), with exp(h F) sigma_k = sigma_(k+1) exp(h F_k), and sigma_k -> xi as k grows.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), XV.3 (parasitic solutions).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from derive.engine.component_ring import Element, NoExpansion, Restart
from derive.engine.displaced import displaced, written_out
from derive.engine.fading import Ends, Fading
from derive.engine.invariant_manifold import SlowManifold, flow_apart, linear_parts
from derive.engine.running_rules import Running
from derive.engine.sequences import NoClosedForm
from derive.engine.step_series import Series, constant
from derive.engine.vectors import direction, lie_terms, schedule
from derive.language.bad_input import BadInput
from derive.language.stages import orders
from derive.language.update_rule import Optimizer

MOST_STEPS = 50
"""Of a start-up that is followed from step to step."""

Rows = dict[str, list[Element]]
T = TypeVar("T")


@lru_cache(maxsize=64)
def start_up(optimizer: Optimizer, *, order: int, k: int | None = None) -> SlowManifold:
    """The flow that the iterates of any rule follow on [kh, (k+1)h] from the declared start on.

    Args:
        order: how many powers of h, at least 1.
        k: the number of the step, 0 for the first; None for closed forms in k.
    Returns:
        The flow of step k with the memory before it as its manifold.
    Raises:
        BadInput: k out of range, a rule in which the start-up moves x by more than a step, or no
            closed form.
    """
    if k is not None and not 0 <= k <= MOST_STEPS:
        raise BadInput(f"k = {k} is outside [0, {MOST_STEPS}], the steps that are followed.")
    return _restarted(optimizer, order, lambda start: start.closed() if k is None else start.at(k))


@lru_cache(maxsize=64)
def settled_start(optimizer: Optimizer, *, order: int) -> Mapping[str, tuple[Element, ...]]:
    """Where the lasting flow of any rule starts: every slow variable as powers of h, 0 to order.

    Raises:
        NoClosedForm: the memory is not linear, or enters through a quotient or a root.
    """
    try:
        try:
            return _restarted(optimizer, order, lambda start: start.shift())
        except Ends:
            return _restarted(optimizer, order, lambda start: start.shift_by_steps())
    except NoClosedForm as error:
        raise NoClosedForm(
            f"where the lasting flow of {optimizer.name} starts has no formula through "
            f"h^{order}: {str(error).partition('; give')[0]}. `undertow trajectory` follows the "
            "flow back from a late step."
        ) from None


@lru_cache(maxsize=64)
def past_a_kink(optimizer: Optimizer, *, order: int) -> Mapping[str, tuple[Element, ...]]:
    """Where the flow of a rule goes on behind a kink or a jump of its schedules.

    The memory comes from the flow before, and the first step under the new schedules begins at the
    kink. The flow before ends at x, and that behind begins at the point given here.

    Returns:
        Every slow variable as powers of h, 0 to order; eta_before is the schedule that ends there.
    Raises:
        BadInput: the rule has no schedules.
        NoClosedForm: as for `settled_start`; also where a weight of the memory is a schedule.
    """
    if not optimizer.schedules:
        raise BadInput(f"{optimizer.name} has no schedule, so nothing has a kink.")
    flow = _apart(optimizer, order + 1).current
    while True:
        try:
            return _StartUp(flow, order, before=True).shift()
        except Restart:
            flow = flow.current


@lru_cache(maxsize=64)
def _apart(optimizer: Optimizer, order: int) -> SlowManifold:
    """One algebra for all that is asked of a start-up, apart from that of the lasting flow."""
    return flow_apart(optimizer, order=order)


def _restarted(optimizer: Optimizer, order: int, compute: Callable[[_StartUp], T]) -> T:
    flow = _apart(optimizer, order).current
    while True:
        try:
            return compute(_StartUp(flow))
        except Restart:
            flow = flow.current


class _StartUp:
    """
    Args:
        before: the memory comes from the flow under other schedules, not from the declared start.
    """

    def __init__(
        self, flow: SlowManifold, order: int | None = None, *, before: bool = False
    ) -> None:
        self.flow = flow
        self.algebra = flow.algebra
        self.order = order or flow.order
        self.before = before
        self.name = flow.optimizer.name
        self.fading = Fading(self.algebra, self.name)
        self.xi = {name: flow.state(name)[0] for name in flow.slow}
        if flow.by_steps:
            raise NoExpansion(
                f"{self.name} uses the number of the step otherwise than in powers that fade: it "
                "has no start-up that ends. Ask for the modified flow."
            )

    def _begun(self, run: Running) -> Rows:
        length = self.order + 1
        if self.before:
            return self._left_behind(length)
        begun = run.begun(length)
        return {name: begun[name].coefficients[:length] for name in self.flow.fast}

    def _left_behind(self, length: int) -> Rows:
        """The slow manifold with the schedules of before."""
        algebra = self.algebra
        rows = {
            name: Series(algebra, [written_out(algebra, c) for c in row[:length]])
            for name, row in self.flow.manifold.items()
        }
        values: dict[int, Series] = {}
        for s in list(algebra.symbols):
            if s.kind == "schedule" and s.data[0] in self.flow.optimizer.schedules:
                name, order, time = s.data
                there = schedule(algebra, f"{name}_before", time, order)
                values[s.index] = constant(algebra, there, length)
        return {name: displaced(row, values).coefficients for name, row in rows.items()}

    def _stays(self, after: Mapping[str, Series]) -> None:
        """At h = 0 no start-up may move a slow variable."""
        for name, here in self.xi.items():
            if after[name].coefficients[0] != here:
                raise NoExpansion(
                    f"the declared start of {self.name} lies away from where the memory rests: "
                    f"{name} jumps before the flow begins. Start the memory elsewhere."
                )

    def at(self, k: int) -> SlowManifold:
        """From step to step."""
        run = Running(self.flow.optimizer, self.algebra)
        z = self._begun(run)
        here, speeds = z, dict[str, list[Element]]()
        for j in range(k + 1):
            run.number = j
            here = z
            speeds, z = self._step(run, z)
        return self._result(speeds, here)

    def _step(self, run: Running, z: Rows) -> tuple[Rows, Rows]:
        """The flow of a step, and the memory after it as a function of the slow variables then."""
        after = run.step({n: [c] for n, c in self.xi.items()} | z, self.order + 1)
        self._stays(after)
        new: Rows = {name: [after[name].coefficients[0]] for name in z}
        speeds: Rows = {name: [] for name in self.xi}
        along: list[Callable[[Element], Element]] = []
        for n in orders(self.order):
            for name, here in self.xi.items():
                speeds[name].append(after[name].coefficients[n] - lie_terms([here], along, n))
            along.append(self._along(speeds))
            for name, row in new.items():
                row.append(after[name].coefficients[n] - lie_terms(row, along, n))
        return speeds, new

    def _along(self, speeds: Rows) -> Callable[[Element], Element]:
        """The Lie derivative along the last power of h, the first with its names."""
        last = {s: row[-1] for s, row in speeds.items()}
        if all(len(row) == 1 for row in speeds.values()):
            last = {s: self.algebra.named(c) for s, c in last.items()}
        return direction(self.algebra, last)

    def _result(self, speeds: Rows, memory: Rows) -> SlowManifold:
        return replace(
            self.flow,
            flow={name: tuple(row) for name, row in speeds.items()},
            manifold={name: tuple(row[: self.order]) for name, row in memory.items()},
        )

    def closed(self) -> SlowManifold:
        """As formulas in k."""
        return self._result(*self._sequences())

    def _sequences(self) -> tuple[Rows, Rows]:
        run = Running(self.flow.optimizer, self.algebra)
        run.number = self.fading.power
        weights, rest = self._weights(run)
        begun = self._begun(run)
        fast = list(self.flow.fast)
        driving = [j for j in fast if any(weights[s][j] for s in self.xi)]
        z: Rows = {name: [] for name in fast}
        for name in self._sorted(fast, {i: weights[i] for i in fast}):
            z[name].append(self._solved(name, fast, weights[name], rest[name], z, begun[name][0]))
        speeds: Rows = {name: [] for name in self.xi}
        along: list[Callable[[Element], Element]] = []
        for n in orders(self.order):
            state = {s: [c] for s, c in self.xi.items()} | {
                i: [*row, self.algebra.zero] for i, row in z.items()
            }
            after = run.step(state, n + 1)
            self._stays(after)
            later = {i: [self.fading.later(c) for c in row] for i, row in z.items()}
            left = {i: after[i].coefficients[n] - lie_terms(later[i], along, n) for i in fast}
            own = {
                s: after[s].coefficients[n] - lie_terms([here], along, n)
                for s, here in self.xi.items()
            }
            # the memory that moves x at h = 0, with what x's speed takes from it put in
            joint = {i: dict(weights[i]) for i in driving}
            for i in driving:
                for s, slope in self._slopes(later[i][0]).items():
                    left[i] = left[i] - slope * own[s]
                    for j in driving:
                        joint[i][j] = joint[i][j] - slope * weights[s][j]
            for i in self._sorted(driving, joint):
                first = begun[i][n]
                z[i].append(self._solved(i, driving, joint[i], left[i], z, first))
            for s, row in speeds.items():
                parts = (weights[s][j] * z[j][n] for j in driving)
                row.append(own[s] + sum(parts, self.algebra.zero))
            along.append(self._along(speeds))
            # of the last order the memory is needed only where it moves x
            others = [i for i in fast if i not in driving and n < self.order]
            for i in self._sorted(others, {i: weights[i] for i in others}):
                forcing = left[i] - along[-1](later[i][0])
                first = begun[i][n]
                z[i].append(self._solved(i, fast, weights[i], forcing, z, first))
        return speeds, z

    def _weights(self, run: Running) -> tuple[dict[str, dict[str, Element]], dict[str, Element]]:
        """The step at h = 0 as plain weights of the fast states, and the rest."""
        fast = list(self.flow.fast)
        unknown = {name: run.unknown(name) for name in fast}
        after = run.held({n: [c] for n, c in {**self.xi, **unknown}.items()})
        found, rest = dict[str, dict[str, Element]](), dict[str, Element]()
        for name in (*self.xi, *fast):
            parts = linear_parts(after[name].coefficients[0], [unknown[n] for n in fast])
            if parts is None or any(s.kind != "parameter" for p in parts[:-1] for s in p.symbols):
                raise NoClosedForm(
                    f"the memory of {self.name} is not linear, so that its start-up has no closed "
                    "form in the number of the step; give a step: --k 3."
                )
            found[name] = dict(zip(fast, parts[:-1], strict=True))
            rest[name] = parts[-1]
        return found, rest

    def _solved(
        self,
        name: str,
        among: list[str],
        weights: Mapping[str, Element],
        forcing: Element,
        z: Rows,
        first: Element,
    ) -> Element:
        """The next coefficient of a state whose forcing comes from those that are solved."""
        n = len(z[name])
        for j in among:
            if j != name and weights[j]:
                forcing = forcing + weights[j] * z[j][n]
        return self.fading.solved(weights[name], forcing, first)

    def _sorted(self, names: list[str], weights: Mapping[str, Mapping[str, Element]]) -> list[str]:
        """The states in an order in which each depends on those before it."""
        done: list[str] = []
        while len(done) < len(names):
            free = (
                i
                for i in names
                if i not in done
                and not any(weights[i][j] for j in names if j != i and j not in done)
            )
            if (found := next(free, None)) is None:
                raise NoClosedForm(
                    f"the memories of {self.name} depend on each other, so that their start-up has "
                    "no closed form here; give a step: --k 3."
                )
            done.append(found)
        return done

    def _slopes(self, first: Element) -> dict[str, Element]:
        """How a memory at h = 0 moves with the slow variables, by plain factors."""
        zero, tests = self.algebra.zero, dict[str, Element]()
        for s in self.xi:
            tests[s] = self.algebra.symbol(s, "tangent", self.flow.spaces[s], key=("moved", s))
        moved = direction(self.algebra, tests)(first)
        found = {s: moved.derivative(test.symbols[0]) for s, test in tests.items()}
        rest = moved - sum((found[s] * test for s, test in tests.items()), zero)
        if rest or any(s.space for slope in found.values() for s in slope.symbols):
            raise NoClosedForm(
                f"a memory of {self.name} moves x and holds a gradient; give a step: --k 3."
            )
        return found

    def shift(self) -> dict[str, tuple[Element, ...]]:
        """sigma_0."""
        algebra, order, zero = self.algebra, self.order, self.algebra.zero
        step, moved = self._stepped(self.flow.flow), self._stepped(self._sequences()[0])
        own = {s: c.symbols[0].index for s, c in self.xi.items()}
        place: Rows = {s: [c] for s, c in self.xi.items()}
        for n in orders(order):
            padded = {s: [*row, *[zero] * order][: order + 1] for s, row in place.items()}
            here = {own[s]: Series(algebra, row) for s, row in padded.items()}
            there = {own[s]: moved[s] for s in place}
            for s in place:
                later = Series(algebra, [self.fading.later(c) for c in padded[s]])
                gap = displaced(step[s], here).coefficients[n]
                gap = written_out(algebra, gap - displaced(later, there).coefficients[n])
                place[s].append(self.fading.solved(algebra.number(1), gap, None))
        return {s: tuple(self.fading.at(c, 0) for c in row) for s, row in place.items()}

    def shift_by_steps(self) -> dict[str, tuple[Element, ...]]:
        """sigma_0 where the memory is on the slow manifold after some steps: back from there."""
        algebra, order = self.algebra, self.order
        run, steps = Running(self.flow.optimizer, algebra), list[Rows]()
        z = self._begun(run)
        for j in range((order + 1) * len(z) + 1):
            run.number = j
            speeds, z = self._step(run, z)
            steps.append(speeds)
        last = {s: [written_out(algebra, c) for c in row] for s, row in steps[-1].items()}
        if any(
            written_out(algebra, c) != last[s][n]
            for s, row in self.flow.flow.items()
            for n, c in enumerate(row)
        ):
            raise Ends(f"one memory of {self.name} ends after some steps and another one fades")
        own = {s: c.symbols[0].index for s, c in self.xi.items()}
        step, zero = self._stepped(self.flow.flow), algebra.zero
        place: Rows = {s: [c, *[zero] * order] for s, c in self.xi.items()}
        for speeds in reversed(steps):
            moved = self._stepped(speeds)
            there = {own[s]: moved[s] for s in place}
            later = {s: displaced(Series(algebra, row), there) for s, row in place.items()}
            place = {s: [c, *[zero] * order] for s, c in self.xi.items()}
            for n in range(1, order + 1):
                here = {own[s]: Series(algebra, row) for s, row in place.items()}
                gaps = {
                    s: later[s].coefficients[n] - displaced(step[s], here).coefficients[n]
                    for s in place
                }
                for s, gap in gaps.items():
                    place[s][n] = written_out(algebra, gap)
        return {s: tuple(row) for s, row in place.items()}

    def _stepped(self, flow: Mapping[str, Sequence[Element]]) -> dict[str, Series]:
        """exp(h F) of the slow variables, without names."""
        algebra = self.algebra
        rows = {s: [written_out(algebra, c) for c in row] for s, row in flow.items()}
        along = [
            direction(algebra, {s: row[n] for s, row in rows.items()}) for n in range(self.order)
        ]
        later = range(1, self.order + 1)
        return {
            s: Series(algebra, [c, *(lie_terms([c], along, n) for n in later)])
            for s, c in self.xi.items()
        }
