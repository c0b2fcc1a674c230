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
)
from verify.claims.checks.gain_bounds import Constant, one_coordinate, random_sides, sharp, sign
from verify.claims.checks.gains import POTENTIAL, gain
from verify.claims.checks.stated import compared
from verify.claims.claim import RECALLED, Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import precision

ALPHA, THETA = sympy.symbols("alpha theta")


@claim(
    "even2023.gain-lower-bound",
    catalogue="C14",
    where="gain of SGD, lower bound",
    printed=RECALLED,
)
def gain_lower_bound() -> Claim:
    r"""$q(x)=-\log|1-x^2|\ge x^2$ up to the root of $y+\log y=-1$ in $y=x^2-1$, which is $W(1/e)$.
    $\sum_ix_i^2$ is $\gamma^2|\nabla L_B|^2=\gamma^2(\theta-\theta^*)^TH_B^2(\theta-\theta^*)$. The
    batch does not depend on $\theta_k$, so its mean is at least
    $\gamma^2\lambda(\theta-\theta^*)^TH(\theta-\theta^*)=2\lambda\gamma^2L(\theta_k)$. Small steps
    come near where $E[H_B^2]=\lambda H$; one coordinate at the end of the range meets it.
    """

    def end(says: Statement) -> arb:
        return arb(str(sympy.N(says.expr("reach"), 60)))

    def at_the_end(says: Statement) -> tuple[int, int]:
        with precision(40):
            return one_coordinate(says, end(says))

    def range_of_steps(says: Statement, settings: Settings) -> Evidence:
        """q(x) - x^2 is positive just within the reach, 0 on it and negative just beyond."""
        draw = random.Random(settings.seed)
        with precision(40):
            reach, near = end(says), arb("1e-9")
            if not reach > 0:
                return Evidence(False, "no range")
            left = [sign(gain(x) - x**2) for x in (reach * (1 - near), reach, reach * (1 + near))]
            inside = (reach * arb(fmpq(draw.randint(1, 999), 1000)) for _ in range(20))
            lowest = min(sign(gain(x) - x**2) for x in inside)
        holds = [said >= 0 for said in left]
        wanted = [says["within"].admits(place, 1) for place in (0, 1, 2)]
        return Evidence(holds == wanted and lowest > 0, f"signs {left} about the end")

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"For SGD on single rows, drawn anew in every step, "
            r"$\mathbb E\lVert\mathrm{Gain}_\gamma\rVert_1{relation}{factor}\,\lambda\gamma^2"
            r"\sum_k\mathbb E[L(\theta_k)]$ with {constant}, while the entries of "
            r"$x_k:=\gamma\nabla L_{B_k}$ have $|x|{within}{reach}$ and none is "
            r"of absolute value one.",
            {
                "relation": Relation.AT_LEAST,
                "factor": Value(sympy.Integer(2)),
                "constant": Constant.LEAST,
                "within": Relation.AT_MOST,
                "reach": Value(sympy.sqrt(1 + sympy.LambertW(sympy.exp(-1))), "threshold"),
            },
        ),
        checks=(
            Check("range of the steps", Kind.BALL, range_of_steps),
            sharp("small steps on orthogonal rows"),
            compared(
                "all sequences of two rows",
                random_sides,
                attained=at_the_end,
                count=12,
            ),
        ),
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
