"""The declaration of an optimizer: one Python function, run on every kind of number."""

from __future__ import annotations

import inspect
import keyword
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from typing import Any

from flint import fmpq

from derive.language.bad_input import BadInput
from derive.language.coefficients import Exact
from derive.language.decimals import in_decimals
from derive.language.docstrings import docstring
from derive.language.parameter import Parameter

Number = Any
"""A float, array, multiprecision number, ball, power series in h or B-series."""

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
    `players` are the states with a gradient of their own, x first; each gradient is then a function
    of all of them. `schedules` are functions of the time t = kh; `keywords` says whether the
    function asks for t, or for the number k of the step. `rest` guesses the memory at rest. `maps`
    are those of the fields that act on vectors rather than at places, and may be taken anywhere.
    """

    name: str
    rule: Step
    memory: tuple[str, ...]
    declared: tuple[Parameter, ...]
    begin: Step | None = None
    values: tuple[tuple[str, fmpq], ...] = field(default=())
    game: bool = False
    fields: tuple[str, ...] = ("E",)
    players: tuple[str, ...] = ()
    schedules: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    rest: Step | None = None
    maps: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        fixed = [f"{name}={value}" for name, value in self.values]
        return f"<{' '.join([self.name, *self.parameters, *fixed])}>"

    def _repr_markdown_(self) -> str:
        ranges = [f"{p.name} in {p.range}" for p in self.declared if p.name in self.parameters]
        fixed = [f"{name} = {value}" for name, value in self.values]
        return f"**{self.name}** {', '.join(ranges + fixed)}\n\n{self.summary}"

    @property
    def summary(self) -> str:
        """The first sentence of the rule's docstring, with its source."""
        return (docstring(self.rule) or self.name).split("\n\n")[0].replace("\n", " ")

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
                known = {back.get(name, name): value for name, value in given.items()}
                return function(*arguments, **known)

            del called.__wrapped__  # its parameters have other names
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
        rule = self._for(h)[0]
        state = (_own(value) for value in (x, *memory))
        result = rule(*state, grad, h, **(self._given | parameters))
        found = tuple(result) if isinstance(result, tuple | list) else (result,)
        if len(found) != 1 + len(self.memory) or any(entry is None for entry in found):
            wanted = ", ".join(("x", *self.memory))
            given = "nothing" if result is None else f"{len(found)} of {1 + len(self.memory)}"
            raise BadInput(
                f"the rule {self.name} must return ({wanted}), the new x and every new state; "
                f"it returns {given}."
            )
        return found[0], found[1:]

    @cached_property
    def _given(self) -> dict[str, Number]:
        """The arguments of every step."""
        return self.arguments()

    @cached_property
    def _exactly(self) -> tuple[Step, Step | None]:
        _check_names(self)
        _check_arguments(self)
        return in_decimals(self.rule), None if self.begin is None else in_decimals(self.begin)

    def _for(self, h: Number) -> tuple[Step, Step | None]:
        """Rule and start as they stand for floats; with the decimals they mean for all else."""
        floating = isinstance(h, float) or hasattr(h, "dtype")
        exactly = self._exactly
        return (self.rule, self.begin) if floating else exactly

    def start(
        self,
        x: Number,
        grad: Gradient,
        h: Number,
        parameters: dict[str, Number],
    ) -> tuple[Number, ...]:
        """The memory before the first step; all zero unless the declaration says otherwise."""
        begin = self._for(h)[1]
        if begin is None:
            return tuple(x * 0 for _ in self.memory)
        known = {p.name for p in self.declared}
        given = {name: value for name, value in parameters.items() if name in known}
        result = begin(x, grad, h, **(self.arguments() | given))
        found = result if isinstance(result, tuple) else (result,)
        if len(found) != len(self.memory):
            raise BadInput(
                f"start= of {self.name} gives {len(found)} states, and it has {len(self.memory)}: "
                f"{', '.join(self.memory)}."
            )
        return found


def _own(value: Number) -> Number:
    """An array that the rule may change in place, as `x -= h * v` does; torch's copy is a clone."""
    if not hasattr(value, "dtype"):
        return value
    return value.clone() if hasattr(value, "clone") else value.copy()


RESERVED = {
    "x": "the weights",
    "h": "the step size",
    "k": "the number of the step",
    "t": "the time",
    "grad": "the gradient",
}


CLOCKS = {("state", "t"), ("state", "k"), ("parameter", "k")}
"""A rule may count its time or its steps itself, and a friction is often called k."""


