"""Drafts of thresholds and of existence: what a rule does on a quadratic, and how far its motion
is that of a loss. Both are seen from its steps."""

from __future__ import annotations

import random
from collections.abc import Iterator
from operator import itemgetter

import sympy
from flint import fmpq

from derive.engine.front_door import is_linear
from derive.engine.modified_loss import discrete_modified_loss, modified_loss
from derive.language.update_rule import Optimizer
from verify.claims.checks.stated import bounded, switches
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.slots import Order, Point, Slot, Value
from verify.claims.statement import Statement
from verify.models.map_curls import curls
from verify.models.multipliers import step_matrix
from verify.running.families import bounded_polynomial, starting_point
from verify.running.orders import observed_order
from verify.running.recording import recorder
from verify.workbench.candidate_orders import fading
from verify.workbench.candidates import guarded
from verify.workbench.draft_context import CURVATURE, Context, Stated
from verify.workbench.draft_points import number
from verify.workbench.draft_reading import RELATIONS
from verify.workbench.draft_slots import HAS, Property
from verify.workbench.draft_statements import one_of
from verify.workbench.subjects import points_of

NEAR = fmpq(1, 10**9)
SHARES = (fmpq(1, 100), fmpq(2, 5), fmpq(9, 10))
"""Of the way to the threshold, and beyond it to the end of the range."""
FARTHEST = 8
"""Where there is no end: this many times the threshold."""
HIGHEST = 4
"""A loss is looked for through this power of h."""
LOSSES = {"modified-loss": modified_loss, "discrete-modified-loss": discrete_modified_loss}
HALVINGS = range(13, 18)


