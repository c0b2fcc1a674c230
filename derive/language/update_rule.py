"""The declaration of an optimizer: one Python function, run on every kind of number."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

from flint import fmpq

from derive.language.bad_input import BadInput
from derive.language.coefficients import Exact, exact

Number = Any
"""A float, array, multiprecision number, ball, power series in h or B-series."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of an update rule with its range: the assumption beside every formula."""

    name: str
    meaning: str = ""
    lower: fmpq | None = None
    upper: fmpq | None = None
    includes_lower: bool = True
    includes_upper: bool = False
    why: str = ""
    flag: bool = False
    """A switch, off unless it is set; never a symbol."""
    branches: bool = False
    """At its lower end the rule is another one: what holds for the symbol holds above it."""

    @property
    def range(self) -> str:
        """The interval as text, such as [0, 1)."""
        if self.flag:
            return "{false, true}"
        left = (
            f"{'[' if self.includes_lower else '('}{self.lower}"
            if self.lower is not None
            else "(-oo"
        )
        right = (
            f"{self.upper}{']' if self.includes_upper else ')'}"
            if self.upper is not None
            else "oo)"
        )
        return f"{left}, {right}"

    def check(self, value: Exact | float) -> fmpq:
        """The exact value; BadInput where it lies outside the range."""
        if self.flag:
            return self._switch(value)
        try:
            number = exact(value)
        except ValueError as error:
            raise BadInput(f"{self.name} = {value}: {error}") from None
        low = (
            self.lower is None
            or number > self.lower
            or (self.includes_lower and number == self.lower)
        )
        high = (
            self.upper is None
            or number < self.upper
            or (self.includes_upper and number == self.upper)
        )
        if not (low and high):
            reason = f": {self.why}" if self.why else "."
            raise BadInput(f"{self.name} = {value} is outside {self.range}{reason}")
        return number

    def _switch(self, value: Exact | float) -> fmpq:
        states = {"true": 1, "false": 0, "1": 1, "0": 0}
        if str(value).lower() not in states:
            raise BadInput(f"{self.name} = {value} is neither true nor false.")
        return fmpq(states[str(value).lower()])


def momentum(name: str = "beta", *, branches: bool = False) -> Parameter:
    """A momentum parameter, 0 <= beta < 1."""
    return Parameter(
        name,
        "momentum",
        lower=fmpq(0),
        upper=fmpq(1),
        branches=branches,
        why="the memory never fades, so there is no slow manifold to follow.",
    )


def share(name: str, meaning: str = "") -> Parameter:
    """A parameter of [0, 1]."""
    return Parameter(name, meaning, lower=fmpq(0), upper=fmpq(1), includes_upper=True)


def switch(name: str, meaning: str = "") -> Parameter:
    """A flag of an update rule."""
    return Parameter(name, meaning, flag=True)


Step = Callable[..., tuple[Number, ...] | Number]
Gradient = Callable[[Number], Number] | tuple[Callable[[Number], Number], ...]
"""grad E, or one gradient for each of several losses."""