def optimizer(
    *misplaced: object,
    state: str | Sequence[str] = (),
    parameters: str | Parameter | Sequence[str | Parameter] = (),
    start: Step | None = None,
    name: str | None = None,
    game: bool = False,
    fields: str | Sequence[str] = ("E",),
    players: str | Sequence[str] = (),
    schedules: str | Sequence[str] = (),
    rest: Step | None = None,
    maps: str | Sequence[str] = (),
) -> Callable[[Step], Optimizer]:
    """Declare an update rule.

    The function takes x, the memory in the order of `state`, `grad`, `h` and the parameters by
    keyword; it returns the new x followed by the new memory. Units: h times grad(x) adds to x.
    Floats in it are the decimals that they were written as. One name needs no tuple.

    Args:
        state: names of the memory variables.
        parameters: names, or `Parameter` where the range is known.
        start: memory before the first step as a function of (x, grad, h, parameters); default 0.
        name: the name for people, by default the function's with hyphens.
        game: `grad` stands for any vector field, not only for a gradient.
        fields: the losses; for several of them the function takes a tuple of gradients as `grad`.
        players: the states with a gradient of their own, x first, such as ("x", "y"); `grad` is
            then a tuple of as many functions of all players, each with its player's unit.
        schedules: functions of time; the rule calls eta(t), and asks for the time t = kh, or for
            the number k of the step, by keyword.
        rest: the memory at h = 0 as a function of (x, grad, h, parameters), where it is not found.
        maps: those of the fields that act on vectors, such as grad K of an average of gradients.
    Using the rule raises BadInput where a name stands for something else or twice, and where the
    function does not take what is declared.
    """
    if misplaced:
        raise BadInput(
            "@optimizer is written with brackets and names, such as @optimizer() or "
            '@optimizer(state=("v",), parameters=("beta",)).'
        )
    state, fields, players, schedules, maps = map(_names, (state, fields, players, schedules, maps))
    if players and fields == ("E",):
        fields = tuple("fg" if len(players) < 3 else (f"f{i}" for i, _ in enumerate(players, 1)))

    def declare(rule: Step) -> Optimizer:
        wanted = (parameters,) if isinstance(parameters, str | Parameter) else parameters
        declared = tuple(Parameter(p) if isinstance(p, str) else p for p in wanted)
        called = name or re.sub(r"_+", "-", getattr(rule, "__name__", "rule")).strip("-")
        return Optimizer(
            called,
            rule,
            state,
            declared,
            start,
            game=game,
            fields=fields,
            players=players,
            schedules=schedules,
            keywords=tuple(k for k in _asked(rule) if k not in {p.name for p in declared}),
            rest=rest,
            maps=maps,
        )

    return declare


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _asked(rule: Step) -> tuple[str, ...]:
    """Which of the time t and the number k of the step a function asks for by keyword."""
    own = inspect.signature(rule).parameters
    return tuple(
        n for n in ("t", "k") if n in own and own[n].kind is inspect.Parameter.KEYWORD_ONLY
    )


def _check_names(rule: Optimizer) -> None:
    kinds = {
        "state": rule.memory,
        "parameter": [p.name for p in rule.declared],
        "schedule": rule.schedules,
        "field": rule.fields,
    }
    names = [(kind, name) for kind, group in kinds.items() for name in group]
    if not rule.fields:
        raise BadInput(f"{rule.name} has no field: leave fields= out for one loss E.")
    twice = Counter(name for _, name in names)
    for kind, name in names:
        meaning = RESERVED.get(name) if (kind, name) not in CLOCKS else None
        if meaning:
            raise BadInput(
                f"{rule.name} has a {kind} called {name!r}, which stands for {meaning}; "
                "choose another name."
            )
        if not name.isidentifier() or (kind == "parameter" and keyword.iskeyword(name)):
            raise BadInput(
                f"{rule.name} has a {kind} called {name!r}: use letters, digits and _, and no word "
                "of Python's such as lambda."
            )
        if twice[name] > 1:
            groups = " and ".join(dict.fromkeys(k for k, n in names if n == name))
            raise BadInput(
                f"{rule.name} has the name {name!r} {twice[name]} times ({groups}); every state, "
                f"parameter and field needs a name of its own{_of_loss(rule, name)}."
            )


def _of_loss(rule: Optimizer, name: str) -> str:
    return " (the loss is called E)" if rule.fields == (name,) == ("E",) else ""


def _check_arguments(rule: Optimizer) -> None:
    """The function takes x, the states in their order, grad and h, and each parameter by name."""
    own = inspect.signature(rule.rule)
    positional = ("x", *rule.memory, "grad", "h")
    by_name = [*(p.name for p in rule.declared), *rule.schedules, *rule.keywords]
    try:
        bound = own.bind(*positional, **dict.fromkeys(by_name))
    except TypeError as error:
        wanted = (
            f"{', '.join(positional)}{', *' * bool(by_name)}{''.join(f', {n}' for n in by_name)}"
        )
        raise BadInput(
            f"the rule {rule.name} is declared to take ({wanted}), and its function takes {own}: "
            f"{error}."
        ) from None
    for argument, given in bound.arguments.items():
        if isinstance(given, str) and argument in positional and argument != given:
            raise BadInput(
                f"the rule {rule.name} takes {argument!r} in the place of {given!r}: its arguments "
                f"are ({', '.join(positional)}), in this order."
            )
