"""A user's own rule as a claim: its flow, start-up and shift against its iterates."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import sympy
from flint import fmpq

from derive.engine.backward_error import slow_motion
from derive.engine.bseries import BSeries
from derive.engine.startup import initial_shift, transient
from derive.language.formula import Formula
from derive.language.trees import Tree, tree
from derive.language.update_rule import Optimizer
from verify.claims.checks.identities import exact, order_of
from verify.claims.claim import Check, Claim, Kind, Settings, Source, Verdict
from verify.running.experiments import Experiment, Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import evaluate_field, weights_of
from verify.running.losses import VectorField
from verify.running.numbers import MPFR, RATIONAL, PowerSeries, evaluate
from verify.running.points import samples
from verify.running.residuals import transient_residual

PAIR = tree("[[]]")
NODES = 3


def rule_claim(name: str, rule: Optimizer, loss: VectorField | None = None) -> Claim:
    """What the derivation says of a rule, as a claim whose checks run its iteration.

    The candidate is the coefficient b of the tree with two nodes; all other coefficients are the
    derived ones, up to three nodes.

    Args:
        loss: check on this loss, at random starts; random polynomials where it is None.
    """
    general = slow_motion(rule, NODES).modified_flow
    some = samples(rule)
    return Claim(
        statement=(
            r"The modified flow, its start-up and its initial shift follow the iterates; the tree "
            r"with two nodes carries {formula}."
        ),
        printed=Formula("ownRule", general[PAIR].as_expr(), given=()),
        checks=(
            _transient_check(rule, some),
            *(_order_check(rule, some[0], nodes, loss) for nodes in range(1, NODES + 1)),
        ),
        expected=Verdict.CONFIRMED,
        id=name,
        source=Source("own", name),
        derivation=rule.summary,
    )


def _replaced(series: BSeries, candidate: sympy.Expr, values: dict[str, fmpq]) -> dict[Tree, fmpq]:
    """The coefficients at these parameters, the candidate in the place of b at two nodes."""
    found = {t: c.at({}) for t, c in series.items()}
    if PAIR in found:
        found[PAIR] = evaluate(candidate, values, RATIONAL)
    return found


def start_up_field(
    special: Optimizer, candidate: fmpq, *, nodes: int, steps: int
) -> Callable[[int, PowerSeries], dict[Tree, PowerSeries]]:
    """The field on [kh, (k+1)h] from k and h, the candidate in the place of b at two nodes.

    Args:
        special: the rule with every parameter given.
        steps: the first k that is not asked for.
    """
    off = candidate - slow_motion(special, nodes).modified_flow[PAIR].at({})
    fields = [transient(special, order=nodes, k=k) for k in range(steps)]

    def weights(k: int, h: PowerSeries) -> dict[Tree, PowerSeries]:
        found = {t: c.at({}) + (off if t is PAIR else 0) for t, c in fields[k].items()}
        return {t: h ** (t.order - 1) * (c / t.symmetry) for t, c in found.items()}

    return weights


def _transient_check(rule: Optimizer, some: list[dict[str, fmpq]]) -> Check:
    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for values in some:
            value = evaluate(candidate, values, RATIONAL)
            weights = start_up_field(rule.at(**values), value, nodes=NODES, steps=4)
            for dimension in (1, 2):
                loss = bounded_polynomial(draw, dimension)
                power = transient_residual(
                    rule,
                    loss,
                    starting_point(draw, dimension),
                    weights,
                    parameters=values,
                    length=NODES + 2,
                    steps=4,
                )
                if power <= NODES:
                    return False, f"h^{power} is left at {_show(values)} on E = {loss.text}"
        return True, f"begins at h^{NODES + 1} over 4 steps, {len(some)} parameter values, 2 losses"

    return exact("exact residual of the start-up", Kind.SERIES, holds)


def _show(values: dict[str, fmpq]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items()) or "no parameters"


def _order_check(
    rule: Optimizer, values: dict[str, fmpq], nodes: int, loss: VectorField | None
) -> Check:
    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        draw = random.Random(settings.seed)
        world = loss or bounded_polynomial(draw, 2)
        start = starting_point(draw, world.dimension)
        special = rule.at(**values)
        follow = shifted_flow(special, nodes, lambda flow: _replaced(flow, candidate, values))
        run = Experiment(rule, world, start, values, time=1, halvings=range(7, 12))
        return run.errors(follow, digits=max(settings.digits, 30), at_end=True)

    return order_of(f"observed order with {nodes} node{'s' * (nodes > 1)}", errors, nodes)


def shifted_flow(
    special: Optimizer, nodes: int, coefficients: Callable[[BSeries], dict[Tree, fmpq]]
) -> Callable[[Flow], list]:
    """The modified flow of so many nodes from the initial shift of as many, at exact parameters."""
    flow = coefficients(slow_motion(special, nodes).modified_flow)
    shift = initial_shift(special, order=nodes)
    field = {t: MPFR.convert(c) for t, c in flow.items()}
    move = {t: MPFR.convert(c.at({})) for t, c in shift.items()}

    def follow(run: Flow) -> list:
        steps = {t: w * run.h for t, w in weights_of(move, run.h, MPFR).items()}
        start = run.x0 + evaluate_field(run.loss, steps, run.x0, MPFR)
        return run.steady(weights_of(field, run.h, MPFR), start)

    return follow