@dataclass(frozen=True)
class Optimizer:
    """An update rule (x, memory, gradient, step size, parameters) -> (x, memory).

    `step` and `start` run on floats, numpy arrays, multiprecision numbers, balls, power series
    and B-series alike. `values` holds the parameters that were given a number. A `game` follows a
    general vector field G in the place of grad E, so that no loss stands behind it. `fields` names
    the losses whose gradients the rule takes; where there are several, `grad` is a tuple of them.
    """

    name: str
    rule: Step
    memory: tuple[str, ...]
    declared: tuple[Parameter, ...]
    begin: Step | None = None
    values: tuple[tuple[str, fmpq], ...] = field(default=())
    game: bool = False
    fields: tuple[str, ...] = ("E",)

    def __str__(self) -> str:
        return self.name

    @property
    def summary(self) -> str:
        """The first sentence of the rule's docstring, with its source."""
        return (inspect.getdoc(self.rule) or self.name).split("\n\n")[0].replace("\n", " ")

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters that are still symbols."""
        fixed = dict(self.values)
        return tuple(p.name for p in self.declared if p.name not in fixed and not p.flag)

    def arguments(
        self, convert: Callable[[fmpq], Number] = lambda value: value
    ) -> dict[str, Number]:
        """The parameters that are not symbols, as the rule takes them; flags as bool."""
        fixed = dict(self.values)
        flags = {p.name: bool(fixed.get(p.name, 0)) for p in self.declared if p.flag}
        numbers = {name: convert(v) for name, v in fixed.items() if name not in flags}
        return numbers | flags

    def at(self, **values: Exact | float) -> Optimizer:
        """The same rule with some parameters given exactly, such as beta="9/10".

        Raises:
            BadInput: no such parameter, or a value outside its range.
        """
        known = {p.name: p for p in self.declared}
        fixed = dict(self.values)
        for name, value in values.items():
            if name not in known:
                has = f"it has {', '.join(known)}" if known else "it has no parameters"
                raise BadInput(f"{self.name} has no parameter {name!r}; {has}.")
            fixed[name] = known[name].check(value)
        return replace(self, values=tuple(sorted(fixed.items())))

    def renamed(self, names: Mapping[str, str]) -> Optimizer:
        """The same rule with parameters called as someone else calls them.

        Args:
            names: the declared name to the new one.
        Raises:
            BadInput: no such parameter, or two of one name.
        """
        known = [p.name for p in self.declared]
        if unknown := [name for name in names if name not in known]:
            has = f"it has {', '.join(known)}" if known else "it has no parameters"
            raise BadInput(f"{self.name} has no parameter {unknown[0]!r}; {has}.")
        declared = tuple(replace(p, name=names.get(p.name, p.name)) for p in self.declared)
        if len({p.name for p in declared}) < len(declared):
            raise BadInput(f"two parameters of {self.name} would have the same name.")
        back = {names.get(name, name): name for name in known}

        def with_old_names(function: Step) -> Step:
            @wraps(function)
            def called(*arguments: Number, **given: Number) -> tuple[Number, ...] | Number:
                return function(*arguments, **{back[name]: v for name, v in given.items()})

            return called

        return replace(
            self,
            rule=with_old_names(self.rule),
            begin=with_old_names(self.begin) if self.begin else None,
            declared=declared,
            values=tuple(sorted((names.get(name, name), v) for name, v in self.values)),
        )

    def step(
        self,
        x: Number,
        memory: Sequence[Number],
        grad: Gradient,
        h: Number,
        parameters: dict[str, Number],
    ) -> tuple[Number, tuple[Number, ...]]:
        """One update: the new x and the new memory.

        `parameters` need not repeat what `at` has fixed; they go before it.
        """
        result = self.rule(x, *memory, grad, h, **(self.arguments() | parameters))
        if not self.memory:
            return (result[0] if isinstance(result, tuple) else result), ()
        if not isinstance(result, tuple) or len(result) != 1 + len(self.memory):
            wanted = ", ".join(("x", *self.memory))
            raise BadInput(f"the rule {self.name} must return ({wanted}).")
        return result[0], tuple(result[1:])

    def start(
        self,
        x: Number,
        grad: Gradient,
        h: Number,
        parameters: dict[str, Number],
    ) -> tuple[Number, ...]:
        """The memory before the first step; all zero unless the declaration says otherwise."""
        if self.begin is None:
            return tuple(x * 0 for _ in self.memory)
        result = self.begin(x, grad, h, **(self.arguments() | parameters))
        return result if isinstance(result, tuple) else (result,)


def optimizer(
    *,
    state: Sequence[str] = (),
    parameters: Sequence[str | Parameter] = (),
    start: Step | None = None,
    name: str | None = None,
    game: bool = False,
    fields: Sequence[str] = ("E",),
) -> Callable[[Step], Optimizer]:
    """Declare an update rule.

    The function takes x, the memory in the order of `state`, `grad`, `h` and the parameters by
    keyword; it returns the new x followed by the new memory. Units: h times grad(x) adds to x.

    Args:
        state: names of the memory variables.
        parameters: names, or `Parameter` where the range is known.
        start: memory before the first step as a function of (x, grad, h, parameters); default 0.
        name: the name for people, by default the function's with hyphens.
        game: `grad` stands for any vector field, not only for a gradient.
        fields: the losses; for several of them the function takes a tuple of gradients as `grad`.
    """

    def declare(rule: Step) -> Optimizer:
        declared = tuple(Parameter(p) if isinstance(p, str) else p for p in parameters)
        called = name or re.sub(r"_+", "-", getattr(rule, "__name__", "rule")).strip("-")
        return Optimizer(
            called, rule, tuple(state), declared, start, game=game, fields=tuple(fields)
        )

    return declare
