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
from math import ceil, log2
from operator import add, itemgetter
from typing import Any

import numpy as np
import sympy
from flint import fmpq, fmpq_mat

from derive.engine.backward_error import slow_motion
from derive.engine.bseries import BSeries
from derive.engine.linear_memory import linear_method
from derive.engine.startup import initial_shift, transient
from derive.language.formula import K
from derive.language.trees import LEAF, Tree
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import plain
from verify.claims.checks.identities import exact, order_of
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.equality import closed, difference
from verify.formulas.comparing import compare_with
from verify.running.experiments import Experiment, Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import evaluate_field, weights_of
from verify.running.losses import VectorField
from verify.running.numbers import FLOAT, MPFR, Arithmetic, PowerSeries, evaluate, power_series
from verify.running.residuals import lowest_power, transient_residual
from verify.running.trajectories import Start, iterates
from verify.workbench.subjects import PAIR, Subject, Values

Number = Any

NODES = 2
STEPS = 4
FINEST = 14
"""The order check goes no further than to h = 2^-(FINEST+4)."""
PIECEWISE_DIGITS = 25
"""Enough for errors of the order h^2, in a flow that starts afresh at every step."""


def checks(subject: Subject, claimed_order: int | None = None) -> tuple[Check, ...]:
    """Identity, exact residual, and the observed order where one is claimed.

    Too small a gamma_k for a while moves the path by O(h^2) only: its order cannot refute.
    """
    residuals = {
        "initial-shift": _decay_check,
        "discrete-modified-loss": _map_check,
    }
    found = [_symbolic_check(subject), residuals.get(subject.quantity, _start_up_check)(subject)]
    if claimed_order is not None:
        found.append(_order_check(subject, claimed_order))
    return tuple(map(_guarded, found))


def derived(subject: Subject) -> tuple[Check, ...]:
    """The comparison with what is derived alone, for a coefficient that is not run."""
    return (_guarded(_symbolic_check(subject)),)


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


def _field(
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


def _numbers(series: BSeries, arithmetic: Arithmetic) -> dict[Tree, Number]:
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
            lasting = _numbers(slow_motion(special, NODES).modified_flow, arithmetic)
            fields = [
                _numbers(transient(special, order=NODES, k=k), arithmetic) for k in range(STEPS)
            ]
            numbers = {name: arithmetic.convert(v) for name, v in values.items()}
            return transient_residual(
                subject.rule,
                loss,
                start,
                lambda k, h: _field(
                    subject, candidate, k, fields[k], lasting, h, numbers, arithmetic
                ),
                parameters=values,
                length=NODES + 2,
                steps=STEPS,
            )

        return _everywhere(subject, settings, residual)

    return exact("exact residual of the start-up", Kind.SERIES, holds, refutes=True)


def _map(
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
            step = _map(candidate, scale, h, numbers)
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


def _order_check(subject: Subject, claimed: int) -> Check:
    follow = {
        "transient-factor": _changing,
        "discrete-modified-loss": _mapped,
    }.get(subject.quantity, _lasting)
    changes = subject.quantity == "transient-factor"

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        draw = random.Random(settings.seed)
        rate, values = min(
            ((fading(subject.rule.at(**p)), p) for p in subject.points), key=itemgetter(0)
        )
        loss, start = bounded_polynomial(draw, 2), starting_point(draw, 2)
        # the longer the memory, the more steps until it fades, and the less the loss may move x
        slow = max(1, ceil(log2(1 / (1 - rate))))
        first = min(max(7, slow + 5), FINEST)
        run = Experiment(
            subject.rule,
            scaled(loss, fmpq(2, 2**slow)),
            start,
            values,
            time=1,
            halvings=range(first, first + 5),
        )
        return run.errors(
            lambda flow: follow(subject, candidate, subject.rule.at(**values), flow),
            digits=PIECEWISE_DIGITS if changes else max(settings.digits, 30),
            at_end=not changes,
        )

    return order_of("observed order", errors, claimed, refutes=not changes)


def fading(special: Optimizer) -> float:
    """How much of the memory is left after one step: the largest modulus of its eigenvalues."""
    w = [[FLOAT.convert(entry.at({})) for entry in row] for row in linear_method(special).w]
    return float(max(abs(np.linalg.eigvals(np.array(w))))) if w else 0.0


def scaled(loss: VectorField, factor: fmpq) -> VectorField:
    """The loss times a factor."""
    if factor == 1:
        return loss
    return VectorField(
        loss.dimension,
        lambda x: [entry * factor for entry in loss.components(x)],
        f"({factor})*({loss.text})",
    )


def _shifted(special: Optimizer, run: Flow) -> np.ndarray:
    """Where the lasting flow starts."""
    shift = _numbers(initial_shift(special, order=NODES), MPFR)
    weights = {t: w * run.h for t, w in weights_of(shift, run.h, MPFR).items()}
    return run.x0 + evaluate_field(run.loss, weights, run.x0, MPFR)


def _lasting(
    subject: Subject, candidate: sympy.Expr, special: Optimizer, run: Flow
) -> list[np.ndarray]:
    lasting = _numbers(slow_motion(special, NODES).modified_flow, MPFR)
    if subject.quantity == "initial-shift":
        given = value(candidate, 0, {**run.values, "h": run.h}, MPFR)
        return run.steady(weights_of(lasting, run.h, MPFR), run.x0 + run.gradient() * given)
    weights = _field(subject, candidate, 0, lasting, lasting, run.h, run.values, MPFR)
    return run.steady(weights, _shifted(special, run))


def _mapped(
    subject: Subject, candidate: sympy.Expr, special: Optimizer, run: Flow
) -> list[np.ndarray]:
    scale = MPFR.convert(slow_motion(special, NODES).one_step_map[LEAF].at({}))
    step = _map(candidate, scale, run.h, run.values)
    path = [_shifted(special, run)]
    for _ in range(run.steps):
        path.append(step(run.loss, path[-1], MPFR))
    return path


def _changing(
    subject: Subject, candidate: sympy.Expr, special: Optimizer, run: Flow
) -> list[np.ndarray]:
    lasting = _numbers(slow_motion(special, NODES).modified_flow, MPFR)
    fields = {t: c.as_expr() for t, c in transient(special, order=NODES).items()}
    now: list[dict[Tree, Number]] = []
    while len(now) <= run.steps:
        now.append({t: value(c, len(now), {}, MPFR) for t, c in fields.items()})
        # from here on the fields differ by less than h^4, which moves the path by less than h^4
        if all(abs(now[-1][t] - lasting[t]) < run.h**4 for t in lasting):
            break

    def weights(k: int) -> dict[Tree, Number]:
        return _field(subject, candidate, k, now[k], lasting, run.h, run.values, MPFR)

    return run.changing(weights, len(now) - 1)


def _guarded(check: Check) -> Check:
    """The check, for candidates that may be infinite where they are tried."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        try:
            return check.judge(closed(candidate), settings)
        except BadInput as error:
            return Evidence(None, str(error))
        except (ValueError, ZeroDivisionError) as error:
            return Evidence(False, f"the formula has no value where it is tried: {error}")
        except ArithmeticError as error:
            return Evidence(None, str(error))

    return replace(check, judge=judge)
