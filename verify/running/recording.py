"""What a check computes, written down as plain data for a certificate; off unless asked for.

The shared machinery reports here what it has decided, so that a claim gets its certificate from the
checks that it has anyway. Formulas are trees as `verify.recheck` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sympy
from flint import fmpq

from verify import recheck

if TYPE_CHECKING:
    from verify.running.orders import ObservedOrder

Json = Any

JUDGED = sympy.Symbol("$")
"""Stands for the formula that is judged, where a check reads it in another form."""
MOST_VALUES = 100
"""Values of one check that are kept."""
_P, _Q, _S = sympy.symbols("p q s")


class Unwritable(ValueError):
    """An expression that the checker does not read."""


def rational(number: Any) -> str:
    """An exact number as text, such as "-3/4"."""
    return str(number if isinstance(number, fmpq) else fmpq(int(number.p), int(number.q)))


Marks = Mapping[str, sympy.Expr]
"""The formulas that are judged, by "$" and the name of their slot."""


def tree_of(expr: sympy.Basic, judged: Marks | None = None, *, inside: bool = False) -> Json:
    """The expression as nested lists, a mark standing for a judged formula.

    Inside an expression a number or a symbol is no mark, whatever slot has it too.

    Raises:
        Unwritable: it holds a function or number that the checker does not know.
    """
    if expr == JUDGED:
        return next(iter(judged or {"$": expr}))
    if isinstance(expr, sympy.Symbol) and expr.name.startswith(JUDGED.name):
        return expr.name
    for mark, formula in (judged or {}).items():
        if expr == formula and (formula.args or not inside):
            return mark
    if isinstance(expr, sympy.Rational):
        return rational(expr)
    if isinstance(expr, sympy.Symbol):
        return ["symbol", expr.name]
    if isinstance(expr, sympy.Sum) and len(expr.limits) == 1:
        index, *ends = expr.limits[0]
        body, low, high = (tree_of(part, judged, inside=True) for part in (expr.function, *ends))
        return ["sum", body, index.name, low, high]
    if expr in _CONSTANTS:
        return _CONSTANTS[expr]
    if expr.func not in _HEADS:
        raise Unwritable(f"{expr} cannot be written into a certificate.")
    return [_HEADS[expr.func], *(tree_of(part, judged, inside=True) for part in expr.args)]


_CONSTANTS: Mapping[sympy.Basic, Json] = {sympy.pi: ["pi"], sympy.E: ["exp", "1"]}
_OTHERS = (sympy.log, sympy.exp, sympy.asinh, sympy.sin, sympy.cos, sympy.LambertW)
_HEADS: Mapping[Any, str] = {
    sympy.Add: "+",
    sympy.Mul: "*",
    sympy.Pow: "^",
    **{function: function.__name__.lower() for function in (*_OTHERS, sympy.Abs, sympy.binomial)},
}


@dataclass
class Section:
    """The evidence of one check on one formula."""

    name: str
    judged: dict[str, sympy.Expr]
    refutes: bool
    items: list[Json] = field(default_factory=list)
    values: list[Json] = field(default_factory=list)

    @property
    def evidence(self) -> list[Json]:
        """The items without repetition; single values only where there is nothing else."""
        return list({json.dumps(item): item for item in self.items or self.values}.values())


class Recorder:
    """Collects evidence, check by check."""

    def __init__(self) -> None:
        self.sections: list[Section] = []
        self.flows: list[Any] = []
        """The flows taken since the last residual; see `verify.running.restating`."""

    def begin(self, name: str, judged: Mapping[str, sympy.Expr], *, refutes: bool) -> None:
        """What follows belongs to this check of formulas, by the names of their slots."""
        self.flows.clear()
        marked = {f"${slot}": expr for slot, expr in judged.items() if is_writable(expr)}
        self.sections.append(Section(name, marked, refutes))

    def add(self, kind: str, holds: bool | None, **content: Json) -> None:
        self.sections[-1].items.append({"kind": kind, "holds": holds, **content})

    def identity(
        self, left: sympy.Basic, right: sympy.Basic, holds: bool, **at: sympy.Expr | int
    ) -> None:
        """Both sides are equal, or not, as functions of their symbols.

        Args:
            left: judged formulas stand in it as they are, or as symbols of "$" and their slots.
            at: expressions in the place of symbols; by default a variable in which the square
                roots at hand are rational.
        """
        try:
            sides = {"left": self._tree(left), "right": tree_of(right)}
            places = at or _rationalizing((left, right, *self.sections[-1].judged.values()))
            where = {name: tree_of(sympy.sympify(e)) for name, e in places.items()}
            if recheck.identity(self._filled({**sides, "at": where})) is not holds:
                return
        except recheck.NO_VALUE:
            return
        self.add("identity", holds, **sides, at=where)

    def value(self, expr: sympy.Expr, point: Mapping[str, Any], value: fmpq) -> None:
        """The exact value of an expression where every symbol is rational."""
        section = self.sections[-1]
        if section.items or len(section.values) >= MOST_VALUES or isinstance(expr, sympy.Rational):
            return
        names = {symbol.name for symbol in expr.free_symbols}
        try:
            at = {name: rational(fmpq(point[name])) for name in sorted(names)}
            tree = self._tree(expr)
        except (Unwritable, TypeError):
            return
        item = {"kind": "value", "holds": True, "left": tree, "right": rational(value), "at": at}
        section.values.append(item)

    def order(
        self,
        errors: Sequence[float | str],
        observed: ObservedOrder,
        claimed: int | sympy.Rational,
        ratio: int = 2,
    ) -> None:
        """The errors at step sizes that fall by a ratio, and the order that they show or not."""
        numbers = [Decimal(str(e)) for e in errors]
        if not all(number.is_finite() and number > 0 for number in numbers):
            return
        if not observed.decides:
            return
        pairs = [
            (int("".join(map(str, n.as_tuple().digits))), n.as_tuple().exponent) for n in numbers
        ]
        self.add(
            "order",
            observed.supports(claimed),
            errors=[[str(digits), str(power)] for digits, power in pairs],
            ratio=str(ratio),
            order=str(claimed),
        )

    def _filled(self, item: Json) -> Json:
        trees = {mark: tree_of(expr) for mark, expr in self.sections[-1].judged.items()}
        return _filled(item, trees)

    def _tree(self, expr: sympy.Basic) -> Json:
        return tree_of(expr, self.sections[-1].judged)


def is_writable(expr: sympy.Basic) -> bool:
    """Whether a certificate can hold the expression."""
    try:
        tree_of(expr)
    except Unwritable:
        return False
    return True


def _filled(tree: Json, trees: Mapping[str, Json]) -> Json:
    if isinstance(tree, list):
        return [_filled(part, trees) for part in tree]
    if isinstance(tree, dict):
        return {key: _filled(part, trees) for key, part in tree.items()}
    return trees.get(tree, tree) if isinstance(tree, str) else tree


def _rationalizing(expressions: Iterable[sympy.Basic]) -> dict[str, sympy.Expr]:
    """beta = s^2 for a root of beta; beta = p q and z = (1-p)(1-q), with the root p - q of the
    discriminant of a mode, for a root of anything else."""
    roots = {
        power.base
        for expr in expressions
        for power in expr.atoms(sympy.Pow)
        if power.exp.is_Rational and power.exp.q == 2
    }
    if not roots:
        return {}
    if all(root.is_Symbol for root in roots):
        return {root.name: _S**2 for root in roots}
    return {"beta": _P * _Q, "z": (1 - _P) * (1 - _Q)}


_ACTIVE: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
recorder = _ACTIVE.get
"""The recorder at work, None where nobody records."""


@contextmanager
def recording() -> Iterator[Recorder]:
    """Record what is decided inside."""
    made = Recorder()
    token = _ACTIVE.set(made)
    try:
        yield made
    finally:
        _ACTIVE.reset(token)
