"""What the claims on momentum beyond Ghosh et al. share: rules, checks, a slow manifold.

A check takes a field from the candidate's value, h and the parameters, and holds it against the
declared step: exactly as power series in h, by an observed order, or in the start-up layer. The
slow manifold is one on the plane, in exact polynomials, that knows of no tree.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import Ordering, fmpq, fmpq_mpoly_ctx

from derive import gradient_descent, heavy_ball, initial_shift, lessard, nesterov
from derive.language.trees import LEAF, tree
from derive.language.update_rule import Optimizer
from verify.claims.checks.heavy_ball import RESIDUAL_BETAS, value
from verify.claims.checks.identities import exact
from verify.claims.claim import Check, Kind, Settings
from verify.running.convergence import Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import evaluate_field
from verify.running.losses import Loss
from verify.running.numbers import MPFR, RATIONAL, PowerSeries, evaluate, power_series
from verify.running.recording import recorder
from verify.running.restating import Leg, SeriesRun, record_residual
from verify.running.trajectories import first_memory, iterates, vector

Number = Any
Point = Mapping[str, Number]
Recall = Callable[[Loss, Point, int], Callable[[Any, Any, PowerSeries], Sequence[np.ndarray]]]

A = sympy.Symbol("a")
CHAIN, FORK = tree("[[[]]]"), tree("[[],[]]")
"""The elementary differentials of -grad E: -HHg and -T[g,g], with g, H, T the derivatives of E."""


def recall_velocity(loss: Loss, point: Point, length: int) -> Any:
    """The memory is the last displacement: v_k = x_k - x_(k-1)."""
    return lambda here, before, h: [here - before]


def recall_position(loss: Loss, point: Point, length: int) -> Any:
    """The memory is the last position."""
    return lambda here, before, h: [before]


@dataclass(frozen=True)
class Rule:
    """An optimizer, the parameters of its exact checks (grid) and of its observed orders (runs)."""

    optimizer: Optimizer
    grid: tuple[Point, ...]
    runs: tuple[dict[str, fmpq], ...]
    recall: Recall = recall_velocity
    force: Callable[[Point], Number] = field(default=lambda point: 1 / (1 - point["beta"]))
    """What multiplies -grad E in the limit h to 0."""


BETAS = tuple({"beta": beta} for beta in RESIDUAL_BETAS)
HEAVY_BALL = Rule(heavy_ball, BETAS, ({"beta": fmpq(1, 2)}, {"beta": fmpq(1, 3)}))
NESTEROV = Rule(nesterov, BETAS, HEAVY_BALL.runs)
DESCENT = Rule(gradient_descent, ({},), ({},), lambda *_: lambda *_: [], lambda _: 1)


def member(beta: fmpq, a: fmpq) -> dict[str, fmpq]:
    """The parameters of u+ = u + beta (u - last) - h grad E(u + a (u - last))."""
    return {"alpha": fmpq(1), "beta": beta, "gamma": a}


FAMILY = Rule(
    lessard,
    tuple(
        member(beta, a)
        for beta in RESIDUAL_BETAS
        for a in (fmpq(-1, 2), fmpq(0), fmpq(1, 4), fmpq(1))
    ),
    (member(fmpq(1, 2), fmpq(0)), member(fmpq(1, 2), fmpq(1, 2)), member(fmpq(2, 5), fmpq(1, 5))),
    recall_position,
)


PROBE = fmpq(2)
"""A step size for checks without one: other than 1, so that a wrong power of h shows."""


def at(candidate: sympy.Expr, h: Number, point: Point) -> Number:
    """The candidate's value; the family's look-ahead gamma is the letter a."""
    letters = {**point, "a": point["gamma"]} if "gamma" in point else point
    return value(candidate, h=h, **letters)


def written(point: Point) -> str:
    """The point as "beta = 1/2, nu = 1/3"."""
    return ", ".join(f"{name} = {number}" for name, number in point.items())


def shifted(run: Flow, rule: Rule, order: int) -> np.ndarray:
    """Where the lasting flow starts, through h^order, by the engine."""
    weights = {
        t: evaluate(c.as_expr(), run.values, MPFR) * run.h**t.order / t.symmetry
        for t, c in initial_shift(rule.optimizer, order=order).items()
    }
    return run.x0 + evaluate_field(run.loss, weights, run.x0, MPFR)


def layer_fades(rule: Rule, shift: Callable[[Number, Point], Number]) -> Check:
    """The h^1 term of x_k - y(kh) is exactly proportional to beta^k, k = 1 ... 7.

    The slow flow y starts at x_0 + shift h grad E(x_0), the candidate being taken at h = PROBE; the
    iterates are power series in h.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        loss, start = bounded_polynomial(draw, 2), starting_point(draw, 2)
        arithmetic, h = power_series(2), PowerSeries.step(2)
        gradient = loss.gradient.at(start, RATIONAL)
        for point in rule.grid:
            path = iterates(
                rule.optimizer,
                loss,
                [arithmetic.convert(x) for x in start],
                h=h,
                steps=7,
                parameters={name: arithmetic.convert(v) for name, v in point.items()},
                arithmetic=arithmetic,
            )
            slow = shift(at(candidate, PROBE, point), point)
            terms = [
                [
                    x[1] + (rule.force(point) * k - slow) * g
                    for x, g in zip(xs, gradient, strict=True)
                ]
                for k, xs in enumerate(path)
            ][1:]
            fades = all(
                b == a * point["beta"]
                for before, after in pairwise(terms)
                for a, b in zip(before, after, strict=True)
            )
            if (log := recorder()) is not None:
                g = vector(gradient) * h
                weights, begin = {LEAF: rule.force(point)}, path[0] + g * slow
                legs = [Leg(weights, h * k, begin) for k in range(1, len(path))]
                reached = [begin - g * (rule.force(point) * k) for k in range(1, len(path))]
                ends = list(zip(path[1:], reached, strict=True))
                memory = first_memory(rule.optimizer, loss, path[0], h, point, arithmetic)
                run = SeriesRun(rule.optimizer, loss, start, point, memory, path[0], 0, 2)
                record_residual(log, run, legs, ends, roots=[(), (point["beta"],)], holds=fades)
            if not fades:
                return False, f"a constant part stays at {written(point)}"
        return True, f"proportional to beta^k at {len(rule.grid)} parameters"

    return exact("decay of the h term", Kind.SERIES, holds)


