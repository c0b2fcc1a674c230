"""An update rule run on component expressions: its states, gradients, time and step counter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from flint import fmpq

from derive.engine.component_ring import Element, NoExpansion, Restart
from derive.engine.displaced import clock, displaced_field
from derive.engine.step_counter import NeedsTime, StepNumber
from derive.engine.step_series import Series, constant
from derive.engine.vectors import Algebra
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer

GUARD = 3
"""How many powers of h a rule may lose by dividing by h."""

State = Mapping[str, Sequence[Element]]


class Running:
    """One step of an optimizer as a map of series in h."""

    def __init__(self, optimizer: Optimizer, algebra: Algebra) -> None:
        self.optimizer = optimizer
        self.algebra = algebra
        self.players = optimizer.players or ("x",)
        self.counters: dict[str, fmpq] = {}
        self.lost = 0
        self.number: int | Callable[[Element], Element] | None = None
        """In a start-up the number of the step, or what gives the powers base^k."""
        self.names = [self.players[0], *optimizer.memory]
        self.time = "t" in optimizer.keywords
        if self.time:
            self.names.append("t")
        if len(set(self.names)) < len(self.names):
            raise BadInput(f"two states of {optimizer.name} have the same name.")
        if missing := [p for p in self.players[1:] if p not in optimizer.memory]:
            raise BadInput(
                f"the player {missing[0]} of {optimizer.name} is no state; add it to state=(...)."
            )
        self.spaces: dict[str, str | None] = dict.fromkeys(self.names)
        self.spaces |= {name: name for name in self.players}
        self._find_spaces()

    def slow(self, name: str) -> Element:
        """A slow variable as a symbol."""
        return self.algebra.symbol(name, "slow", self.spaces[name])

    def unknown(self, name: str) -> Element:
        """A state that is not known yet."""
        space = self.spaces[name]
        return self.algebra.symbol(name, "unknown", space, key=(name, space))

    def _find_spaces(self) -> None:
        """A state is a vector once a vector enters it; counters of the steps are set apart."""
        settled = False
        while not settled:
            settled = True
            after = self._probed()
            for name in list(self.names):
                if after[name].coefficients[0] - self.unknown(name) == 1 and not self.spaces[name]:
                    settled = self._is_counted(name) and settled
                    continue
                found = next((c.space for c in after[name].coefficients if c.space), None)
                if found and not self.spaces[name]:
                    self.spaces[name] = found
                    settled = False

    def _probed(self) -> dict[str, Series]:
        """One step from unknown states; with the time, where the number of the step needs it."""
        try:
            return self.held({name: [self.unknown(name)] for name in self.names}, length=3)
        except NeedsTime:
            if "t" in self.names:
                raise
            self.time = True
            self.names.append("t")
            self.spaces["t"] = None
            return self._probed()

    def _is_counted(self, name: str) -> bool:
        """Set a state that grows by 1 apart, if it is used as the number of the step."""
        begun = self.begun(1)[name].coefficients[0] if not self.optimizer.players else 0
        if begun and not begun.num.is_constant():
            return True
        names, time = list(self.names), self.time
        self.counters[name] = fmpq(begun.num.leading_coefficient()) if begun else fmpq(0)
        self.names.remove(name)
        try:
            self._probed()
        except NoExpansion:
            del self.counters[name]
            self.names[:], self.time = names, time
            return True
        return False

    def held(self, state: State, *, length: int = 2) -> dict[str, Series]:
        """One step with the gradients held as data."""
        self.algebra.holding = True
        try:
            return self.step(state, length)
        finally:
            self.algebra.holding = False

    def step(self, state: State, length: int) -> dict[str, Series]:
        """The state after one step, to at least this many powers of h."""
        while True:
            after = self._once(state, length + self.lost)
            short = length - min(series.length for series in after.values())
            if short <= 0:
                return after
            self.lost += short
            if self.lost > GUARD:
                raise NoExpansion("the rule divides by too high a power of h.")

    def _once(self, state: State, length: int) -> dict[str, Series]:
        algebra, rule = self.algebra, self.optimizer
        padded = {
            name: Series(algebra, [*c, *[algebra.zero] * length][:length])
            for name, c in state.items()
        }
        h = Series(algebra, [algebra.zero, algebra.number(1), *[algebra.zero] * length][:length])
        x = padded[self.names[0]]

        def count(first: fmpq) -> StepNumber | fmpq:
            if isinstance(self.number, int):
                return self.number + first
            timed = padded["t"] + h * first if self.time else None
            return StepNumber(timed, h, offset=first, fading=self.number)

        memory = [count(self.counters[n]) if n in self.counters else padded[n] for n in rule.memory]
        given = self._given(length)
        given |= {name: clock(algebra, name) for name in rule.schedules}
        given |= {"t": padded["t"]} if "t" in rule.keywords else {}
        given |= {"k": count(fmpq(0))} if "k" in rule.keywords else {}
        try:
            new_x, new_memory = rule.step(x, memory, self._gradients(), h, given)
        except (NoExpansion, Restart, BadInput):
            raise
        except ZeroDivisionError as error:
            raise NoExpansion(f"the rule {rule.name} divides by 0 as h tends to 0.") from error
        after = dict(zip((self.names[0], *rule.memory), (new_x, *new_memory), strict=True))
        if self.time:
            after["t"] = padded["t"] + h
        like = x
        found: dict[str, Series] = {}
        for name in self.names:
            value = like.constant(after[name])
            if value is None:
                raise NoExpansion(f"the rule returns {after[name]!r} as {name}.")
            found[name] = value
        return found

    def _given(self, length: int) -> dict[str, Any]:
        algebra, rule = self.algebra, self.optimizer
        number = lambda value: constant(algebra, algebra.number(value), length)  # noqa: E731
        free = {
            name: constant(algebra, algebra.symbol(name, "parameter"), length)
            for name in rule.parameters
        }
        return rule.arguments(number) | free

    def _gradients(self) -> Any:
        each = tuple(
            partial(self._gradient, name, self._space_of(i))
            for i, name in enumerate(self.optimizer.fields)
        )
        return each if len(each) != 1 else each[0]

    def _space_of(self, field: int) -> str:
        return self.players[field % len(self.players)]

    def _gradient(self, name: str, space: str, *points: object) -> Series:
        """A field at a point that may depend on h, by Taylor's formula about its limit."""
        if len(points) != len(self.players) or not all(isinstance(p, Series) for p in points):
            wanted = ", ".join(self.players)
            raise NoExpansion(f"the rule must take a gradient at ({wanted}).")
        algebra = self.algebra
        places = [p for p in points if isinstance(p, Series)]
        base = tuple(p.coefficients[0] for p in places)
        if algebra.holding:
            if any(algebra.unknowns(b) for b in base):
                key = (name, *(b.key for b in base))
                found = algebra.symbol(f"{name}({base})", "held", space, base, key=key)
            else:
                found = algebra.field(name, space, base)
            return constant(algebra, found, min(p.length for p in places))
        if name not in self.optimizer.maps:
            self._check_place(base)
        return displaced_field(name, space, places)

    def _check_place(self, base: tuple[Element, ...]) -> None:
        for point in base:
            if bad := [s for s in point.symbols if s.kind in {"field", "total"}]:
                held = self.shown(self.algebra.variable(bad[0]))
                raise NoExpansion(
                    f"the rule takes a gradient at {self.shown(point)}, which stays away from x as "
                    f"h tends to 0 (it holds {held}); let the distance shrink with h."
                )

    def started(self, xi: Mapping[str, Element], fast: Sequence[str]) -> dict[str, Element]:
        """The fast states as the rule's declaration starts them, at h = 0."""
        return self._function(self.optimizer.start, xi, fast)

    def guessed(self, xi: Mapping[str, Element], fast: Sequence[str]) -> dict[str, Element] | None:
        """The fast states as the declaration's guess says."""
        rest = self.optimizer.rest
        if rest is None:
            return None

        def call(x: Series, grad: Any, h: Series, parameters: dict[str, Any]) -> tuple[Any, ...]:
            found = rest(x, grad, h, **parameters)
            return found if isinstance(found, tuple) else (found,)

        return self._function(call, xi, fast)

    def begun(self, length: int, start: Callable[..., Any] | None = None) -> dict[str, Series]:
        """The memory before the first step as series in h, as declared or as a function says."""
        algebra, rule, x = self.algebra, self.optimizer, self.slow(self.names[0])
        h = Series(algebra, [algebra.zero, algebra.number(1), *[algebra.zero] * length][:length])
        here, grad, given = constant(algebra, x, length), self._gradients(), self._given(length)
        found = start(here, grad, h, **given) if start else rule.start(here, grad, h, given)
        return {n: here * 0 + v for n, v in zip(rule.memory, found, strict=True)}

    def _function(
        self, function: Callable[..., Any], xi: Mapping[str, Element], fast: Sequence[str]
    ) -> dict[str, Element]:
        algebra = self.algebra
        x = constant(algebra, xi[self.names[0]], 1)
        algebra.holding = True
        try:
            found = function(
                x, self._gradients(), constant(algebra, algebra.zero, 1), self._given(1)
            )
        finally:
            algebra.holding = False
        values = dict(zip(self.optimizer.memory, found, strict=True))
        return {name: _first(x, values[name]) for name in fast}

    def shown(self, element: Element) -> str:
        """An expression for a message, with gradients and roots as people write them."""
        text = re.sub(
            r"root(\d+)\(", lambda m: "sqrt(" if m[1] == "2" else f"root{m[1]}(", repr(element)
        )
        if self.optimizer.game or self.optimizer.players:
            return text
        fields = "|".join(map(re.escape, self.optimizer.fields))
        return re.sub(rf"\b({fields})\b", r"∇\1", text)


def _first(like: Series, value: object) -> Element:
    found = like.constant(value)
    if found is None:
        raise NoExpansion(f"the memory starts at {value!r}, which is no number.")
    return found.coefficients[0]
