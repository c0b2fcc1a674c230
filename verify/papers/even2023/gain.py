"""How large the gain is, and where: Even, Pesme, Gunasekar and Flammarion (2023).

L_B = |X_B (theta - theta*)|^2/(2|B|) = (theta - theta*)^T H_B (theta - theta*)/2 and
x = gamma grad L_B.
"""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import sympy
from flint import arb, fmpq

from derive.language.formula import Formula
from derive.networks.diagonal_networks import ROTATED
from verify.claims.checks.diagonal_runs import (
    FLOW_CLOSE,
    at,
    integrate_flow,
    on_arrays,
    random_problem,
    real,
)
from verify.claims.checks.gains import POTENTIAL, expected_gains, gain
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.running.numbers import precision

ALPHA, THETA = sympy.symbols("alpha theta")


@claim("even2023.gain-lower-bound", catalogue="C14", where="gain of SGD, lower bound")
def gain_lower_bound() -> Claim:
    """q(x) = -ln|1-x²| ≥ x² for |x| < √(some number above 1), in particular below 1. Σ_i x_i² is
    γ²|∇L_B|² = γ² (θ-θ*)ᵀ H_B² (θ-θ*). The batch is independent of θ_k, so its mean is at least
    γ² λ_b (θ-θ*)ᵀ H (θ-θ*) = 2 λ_b γ² L(θ_k). Equality in the limit of small steps where
    E[H_B²] = λ_b H.
    """

    def small_steps(candidate: sympy.Expr, settings: Settings) -> Evidence:
        factor = real(candidate)
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            x = arb(fmpq(1, 10**6))
            least = gain(x) / (x**2 / 2)
            if not (arb(factor) <= least < arb(factor) * (1 + arb(fmpq(1, 10**9)))):
                return Evidence(False, f"one coordinate, x = 1e-6: {least.str(12, radius=False)}")
            for _ in range(20):
                x = arb(fmpq(draw.randint(1, 999), 1000))
                if not gain(x) / (x**2 / 2) > factor:
                    return Evidence(False, f"fails at x = {x.str(4, radius=False)}")
        return Evidence(True, "holds below 1, equality to 1e-9 at x = 1e-6")

    def all_sequences(candidate: sympy.Expr, settings: Settings) -> Evidence:
        factor, closest = real(candidate), float("inf")
        with precision(settings.digits):
            for ratio, _, _ in expected_gains(random.Random(settings.seed)):
                if not ratio >= arb(factor):
                    return Evidence(False, f"the mean gain is {ratio.str(6, radius=False)} times")
                closest = min(closest, float(ratio.mid()))
        return Evidence(closest < 1.2 * factor, f"holds over all batches; closest {closest:.4f}")

    return Claim(
        statement=(
            r"The mean of the gain's $\ell_1$ norm is at least {formula} times "
            r"$\lambda_b\gamma^2\sum_k E L(\theta_k)$."
        ),
        printed=Formula("gainLowerBound", sympy.Integer(2), given=()),
        checks=(
            Check("one coordinate", Kind.BALL, small_steps),
            Check("all batch sequences", Kind.ENUMERATION, all_sequences),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$\lambda_b H \le E[H_B^2]$, every $|x_k| < 1$, independent batches.",
    )


@claim("even2023.loss-integral", catalogue="C17", where="gain of SGD, consistency")
def loss_integral() -> Claim:
    """Along gradient flow ∇ψ(θ_t) decreases by ∇L dt, so the divergence D_ψ(θ_∞, θ_t) decreases by
    ∇L·(θ_t - θ_∞) dt = 2L dt. From θ₀ = 0, where ψ and ∇ψ vanish, the total is ψ_α(θ_∞); it grows
    as ln(1/α) |θ_∞|₁. A gain of small steps is 2 λ_b γ² Σ L = λ_b γ ∫ 2L dt.
    """

    @cache
    def at_the_end(seed: int, alpha: float) -> tuple[np.ndarray, float]:
        found = integrate_flow(
            random_problem(seed), np.full((2, 4), alpha), ROTATED, 0.0, 80.0, 0.02
        )
        return found.theta, 2 * found.loss

    def integral(candidate: sympy.Expr, settings: Settings) -> Evidence:
        function, worst = on_arrays(candidate, "theta", "alpha"), 0.0
        for alpha in (0.2, 0.6):
            theta, twice = at_the_end(settings.seed, alpha)
            with np.errstate(all="ignore"):
                gap = abs(float(np.sum(function(theta, alpha))) - twice)
            worst = gap if not gap <= worst else worst
        return Evidence(bool(worst < FLOW_CLOSE), f"off by {worst:.1e}")

    def derivative(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """psi(0) = 0 and 2 psi' = arcsinh(theta/alpha^2), in balls."""
        slope = sympy.diff(candidate, THETA)
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            for _ in range(10):
                alpha = fmpq(draw.randint(1, 30), 10)
                theta = fmpq(draw.randint(-30, 30), 7)
                zero = at(candidate, theta=fmpq(0), alpha=alpha)
                mirror = (arb(theta) / arb(alpha) ** 2).asinh() / 2
                left = at(slope, theta=theta, alpha=alpha) - mirror
                for ball in (zero, left):
                    if not (ball.is_finite() and ball.contains(0)):
                        return Evidence(False, f"off at theta = {theta}, alpha = {alpha}")
        return Evidence(True, "10 points")

    return Claim(
        statement=(
            r"Along gradient flow from $w_\pm = \alpha$ the integral of $2L$ is the sum over the "
            r"coordinates of {formula}, at the limit $\theta$."
        ),
        printed=Formula("lossIntegral", POTENTIAL, given=(sympy.Gt(ALPHA, 0),)),
        checks=(
            Check("integrated flow", Kind.SIMULATION, integral),
            Check("derivative in balls", Kind.BALL, derivative),
        ),
        expected=Verdict.CONFIRMED,
    )
