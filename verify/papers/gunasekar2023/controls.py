"""Shape of the gain, stable steps and the linear control on the slides of Gunasekar (2023)."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import sympy
from flint import fmpq

from derive.language.formula import Formula
from verify.claims.checks.diagonal_runs import real
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.running.numbers import evaluate

B, L, N, REACH, W = sympy.symbols("b L N B w")


@claim("gunasekar2023.gain-shape", catalogue="C19", where="shape of gain")
def gain_shape() -> Claim:
    """At θ = 0 the batch gradient is -(1/b) Σ_B x_j ⟨x_j, w⟩. By Isserlis' theorem
    E[x_i² ⟨x,w⟩²] = |w|² + 2 w_i², and two different rows give w_i². Together
    (b-1)/b w_i² + (|w|² + 2 w_i²)/b. One row spreads the squared gradient over all coordinates
    within a factor 3; n rows leave w_i² + (w_i² + |w|²)/n, which shows the support once n is large
    beside |w|²/w_i².
    """

    def three_points(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """-sqrt(3), 0, sqrt(3) with weights 1/6, 2/3, 1/6 have the moments of N(0, 1) up to 5."""
        draw = random.Random(settings.seed)
        for size in (1, 2):
            w = [fmpq(draw.randint(-9, 9), 4) for _ in range(2)]
            weights = {-1: fmpq(1, 6), 0: fmpq(2, 3), 1: fmpq(1, 6)}
            mean = fmpq(0)
            for signs in product(weights, repeat=2 * size):
                chance = fmpq(1)
                for s in signs:
                    chance *= weights[s]
                rows = [signs[2 * j : 2 * j + 2] for j in range(size)]
                pull = sum((3 * r[0] * (r[0] * w[0] + r[1] * w[1]) for r in rows), fmpq(0)) / size
                mean += chance * pull**2
            told = evaluate(candidate, {"w": w[0], "N": w[0] ** 2 + w[1] ** 2, "b": fmpq(size)})
            if told != mean:
                return Evidence(False, f"{told}, enumerated {mean}, at b = {size}, w = {w}")
        return Evidence(True, "all draws of rows with Gaussian moments, b = 1 and 2")

    def drawn(candidate: sympy.Expr, settings: Settings) -> Evidence:
        rng = np.random.default_rng(settings.seed)
        w = np.array([1.0, -0.5, 0.0, 0.0])
        worst = 0.0
        for size in (1, 3, 10):
            x = rng.normal(size=(60_000, size, 4))
            pull = np.einsum("kbi,kb->ki", x, x @ w) / size
            for i in range(4):
                square = pull[:, i] ** 2
                error = np.std(square) / np.sqrt(len(square))
                told = real(candidate, w=w[i], N=float(w @ w), b=size)
                worst = max(worst, abs(float(np.mean(square)) - told) / error)
        return Evidence(bool(worst < 5), f"within {worst:.1f} standard errors")

    return Claim(
        statement=(
            r"For standard Gaussian rows the squared batch gradient at $\theta = 0$ has in a "
            r"coordinate of $\theta^* = w$, with $N = \|\theta^*\|^2$, the mean {formula}."
        ),
        printed=Formula("gainShape", W**2 * (1 + 1 / B) + N / B, given=(sympy.Ge(B, 1),)),
        checks=(
            Check("all draws of three-point rows", Kind.ENUMERATION, three_points),
            Check("Gaussian draws", Kind.SIMULATION, drawn),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"The slides print its two ends, $w^2 + \epsilon$ for all rows and "
            r"$\Theta(\|\theta^*\|^2)$ for one; for flat sparse $\theta^*$ the first needs more "
            "rows than nonzeros."
        ),
    )


@claim("gunasekar2023.step-size-limit", catalogue="C20", where="convergence")
def step_size_limit() -> Claim:
    """X = x in one dimension: L = x² and near θ* = B the error θ - θ* is multiplied by
    1 - γ L (w_+² + w_-²), where w_+² + w_-² tends to 2B as α vanishes. Stable up to γ = 1/(LB), so
    the constant c of γ ≤ c/(LB) is at most 1.
    """

    def multiplier(candidate: sympy.Expr, settings: Settings) -> Evidence:
        w, x, step = sympy.symbols("w x gamma", positive=True)
        theta = w**2 / 2
        after = ((1 - step * x**2 * (theta - REACH)) * w) ** 2 / 2
        slope = sympy.diff(after, w) / sympy.diff(theta, w)
        slope = slope.subs(w, sympy.sqrt(2 * REACH)).subs(step, candidate.subs(L, x**2))
        left = sympy.cancel(sympy.expand(slope) + 1)
        return Evidence(left == 0, f"the multiplier plus 1 is {left}")

    def iterated(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for _ in range(4):
            x, reach = draw.uniform(0.5, 2), draw.uniform(0.5, 2)
            limit = real(candidate, L=x**2, B=reach)
            for part, settles in ((0.98, True), (1.02, False)):
                w = np.sqrt(2 * reach) * 1.001
                for _ in range(2000):
                    w = (1 - part * limit * x**2 * (w**2 / 2 - reach)) * w
                    if not abs(w) < 1e6:
                        break
                if bool(abs(w**2 / 2 - reach) < 1e-6) != settles:
                    return Evidence(False, f"at {part} of it the error is {w**2 / 2 - reach:.2e}")
        return Evidence(True, "settles at 0.98, does not at 1.02 of it, 4 problems")

    return Claim(
        statement=(
            r"In one dimension, for small $\alpha$, gradient descent is stable at the interpolator "
            r"exactly for steps below {formula}, with $L$ the Hessian in $\theta$ and "
            r"$B = |\theta^*|$."
        ),
        printed=Formula("stepSizeLimit", 1 / (L * REACH), given=(sympy.Gt(L, 0),)),
        checks=(
            Check("multiplier of the error", Kind.SYMBOLIC, multiplier),
            Check("iterates", Kind.SIMULATION, iterated),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"The slides state $\gamma \le c/(LB)$ without $c$: this is the largest $c$ that "
            "can stand there, not a proof of convergence in more dimensions."
        ),
    )


Y, SIDE, W0 = sympy.symbols("y s w0")


@claim("gunasekar2023.linear-control", catalogue="C21", where="Bregman characterization")
def linear_control() -> Claim:
    """On |Xθ-y|² every step of heavy ball adds a combination of earlier displacements and of Xᵀr,
    so θ_k - θ_0 stays in the row space: the limit is the projection of θ_0 on the solutions,
    whatever the step size and the momentum. For one row x this is θ_0 + x (y - s)/N, s = x·θ_0,
    N = |x|².
    """

    def project(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for _ in range(5):
            x = [fmpq(draw.randint(1, 9), 4) for _ in range(3)]
            start = [fmpq(draw.randint(-9, 9), 5) for _ in range(3)]
            y = fmpq(draw.randint(-9, 9), 2)
            side = sum((a * b for a, b in zip(x, start, strict=True)), fmpq(0))
            squared = sum((a * a for a in x), fmpq(0))
            told = [
                evaluate(candidate, {"w0": o, "x": a, "y": y, "s": side, "N": squared})
                for o, a in zip(start, x, strict=True)
            ]
            fits = sum((a * t for a, t in zip(x, told, strict=True)), fmpq(0)) == y
            moved = [t - o for t, o in zip(told, start, strict=True)]
            along = all(moved[i] * x[0] == moved[0] * x[i] for i in range(3))
            if not (fits and along):
                return Evidence(False, f"fits: {fits}, moved along the row: {along}")
        return Evidence(True, "fits and moves along the row, exactly, 5 problems")

    def heavy_ball_run(candidate: sympy.Expr, settings: Settings) -> Evidence:
        rng = np.random.default_rng(settings.seed)
        x, start = rng.uniform(0.5, 1.5, 3), rng.normal(size=3)
        w, last = start, start
        for _ in range(600):
            w, last = w - 0.1 * x * (x @ w - 2.0) + 0.8 * (w - last), w
        known = {"y": 2.0, "s": float(x @ start), "N": float(x @ x)}
        told = np.array(
            [real(candidate, w0=o, x=a, **known) for o, a in zip(start, x, strict=True)]
        )
        gap = float(np.max(np.abs(told - w)))
        return Evidence(bool(gap < 1e-9), f"heavy ball ends {gap:.1e} away")

    return Claim(
        statement=(
            r"On single-layer least squares with one row $x$ heavy ball ends at {formula}, as "
            r"gradient descent does."
        ),
        printed=Formula("linearControl", W0 + sympy.Symbol("x") * (Y - SIDE) / N, given=()),
        checks=(
            Check("projection", Kind.ENUMERATION, project),
            Check("heavy ball", Kind.SIMULATION, heavy_ball_run),
        ),
        expected=Verdict.CONFIRMED,
    )
