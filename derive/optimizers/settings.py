"""What a record says of a library's optimizer: the rule that it is, at which of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy

from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer
from derive.optimizers.under_schedule import scheduled
from derive.optimizers.weight_decay import decoupled

Argument = str | float | bool | Callable[[Mapping[str, Any]], Any]
"""An argument's name, a constant, or a function of all arguments."""


@dataclass(frozen=True)
class Setting:
    """A rule with a number for each parameter, and what the library changes around it.

    The gradient that the rule takes is g + `coupled` x, of E + coupled |x|^2/2, with g of -E where
    it is to `maximize`; `decoupled` x times the step size is taken off beside the rule's step.
    """

    rule: Optimizer
    h: float
    values: Mapping[str, Any]
    coupled: float = 0.0
    decoupled: float = 0.0
    maximize: bool = False
    eta: sympy.Expr | None = None

    @property
    def exact(self) -> Optimizer:
        """The rule with its parameters as the decimals that they were written as."""
        return self.rule.at(**self.values)

    @property
    def whole(self) -> Optimizer:
        """The same with the decoupled decay as its second field W, and with the schedule eta."""
        rule = decoupled(self.exact) if self.decoupled else self.exact
        return rule if self.eta is None else scheduled(rule)

    def rate(self, step: int) -> float:
        """The step size of a step beside h."""
        return 1.0 if self.eta is None else float(self.eta.subs(sympy.Symbol("t"), step * self.h))


@dataclass(frozen=True)
class LibraryOptimizer:
    """An optimizer of a library.

    `at` gives each parameter of the rule, and h, coupled, decoupled and maximize where they are
    not "lr", 0, 0 and False. `defaults` are the arguments that matter, as the library presets
    them; `only` the values at which alone it is this rule. Without a rule, `why` says why it
    follows no flow.
    """

    library: str
    name: str
    rule: Optimizer | None = None
    at: Mapping[str, Argument] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    only: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""

    def __str__(self) -> str:
        return f"{self.library}.{self.name}"

    def setting(self, **arguments: Any) -> Setting:
        """The rule at the library's arguments.

        Raises:
            BadInput: there is no such argument, the rule is another one there, or there is none.
        """
        if self.rule is None:
            raise BadInput(f"{self} follows no flow that is known: {self.why}.")
        known = {**self.defaults, **self.only}
        for name, value in arguments.items():
            if name not in known:
                raise BadInput(f"{self} has no argument {name!r} that matters; {', '.join(known)}.")
            wanted = _length(known[name])
            if _length(value) != wanted:
                takes = f"{wanted} numbers" if wanted else "one number"
                raise BadInput(f"{self} takes {takes} as {name}, not {value}.")
        given = known | arguments
        for name, value in self.only.items():
            if given[name] != value:
                raise BadInput(f"{self} is known here with {name}={value} only.")
        found = {name: _value(argument, given) for name, argument in self.at.items()}
        around = {n: found.pop(n) for n in ("coupled", "decoupled", "maximize") if n in found}
        step = found.pop("h", given["lr"] if "lr" in given else given.get("learning_rate"))
        return Setting(self.rule, step, found, **around)


def _length(value: Any) -> int:
    """How many numbers, 0 for a single one."""
    return len(value) if isinstance(value, (tuple, list)) else 0


def _value(argument: Argument, given: Mapping[str, Any]) -> Any:
    if callable(argument):
        return argument(given)
    if not isinstance(argument, str):
        return argument
    name, _, place = argument.partition(".")
    return given[name][int(place)] if place else given[name]
