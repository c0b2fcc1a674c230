"""A user's own rule as a claim: its flow, start-up and shift against its iterates."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.engine.backward_error import slow_motion
from derive.engine.bseries import BSeries
from derive.engine.sequences import NoClosedForm
from derive.engine.start_up import initial_shift, transient
from derive.language.formula import Formula
from derive.language.trees import Tree, tree
from derive.language.update_rule import Optimizer
from verify.claims.checks.identities import exact
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Source, Verdict
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.families import starting_point
from verify.running.flows import evaluate_field, weights_of
from verify.running.losses import VectorField
from verify.running.numbers import MPFR, RATIONAL, PowerSeries, evaluate
from verify.running.orders import observed_order
from verify.running.points import samples
from verify.running.recording import recorder
from verify.running.residuals import transient_residual
from verify.running.trajectories import Start
from verify.workbench.worlds import fading, pace, random_world, regular_start

Number = Any

PAIR = tree("[[]]")
NODES = 3
FINER = (0, 2, 4)
"""Halvings of the step, one after the other, before an order that is missed counts as missed."""


def rule_claim(name: str, rule: Optimizer, loss: VectorField | None = None) -> Claim:
    """What the derivation says of a rule, as a claim whose checks run its iteration.

    The candidate is the coefficient b of the tree with two nodes; all other coefficients are the
    derived ones, up to three nodes.

    Args:
        loss: check on this loss, at random starts; random polynomials where it is None.
    """
    general = slow_motion(rule, NODES).modified_flow
    some = samples(rule)
    for values in some:
        fading(rule.at(**values))
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
                loss = random_world(rule, draw, dimension)
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
    """The distance at a fixed time vanishes at least like h^nodes, after the start-up.

    It may vanish faster, on a loss or at parameters where the next terms are 0. Before it fails,
    the steps are made 4 and 16 times shorter.
    """
    special = rule.at(**values)

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw, digits = random.Random(settings.seed), max(settings.digits, 30)
        world = loss or random_world(rule, draw, 2)
        start = regular_start(draw, world)
        if start is None:
            return Evidence(None, "at every start drawn the gradient is 0 or not a real number")
        shrink, more = pace(special, world, start)
        memory, shift = _beginning(special, nodes, world)
        follow = shifted_flow(special, nodes, lambda s: _replaced(s, candidate, values), shift)
        said, passed = "", None
        for finer in FINER:
            first = 7 + max(shrink + finer, 0) + more
            time = fmpq(2) ** -max(shrink + finer, 0) if shrink + finer > 0 else fmpq(1)
            steps = range(first, first + 5)
            run = ConvergenceStudy(
                rule, world, start, values, time=time, halvings=steps, memory=memory
            )
            try:
                errors = run.errors(follow, digits=digits, at_end=True)
            except ArithmeticError as error:
                said = said or f"no order: {error}"
                continue
            if errors[-1] <= 10.0 ** (5 - digits):
                return Evidence(True, f"no error is left: {errors[-1]:.0e} at the shortest step")
            observed = observed_order(errors, floor=10.0 ** (5 - digits))
            passed = observed.reaches(nodes)
            said = f"order {observed}, claimed {nodes}"
            if passed:
                if (log := recorder()) is not None and observed.supports(nodes):
                    log.order(errors, observed, nodes)
                return Evidence(True, said + " or more" * (not observed.supports(nodes)))
        return Evidence(passed, said)

    return Check(f"observed order with {nodes} node{'s' * (nodes > 1)}", Kind.ORDER, judge)


def _beginning(
    special: Optimizer, nodes: int, world: VectorField
) -> tuple[Start | None, BSeries | None]:
    """The declared start with its shift; without a closed form of it, a start on the manifold."""
    try:
        return None, initial_shift(special, order=nodes)
    except NoClosedForm:
        motion = slow_motion(special, nodes)

    def settled(x: np.ndarray, _: np.ndarray, h: Number) -> list[np.ndarray]:
        found = []
        for series, unit in zip(motion.memory, motion.memory_units, strict=True):
            terms = {t: MPFR.convert(c.at({})) * h for t, c in series.items()}
            moved = evaluate_field(world, weights_of(terms, h, MPFR), x, MPFR)
            found.append(x * MPFR.convert(series.empty.at({})) + moved * h**unit)
        return found

    return settled, None


def shifted_flow(
    special: Optimizer,
    nodes: int,
    coefficients: Callable[[BSeries], dict[Tree, fmpq]],
    shift: BSeries | None,
) -> Callable[[Flow], list]:
    """The modified flow of so many nodes from its initial shift, at exact parameters."""
    flow = coefficients(slow_motion(special, nodes).modified_flow)
    field = {t: MPFR.convert(c) for t, c in flow.items()}
    move = {t: MPFR.convert(c.at({})) for t, c in shift.items()} if shift else {}

    def follow(run: Flow) -> list:
        steps = {t: w * run.h for t, w in weights_of(move, run.h, MPFR).items()}
        start = run.x0 + evaluate_field(run.loss, steps, run.x0, MPFR) if move else run.x0
        return run.steady(weights_of(field, run.h, MPFR), start)

    return follow
