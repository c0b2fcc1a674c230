"""How large the gain is, and where: Even, Pesme, Gunasekar and Flammarion (2023).

L_B = |X_B (theta - theta*)|^2/(2|B|) = (theta - theta*)^T H_B (theta - theta*)/2 and
x = gamma grad L_B.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import combinations, product

import numpy as np
import sympy
from flint import arb, fmpq, fmpq_mat

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
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.models.diagonal_network import Regression, random_batches, run, theta_of
from verify.running.numbers import evaluate, precision

B, C, D, G, M, N, S, W, ALPHA, GAMMA, THETA = sympy.symbols("b c d g M N sigma w alpha gamma theta")
L, REACH = sympy.symbols("L B")
POSITIVE_C = (sympy.Gt(C, 0), sympy.Lt(C, 1))
PRINTED = sympy.Integer(1)

POTENTIAL = (
    THETA * sympy.log((THETA + sympy.sqrt(THETA**2 + ALPHA**4)) / ALPHA**2)
    - sympy.sqrt(THETA**2 + ALPHA**4)
    + ALPHA**2
) / 2


def gain(x: arb) -> arb:
    """-ln|1 - x^2|."""
    return -abs(1 - x**2).log()


def expected_gain(
    rows: list[list[fmpq]], theta: list[fmpq], gamma: fmpq, length: int
) -> tuple[arb, fmpq, fmpq]:
    """The mean over all sequences of single rows of |Gain|_1 and of sum_k L, and the largest |x|.

    From w_+- = 1 in exact arithmetic; y = X theta.
    """
    x = np.array(rows)
    y = x @ np.array(theta)
    problem = Regression(x, y)
    start = np.array([[fmpq(1)] * len(theta)] * 2)
    total, losses, largest = arb(0), fmpq(0), fmpq(0)
    everything = list(product(range(len(rows)), repeat=length))
    for order in everything:
        here = start
        for step in run(problem, ROTATED, start, gammas=gamma, batches=[[i] for i in order]):
            at_here = (here[0] ** 2 - here[1] ** 2) / 2
            losses += sum((r**2 for r in problem.residual(at_here)), fmpq(0)) / (2 * len(rows))
            total += sum((gain(arb(v)) for v in step.x), arb(0))
            largest = max(largest, *(abs(v) for v in step.x))
            here = step.w
    return total / len(everything), losses / len(everything), largest


HADAMARD = ((1, 1, 1, 1), (1, -1, 1, -1), (1, 1, -1, -1), (1, -1, -1, 1))


def orthogonal_rows(draw: random.Random, count: int) -> tuple[list[list[fmpq]], fmpq]:
    """Orthogonal rational rows of one squared length, which is given beside them."""
    scale = fmpq(draw.randint(1, 9), draw.randint(1, 9))
    chosen = draw.sample(HADAMARD, count)
    signs = [draw.choice([-1, 1]) for _ in range(4)]
    return [
        [scale * s * v for s, v in zip(signs, row, strict=True)] for row in chosen
    ], 4 * scale**2


def expected_gains(draw: random.Random) -> Iterator[tuple[arb, fmpq, fmpq]]:
    """|Gain|_1 over gamma^2 Lambda_b sum L, the steps' reach c, and Lambda_b, on small problems."""
    for _ in range(4):
        rows, squared = orthogonal_rows(draw, 2)
        theta = [fmpq(draw.randint(-9, 9), 5) for _ in range(4)]
        theta[0] += 4
        gamma = fmpq(1, draw.randint(3, 60)) / (squared * 8)
        found, losses, reach = expected_gain(rows, theta, gamma, 3)
        yield found / (gamma**2 * squared * losses), reach, squared


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