def threshold(context: Context) -> Stated:
    """A property of a rule on a quadratic holds on one side of a formula.

    Raises:
        BadInput: a field cannot be used.
    """
    fields, rule = context.fields, _linear(context)
    if len(rule.fields) > 1:
        raise fields.bad("about.optimizer", "takes several losses; a threshold is of a rule of one")
    variable = fields.choice("about.variable", ("h", CURVATURE, *context.parameters))
    printed = Value(context.formulas.read("printed"), "threshold")
    written = context.formulas.read("right", needed=False)
    right = None if written is None else Value(written, "threshold")
    for formula in (printed, right):
        if formula and formula.expr.has(sympy.Symbol(variable)):
            raise fields.bad("about.variable", f"is {variable}, which stands in the formula too")
    slots: dict[str, Slot] = {
        "property": one_of(fields, "about.property", Property),
        "relation": RELATIONS[fields.choice("about.relation", RELATIONS)],
        "formula": right or printed,
    }
    if context.domain:
        slots["domain"] = context.domain
    names = [name for name in (*context.parameters, "h", CURVATURE) if name != variable]
    ground = context.ground(names)

    def holds(says: Statement, place: fmpq, point: Point) -> bool:
        numbers = {**point, variable: place}
        h, curvature = numbers.pop("h"), numbers.pop(CURVATURE)
        return HAS[says["property"]](step_matrix(rule, h, curvature, numbers))

    def value(says: Statement, draw: random.Random) -> tuple[fmpq, Point]:
        formula = says.expr("formula")
        point = ground.draw(draw, exact=(formula,))
        found = number(formula, point)
        if not isinstance(found, fmpq):
            raise ArithmeticError("no values were found at which the formula is rational.")
        return found, {name: point[name] for name in names}

    def far(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for _ in range(5):
            bound, point = value(says, draw)
            for place in _places(rule, variable, bound):
                wanted = says["relation"].admits(place, bound)
                if holds(says, place, point) != wanted:
                    told = f"{'fails' if wanted else 'holds'} at {variable} = {place}, {point}"
                    return Evidence(False, told)
        return Evidence(True, "on the one side and not on the other, to the ends of the range")

    found = [
        switches("the step matrix at the threshold", holds, value, refutes=True),
        Check("the step matrix far from it", Kind.ENUMERATION, far),
    ]
    if context.domain:

        def at(says: Statement, point: Point, settings: Settings) -> bool:
            whole = ground.draw(random.Random(settings.seed), point)
            bound = number(says.expr("formula"), whole)
            exact = isinstance(bound, fmpq)
            middle = bound if exact else fmpq(*map(int, bound.mid().fmpq_pair()))
            step = NEAR * (abs(middle) or 1)
            places = [middle - step, middle + step, *([middle] if exact else [])]
            rest = {name: whole[name] for name in names}
            return all(
                holds(says, place, rest) == says["relation"].admits(place, middle)
                for place in places
            )

        found.append(bounded("in the domain and beyond", at, kind=Kind.ENUMERATION))
    misprint: dict[str, Slot] = {} if right is None else {"formula": printed}
    return Stated(slots, tuple(map(guarded, found)), misprint, ground.bounds)


def existence(context: Context) -> Stated:
    """A loss behind the flow, or behind the one-step map, exists below an order, and not at it.

    Raises:
        BadInput: a field cannot be used.
    """
    fields, rule = context.fields, _linear(context)
    if rule.game or len(rule.fields) > 1:
        raise fields.bad("about.optimizer", f"is {rule.name}, behind which not one loss stands")
    quantity = fields.choice("about.quantity", LOSSES)
    order = fields.number("about.claimed_order")
    if order is None:
        raise fields.missing("about.claimed_order")
    if not 1 <= order <= HIGHEST:
        raise fields.bad("about.claimed_order", f"is {order}; it lies in 1 ... {HIGHEST}")
    if fields.has("formula.printed") or fields.has("formula.printed_latex"):
        raise fields.bad(
            "formula.printed", 'has no place where type = "existence"; about.claimed_order has'
        )
    values = context.blaming(
        "formula.assumptions", lambda: points_of(rule, sympy.Integer(1), context.given)
    )
    rate, point = min(((fading(rule.at(**v)), v) for v in values), key=itemgetter(0))
    flows = quantity == "modified-loss"

    def by_engine(says: Statement, settings: Settings) -> Evidence:
        power = says["order"].power
        found = LOSSES[quantity](rule, order=power + 1).exists_below - 1
        told = f"at h^{found}" if found <= power else f"not through h^{power}"
        return Evidence(found == power, f"it stops being a gradient {told}")

    def by_iterates(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        loss, start = bounded_polynomial(draw, 2), starting_point(draw, 2)
        found = curls(rule, point, loss, start, rate=rate, flow=flows, halvings=HALVINGS)
        if max(found) < 1e-50:
            return Evidence(False, f"no curl at all on E = {loss.text}")
        seen = observed_order(found)
        power = says["order"].power + (0 if flows else 1)  # x_(k+1) - x_k is h times the gradient
        if (log := recorder()) is not None:
            log.order(found, seen, power)
        told = f"the curl has order {seen}, stated {power}, on E = {loss.text}"
        return Evidence(seen.supports(power) if seen.decides else None, told)

    found = (
        Check("obstruction by B-series", Kind.SYMBOLIC, by_engine),
        Check("curl of the iterates", Kind.ORDER, by_iterates),
    )
    return Stated({"order": Order(order)}, tuple(map(guarded, found)), {}, context.given)


def _linear(context: Context) -> Optimizer:
    rule = context.rule
    if rule is None:
        raise context.fields.missing("about.optimizer")
    if not is_linear(rule):
        raise context.fields.bad(
            "about.optimizer",
            f"is {rule.name}, which is not linear in its memory; name one that is, as heavy-ball",
        )
    return rule


def _places(rule: Optimizer, variable: str, bound: fmpq) -> Iterator[fmpq]:
    """Values of the variable on both sides of a threshold."""
    low: fmpq | None = fmpq(0)
    high: fmpq | None = None
    for parameter in rule.declared:
        if parameter.name == variable:
            low, high = parameter.lower, parameter.upper
    low = bound - FARTHEST if low is None else low
    high = bound + FARTHEST * (abs(bound) or 1) if high is None else high
    for share in SHARES:
        if low < bound:
            yield low + (bound - low) * share
        if bound < high:
            yield bound + (high - bound) * (1 - share)
