"""The checks of a candidate formula for a quantity: each runs the declared rule.

What the candidate does not give comes from the derivation; the candidate stands at the order h^1,
in the place of one coefficient.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np
import sympy
from flint import fmpq, fmpq_mat

from derive.engine.backward_error import slow_motion
from derive.engine.bseries import BSeries
from derive.engine.linear_memory import linear_method
from derive.engine.start_up import transient
from derive.language.formula import K
from derive.language.trees import LEAF, Tree
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import plain
from verify.claims.checks.identities import exact
from verify.claims.claim import Candidate, Check, Evidence, Kind, Settings
from verify.claims.equality import closed, difference
from verify.formulas.comparing import compare_with
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import evaluate_field
from verify.running.losses import VectorField
from verify.running.numbers import MPFR, Arithmetic, PowerSeries, evaluate, power_series
from verify.running.residuals import lowest_power, transient_residual
from verify.running.trajectories import Start, iterates
from verify.workbench.subjects import PAIR, Subject, Values

Number = Any

NODES = 2
STEPS = 4


def checks(subject: Subject) -> tuple[Check, ...]:
    """Identity and exact residual."""
    residuals = {
        "initial-shift": _decay_check,
        "discrete-modified-loss": _map_check,
    }
    found = (_symbolic_check(subject), residuals.get(subject.quantity, _start_up_check)(subject))
    return tuple(map(guarded, found))


def derived(subject: Subject) -> tuple[Check, ...]:
    """The comparison with what is derived alone, for a coefficient that is not run."""
    return (guarded(_symbolic_check(subject)),)


def value(expr: sympy.Expr, k: int, values: Mapping[str, Number], arithmetic: Arithmetic) -> Number:
    """A formula at one k, on the number type that holds its other symbols."""
    if arithmetic is MPFR:
        return evaluate(expr, {**values, K.name: MPFR.convert(fmpq(k))}, MPFR)
    return evaluate(expr.subs(K, k), values, arithmetic)


def slow_memory(special: Optimizer, loss: VectorField, nodes: int, arithmetic: Arithmetic) -> Start:
    """The memory that has forgotten its start, up to trees of so many nodes.

    Args:
        special: the rule with every parameter given.
    """
    motion = slow_motion(special, nodes)

    def memory(x: np.ndarray, _: np.ndarray, h: Number) -> list[np.ndarray]:
        found = []
        for series, unit in zip(motion.memory, motion.memory_units, strict=True):
            weights = {
                t: h ** (t.order + unit) * arithmetic.convert(c.at({}) / t.symmetry)
                for t, c in series.items()
            }
            rest = arithmetic.convert(series.empty.at({}))
            found.append(x * rest + evaluate_field(loss, weights, x, arithmetic))
        return found

    return memory


def _symbolic_check(subject: Subject) -> Check:
    target = subject.target

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        if not difference(candidate, target.expr):
            return Evidence(True, f"equal to what is derived, {plain(target.expr)}")
        answer = compare_with(candidate, target)
        said = [
            f"derived is {plain(target.expr)}",
            answer.ratio and f"the candidate over it is {answer.ratio}",
            answer.slip and f"one slip away: {answer.slip}",
            answer.counterexample,
            # what is given by `set` is not part of a target's name
            not subject.rule.values and answer.elsewhere and f"right for {answer.elsewhere}",
        ]
        return Evidence(
            False if answer.counterexample else None, "; ".join(part for part in said if part)
        )

    return Check("B-series engine", Kind.SYMBOLIC, judge, refutes=True)


def field_with(
    subject: Subject,
    candidate: sympy.Expr,
    k: int,
    now: Mapping[Tree, Number],
    lasting: Mapping[Tree, Number],
    h: Number,
    values: Mapping[str, Number],
    arithmetic: Arithmetic,
) -> dict[Tree, Number]:
    """The field on [kh, (k+1)h], which is `now` at k, with the candidate in its place."""
    given = value(candidate, k, {**values, "h": h}, arithmetic)
    if subject.quantity == "transient-factor":
        return {LEAF: now[LEAF], PAIR: given * h * lasting[PAIR]}
    # x' = -scale grad(E + c |grad E|^2), and F(PAIR) = grad^2 E grad E
    scale = lasting[LEAF] if subject.quantity == "modified-loss" else 1
    return {LEAF: now[LEAF], PAIR: h * (now[PAIR] - lasting[PAIR]) - 2 * scale * given}


def numbers_of(series: BSeries, arithmetic: Arithmetic) -> dict[Tree, Number]:
    """The coefficients where every parameter is given."""
    return {t: arithmetic.convert(c.at({})) for t, c in series.items()}


def _everywhere(
    subject: Subject,
    settings: Settings,
    residual: Callable[[Values, VectorField, list[fmpq]], int],
) -> tuple[bool, str]:
    """Whether the residual begins above h^NODES at all points, on random polynomials."""
    draw = random.Random(settings.seed)
    for values in subject.points:
        for dimension in (1, 2):
            loss = bounded_polynomial(draw, dimension)
            power = residual(values, loss, starting_point(draw, dimension))
            if power <= NODES:
                return False, f"h^{power} is left{at(values)} on E = {loss.text}"
    return True, (
        f"begins at h^{NODES + 1} over {STEPS} steps on {2 * len(subject.points)} losses, "
        f"{_counted(subject.points)}"
    )


def at(values: Mapping[str, Any]) -> str:
    """The values by name, after what holds there."""
    return " at " + ", ".join(f"{name} = {v}" for name, v in values.items()) if values else ""


def _counted(points: Sequence[Values]) -> str:
    return f"{len(points)} parameter value{'s' * (len(points) > 1)}"


def _start_up_check(subject: Subject) -> Check:
    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        arithmetic = power_series(NODES + 2)

        def residual(values: Values, loss: VectorField, start: list[fmpq]) -> int:
            special = subject.rule.at(**values)
            lasting = numbers_of(slow_motion(special, NODES).modified_flow, arithmetic)
            fields = [
                numbers_of(transient(special, order=NODES, k=k), arithmetic) for k in range(STEPS)
            ]
            numbers = {name: arithmetic.convert(v) for name, v in values.items()}
            return transient_residual(
                subject.rule,
                loss,
                start,
                lambda k, h: field_with(
                    subject, candidate, k, fields[k], lasting, h, numbers, arithmetic
                ),
                parameters=values,
                length=NODES + 2,
                steps=STEPS,
            )

        return _everywhere(subject, settings, residual)

    return exact("exact residual of the start-up", Kind.SERIES, holds, refutes=True)


def map_with(
    candidate: sympy.Expr, scale: Number, h: Number, values: Mapping[str, Number]
) -> Callable[[VectorField, np.ndarray, Arithmetic], np.ndarray]:
    """x -> x - h scale grad(E + c |grad E|^2), c the candidate."""

    def step(loss: VectorField, x: np.ndarray, arithmetic: Arithmetic) -> np.ndarray:
        given = value(candidate, 0, {**values, "h": h}, arithmetic)
        weights = {LEAF: h * scale, PAIR: h * scale * given * -2}
        return x + evaluate_field(loss, weights, x, arithmetic)

    return step


def _map_check(subject: Subject) -> Check:
    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        arithmetic = power_series(NODES + 2)

        def residual(values: Values, loss: VectorField, start: list[fmpq]) -> int:
            special = subject.rule.at(**values)
            h = PowerSeries.step(NODES + 2)
            numbers = {name: arithmetic.convert(v) for name, v in values.items()}
            path = iterates(
                subject.rule,
                loss,
                [arithmetic.convert(x) for x in start],
                h=h,
                steps=STEPS,
                parameters=numbers,
                arithmetic=arithmetic,
                memory=slow_memory(special, loss, NODES, arithmetic),
            )
            scale = arithmetic.convert(slow_motion(special, NODES).one_step_map[LEAF].at({}))
            step = map_with(candidate, scale, h, numbers)
            return min(
                lowest_power(after - step(loss, before, arithmetic))
                for before, after in pairwise(path)
            )

        return _everywhere(subject, settings, residual)

    return exact("exact residual of the map", Kind.SERIES, holds, refutes=True)


def _decay_check(subject: Subject) -> Check:
    """x_k - y(kh) must fade at order h^1: the memory's characteristic polynomial annuls it.

    y follows the lasting force from x_0 + candidate grad E(x_0). A constant part would stay.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        arithmetic, h = power_series(NODES), PowerSeries.step(NODES)
        for values in subject.points:
            special = subject.rule.at(**values)
            loss = bounded_polynomial(draw, 2)
            x0 = np.array([arithmetic.convert(x) for x in starting_point(draw, 2)], dtype=object)
            w = [[entry.at({}) for entry in row] for row in linear_method(special).w]
            annuls = fmpq_mat(w).charpoly().coeffs() if w else [fmpq(1)]
            numbers = {name: arithmetic.convert(v) for name, v in values.items()}
            path = iterates(
                subject.rule,
                loss,
                list(x0),
                h=h,
                steps=len(annuls) + STEPS,
                parameters=numbers,
                arithmetic=arithmetic,
            )
            gradient = loss.gradient_function(arithmetic)(x0)
            force = slow_motion(special, 1).modified_flow[LEAF].at({})
            given = value(candidate, 0, numbers | {"h": h}, arithmetic)
            apart = [x - x0 - gradient * (given - h * force * k) for k, x in enumerate(path)]
            for k in range(len(path) - len(annuls) + 1):
                left = [apart[k + i] * c for i, c in enumerate(annuls)]
                if lowest_power(reduce(add, left)) < NODES:
                    return False, f"a part that does not fade is left{at(values)}"
        return True, f"what is left at h^1 fades with the memory, {_counted(subject.points)}"

    return exact("decay of the h term", Kind.SERIES, holds, refutes=True)


def guarded(check: Check) -> Check:
    """The check, for candidates that may be infinite where they are tried."""

    def judge(candidate: Candidate, settings: Settings) -> Evidence:
        try:
            formula = isinstance(candidate, sympy.Expr)
            return check.judge(closed(candidate) if formula else candidate, settings)
        except BadInput as error:
            return Evidence(None, str(error))
        except (ValueError, ZeroDivisionError) as error:
            return Evidence(False, f"the formula has no value where it is tried: {error}")
        except ArithmeticError as error:
            return Evidence(None, str(error))

    return replace(check, judge=judge)
