"""A rule beyond linear memory as a claim: its flow of each order against its iterates."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from functools import lru_cache

import sympy
from flint import fmpq

from derive.engine.invariant_manifold import SlowManifold, general_flow
from derive.engine.on_loss import Ground
from derive.language.formula import Formula
from derive.language.update_rule import Optimizer
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Source, Verdict
from verify.formulas.grounds import read_ground
from verify.running.families import bounded_polynomial, starting_point
from verify.running.general_flows import NamedFields, landscape
from verify.running.numbers import MPFR, RATIONAL, evaluate
from verify.running.orders import observed_order
from verify.running.points import samples
from verify.running.slopes import Slopes, slopes

ORDERS = 2
FLAT = 1 / 16
"""A start is drawn again where a component of a gradient is smaller: there its sign may change."""
MOST_TRIES = 50
ETA = (2 + sympy.Symbol("t")) / (2 + 3 * sympy.Symbol("t"))
"""What a schedule is tried as where none is given."""


def general_claim(name: str, rule: Optimizer, loss: str = "") -> Claim:
    """What the engine says of any rule, as a claim whose checks run its iteration.

    The candidate multiplies the last power of h of the flow; it is 1.

    Args:
        loss: check on this loss; random polynomials where it is empty.
    """
    derived = general_flow(rule, order=ORDERS)
    trial = _Trial(derived, read_ground(rule, [loss], _schedules(rule))[0] if loss else None)
    moving = [n for n in range(1, ORDERS + 1) if any(row[n - 1] for row in derived.flow.values())]
    return Claim(
        statement=(
            r"The flow through each power of $h$ follows the iterates on the slow manifold to that "
            r"order; its last power carries the factor {formula}."
        ),
        printed=Formula("ownRule", sympy.Integer(1), given=()),
        checks=tuple(_check(trial, order) for order in moving),
        expected=Verdict.CONFIRMED,
        id=name,
        source=Source("own", name),
        derivation=rule.summary,
    )


def _schedules(rule: Optimizer) -> dict[str, str]:
    return dict.fromkeys(rule.schedules, str(ETA))


class _Trial:
    """The runs of a rule at sample parameters, kept for the checks of every order."""

    def __init__(self, derived: SlowManifold, ground: Ground | None) -> None:
        self.derived = derived
        self.ground = ground
        self.run = lru_cache(maxsize=8)(self._run)

    def _run(self, candidate: fmpq, settings: Settings) -> Slopes:
        draw, rule = random.Random(settings.seed), self.derived.optimizer
        land = landscape(self.ground) if self.ground else random_land(rule, draw)
        return slopes(
            self.derived,
            land,
            random_start(self.derived, land, draw),
            samples(rule)[0],
            digits=max(settings.digits, 30),
            control=candidate,
        )


def random_land(rule: Optimizer, draw: random.Random) -> NamedFields:
    """Random polynomials, one a field, of two variables or one a player."""
    players = rule.players or ("x",)
    sizes = dict.fromkeys(players, 1) if rule.players else {"x": 2}
    fields = {name: bounded_polynomial(draw, sum(sizes.values())) for name in rule.fields}
    return NamedFields(fields, sizes, dict.fromkeys(rule.schedules, ETA))


def random_start(
    derived: SlowManifold, land: NamedFields, draw: random.Random
) -> Mapping[str, list[fmpq]]:
    """A random point with no flat gradient, and positive values of the other slow variables."""
    point = starting_point(draw, land.dimension)
    for _ in range(MOST_TRIES):
        at = [MPFR.convert(x) for x in point]
        found = [g for f in land.fields.values() for g in f.gradient.at(at, MPFR)]
        if all(abs(g) > FLAT for g in found):
            break
        point = starting_point(draw, land.dimension)
    start = {player: point[land.block(player)] for player in land.sizes}
    for name in derived.slow:
        if name not in start:
            space = derived.spaces[name]
            size = land.sizes[space] if space else 1
            first = fmpq(1) if derived.is_time(name) else fmpq(1, 3)
            start[name] = [first + fmpq(i, 5) for i in range(size)]
    return start


def _check(trial: _Trial, order: int) -> Check:
    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        factor = evaluate(candidate, {}, RATIONAL)
        try:
            found = trial.run(factor, settings)
        except ArithmeticError as error:
            return Evidence(None, str(error))
        errors = found.controls[order]
        if math.isinf(max(errors)):
            return Evidence(False, "the flow runs to infinity, the iterates do not")
        if max(errors) <= found.floor:
            return Evidence(True, "exact to rounding")
        observed = observed_order(errors, floor=found.floor)
        claimed = found.expected(order)
        passed = observed.supports(claimed) if observed.decides else None
        return Evidence(passed, f"order {observed}, claimed {claimed}")

    return Check(f"observed order through h^{order - 1}", Kind.ORDER, judge)
