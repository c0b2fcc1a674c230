"""A candidate for one coefficient of a flow or a map, at any order: is one step what it says?

All other coefficients come from the derivation; the candidate stands at its tree.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy

from derive.engine.backward_error import slow_motion
from derive.language.trees import Tree
from verify.claims.checks.identities import exact
from verify.claims.claim import Check, Kind, Settings
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import evaluate_field
from verify.running.losses import VectorField
from verify.running.numbers import PowerSeries, power_series
from verify.running.residuals import advance, lowest_power
from verify.workbench.candidates import at, slow_memory, value
from verify.workbench.subjects import Subject, Values

RUN = ("modified-flow", "one-step-map")
"""The quantities whose coefficients are run, one step from the slow manifold."""


def one_step(subject: Subject, t: Tree) -> Check:
    """One step of the rule is the flow over h, or the map, up to h^(nodes of the tree)."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for values in subject.points:
            for dimension in (1, 2):
                loss = bounded_polynomial(draw, dimension)
                power = _residual(subject, t, candidate, values, loss, draw)
                if power <= t.order:
                    return False, f"h^{power} is left{at(values)} on E = {loss.text}"
        return True, f"begins at h^{t.order + 1} on {2 * len(subject.points)} losses"

    return exact("exact residual of a step", Kind.SERIES, holds, refutes=True)


def _residual(
    subject: Subject,
    t: Tree,
    candidate: sympy.Expr,
    values: Values,
    loss: VectorField,
    draw: random.Random,
) -> int:
    """The lowest power of h in (one step of the optimizer) - (what is derived and claimed)."""
    length, special = t.order + 2, subject.rule.at(**values)
    arithmetic, h = power_series(length), PowerSeries.step(length)
    numbers: dict[str, Any] = {name: arithmetic.convert(v) for name, v in values.items()}
    x = np.array([arithmetic.convert(c) for c in starting_point(draw, loss.dimension)])
    motion, flows = slow_motion(special, t.order), subject.quantity == "modified-flow"
    series = motion.modified_flow if flows else motion.one_step_map
    weights = {
        other: h ** (other.order - flows) * (c.at({}) / other.symmetry)
        for other, c in series.items()
    }
    sign = -1 if t.order % 2 else 1  # F is of f = -grad E
    weights[t] = value(candidate, 0, {**numbers, "h": h}, arithmetic) * sign
    claimed = (
        advance(loss, weights, x, h, arithmetic)
        if flows
        else x + evaluate_field(loss, weights, x, arithmetic)
    )
    memory = slow_memory(special, loss, t.order, arithmetic)(x, x, h)
    grad: Callable[[Sequence[PowerSeries]], Any] = loss.gradient_function(arithmetic)
    stepped, _ = subject.rule.step(x, memory, grad, h, numbers)
    return lowest_power(stepped - claimed)
