"""How large the gain is, and where, on the slides of Gunasekar (2023).

L_B = |X_B (theta - theta*)|^2/(2|B|) = (theta - theta*)^T H_B (theta - theta*)/2 and
x = gamma grad L_B.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import combinations

import numpy as np
import sympy
from flint import arb, fmpq, fmpq_mat

from derive.language.formula import Formula
from derive.networks.diagonal_networks import ROTATED
from verify.claims.checks.diagonal_runs import at, real
from verify.claims.checks.gains import POTENTIAL, expected_gains, gain, orthogonal_rows
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.models.diagonal_network import Regression, random_batches, run, theta_of
from verify.running.numbers import evaluate, precision

B, C, D, M, N, S, ALPHA, GAMMA = sympy.symbols("b c d M N sigma alpha gamma")
POSITIVE_C = (sympy.Gt(C, 0), sympy.Lt(C, 1))
PRINTED = sympy.Integer(1)


@claim("gunasekar2023.gain-upper-bound", catalogue="C14 C16", where="gain bounds")
def gain_upper_bound() -> Claim:
    """q(x)/x² = -ln(1-x²)/x² increases on (0, 1), so with |x| ≤ c it is at most -ln(1-c²)/c², and
    the mean of Σ_i x_i² is at most 2 Λ_b γ² L. The slides print the factor 1 on both sides. Below
    it is true, and half of what holds; above it fails at every step, as q(x) ≥ x².
    """

    def one_coordinate(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            for _ in range(20):
                reach = fmpq(draw.randint(1, 999), 1000)
                bound = at(candidate, c=reach)
                x = arb(reach)
                left = bound - gain(x) / (x**2 / 2)
                if not left.contains(0):
                    return Evidence(False, f"off by {left.str(5, radius=False)} at c = {reach}")
                x = arb(reach * fmpq(draw.randint(1, 98), 100))
                if not gain(x) / (x**2 / 2) < bound:
                    return Evidence(False, f"fails inside c = {reach}")
        return Evidence(True, "equality at x = c, strict inside, 20 values of c")

    def all_sequences(candidate: sympy.Expr, settings: Settings) -> Evidence:
        tightest = 0.0
        with precision(settings.digits):
            for ratio, reach, _ in expected_gains(random.Random(settings.seed)):
                bound = at(candidate, c=reach)
                if not ratio <= bound:
                    return Evidence(
                        False,
                        f"the mean gain is {ratio.str(5, radius=False)} times, the bound "
                        f"{bound.str(5, radius=False)}",
                    )
                tightest = max(tightest, float((ratio / bound).mid()))
        return Evidence(True, f"holds over all batches; tightest {tightest:.3f} of the bound")

    return Claim(
        statement=(
            r"The mean of the gain's $\ell_1$ norm is at most {formula} times "
            r"$\Lambda_b\gamma^2\sum_k E L(\theta_k)$, where every $|x_k| \le c$."
        ),
        printed=Formula("gainUpperBoundPrinted", PRINTED, given=()),
        right=Formula("gainUpperBound", -2 * sympy.log(1 - C**2) / C**2, given=POSITIVE_C),
        checks=(
            Check("one coordinate", Kind.BALL, one_coordinate, refutes=True),
            Check("all batch sequences", Kind.ENUMERATION, all_sequences, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"$E[H_B^2] \le \Lambda_b H$ with $H$ the Hessian of $L$ in $\theta$, every "
            r"$|x_k| \le c < 1$, independent batches; the factor tends to 2 for small steps."
        ),
        because=(
            r"$|\nabla L|^2$ is at most $2\Lambda_b L$, with a 2, and $q(x) > x^2$; the lower "
            "bound holds with the factor 2 too."
        ),
        counterexample=(
            r"$X = 1$, $y = 1$ ($\lambda_1 = \Lambda_1 = 1$), one step: "
            r"$q(\gamma) = \gamma^2 + \gamma^4/2 + \dots$, but "
            r"$\Lambda\gamma^2 L = \gamma^2/2$."
        ),
    )


@claim("gunasekar2023.batch-constants", catalogue="C15 C17", where="constants of the gain bounds")
def batch_constants() -> Claim:
    """H_B = Σ_B x_i x_iᵀ/b. With orthogonal rows of squared length N its square is
    (N/b²) Σ_B x_i x_iᵀ, and every row lies in a batch with probability b/n: E[H_B²] = (N/b) H.
    Gaussian rows in many dimensions are nearly such, with N = σ²d. The slides bound E[H_B], which
    is H itself, so that both constants are 1 whatever the batch.
    """

    def squares(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for size in (1, 2, 3):
            rows, squared = orthogonal_rows(draw, 3)
            outer = [fmpq_mat([[a * b for b in row] for a in row]) for row in rows]
            batches = list(combinations(range(3), size))
            mean = fmpq_mat(4, 4)
            for batch in batches:
                hessian = sum((outer[i] for i in batch), fmpq_mat(4, 4)) * fmpq(1, size)
                mean += hessian * hessian * fmpq(1, len(batches))
            whole = sum(outer, fmpq_mat(4, 4)) * fmpq(1, 3)
            if mean != whole * evaluate(candidate, {"N": squared, "b": fmpq(size)}):
                return Evidence(False, f"not the factor at b = {size}, N = {squared}")
        return Evidence(True, "the mean of H_B^2 over all batches of 1, 2 and 3 rows")

    def mean_gain(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            for ratio, reach, squared in expected_gains(random.Random(settings.seed)):
                constant = at(candidate, N=squared, b=fmpq(1))
                scaled = ratio * arb(squared)
                upper = -2 * (1 - arb(reach) ** 2).log() / arb(reach) ** 2
                if not (scaled >= 2 * constant and scaled <= upper * constant):
                    return Evidence(
                        False,
                        f"gain {scaled.str(5, radius=False)}, constant "
                        f"{constant.str(5, radius=False)}",
                    )
        return Evidence(True, "the mean gain lies between the two bounds")

    return Claim(
        statement=(
            r"For orthogonal rows of squared length $N$, $E[H_B^2] = \lambda_b H$ with "
            r"$\lambda_b = \Lambda_b$ = {formula}."
        ),
        printed=Formula("batchConstantPrinted", PRINTED, given=()),
        right=Formula("batchConstant", N / B, given=(sympy.Ge(B, 1),)),
        checks=(
            Check("all batches", Kind.ENUMERATION, squares, refutes=True),
            Check("mean gain", Kind.BALL, mean_gain, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"$\lambda_b H \le E[H_B^2] \le \Lambda_b H$: the batch Hessian is squared.",
        because=r"$E[H_B] = H$, so that the printed inequality defines 1 for every batch size.",
        counterexample=(
            r"rows $(2,0)$ and $(0,2)$, $b = 1$: $E[H_B^2] = 4H$, and the gain of a small step is "
            r"$8\gamma^2 L$, not between $1$ and $1$ times $\gamma^2 L$."
        ),
    )


@claim("gunasekar2023.gaussian-gain", catalogue="C17", where="Gaussian gain size")
def gaussian_gain() -> Claim:
    """Small steps gain λ_b γ ψ_α(θ_∞) in all; for Gaussian rows with n much below d, λ_b and Λ_b
    are σ²d/b up to fluctuations, and ψ_α(θ_∞) = ln(1/α) |θ_∞|₁ (1 + O(1/ln(1/α))). Where α is small
    |θ_∞|₁ is the least l1 norm M.
    """
    whole = GAMMA * S**2 * D * sympy.log(1 / ALPHA) * M / B

    @cache
    def simulate(seed: int, size: int) -> tuple[float, dict[str, float]]:
        """The gain of a run, and the parameters."""
        rng = np.random.default_rng(seed)
        n, d, sigma, alpha = 2, 100, 1.5, 1e-4
        problem = Regression(sigma * rng.normal(size=(n, d)), np.array([3.0, -2.0]))
        step = 0.05 * size / (sigma**2 * d)
        start = np.full((2, d), alpha)
        w, batches = start, random_batches(n, size, seed)
        for k, done in enumerate(run(problem, ROTATED, start, gammas=step, batches=batches)):
            w = done.w
            if k % 500 == 0 and np.max(np.abs(problem.residual(theta_of(ROTATED, w)))) < 0.01:
                break
        norm = float(np.sum(np.abs(theta_of(ROTATED, w))))
        values = {"gamma": step, "sigma": sigma, "d": d, "alpha": alpha, "M": norm, "b": size}
        return float(np.sum(np.log(alpha**2 / np.abs(w[0] * w[1])))), values

    def sizes(candidate: sympy.Expr, settings: Settings) -> Evidence:
        ratios = []
        for size in (1, 2):
            found, values = simulate(settings.seed % 4, size)
            told = real(candidate, **values)
            ratios.append(found / told if told else float("inf"))
        close = all(0.7 < ratio < 1.4 for ratio in ratios)
        return Evidence(close, "gain over it: " + ", ".join(f"{r:.3f}" for r in ratios))

    def limit(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """Over gamma lambda_b psi_alpha(M) it tends to 1 as alpha vanishes, for any M."""
        draw = random.Random(settings.seed)
        with precision(400):
            alpha = fmpq(1, 10**300)
            for _ in range(5):
                g, s, m = (fmpq(draw.randint(1, 9), draw.randint(1, 9)) for _ in range(3))
                d, b = fmpq(draw.randint(2, 99)), fmpq(draw.randint(1, 9))
                value = at(candidate, gamma=g, sigma=s, d=d, alpha=alpha, M=m, b=b)
                ratio = value / (arb(g * s**2 * d / b) * at(POTENTIAL, theta=m, alpha=alpha))
                if not abs(ratio - 1) < arb(fmpq(1, 50)):
                    return Evidence(False, f"ratio {ratio.str(4, radius=False)} at alpha = 1e-300")
        return Evidence(True, "ratio within 0.02 of 1 at alpha = 1e-300")

    return Claim(
        statement=(
            r"For $n$ Gaussian rows, $n \ll d$, small steps and small $\alpha$, the mean of the "
            r"gain's $\ell_1$ norm is, to leading order, {formula}."
        ),
        printed=Formula("gaussianGain", whole, given=()),
        checks=(
            Check("runs of SGD", Kind.SIMULATION, sizes),
            Check("small initialization", Kind.BALL, limit),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"Small steps ($\gamma\,\sigma^2 d\,\|\theta\|/b \ll 1$), small $\alpha$, $n \ll d$ "
            r"so that $E[H_B^2]$ is nearly $(\sigma^2 d/b) H$."
        ),
    )
