"""How each kind of slot is tried: orders, times, losses, domains, numbers, relations, limits.

Every check here takes a function that computes, from the declared rule or the model, what the slot
speaks of. None of them knows the formula that it judges but from the statement.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from flint import fmpq
from flint.utils.flint_exceptions import DomainError

from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.judging import soonest
from verify.claims.slots import Losses, Point, Relation, When
from verify.claims.statement import Statement
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.families import bounded_polynomial, quadratic
from verify.running.losses import Loss
from verify.running.orders import ObservedOrder, observed_order
from verify.running.recording import recorder

Number = Any
T = TypeVar("T")
NO_VALUE = (ZeroDivisionError, ValueError, ArithmeticError, DomainError)


def remembered(compute: Callable[..., T]) -> Callable[..., T]:
    """The same function of a statement and more, computed once for the slots that it looks at."""
    known: list[tuple[dict[str, Any], tuple[Any, ...], T]] = []

    def ask(says: Statement, *more: Any) -> T:
        for slots, others, result in known:
            if others == more and all(says[name] == slot for name, slot in slots.items()):
                return result
        before = set(says.read)
        says.read.clear()
        try:
            result = compute(says, *more)
            known.append(({name: says.slots[name] for name in says.read}, more, result))
        finally:
            says.read.update(before)
        return result

    return ask


ENOUGH = 5
"""How many step sizes are tried first; see `observed_order` on how sure they are."""

Errors = Callable[[Statement, Settings], Sequence[tuple[float, float]]]
"""The distances between iterates and flow at h, h/2, ...: the largest over steps, and the last."""


def beside(run: ConvergenceStudy, follow: Callable[[Statement, Flow], list[np.ndarray]]) -> Errors:
    """The distances of the iterates of an experiment from the flow that a statement's slots say;
    1 for a flow that runs to infinity."""

    def errors(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        def distances(halvings: range) -> Sequence[tuple[float, float]]:
            part = replace(run, halvings=halvings)
            return part.distances(lambda flow: follow(says, flow), digits=settings.digits)

        begin, end = run.halvings.start, run.halvings.stop
        try:
            return halved(distances, begin, (min(begin + ENOUGH, end), end))
        except ArithmeticError:
            return [(1.0, 1.0)] * len(run.halvings)

    return errors


def observed(
    name: str,
    errors: Errors,
    *,
    order: str = "order",
    when: str | None = "when",
    refutes: bool = False,
) -> Check:
    """Iterates and flow are close to the order that is stated, when it is stated, and not else.

    Args:
        when: the slot with the time; None for an order that is stated over all steps.

    "Once the start-up is over" holds where the order is met at the end and missed over all steps.
    """
    ask = remembered(errors)

    def seen(
        says: Statement, settings: Settings, *, at_end: bool, decides: bool = True
    ) -> ObservedOrder:
        found = [last if at_end else most for most, last in ask(says, settings)]
        result = observed_order(found, floor=10.0 ** (5 - settings.digits))
        if decides and (log := recorder()) is not None:
            log.order(found, result, says[order].power)
        return result

    def judge(says: Statement, settings: Settings) -> Evidence:
        power, later = says[order].power, bool(when) and says[when] is When.AFTER_START_UP
        last = seen(says, settings, at_end=True) if later else None
        over_all = seen(says, settings, at_end=False, decides=not later)
        found = last or over_all
        figure = f"order {found}, stated {power}"
        if last is not None:
            figure += f"; {over_all} over all steps"
        if not (found.decides and over_all.decides):
            return Evidence(None, figure)
        right = found.supports(power) and (last is None or over_all.excludes(power))
        return Evidence(right, figure)

    return Check(name, Kind.ORDER, soonest(judge), refutes)


def halved(
    distances: Callable[[range], Sequence[tuple[float, float]]], begin: int, ends: Sequence[int]
) -> list[tuple[float, float]]:
    """The largest and the last distances at h = 2^-begin, ..., down to the first of these ends
    (itself left out) that decides both orders, or to the last."""
    found: list[tuple[float, float]] = []
    for end in ends:
        found += distances(range(begin + len(found), end))
        if all(observed_order(each).decides for each in zip(*found, strict=True)):
            break
    return found


def drawn_loss(of: Losses, draw: random.Random) -> Loss:
    """A random loss of a class."""
    if of is Losses.QUADRATIC:
        return quadratic(draw, 2)
    return bounded_polynomial(draw, 1 if of is Losses.LINE else 2)


@lru_cache(maxsize=4)
def drawn_losses(seed: int) -> dict[Losses, Loss]:
    """A random loss of each class."""
    draw = random.Random(seed)
    return {of: drawn_loss(of, draw) for of in Losses}


def for_losses(
    name: str,
    holds: Callable[[Statement, Loss, random.Random], bool],
    *,
    losses: str = "losses",
    kind: Kind = Kind.SERIES,
    refutes: bool = False,
) -> Check:
    """It holds on random losses of the class that is stated, and not on one outside it."""

    def on(says: Statement, of: Losses, seed: int) -> bool:
        return holds(says, drawn_losses(seed)[of], random.Random(seed))

    ask = remembered(on)

    def judge(says: Statement, settings: Settings) -> Evidence:
        stated, tried = says[losses], drawn_losses(settings.seed)
        found = ask if recorder() is None else on  # what is remembered was written down elsewhere
        for of, loss in tried.items():
            wanted = stated in (of, Losses.EVERY)
            if found(says, of, settings.seed) != wanted:
                return Evidence(False, f"{'fails' if wanted else 'holds'} on E = {loss.text}")
        return Evidence(True, f"holds for {stated.plain} and not beyond, on {len(tried)} losses")

    return Check(name, kind, judge, refutes)


def bounded(
    name: str,
    holds: Callable[[Statement, Point, Settings], bool],
    *,
    domain: str = "domain",
    kind: Kind = Kind.SERIES,
    count: int = 4,
    refutes: bool = False,
) -> Check:
    """It holds at random points of the domain and near its bounds, and neither on a bound that is
    excluded nor beyond; where it has no value, it does not hold."""
    ask = remembered(lambda says, point, settings: holds(says, dict(point), settings))

    def at(says: Statement, point: Point, settings: Settings) -> bool:
        try:
            return ask(says, tuple(point.items()), settings)
        except NO_VALUE:
            return False

    def tried(says: Statement, settings: Settings) -> Iterator[tuple[Point, bool]]:
        draw = random.Random(settings.seed)
        for _ in range(count):
            yield says[domain].inside(draw), True
        yield from says[domain].edges(draw)

    def judge(says: Statement, settings: Settings) -> Evidence:
        points = list(tried(says, settings))
        for point, wanted in points:
            if at(says, point, settings) != wanted:
                where = ", ".join(f"{name} = {value}" for name, value in point.items())
                return Evidence(False, f"{'fails' if wanted else 'holds'} at {where}")
        inside = sum(wanted for _, wanted in points)
        return Evidence(True, f"holds at {inside} points, fails at {len(points) - inside} outside")

    return Check(name, kind, judge, refutes)


def measured(
    name: str,
    value: Callable[[Statement, Settings], Number],
    *,
    number: str,
    kind: Kind = Kind.SIMULATION,
    refutes: bool = False,
) -> Check:
    """What is computed rounds to the number that is written, to its last digit."""
    ask = remembered(value)

    def judge(says: Statement, settings: Settings) -> Evidence:
        try:
            found = ask(says, settings)
        except NO_VALUE as error:
            return Evidence(False, f"no number comes out: {error}")
        return Evidence(says[number].agrees(found), f"{float(found):.12g}")

    return Check(name, kind, judge, refutes)


def compared(
    name: str,
    sides: Callable[[Statement, random.Random], tuple[Number, Number]],
    *,
    relation: str = "relation",
    attained: Callable[[Statement], tuple[Number, Number]] | None = None,
    kind: Kind = Kind.ENUMERATION,
    count: int = 30,
    refutes: bool = False,
) -> Check:
    """The left side compares with the right one as stated, at random draws where they differ.

    Args:
        sides: both sides at a random point, each computed its own way, in exact numbers.
        attained: both sides where they are equal, for a relation with "or equal"; None where
            equality is never reached.
    """

    def judge(says: Statement, settings: Settings) -> Evidence:
        draw, stated = random.Random(settings.seed), says[relation]
        drawn = [sides(says, draw) for _ in range(count)]
        met = [*drawn, *([attained(says)] if attained else [])]
        for left, right in met:
            if not stated.admits(left, right):
                return Evidence(False, f"{float(left):.6g} against {float(right):.6g}")
        for other in (r for r in Relation if not _implies(stated, r)):
            if all(other.admits(left, right) for left, right in met):
                return Evidence(False, f"it says less than {other.plain}, which holds as well")
        return Evidence(True, f"{len(met)} cases, some of them of each kind that is allowed")

    return Check(name, kind, judge, refutes)


def _implies(stated: Relation, weaker: Relation) -> bool:
    """Whether a relation says no less than another: on three test cases."""
    cases = ((0, 1), (1, 1), (1, 0))
    return all(weaker.admits(*case) for case in cases if stated.admits(*case))


def tends(
    name: str,
    differences: Callable[[Statement, Settings], Sequence[Number]],
    *,
    order: str = "error",
    ratio: int = 2,
    kind: Kind = Kind.ORDER,
    refutes: bool = False,
) -> Check:
    """What is computed minus the stated limit vanishes to the stated order.

    Args:
        differences: at e, e/ratio, e/ratio^2, ... for the variable e of the order.
    """
    ask = remembered(differences)

    def judge(says: Statement, settings: Settings) -> Evidence:
        found = [abs(float(difference)) for difference in ask(says, settings)]
        seen = observed_order(found, ratio=ratio, floor=10.0 ** (5 - settings.digits))
        power = says[order].power
        if (log := recorder()) is not None:
            log.order(found, seen, power, ratio)
        passed = seen.supports(power) if seen.decides else None
        return Evidence(passed, f"order {seen}, stated {power}")

    return Check(name, kind, soonest(judge), refutes)


def switches(
    name: str,
    holds: Callable[[Statement, Number, Any], bool],
    value: Callable[[Statement, random.Random], tuple[Number, Any]],
    *,
    relation: str = "relation",
    kind: Kind = Kind.ENUMERATION,
    count: int = 10,
    refutes: bool = False,
) -> Check:
    """A property holds on the stated side of a value, on it or not, and fails on the other side.

    Args:
        holds: whether it holds at this value, computed from the rule or the model, and exact.
        value: the stated value at a random point, and that point.
        relation: the slot that says how what holds compares with the value.
    """
    near = fmpq(1, 10**9)

    def judge(says: Statement, settings: Settings) -> Evidence:
        draw, stated = random.Random(settings.seed), says[relation]
        for _ in range(count):
            threshold, point = value(says, draw)
            step = near * (abs(threshold) or 1)
            for place in (threshold - step, threshold, threshold + step):
                wanted = stated.admits(place, threshold)
                if holds(says, place, point) != wanted:
                    figure = f"{'fails' if wanted else 'holds'} at {float(place):.12g}, {point}"
                    return Evidence(False, figure)
        return Evidence(True, f"{stated.plain} it and not else, within 1e-9, {count} times")

    return Check(name, kind, judge, refutes)
