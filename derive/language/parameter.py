"""A parameter of an update rule, with the range in which the rule makes sense."""

from __future__ import annotations

from dataclasses import dataclass

from flint import fmpq

from derive.language.bad_input import BadInput
from derive.language.coefficients import Exact, exact


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

    def __post_init__(self) -> None:
        for end in ("lower", "upper"):
            value = getattr(self, end)
            if value is not None:
                object.__setattr__(self, end, exact(value))

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
            raise BadInput(f"{self.name} = {error}") from None
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


def momentum(name: str = "beta", *, positive: bool = False, branches: bool = False) -> Parameter:
    """A momentum parameter, -1 < beta < 1: where a memory that is kept beta times fades.

    Args:
        positive: 0 <= beta < 1, for a rule that takes no negative momentum.
    """
    return Parameter(
        name,
        "momentum",
        lower=fmpq(0) if positive else fmpq(-1),
        upper=fmpq(1),
        includes_lower=positive,
        branches=branches,
        why=f"the memory never fades, so there is no slow manifold to follow; give {name} a "
        f"number {'from 0' if positive else 'between -1'} {'to below' if positive else 'and'} 1.",
    )


def share(name: str, meaning: str = "") -> Parameter:
    """A parameter of [0, 1]."""
    return Parameter(name, meaning, lower=fmpq(0), upper=fmpq(1), includes_upper=True)


def switch(name: str, meaning: str = "") -> Parameter:
    """A flag of an update rule."""
    return Parameter(name, meaning, flag=True)
