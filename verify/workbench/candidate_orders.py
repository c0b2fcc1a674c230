"""How close the iterates of a rule are to the flow or map that a candidate formula gives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import ceil, log2
from operator import itemgetter

import numpy as np
import sympy
from flint import fmpq

from derive.engine.backward_error import slow_motion
from derive.engine.linear_memory import linear_method
from derive.engine.start_up import transient
from derive.language.trees import LEAF, Tree
from derive.language.update_rule import BadInput, Optimizer
from verify.claims.checks.identities import order_of
from verify.claims.claim import Check, Settings
from verify.claims.slots import Losses
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.families import bounded_polynomial, quadratic, starting_point
from verify.running.flows import weights_of
from verify.running.losses import VectorField, polynomial
from verify.running.numbers import FLOAT, MPFR
from verify.running.trajectories import iterates
from verify.workbench.candidates import (
    NODES,
    Number,
    field_with,
    guarded,
    map_with,
    numbers_of,
    value,
)
from verify.workbench.subjects import PAIR, Subject, Values

FINEST = 14
"""No check goes further than to h = 2^-(FINEST+4)."""
LONGEST, FADED = 2**18, 1e-20
"""How long the memory may take to fade to what."""
PIECEWISE_DIGITS = 25
"""Enough for errors of the order h^2, in a flow that starts afresh at every step."""


def order_check(subject: Subject, claimed: int) -> Check:
    """The observed order is the claimed one.

    Too small a gamma_k for a while moves the path by O(h^2) only: its order cannot refute.
    """
    changes, point = changing(subject), tamest(subject)

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        found = distances(subject, candidate, settings, point)
        return [most if changes else last for most, last in found]

    return guarded(order_of("observed order", errors, claimed, refutes=not changes))


def changing(subject: Subject) -> bool:
    """Whether the flow follows the start-up, and so the iterates at every step."""
    return subject.quantity == "transient-factor"


def tamest(subject: Subject) -> tuple[float, Values]:
    """The parameter values where the memory fades fastest, and how much is left after a step."""
    found = ((fading(subject.rule.at(**values)), values) for values in subject.points)
    return min(found, key=itemgetter(0))


def distances(
    subject: Subject,
    candidate: sympy.Expr,
    settings: Settings,
    point: tuple[float, Values],
    losses: Losses = Losses.EVERY,
) -> Sequence[tuple[float, float]]:
    """The largest distance over all steps and the last one at h, h/2, ..., on a random loss.

    Args:
        point: from `tamest`.
    """
    follow = {
        "transient-factor": _changing,
        "discrete-modified-loss": _mapped,
    }.get(subject.quantity, _lasting)
    draw = random.Random(settings.seed)
    rate, values = point
    dimension = 1 if losses is Losses.LINE else 2
    family = quadratic if losses is Losses.QUADRATIC else bounded_polynomial
    loss, start = family(draw, dimension), starting_point(draw, dimension)
    # the longer the memory, the more steps until it fades, and the less the loss may move x
    slow = max(1, ceil(log2(1 / (1 - rate))))
    first = min(max(7, slow + 5), FINEST)
    run = ConvergenceStudy(
        subject.rule,
        scaled(loss, fmpq(2, 2**slow)),
        start,
        values,
        time=1,
        halvings=range(first, first + 5),
    )
    return run.distances(
        lambda flow: follow(subject, candidate, subject.rule.at(**values), flow),
        digits=PIECEWISE_DIGITS if changing(subject) else max(settings.digits, 30),
    )


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
    """Where the lasting flow starts, up to h^2."""
    return run.x0 + run.gradient() * run.h * _measured(special)[1]


def _measured(special: Optimizer) -> tuple[Number, Number]:
    """The speed w and the shift s, seen where the gradient is 1: x_k = x_0 + s - w k at h = 1,
    once the memory has faded."""
    slope = polynomial(1, (((1,), fmpq(1)),), "x")
    one, steps = MPFR.convert(fmpq(1)), 64
    while steps <= LONGEST:
        path = iterates(
            special, slope, [one * 0], h=one, steps=steps, parameters={}, arithmetic=MPFR
        )
        before, last, end = (point[0] for point in path[-3:])
        speed = last - end
        if abs(speed - (before - last)) < FADED:
            return speed, end + speed * steps
        steps *= 2
    raise BadInput(f"the memory of {special.name} does not fade within {LONGEST} steps.")


def _lasting(
    subject: Subject, candidate: sympy.Expr, special: Optimizer, run: Flow
) -> list[np.ndarray]:
    if subject.quantity == "initial-shift":
        lasting = numbers_of(slow_motion(special, NODES).modified_flow, MPFR)
        given = value(candidate, 0, {**run.values, "h": run.h}, MPFR)
        return run.steady(weights_of(lasting, run.h, MPFR), run.x0 + run.gradient() * given)
    speed = _measured(special)[0]
    lasting = {LEAF: speed, PAIR: speed * 0}
    weights = field_with(subject, candidate, 0, lasting, lasting, run.h, run.values, MPFR)
    return run.steady(weights, _shifted(special, run))


def _mapped(
    subject: Subject, candidate: sympy.Expr, special: Optimizer, run: Flow
) -> list[np.ndarray]:
    step = map_with(candidate, _measured(special)[0], run.h, run.values)
    path = [_shifted(special, run)]
    for _ in range(run.steps):
        path.append(step(run.loss, path[-1], MPFR))
    return path


def _changing(
    subject: Subject, candidate: sympy.Expr, special: Optimizer, run: Flow
) -> list[np.ndarray]:
    lasting = numbers_of(slow_motion(special, NODES).modified_flow, MPFR)
    fields = {t: c.as_expr() for t, c in transient(special, order=NODES).items()}
    now: list[dict[Tree, Number]] = []
    while len(now) <= run.steps:
        now.append({t: value(c, len(now), {}, MPFR) for t, c in fields.items()})
        # from here on the fields differ by less than h^4, which moves the path by less than h^4
        if all(abs(now[-1][t] - lasting[t]) < run.h**4 for t in lasting):
            break

    def weights(k: int) -> dict[Tree, Number]:
        return field_with(subject, candidate, k, now[k], lasting, run.h, run.values, MPFR)

    return run.changing(weights, len(now) - 1)