Plane = tuple[Any, Any]
"""Two polynomials in two variables, the components of a field."""


def on_plane(loss: Loss) -> Any:
    """A polynomial loss of two variables as a polynomial in x and y."""
    return loss.value(fmpq_mpoly_ctx.get(("x", "y"), Ordering.lex).gens())


def plane_gradient(p: Any) -> Plane:
    """The gradient of a polynomial in x and y."""
    return p.derivative("x"), p.derivative("y")


def along(field: Plane, p: Any) -> Any:
    """The derivative of a polynomial along a field."""
    return field[0] * p.derivative("x") + field[1] * p.derivative("y")


def curl(field: Plane) -> Any:
    """What vanishes exactly where the field is a gradient."""
    return field[1].derivative("x") - field[0].derivative("y")


def slow_displacement(gradient: Plane, beta: fmpq, a: fmpq, order: int) -> list[Plane]:
    """N in x -> x + N(x) on the slow manifold of the family, one power of h after another.

    V(x) is the displacement that led to x: N = beta V - h grad E(x + a V) and V(x + N(x)) = N(x).
    At h^n the only unknown is V_n, so that V_n + (lower terms) = beta V_n + (lower terms).
    """
    nothing = (gradient[0] * 0, gradient[0] * 0)
    last, step = [nothing], [nothing]
    for n in range(1, order + 1):
        ahead = [(p * a, q * a) for p, q in last]
        pull = [-displaced(g, ahead, n - 1) for g in gradient]
        rest = [
            sum((displaced(last[j][i], step, n - j) for j in range(1, n)), start=nothing[0])
            for i in (0, 1)
        ]
        found = [(p - r) / (1 - beta) for p, r in zip(pull, rest, strict=True)]
        last.append((found[0], found[1]))
        step.append((found[0] * beta + pull[0], found[1] * beta + pull[1]))
    return step


def displaced(p: Any, by: Sequence[Plane], power: int) -> Any:
    """The h^power of p(x + by), by = O(h), from Taylor's formula."""
    zero, total = p * 0, p * 0
    moves = [[by[n][i] if n < len(by) else zero for n in range(power + 1)] for i in (0, 1)]
    row, x_power = p, [zero + 1, *[zero] * power]
    for i in range(power + 1):
        term, product = row, x_power
        for j in range(power + 1 - i):
            if not term:
                break
            total += term * product[power]
            term = term.derivative("y") / (j + 1)
            product = _times(product, moves[1])
        row = row.derivative("x") / (i + 1)
        x_power = _times(x_power, moves[0])
    return total


def _times(left: list[Any], right: list[Any]) -> list[Any]:
    return [
        sum((left[i] * right[n - i] for i in range(1, n + 1)), start=left[0] * right[n])
        for n in range(len(left))
    ]
