"""The start that large steps amount to: Even, Pesme, Gunasekar and Flammarion (2023).

theta = u v with w_+- = (u +- v)/sqrt(2) and x = gamma grad L_B.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import sympy
from flint import arb, fmpq

from derive.networks.diagonal_networks import ROTATED, X, step_gain, step_loss
from verify.claims.checks.diagonal_runs import (
    CLOSE,
    ExactRun,
    at,
    long_run,
    minimizer_distance,
    on_arrays,
    over_exact_runs,
)
from verify.claims.checks.identities import enclosed
from verify.claims.checks.mean_gain import GAIN, points
from verify.claims.claim import RECALLED, Check, Claim, Evidence, Kind, Settings, claim, on
from verify.claims.slots import Choice, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import precision

SHIFT = -2 * X - sympy.log((1 - X) ** 2)
RUNS = ((0.0, 0.2), (0.0, 1.3))
"""Momentum and the largest |x| of the first step; above 1 a weight crosses zero."""


def reaches_the_limit(slot: str, losses: Callable[..., np.ndarray]) -> Check:
    """The minimizer from the start that the slot gives is where SGD ends, to 1e-10.

    Args:
        losses: (the formula on arrays, x of shape (K, d), the true losses of ln|w_+-|) -> the
            losses that the formula gives, of shape (2, d).
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        function = on_arrays(candidate, "x")
        worst = 0.0
        for beta, first in RUNS:
            path = long_run(settings.seed, ROTATED, beta, first)
            both = np.stack([1 - path.x, 1 + path.x])
            true = (both - 1 - np.log(np.abs(both))).sum(axis=1)
            with np.errstate(all="ignore"):
                loss = losses(function, path.x, true)
                distance = minimizer_distance(path.problem, ROTATED, path.start, loss, path.found)
            worst = distance if not distance <= worst else worst
        return Evidence(bool(worst < CLOSE), f"distance {worst:.1e} over {len(RUNS)} runs of SGD")

    return on(slot, Check("the limit of SGD", Kind.SIMULATION, judge))


def stays_within(slot: str) -> Check:
    """The formula, of x and of -x, has a value at every step but those that are left out."""

    def judge(says: Statement, settings: Settings) -> Evidence:
        with precision(settings.digits):
            for x in (fmpq(n, 7) for n in range(-21, 22)):
                both = [at(says.expr(slot), x=y).is_finite() for y in (x, -x)]
                if all(both) == says["barred"].bars(x):
                    return Evidence(False, f"x = {x} is {'no' if all(both) else 'an'} exception")
        return Evidence(True, "every seventh within 3")

    return Check("steps of all sizes", Kind.BALL, judge)


class Barred(Choice):
    """The steps after which a weight is 0, and there is no start any more."""

    NONE = "of any size"
    PLUS = r"with $x\ne1$"
    BOTH = r"with $x\ne\pm1$"

    def bars(self, x: fmpq) -> bool:
        """Whether x is left out."""
        return x in {"NONE": (), "PLUS": (1,), "BOTH": (1, -1)}[self.name]


SGD = (
    r"SGD with any batches and with steps $x:=\gamma\nabla L_B$ {barred}, on $\theta:=u\odot v$, "
    r"that ends at an interpolator ends at the minimizer among all interpolators of the divergence "
    r"of the hyperentropy of scale $\alpha_\infty^2$ from "
    r"$\tilde\theta:=(\alpha_+^2-\alpha_-^2)/2$, "
    r"where $\alpha_\infty^2:=\alpha_+\alpha_-$ and, from $\alpha_\pm:=\lvert u\pm v\rvert/\sqrt2$ "
    r"at the start on, "
)


@claim(
    "even2023.gain-of-a-step",
    catalogue="C10 C13 D16",
    where="Theorem 1, definition of q",
    printed=RECALLED,
)
def gain_of_a_step() -> Claim:
    r"""A step multiplies $w_+$ by $1-x$ and $w_-$ by $1+x$, so that $|w_+w_-|$ is multiplied by
    $|1-x^2|$. $\ln|w_+/w_-|$ changes by $\ln|(1-x)/(1+x)|$, which is $-2x$ plus what enters the
    start of the Bregman divergence; $x$ lies in the row space of $X$, so the limit is stationary
    for the potential whose $\alpha_\infty^2$ is the final $|w_+w_-|$. The sum over $\pm$ of the
    momentum formula at $\beta=0$ is the same.
    """

    def differences(says: Statement, path: ExactRun) -> Iterator[arb]:
        before, after = path.start, path.steps[-1].w
        for i in range(len(before[0])):
            total = sum((at(says.expr("gain"), x=step.x[i]) for step in path.steps), arb(0))
            kept = abs((after[0, i] * after[1, i]) / (before[0, i] * before[1, i]))
            yield total + arb(kept).log()

    def losses(function: Callable[..., np.ndarray], x: np.ndarray, true: np.ndarray) -> np.ndarray:
        gain, skew = function(x).sum(axis=0), (true[0] - true[1]) / 2
        return np.stack([gain / 2 + skew, gain / 2 - skew])

    return Claim(
        says=Statement(
            Type.EQUALITY,
            SGD + r"a step lowers $\log\alpha_\infty^2$ by {gain}.",
            {"gain": Value(GAIN), "barred": Barred.BOTH},
        ),
        checks=(
            on("gain", enclosed("ratios of a step", step_gain, points)),
            Check(
                "exact runs",
                Kind.ENUMERATION,
                over_exact_runs(ROTATED, momentum=False, differences=differences),
            ),
            reaches_the_limit("gain", losses),
            stays_within("gain"),
        ),
    )


@claim(
    "even2023.shifted-start",
    catalogue="C10",
    where="Theorem 1, the perturbed start",
    printed=RECALLED,
)
def shifted_start() -> Claim:
    r"""$\ln w_+^2$ changes by $\ln(1-x)^2=-2x-q_+(x)$. The $-2x$ stay in the row space; the $q_+$
    move the start. For $w_-$ the sign of $x$ turns.
    """

    def differences(says: Statement, path: ExactRun) -> Iterator[arb]:
        for row, sign in ((0, 1), (1, -1)):
            for i in range(3):
                x = [sign * step.x[i] for step in path.steps]
                total = sum((at(says.expr("shift"), x=value) for value in x), arb(0))
                ratio = path.steps[-1].w[row, i] / path.start[row, i]
                yield total + 2 * arb(sum(x, fmpq(0))) + arb(ratio**2).log()

    def losses(function: Callable[..., np.ndarray], x: np.ndarray, true: np.ndarray) -> np.ndarray:
        return np.stack([function(x).sum(axis=0), function(-x).sum(axis=0)]) / 2

    return Claim(
        says=Statement(
            Type.EQUALITY,
            SGD + r"a step lowers $\log\alpha_+^2$ by $q={shift}$ and "
            r"$\log\alpha_-^2$ by $q$ of $-x$.",
            {"shift": Value(SHIFT), "barred": Barred.BOTH},
        ),
        checks=(
            on("shift", enclosed("ratios of a step", lambda: 2 * step_loss(1), points)),
            Check(
                "exact runs",
                Kind.ENUMERATION,
                over_exact_runs(ROTATED, momentum=False, differences=differences),
            ),
            reaches_the_limit("shift", losses),
            stays_within("shift"),
        ),
    )
