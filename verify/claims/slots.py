"""What a statement asserts, piece by piece: every piece has a kind, a value and its wrong versions.

A statement is read as exact: it holds where it says and no further. So an order, a time, a class of
losses, a domain, a relation is wrong when it is too weak as well as when it is too strong.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol

import sympy
from flint import fmpq

from derive.language.formula import Formula
from derive.language.writing import latex, plain
from verify.claims.slips import mutants
from verify.running.numbers import evaluate

MILLIONTH = sympy.Rational(1, 10**6)


class Slot(Protocol):
    """A piece of a statement that is asserted, and so can be wrong."""

    @property
    def kind(self) -> str:
        """What is asserted: formula, order, when, ..."""
        ...

    @property
    def latex(self) -> str:
        """As it stands in the sentence: words with mathematics between dollars."""
        ...

    @property
    def plain(self) -> str:
        """The value on one line, as JSON and mutants name it."""
        ...

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        """Its neighbours, each with the name of the slip that leads there."""
        ...


@dataclass(frozen=True)
class Value:
    """A formula: a coefficient, a bound, a threshold, a limit.

    Args:
        kind: what the formula is in its statement, such as "threshold" or "limit".
    """

    expr: sympy.Expr
    kind: str = "formula"

    @property
    def latex(self) -> str:
        return f"${latex(self.expr)}$"

    @property
    def plain(self) -> str:
        return plain(self.expr)

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        for mutant in mutants(self.expr):
            yield mutant.slip, replace(self, expr=mutant.expr)
        if self.expr != 0:
            yield "one in a million more", replace(self, expr=self.expr * (1 + MILLIONTH))


@dataclass(frozen=True)
class Order:
    """An order of smallness, O(variable^power); the wrong ones are one higher and one lower."""

    power: int | sympy.Rational
    variable: str = "h"
    kind: str = "order"

    @property
    def latex(self) -> str:
        symbol = latex(sympy.Symbol(self.variable))
        power = "" if self.power == 1 else f"^{{{latex(sympy.sympify(self.power))}}}"
        return rf"$O({symbol}{power})$"

    @property
    def plain(self) -> str:
        return f"O({self.variable}^{self.power})"

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        yield "the order, one too high", replace(self, power=self.power + 1)
        yield "the order, one too low", replace(self, power=self.power - 1)


@dataclass(frozen=True)
class Number:
    """A number as it is written, right to its last digit: "0.003806", "3.9", "-12"."""

    written: str
    kind: str = "number"

    @property
    def latex(self) -> str:
        return f"${self.written}$"

    @property
    def plain(self) -> str:
        return self.written

    @property
    def digits(self) -> int:
        """Digits behind the point."""
        return len(self.written.partition(".")[2])

    @property
    def exact(self) -> fmpq:
        """The number that is written."""
        whole = int(self.written.replace(".", ""))
        return fmpq(whole, 10**self.digits)

    def agrees(self, value: Any) -> bool:
        """Whether a computed number rounds to what is written."""
        return abs(fmpq(*float(value).as_integer_ratio()) - self.exact) <= self.unit / 2

    @property
    def unit(self) -> fmpq:
        """One in the last digit."""
        return fmpq(1, 10**self.digits)

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        for step, said in ((1, "more"), (-1, "less")):
            value = self.exact + step * self.unit
            scaled = int(value * 10**self.digits)
            sign, bare = ("-" if scaled < 0 else ""), str(abs(scaled)).zfill(self.digits + 1)
            cut = len(bare) - self.digits
            text = sign + bare[:cut] + (f".{bare[cut:]}" if self.digits else "")
            yield f"the last digit, one {said}", replace(self, written=text)


class Choice(Enum):
    """One of a few phrases; every other one of them would be wrong here.

    A subclass lists the phrases of its subject, words with mathematics between dollars; its name in
    lower case is the kind.
    """

    @property
    def kind(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", " ", type(self).__name__).lower()

    @property
    def latex(self) -> str:
        return str(self.value)

    @property
    def plain(self) -> str:
        return self.name.lower().replace("_", " ")

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        for other in type(self):
            if other is not self:
                yield f"{other.plain} for {self.plain}", other


class When(Choice):
    """At which steps iterates and flow are close, up to a fixed time T."""

    EVERY_STEP = r"over all steps $1\le k\le T/h$"
    AFTER_START_UP = r"at a fixed time, once the start-up is over,"


class Losses(Choice):
    """For which losses something holds."""

    EVERY = "every smooth loss"
    QUADRATIC = "every quadratic loss"
    LINE = "every smooth loss of one variable"


class Batches(Choice):
    """How the batch of a step is chosen."""

    INDEPENDENT = "drawn independently in every step"
    RESHUFFLED = "drawn without replacement"


class Relation(Choice):
    """How two sides compare; with "or equal", equality is attained."""

    BELOW = "$<$"
    AT_MOST = r"$\le$"
    EQUAL = "$=$"
    AT_LEAST = r"$\ge$"
    ABOVE = "$>$"

    def admits(self, left: Any, right: Any) -> bool:
        """Whether the sides compare so."""
        holds = {"<": left < right, "=": left == right, ">": left > right}
        allowed = {"BELOW": "<", "AT_MOST": "<=", "EQUAL": "=", "AT_LEAST": ">=", "ABOVE": ">"}
        return any(holds[sign] for sign in allowed[self.name])


Point = dict[str, fmpq]


@dataclass(frozen=True)
class Domain:
    """Where in its parameters a statement holds, and beyond which bounds it does not.

    Args:
        bounds: relations with a symbol on the left, such as BETA < 1; a bound may depend on the
            symbols before it.
    """

    bounds: tuple[sympy.Basic, ...]
    kind: str = "domain"

    @property
    def latex(self) -> str:
        return f"${Formula('domain', sympy.Integer(0), given=self.bounds).conditions}$"

    @property
    def plain(self) -> str:
        return ", ".join(str(bound) for bound in self.bounds)

    def inside(self, draw: random.Random, fixed: Mapping[str, fmpq] | None = None) -> Point:
        """A random rational point where it is said to hold.

        Args:
            fixed: what some of its coordinates are.
        """
        point: Point = {}
        for symbol in dict.fromkeys(bound.args[0] for bound in self.bounds):
            low, high = self._ends(symbol, point)
            drawn = low + (high - low) * fmpq(draw.randint(20, 80), 100)
            point[symbol.name] = (fixed or {}).get(symbol.name, drawn)
        return point

    def edges(self, draw: random.Random) -> Iterator[tuple[Point, bool]]:
        """Points within, on and beyond each bound, with whether it is said to hold there.

        Within, the bounds that depend on it move with it.
        """
        for bound in self.bounds:
            point = self.inside(draw)
            symbol, end = bound.args[0].name, evaluate(sympy.sympify(bound.args[1]), point)
            below = isinstance(bound, sympy.Ge | sympy.Gt)
            within = end + (point[symbol] - end) / 4
            before = dict(list(point.items())[: list(point).index(symbol)])
            yield self.inside(draw, {**before, symbol: within}), True
            yield point | {symbol: end}, isinstance(bound, sympy.Ge | sympy.Le)
            yield point | {symbol: end + fmpq(1, 7) * (-1 if below else 1)}, False

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        opposite = {sympy.Lt: sympy.Le, sympy.Le: sympy.Lt, sympy.Gt: sympy.Ge, sympy.Ge: sympy.Gt}
        for i, bound in enumerate(self.bounds):
            symbol, end = bound.args
            strict = isinstance(bound, sympy.Lt | sympy.Gt)
            step = sympy.Integer(-1 if isinstance(bound, sympy.Ge | sympy.Gt) else 1)
            for name, other in (
                ("or equal" if strict else "strictly", opposite[bound.func](symbol, end)),
                ("further out", bound.func(symbol, end + step)),
            ):
                changed = (*self.bounds[:i], other, *self.bounds[i + 1 :])
                yield f"the bound {bound}, {name}", replace(self, bounds=changed)

    def _ends(self, symbol: sympy.Basic, point: Mapping[str, fmpq]) -> tuple[fmpq, fmpq]:
        low = high = None
        for bound in self.bounds:
            if bound.args[0] == symbol:
                end = evaluate(sympy.sympify(bound.args[1]), point)
                if isinstance(bound, sympy.Ge | sympy.Gt):
                    low = end
                else:
                    high = end
        if low is None:
            low = fmpq(-4) if high is None else high - 4
        return low, low + 4 if high is None else high


@dataclass(frozen=True)
class Instance:
    """What an example is computed on: a loss and numbers, each of which the outcome depends on.

    Args:
        loss: the loss that the check runs on, with its text; None where there is none.
        numbers: exact values, such as 2 or "1/1024", by name in LaTeX.
    """

    loss: Any
    numbers: Mapping[str, int | str]
    kind: str = "example"

    @property
    def latex(self) -> str:
        return ", ".join(f"${part}$" for part in self._parts(latex, "="))

    @property
    def plain(self) -> str:
        return ", ".join(self._parts(plain, " = "))

    def __getitem__(self, name: str) -> fmpq:
        return evaluate(sympy.Rational(self.numbers[name]), {})

    def wrong(self) -> Iterator[tuple[str, Slot]]:
        for name, text in self.numbers.items():
            value = sympy.Rational(text)
            other = value + 1 if value.q == 1 else sympy.Rational(value.p, value.q + 1)
            if value.p == 1 and value.q > 8:
                other = value / 2  # a step size, which has to divide the time
            changed = replace(self, numbers={**self.numbers, name: str(other)})
            yield f"{name} = {other} for {value}", changed

    def _parts(self, write: Callable[[sympy.Expr], str], sign: str) -> list[str]:
        loss = [f"E{sign}{self.loss.text}"] if self.loss else []
        values = ((name, sympy.Rational(text)) for name, text in self.numbers.items())
        return [*loss, *(f"{name}{sign}{write(value)}" for name, value in values)]
