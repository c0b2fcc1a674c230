"""Which losses Nesterov's and the quasi-hyperbolic step minimize.

beta is the momentum, h the step size, E the loss, nu the weight of the average in the
quasi-hyperbolic step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy
from flint import fmpq, fmpq_poly

from derive import gradient_descent, initial_shift, modified_loss, quasi_hyperbolic
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.language.trees import LEAF
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, RESIDUAL_BETAS, SQUARE, loss_weights
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import (
    NESTEROV,
    PROBE,
    Point,
    Rule,
    at,
    flow_from_shift,
    layer_fades,
    leaves_no_residual,
    order_at_each,
)
from verify.claims.claim import Claim, Verdict, claim
from verify.running.experiments import Flow
from verify.running.losses import Loss
from verify.running.numbers import PowerSeries, power_series
from verify.running.residuals import Weights
from verify.running.trajectories import vector

Number = Any
NU = sympy.Symbol("nu")
HERE = (*MOMENTUM, *STEP)


def recall_average(loss: Loss, point: Point, length: int) -> Any:
    """The average m behind x - before = -h ((1-nu) grad E(before) + nu m), a division by h nu."""
    grad = loss.gradient_function(power_series(length))

    def memory(here: Any, before: Any, h: PowerSeries) -> list[np.ndarray]:
        pull = before - here - grad(before) * (h * (1 - point["nu"]))
        over_h = [fmpq_poly(entry.polynomial.coeffs()[1:]) for entry in pull]
        return [vector([PowerSeries(p, length) / point["nu"] for p in over_h])]

    return memory


QUASI_HYPERBOLIC = Rule(
    quasi_hyperbolic,
    tuple(
        {"beta": beta, "nu": nu}
        for beta in RESIDUAL_BETAS
        for nu in (fmpq(1, 5), fmpq(2, 5), fmpq(3, 4), fmpq(1))
    ),
    ({"beta": fmpq(1, 2), "nu": fmpq(7, 10)}, {"beta": fmpq(1, 2), "nu": fmpq(1, 4)}),
    recall_average,
    lambda _: 1,
)


def given_for(rule: Rule) -> tuple[sympy.Basic, ...]:
    """What the formula of this rule assumes."""
    weight = (sympy.Ge(NU, 0), sympy.Le(NU, 1)) if rule is QUASI_HYPERBOLIC else ()
    return (*HERE, *weight)


def loss_claim(name: str, rule: Rule, expr: sympy.Expr, statement: str) -> Claim:
    """The term at h of a modified loss E + expr |grad E|^2 with the force 1/(1-beta) or 1."""

    def weights(c: Number, h: Number, point: Point) -> Weights:
        return loss_weights(c, rule.force(point))

    def by_engine() -> sympy.Expr:
        return H * modified_loss(rule.optimizer, order=2).terms[PAIR].as_expr()

    return Claim(
        statement=statement,
        printed=Formula(name, expr, SQUARE, "E+", given_for(rule)),
        checks=(
            identical("B-series engine", by_engine),
            leaves_no_residual("exact residual", rule, weights),
            flow_from_shift(rule, weights),
        ),
        expected=Verdict.CONFIRMED,
    )


def shift_claim(name: str, rule: Rule, expr: sympy.Expr, loss: sympy.Expr, who: str) -> Claim:
    """Where the flow of a modified loss starts after a start at rest."""

    def by_engine() -> sympy.Expr:
        return -H * initial_shift(rule.optimizer, order=1)[LEAF].as_expr()

    def follow(c: Number, run: Flow) -> list[np.ndarray]:
        coefficient = at(loss, run.h, run.values)
        weights = loss_weights(coefficient, rule.force(run.values))
        return run.steady(weights, run.x0 + run.gradient() * c)

    return Claim(
        statement=(
            f"After a start at rest from $x_0$, {who} is, once its start-up is over, "
            r"$O(h^2)$-close to the flow of its modified loss started at $x_0+s\nabla E(x_0)$ with "
            "$s$ equal to {formula}."
        ),
        printed=Formula(name, expr, given=given_for(rule)),
        checks=(
            identical("B-series engine", by_engine),
            layer_fades(rule, lambda c, _: c / PROBE),
            order_at_each("observed order at the final time", rule, follow, 2),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"The start-up is over: $k \ge 2\log(1/h)/\log(1/\beta)$.",
    )


NESTEROV_LOSS = H * (1 - BETA + 2 * BETA**2) / (4 * ONE_MINUS**2)
AVERAGE_LOSS = H * (1 + 2 * NU * BETA / ONE_MINUS) / 4


@claim("undertow.nesterov-loss", catalogue="E05", where="Nesterov's method, constant momentum")
def nesterov_loss() -> Claim:
    """The gradient at x + βv is g + βHv + O(h²), and v = -hg/(1-β) + O(h²) on the slow manifold. So
    it is g - hβ/(1-β) Hg, the gradient of E - hβ/(2(1-β)) |∇E|². Heavy ball on that loss carries
    h(1+β)/(4(1-β)²) - hβ/(2(1-β)) = h(1+β - 2β(1-β))/(4(1-β)²) beside |∇E|².
    """
    return loss_claim(
        "nesterovLoss",
        NESTEROV,
        NESTEROV_LOSS,
        r"After its start-up Nesterov's method follows $-1/(1-\beta)$ times the gradient of "
        "{formula}.",
    )


@claim("undertow.nesterov-shift", catalogue="E05", where="Nesterov's method, constant momentum")
def nesterov_shift() -> Claim:
    """To first order the first steps are those of heavy ball, -h(1-β^(k+1))/(1-β) g: the look-ahead
    changes a gradient by O(h). So the deficit h Σ β^(k+1)/(1-β) g = hβ/(1-β)² g is the same.
    """
    shift = H * BETA / ONE_MINUS**2
    return shift_claim("nesterovShift", NESTEROV, shift, NESTEROV_LOSS, "Nesterov's method")


@claim("undertow.nesterov-amplification", catalogue="E05", where="against gradient descent")
def nesterov_amplification() -> Claim:
    """At the effective learning rate h/(1-β) gradient descent carries h/(4(1-β)) |∇E|² beside E,
    Nesterov's method h(1-β+2β²)/(4(1-β)²) |∇E|². Their ratio is 1 + 2β²/(1-β) >= 1.
    """

    def weights(c: Number, h: Number, point: Point) -> Weights:
        force = 1 / (1 - point["beta"])
        return loss_weights(h * (c * force / 4), force)

    def by_engine() -> sympy.Expr:
        plain = modified_loss(gradient_descent, order=2).terms[PAIR].as_expr() / ONE_MINUS
        return modified_loss(NESTEROV.optimizer, order=2).terms[PAIR].as_expr() / plain

    return Claim(
        statement=(
            "At equal effective learning rate the implicit regularizer of Nesterov's method is "
            "that of gradient descent times {formula}."
        ),
        printed=Formula("nesterovAmplification", (1 - BETA + 2 * BETA**2) / ONE_MINUS),
        checks=(
            identical("ratio of the two modified losses", by_engine),
            leaves_no_residual("exact residual", NESTEROV, weights),
            flow_from_shift(NESTEROV, weights),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim(
    "undertow.quasi-hyperbolic-loss",
    catalogue="E06",
    where="quasi-hyperbolic momentum of Ma and Yarats (2019)",
)
def quasi_hyperbolic_loss() -> Claim:
    """m_(k+1) = (1-β) Σ β^j g(x_(k-j)) = g + hβ/(1-β) Hg + O(h²): x_(k-j) = x_k + jhg + O(h²), and
    (1-β) Σ jβ^j = β/(1-β). So a step is -hg - h²νβ/(1-β) Hg, and its flow, which adds h/2 Hg, is
    the gradient of E + (h/4 + hνβ/(2(1-β))) |∇E|². At ν = 1 this is h(1+β)/(4(1-β)).
    """
    return loss_claim(
        "quasiHyperbolicLoss",
        QUASI_HYPERBOLIC,
        AVERAGE_LOSS,
        "After its start-up quasi-hyperbolic momentum follows minus the gradient of {formula}.",
    )


@claim(
    "undertow.quasi-hyperbolic-shift",
    catalogue="E06",
    where="quasi-hyperbolic momentum of Ma and Yarats (2019)",
)
def quasi_hyperbolic_shift() -> Claim:
    """From m = 0 the average is (1-β^(k+1)) g + O(h), so step k lacks hνβ^(k+1) g: in sum
    hνβ/(1-β) g.
    """
    return shift_claim(
        "quasiHyperbolicShift",
        QUASI_HYPERBOLIC,
        H * NU * BETA / ONE_MINUS,
        AVERAGE_LOSS,
        "quasi-hyperbolic momentum",
    )
