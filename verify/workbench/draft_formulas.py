"""Drafts of limits and of inequalities: two formulas, or a quantity of a rule and a formula.

Both are tried at exact points. Where a side is a quantity of a rule, a run of the rule shows that
it is what stands there.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import sympy
from flint import arb, fmpq

from derive.language.formula import K
from derive.language.trees import Tree, tree
from derive.language.writing import latex
from verify.claims.checks.stated import bounded, compared, tends
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.slots import Instance, Point, Relation, Slot, Value
from verify.claims.statement import Statement
from verify.formulas.asked import DRAFTED
from verify.formulas.reading import Unreadable, read_expression
from verify.workbench.candidate_coefficients import RUN, one_step
from verify.workbench.candidates import checks, guarded
from verify.workbench.draft_context import Context, Stated
from verify.workbench.draft_points import both, number
from verify.workbench.draft_reading import RELATIONS
from verify.workbench.draft_slots import Approach, Bound, Defined, OrderAt
from verify.workbench.subjects import Subject

COARSEST, FINEST = 30, 35
"""A limit is approached at 2^-30, ..., 2^-34: a factor 1 + 1e-6 has to stand out."""
CLOSE = Settings(digits=100)
"""How exact what is left at these is taken to be."""


def limit(context: Context, coefficient: Callable[[], tuple[str, Tree]]) -> Stated:
    """A left side tends to a formula, up to an error.

    Raises:
        BadInput: a field cannot be used.
    """
    fields = context.fields
    left, slots, tried = _left(context, coefficient)
    printed, right = _formulas(context, lambda expr: Value(expr, "limit"))
    variable = sympy.Symbol(fields.choice("about.variable", context.names))
    error = fields.number("about.error")
    if error is None:
        raise fields.missing("about.error")
    to = _end(context)
    slots |= {"formula": right or printed, "regime": Approach(variable, to)}
    slots["error"] = OrderAt(error, str(variable), to=to)
    ground = context.ground([*_names(slots, left), str(variable)])

    def differences(says: Statement, settings: Settings) -> Sequence[Any]:
        regime: Approach = says["regime"]
        start = ground.draw(random.Random(settings.seed), {str(variable): fmpq(1)})
        found = []
        for place in _approach(regime, ground.bounds):
            point = start | {str(variable): place}
            gap = number(left - says.expr("formula"), point)
            found.append(gap if isinstance(gap, fmpq) else arb(gap).mid())
        return found

    way = tends("the way to the limit", differences, kind=Kind.SERIES, refutes=True)

    def close(says: Statement, settings: Settings) -> Evidence:
        return way.judge(says, replace(CLOSE, seed=settings.seed))

    check = guarded(replace(way, judge=close))
    return Stated(slots, (*tried, check), _misprint(printed, right), ground.bounds)


def inequality(context: Context, coefficient: Callable[[], tuple[str, Tree]]) -> Stated:
    """A left side compares with a formula; where they are equal says that the bound is sharp.

    Raises:
        BadInput: a field cannot be used.
    """
    fields = context.fields
    left, slots, tried = _left(context, coefficient)
    sharp = fields.has("about.equal_at")
    printed, right = _formulas(context, lambda expr: Bound(expr, sharp=sharp))
    relation = RELATIONS[fields.choice("about.relation", RELATIONS)]
    slots |= {"relation": relation, "formula": right or printed}
    names = _names(slots, left)
    if equal := _equal_at(context, names):
        slots["sharp"] = equal
    elif relation in (Relation.AT_MOST, Relation.AT_LEAST):
        raise fields.bad(
            "about.relation",
            "allows that both sides are equal: say where by about.equal_at, or leave out the =",
        )
    if context.domain:
        slots["domain"] = context.domain
    ground = context.ground(names)

    def sides(says: Statement, point: Point) -> tuple[Any, Any]:
        return both(number(left, point), number(says.expr("formula"), point))

    def drawn(says: Statement, draw: random.Random) -> tuple[Any, Any]:
        if sharp and draw.random() < 0.5:
            close = where_equal(says, draw)
            for name in close:
                close[name] += fmpq(draw.choice((-1, 1)), 10 ** draw.randint(2, 12))
            if ground.holds_at(close):
                return sides(says, close)
        return sides(says, ground.draw(draw, exact=(left, says.expr("formula"))))

    def where_equal(says: Statement, draw: random.Random) -> Point:
        instance: Instance = says["sharp"]
        letters = {name: latex(sympy.Symbol(name)) for name in names}
        fixed = {name: instance[at] for name, at in letters.items() if at in instance.numbers}
        return ground.draw(draw, fixed, exact=(left, says.expr("formula")))

    def meet(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for _ in range(4):
            point = where_equal(says, draw)
            a, b = sides(says, point)
            if a != b:
                return Evidence(False, f"{float(a):.9g} against {float(b):.9g}{_at(point)}")
            if ground.holds_at(point) != says["relation"].admits(a, b):
                where = "inside" if ground.holds_at(point) else "outside"
                return Evidence(False, f"both sides are equal{_at(point)}, {where}")
        return Evidence(True, "both sides are equal there")

    def attained(says: Statement) -> tuple[Any, Any]:
        return sides(says, where_equal(says, random.Random(0)))

    reached = attained if relation.admits(0, 0) else None
    found = [compared("both sides at exact points", drawn, attained=reached, refutes=True)]
    if equal:
        found.append(Check("where both sides meet", Kind.ENUMERATION, meet))
    if context.domain:

        def holds(says: Statement, point: Point, settings: Settings) -> bool:
            draw = random.Random(settings.seed)
            others = [ground.draw(draw, point) for _ in range(8)]
            return all(says["relation"].admits(*sides(says, other)) for other in others)

        found.append(bounded("in the domain and beyond", holds, kind=Kind.ENUMERATION))
    checked = tuple(guarded(check) for check in found)
    return Stated(slots, (*tried, *checked), _misprint(printed, right), ground.bounds)


def _left(
    context: Context, coefficient: Callable[[], tuple[str, Tree]]
) -> tuple[sympy.Expr, dict[str, Slot], tuple[Check, ...]]:
    """The left side, the slot it has, and what shows that it is a quantity of the rule."""
    fields = context.fields
    written = context.formulas.read("left", needed=False)
    if not fields.has("about.quantity"):
        if written is None:
            raise fields.bad(
                "formula.left", "is missing; write it, or about.quantity for one of an optimizer"
            )
        if context.rule is not None:
            raise fields.bad(
                "about.optimizer", "needs about.quantity beside it, or remove it for two formulas"
            )
        return written, {"left": Defined(written)}, ()
    if written is not None:
        raise fields.bad("about.quantity", "says again what formula.left says; keep one")
    if (rule := context.rule) is None:
        raise fields.missing("about.optimizer")
    quantity, t = coefficient()
    subject = context.blaming(
        "about.quantity",
        lambda: Subject.of(rule, quantity, t, name=context.name, given=context.given),
    )
    expr = subject.target.expr
    if expr.has(K):
        raise fields.bad("about.quantity", "depends on the step k; use one that lasts")
    if quantity in DRAFTED and t == tree(DRAFTED[quantity].tree):
        run = checks(subject)[1]
    elif quantity in RUN:
        run = one_step(subject, t)
    else:
        raise fields.bad(
            "about.order", f"is run at 1 only, or for {' and '.join(RUN)}; write order = 1"
        )
    shown = replace(run, judge=lambda says, settings: run.judge(expr, settings))
    return expr, {}, (guarded(shown),)


def _formulas(context: Context, slot: Callable[[sympy.Expr], Value]) -> tuple[Value, Value | None]:
    """What was printed, and what is right where that is something else."""
    printed = context.formulas.read("printed")
    right = context.formulas.read("right", needed=False)
    return slot(printed), None if right is None else slot(right)


def _misprint(printed: Value, right: Value | None) -> dict[str, Slot]:
    return {} if right is None else {"formula": printed}


def _names(slots: Mapping[str, Slot], left: sympy.Expr) -> list[str]:
    """The symbols of all formulas."""
    exprs = [left, *(slot.expr for slot in slots.values() if isinstance(slot, Value))]
    return sorted({symbol.name for expr in exprs for symbol in expr.free_symbols})


def _end(context: Context) -> sympy.Expr:
    """What the variable tends to."""
    text = context.fields.needed("about.to")
    return sympy.oo if text == "infinity" else _exact(context, "about.to", text)


def _exact(context: Context, field: str, text: str) -> sympy.Rational:
    try:
        found = read_expression(text, names=())
    except Unreadable as error:
        raise context.fields.bad(field, f"cannot be read: {error}") from error
    if not isinstance(found, sympy.Rational):
        raise context.fields.bad(field, f"is {text!r}; write a fraction such as 1/2")
    return found


def _equal_at(context: Context, names: Sequence[str]) -> Instance | None:
    """The values of some symbols at which both sides are equal."""
    numbers: dict[str, int | str] = {}
    for name, text in context.fields.table("about.equal_at", (str, int)).items():
        field = f"about.equal_at.{name}"
        if name not in names:
            raise context.fields.bad(
                field, f"stands in neither formula; these have {', '.join(names)}"
            )
        numbers[latex(sympy.Symbol(name))] = str(_exact(context, field, str(text)))
    return Instance(None, numbers) if numbers else None


def _approach(regime: Approach, bounds: Sequence[sympy.Basic]) -> list[fmpq]:
    """Values that come closer to the end of a regime, from the side on which the bounds lie."""
    steps = [fmpq(1, 2**n) for n in range(COARSEST, FINEST)]
    if regime.to is sympy.oo:
        return [1 / step for step in steps]
    end, ends = fmpq(int(regime.to.p), int(regime.to.q)), (sympy.Lt, sympy.Le)
    below = any(
        bound.args == (regime.variable, regime.to) and isinstance(bound, ends) for bound in bounds
    )
    return [end - step if below else end + step for step in steps]


def _at(point: Point) -> str:
    return " at " + ", ".join(f"{name} = {value}" for name, value in point.items())
