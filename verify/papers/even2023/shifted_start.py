"""The start that large steps amount to: Even, Pesme, Gunasekar and Flammarion (2023).

theta = u v with w_+- = (u +- v)/sqrt(2) and x = gamma grad L_B, as in the paper and its slides.
"""

from __future__ import annotations

import random
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
    real,
)
from verify.claims.checks.identities import enclosed
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.running.numbers import precision

HALF = sympy.Rational(1, 2)
GAIN = -HALF * sympy.log((1 - X**2) ** 2)
SHIFT = -2 * X - sympy.log((1 - X) ** 2)
THRESHOLD = 1 + sympy.LambertW(sympy.exp(-1))
RUNS = ((0.0, 0.2), (0.0, 1.3))
"""Momentum and the largest |x| of the first step; above 1 a weight crosses zero."""


def points(draw: random.Random) -> dict[str, fmpq]:
    """x on both sides of every crossing."""
    return {"x": fmpq(draw.randint(-299, 299), 100) + fmpq(1, 997)}


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


X1, X2 = sympy.symbols("x1 x2")


@claim("gunasekar2023.sum-outside", catalogue="C11", where="characterization")
def sum_outside() -> Claim:
    """ln|w_+ w_-| is a sum over the steps; the logarithm of α_∞ is half of it. After two steps the
    slides' formula reads 2 g(x₁+x₂) for ln(α²/α_∞²). Their g, "-½ log((1-x²))²", means
    -½ log((1-x²)²).
    """

    def two_steps(candidate: sympy.Expr, path: ExactRun) -> Iterator[arb]:
        first, second = path.steps[:2]
        for i in range(3):
            ratio = second.w[0, i] * second.w[1, i] / path.start[0, i] / path.start[1, i]
            yield at(candidate, x1=first.x[i], x2=second.x[i]) + arb(abs(ratio)).log()

    def two_points(draw: random.Random) -> dict[str, fmpq]:
        return {"x1": points(draw)["x"], "x2": points(draw)["x"]}

    return Claim(
        statement=(
            r"After the steps $x_1$ and $x_2$, $\log(\alpha^2/\alpha_\infty^2)$ is {formula}."
        ),
        printed=Formula("sumInsidePrinted", 2 * GAIN.subs(X, X1 + X2), given=()),
        right=Formula("sumOutside", GAIN.subs(X, X1) + GAIN.subs(X, X2), given=()),
        checks=(
            enclosed(
                "ratios of two steps",
                lambda: step_gain().subs(X, X1) + step_gain().subs(X, X2),
                two_points,
                refutes=True,
            ),
            Check(
                "two exact steps",
                Kind.ENUMERATION,
                over_exact_runs(ROTATED, momentum=False, differences=two_steps),
                refutes=True,
            ),
        ),
        expected=Verdict.CORRECTED,
        condition=r"$\alpha_\infty^2 = \alpha^2\exp(-\sum_k g(x_k))$.",
        because=(
            "the sum stands inside g, where gradients of opposite sign cancel, and the square "
            "of $\\alpha_\\infty$ is missing."
        ),
        counterexample=(
            r"$x_1 = 1/2$, $x_2 = -1/2$: $\alpha_\infty^2 = 9\alpha^2/16$; the slides give "
            r"$\alpha_\infty = \alpha$."
        ),
    )


