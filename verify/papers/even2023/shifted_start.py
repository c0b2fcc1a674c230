"""The start that large steps amount to: Even, Pesme, Gunasekar and Flammarion (2023).

theta = u v with w_+- = (u +- v)/sqrt(2) and x = gamma grad L_B.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import sympy
from flint import arb, fmpq

from derive.language.formula import Formula
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
from verify.claims.checks.gains import GAIN, points
from verify.claims.checks.identities import enclosed
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim

SHIFT = -2 * X - sympy.log((1 - X) ** 2)
RUNS = ((0.0, 0.2), (0.0, 1.3))
"""Momentum and the largest |x| of the first step; above 1 a weight crosses zero."""


def reaches_the_limit(losses: Callable[..., np.ndarray]) -> Check:
    """The minimizer from the start that the candidate gives is where SGD ends, to 1e-9.

    Args:
        losses: (candidate on arrays, x of shape (K, d), the true losses of ln|w_+-|) -> the losses
            that the candidate gives, of shape (2, d).
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

    return Check("the limit of SGD", Kind.SIMULATION, judge)


@claim("even2023.gain-of-a-step", catalogue="C10 C13 D16", where="Theorem 1, definition of q")
def gain_of_a_step() -> Claim:
    """A step multiplies w_+ by 1-x and w_- by 1+x, so that |w_+ w_-| is multiplied by |1-x²|.
    ln|w_+/w_-| changes by ln|(1-x)/(1+x)| = -2x plus what enters the start of the Bregman
    divergence; x lies in the row space of X, so the limit is stationary for the potential whose
    α_∞² is the final |w_+ w_-|. The sum over ± of the momentum formula at β = 0 is the same.
    """

    def differences(candidate: sympy.Expr, path: ExactRun) -> Iterator[arb]:
        before, after = path.start, path.steps[-1].w
        for i in range(len(before[0])):
            total = sum((at(candidate, x=step.x[i]) for step in path.steps), arb(0))
            kept = abs((after[0, i] * after[1, i]) / (before[0, i] * before[1, i]))
            yield total + arb(kept).log()

    def losses(function: Callable[..., np.ndarray], x: np.ndarray, true: np.ndarray) -> np.ndarray:
        gain, skew = function(x).sum(axis=0), (true[0] - true[1]) / 2
        return np.stack([gain / 2 + skew, gain / 2 - skew])

    return Claim(
        statement=(
            r"SGD with any steps and batches that converges to an interpolator ends at the "
            r"minimizer of the divergence of the hyperentropy of $\alpha_\infty$, where a step "
            r"lowers $\log\alpha_\infty^2$ by {formula}."
        ),
        printed=Formula("gainOfAStep", GAIN, given=()),
        checks=(
            enclosed("ratios of a step", step_gain, points),
            Check(
                "exact runs",
                Kind.ENUMERATION,
                over_exact_runs(ROTATED, momentum=False, differences=differences),
            ),
            reaches_the_limit(losses),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"No weight becomes exactly 0, that is $x \ne \pm 1$.",
    )


@claim("even2023.shifted-start", catalogue="C10", where="Theorem 1, the perturbed start")
def shifted_start() -> Claim:
    """ln w_+² changes by ln (1-x)² = -2x - q_+(x). The -2x stay in the row space; the q_+ move the
    start. For w_- the sign of x turns.
    """

    def differences(candidate: sympy.Expr, path: ExactRun) -> Iterator[arb]:
        for row, sign in ((0, 1), (1, -1)):
            for i in range(3):
                x = [sign * step.x[i] for step in path.steps]
                total = sum((at(candidate, x=value) for value in x), arb(0))
                ratio = path.steps[-1].w[row, i] / path.start[row, i]
                yield total + 2 * arb(sum(x, fmpq(0))) + arb(ratio**2).log()

    def losses(function: Callable[..., np.ndarray], x: np.ndarray, true: np.ndarray) -> np.ndarray:
        return np.stack([function(x).sum(axis=0), function(-x).sum(axis=0)]) / 2

    return Claim(
        statement=(
            r"The divergence is taken from $(\alpha_+^2 - \alpha_-^2)/2$, where a step lowers "
            r"$\log\alpha_+^2$ by {formula} and $\log\alpha_-^2$ by the same at $-x$."
        ),
        printed=Formula("shiftOfAStep", SHIFT, given=()),
        checks=(
            enclosed("ratios of a step", lambda: 2 * step_loss(1), points),
            Check(
                "exact runs",
                Kind.ENUMERATION,
                over_exact_runs(ROTATED, momentum=False, differences=differences),
            ),
            reaches_the_limit(losses),
        ),
        expected=Verdict.CONFIRMED,
    )