@claim("gunasekar2023.gain-sign", catalogue="C12", where="characterization")
def gain_sign() -> Claim:
    """q(x) ≥ 0 means (1-x²)² ≤ 1, that is 0 ≤ x² ≤ 2."""

    def changes_sign(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            end = at(candidate)
            for side, positive in ((fmpq(9999, 10000), True), (fmpq(10001, 10000), False)):
                gain = at(GAIN, x=end * side)
                if not (gain > 0 if positive else gain < 0):
                    return Evidence(False, f"q is {gain.str(5)} at {side} of it")
        return Evidence(True, "q > 0 just inside, q < 0 just outside")

    def weights(candidate: sympy.Expr, settings: Settings) -> Evidence:
        end = real(candidate)
        for sign in (-1, 1):
            for part, falls in ((0.999, True), (0.5, True), (1.001, False), (2.0, False)):
                product = abs((1 - sign * end * part) * (1 + sign * end * part))
                if (product < 1) != falls:
                    return Evidence(False, f"|w_+ w_-| is multiplied by {product:.4f} at {part}")
        return Evidence(bool(end > 0), "|w_+ w_-| falls inside and grows outside")

    return Claim(
        statement=r"The gain of a step is at least 0 exactly for $|x|$ up to {formula}.",
        printed=Formula("gainSign", sympy.sqrt(2), given=()),
        checks=(
            Check("sign of the gain", Kind.BALL, changes_sign),
            Check("product of the weights", Kind.SIMULATION, weights),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("gunasekar2023.shift-range", catalogue="C12", where="characterization")
def shift_range() -> Claim:
    """θ̃₀ = (α_+² - α_-²)/2 and α_± = α exp(-½ Σ q_±(x_k)). q_+(x) = -2x - 2 ln|1-x| is at least 0
    exactly for x ≤ 1 + W(1/e), the root of x + ln(x-1) = 0. Inside ±(1 + W(1/e)) both α_± are at
    most α, and |θ̃₀| ≤ α²/2. Beyond, every step multiplies one of them by more than 1, and a long
    run of them by as much as one likes, while q is still positive up to √2.
    """

    def start_after(x: float, steps: int) -> float:
        """|theta_0|/alpha^2 after equal steps x on one coordinate, from the weights themselves."""
        plus = 2 * (steps * np.log(abs(1 - x)) + steps * x)
        minus = 2 * (steps * np.log(abs(1 + x)) - steps * x)
        with np.errstate(over="ignore"):
            return float(abs(np.exp(plus) - np.exp(minus)) / 2)

    def bounded_inside_only(candidate: sympy.Expr, settings: Settings) -> Evidence:
        end = real(candidate)
        if not end > 0:
            return Evidence(False, "no range")
        inside = max(start_after(end * part, 2000) for part in (0.2, 0.6, 0.9, 0.9999))
        outside = start_after(end * 1.001, 2000)
        said = f"|start|/alpha^2 is {inside:.3g} inside and {outside:.3g} at 1.001 of the range"
        return Evidence(inside <= 0.5 and outside > 1, said)

    def root(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            end = arb(str(sympy.N(candidate, settings.digits + 5)))
            left = end + (end - 1).log()
            return Evidence(
                bool(abs(left) < arb(10) ** (5 - settings.digits)),
                f"x + ln(x-1) = {left.str(3, radius=False)}",
            )

    return Claim(
        statement=(
            r"The divergence is taken from a point within $\alpha^2/2$ of 0, for every sequence of "
            r"steps with $|x|$ up to {formula}."
        ),
        printed=Formula("shiftRangePrinted", sympy.sqrt(2), given=()),
        right=Formula("shiftRange", THRESHOLD, given=()),
        checks=(
            Check("equal steps", Kind.SIMULATION, bounded_inside_only, refutes=True),
            Check("root of the shift", Kind.BALL, root, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"Every $|x|$ is at most $1 + W(1/e) = 1.278\dots$",
        because=r"$q(x) \ge 0$ up to $\sqrt2$, but $q_+(x) < 0$ from $1 + W(1/e)$ on.",
        counterexample=(
            r"one step with $x = \sqrt2$: $\alpha_+^2 = (\sqrt2-1)^2 e^{2\sqrt2}\alpha^2 = "
            r"2.90\,\alpha^2$ and the start is $1.28\,\alpha^2$; ten such steps give "
            r"$2.1\cdot10^4\alpha^2$."
        ),
    )
