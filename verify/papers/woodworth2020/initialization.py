"""How small or large an initialization must be: Woodworth, Gunasekar et al. (2020).

theta = w_+^2 - w_-^2 from w_+- = alpha; a = alpha^2, q(z) = 2 - sqrt(4+z^2) + z arcsinh(z/2).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from itertools import combinations

import numpy as np
import sympy
from flint import arb, fmpq

from derive.language.formula import Formula
from derive.networks.diagonal_networks import SQUARES
from derive.networks.potentials import Potential, mirror_map
from verify.claims.checks.diagonal_runs import (
    FLOW_CLOSE,
    at,
    encloses_zero,
    integrate_flow,
    on_arrays,
    random_problem,
    real,
)
from verify.claims.checks.identities import enclosed
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.models.diagonal_network import Regression
from verify.models.interpolators import constrained_minimum
from verify.running.numbers import precision

ALPHA, D, EPS, M, W = sympy.symbols("alpha d epsilon M w")
SMALL = (sympy.Gt(EPS, 0), sympy.Lt(EPS, D))
SLOPE = sympy.log(W / (2 * ALPHA**2) + sympy.sqrt((W / (2 * ALPHA**2)) ** 2 + 1, evaluate=False))
LOG_SMALL = (
    sympy.log(M) + (1 + EPS) / EPS * (sympy.log((1 + EPS) / D) - 1) - sympy.log(2) / EPS
) / 2
MARGIN = sympy.log(2 * (1 + EPS)) + (1 + EPS) * sympy.log(2 * (1 + EPS) / (2 + EPS))
LARGE = M / 2 * sympy.sqrt((1 + EPS) / (EPS * (2 + EPS)))


def drawn(draw: random.Random) -> dict[str, fmpq]:
    """d >= 2, 0 < epsilon < d and M > 0."""
    d = draw.randint(2, 40)
    return {
        "d": fmpq(d),
        "epsilon": fmpq(draw.randint(1, 40 * d - 1), 40),
        "M": fmpq(draw.randint(1, 400), draw.randint(1, 40)),
    }


def solves(name: str, equation: Callable[[arb, dict[str, arb]], arb]) -> Check:
    """The equation, at the candidate's value and the parameters, is 0 at 20 points."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)

        def differences() -> Iterator[arb]:
            for _ in range(20):
                point = {name: arb(value) for name, value in drawn(draw).items()}
                yield equation(at(candidate, **point), point)

        with precision(settings.digits):
            return encloses_zero(differences(), settings.digits, "the equation of the proof")

    return Check(name, Kind.BALL, judge)


@claim("woodworth2020.mirror-flow", catalogue="C02", where="Theorem 1")
def mirror_flow() -> Claim:
    """ln(w_+/w_-) = arcsinh(θ/2α²), as w_+ w_- = α² stays. Its derivative is -4∇L, so at the limit
    it lies in the row space of X: the stationarity of Σ α² q(θ_i/α²), with q'(z) = arcsinh(z/2).
    """

    @cache
    def ended(seed: int, alpha: float) -> tuple[np.ndarray, np.ndarray]:
        start = np.full((2, 4), alpha)
        found = integrate_flow(random_problem(seed), start, SQUARES, 0.0, 20.0, 0.01)
        return found.theta, found.gradient

    def along(candidate: sympy.Expr, settings: Settings) -> Evidence:
        function, worst = on_arrays(candidate, "w", "alpha"), 0.0
        for alpha in (0.3, 0.6):
            theta, gradient = ended(settings.seed, alpha)
            with np.errstate(all="ignore"):
                gap = float(np.max(np.abs(function(theta, alpha) + 4 * gradient)))
            worst = gap if not gap <= worst else worst
        return Evidence(bool(worst < FLOW_CLOSE), f"off by {worst:.1e}")

    def points(draw: random.Random) -> dict[str, fmpq]:
        return {"w": fmpq(draw.randint(-30, 30), 7), "alpha": fmpq(draw.randint(1, 30), 10)}

    return Claim(
        statement=(
            r"Gradient flow from $w_\pm = \alpha$ that reaches zero loss ends at the $\theta$ with "
            r"$X\theta = y$ at which the vector with entries {formula} lies in the row space; "
            r"along the way it is $-4\int\nabla L$."
        ),
        printed=Formula("mirrorFlow", SLOPE, given=(sympy.Gt(ALPHA, 0),)),
        checks=(
            Check("integrated flow", Kind.SIMULATION, along),
            enclosed(
                "quotient of the weights",
                lambda: 4 * mirror_map(W, ALPHA**2, Potential(SQUARES)),
                points,
            ),
        ),
        expected=Verdict.CONFIRMED,
    )


def one_row(share: float, columns: int, scale: float) -> Regression:
    """w_1 + share (w_2 + ... ) = scale: the least l1 norm is scale, alone on w_1."""
    row = np.full((1, columns), share)
    row[0, 0] = 1.0
    return Regression(row, np.array([scale]))


def least_l1_of(problem: Regression) -> float:
    """The smallest l1 norm over all basic solutions of two rows."""
    norms = []
    for columns in combinations(range(problem.x.shape[1]), 2):
        block = problem.x[:, columns]
        norms.append(float(np.sum(np.abs(np.linalg.solve(block, problem.y)))))
    return min(norms)


def ended_at(problem: Regression, log_alpha: float) -> np.ndarray:
    """The limit of gradient flow from w_+- = alpha."""
    weights = np.full((2, problem.x.shape[1]), np.exp(2 * log_alpha))
    return constrained_minimum(problem, weights, digits=30).astype(float)


def sparse_cases(seed: int) -> list[tuple[Regression, float]]:
    """Problems with their least l1 norm, one of them close to the worst."""
    general = random_problem(seed)
    return [
        (general, least_l1_of(general)),
        (one_row(0.7, 4, 1.5), 1.5),
        (one_row(0.9, 3, 0.5), 0.5),
    ]


@claim("woodworth2020.small-initialization", catalogue="C08 C09", where="Theorem 2, first part")
def small_initialization() -> Claim:
    """z ln(z/a) - z ≤ a q(z/a) ≤ z ln(1+z/a) for z ≥ 0. With N = |θ|₁ of the limit and the log-sum
    inequality, N (ln(N/(ad)) - 1) ≤ Q(θ) ≤ Q(θ_l1) ≤ M ln(1+M/a). If N were above (1+ε)M then
    (1+ε)(ln((1+ε)M/(ad)) - 1) < ln(M/a) + ln(1+a/M); at a ≤ M the last term is at most ln 2, and
    equality is the bound. It needs no unit: θ → sθ, a → sa. ln(1/α) grows as ln(d)/(2ε), and an
    instance below shows that it must.
    """

    def equation(log_alpha: arb, point: dict[str, arb]) -> arb:
        d, e, m = (point[name] for name in ("d", "epsilon", "M"))
        log_a = 2 * log_alpha
        left = (1 + e) * (((1 + e) * m / d).log() - log_a - 1)
        return left - (m.log() - log_a + arb(2).log())

    def instances(candidate: sympy.Expr, settings: Settings) -> Evidence:
        closest = 0.0
        for problem, least in sparse_cases(settings.seed):
            for eps in (0.05, 0.3):
                log_alpha = real(candidate, d=problem.x.shape[1], epsilon=eps, M=least)
                if not -300 < log_alpha < 20:
                    return Evidence(False, f"ln alpha = {log_alpha:.3g}")
                norm = float(np.sum(np.abs(ended_at(problem, log_alpha))))
                if not norm <= (1 + eps) * least + 1e-12:
                    return Evidence(False, f"norm {norm:.4f} of {least:.4f}, epsilon = {eps}")
                closest = max(closest, (norm / least - 1) / eps)
        return Evidence(True, f"6 instances; at most {closest:.2f} of epsilon is used")

    return Claim(
        statement=(
            r"With $M$ the least $\ell_1$ norm, the limit has $\ell_1$ norm at most "
            r"$(1+\epsilon)M$ for $\log\alpha$ up to {formula}."
        ),
        printed=Formula("smallInitialization", LOG_SMALL, given=SMALL),
        checks=(
            solves("equation of the proof", equation),
            Check("solved instances", Kind.SIMULATION, instances),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"A bound without units; what the theorem prints is smaller and follows from it.",
    )


@claim("woodworth2020.small-initialization-printed", catalogue="C08", where="Theorem 2, first part")
def small_initialization_printed() -> Claim:
    """The theorem asks ln(1/a) ≥ (2+ε)/ε ln(2(1+ε)M) and ln(1/a) ≥ 2d/(εM). Weighted by 1/(2+ε) and
    (1+ε)/(2+ε) they give ε ln(1/a) ≥ ln(2(1+ε)M) + 2d(1+ε)/((2+ε)M). What this leaves of
    ε ln(M/a) - (1+ε)(1 + ln(d/(1+ε))) is least at M = 2d/(2+ε), where it is the formula. The
    scale-free bound needs ln(1+a/M) there; the formula is above ln 2, and 1+ε < ed makes a < M.
    """

    def margin(e: arb, d: arb, m: arb) -> arb:
        first, second = (2 + e) / e * (2 * (1 + e) * m).log(), 2 * d / (e * m)
        log_inverse = (first + (1 + e) * second) / (2 + e)
        return e * (log_inverse + m.log()) - (1 + e) * (1 + (d / (1 + e)).log())

    def least(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            for _ in range(20):
                point = drawn(draw)
                d, e, m = (arb(point[n]) for n in ("d", "epsilon", "M"))
                told = at(candidate, **point)
                left = told - margin(e, d, 2 * d / (2 + e))
                if not (left.is_finite() and left.contains(0)):
                    return Evidence(False, f"off by {left.str(5, radius=False)}")
                if not margin(e, d, m) - told > -(arb(10) ** (5 - settings.digits)):
                    return Evidence(False, "another M leaves less")
                if not told > arb(2).log():
                    return Evidence(False, "not above ln 2")
        return Evidence(True, "the least margin over M, above ln 2, at 20 points")

    def instances(candidate: sympy.Expr, settings: Settings) -> Evidence:
        for problem, l1 in sparse_cases(settings.seed):
            d = problem.x.shape[1]
            for eps in (0.3, 1.0):
                two = (2 + eps) / eps * np.log(2 * (1 + eps) * l1), 2 * d / (eps * l1)
                log_inverse = max(*two, 0.0)
                norm = float(np.sum(np.abs(ended_at(problem, -log_inverse / 2))))
                left = eps * (log_inverse + np.log(l1)) - (1 + eps) * (1 + np.log(d / (1 + eps)))
                if not norm <= (1 + eps) * l1 + 1e-12:
                    return Evidence(False, f"norm {norm:.4f} of {l1:.4f}, epsilon = {eps}")
                if not left >= real(candidate, epsilon=eps) > 0:
                    return Evidence(False, f"margin {left:.4f}")
        return Evidence(True, "norm and margin of 6 instances")

    return Claim(
        statement=(
            r"The printed conditions exceed what is needed, in $\epsilon\log(1/\alpha^2)$, "
            r"by at least {formula} less $\log(1+\alpha^2/M)$, so that the theorem holds."
        ),
        printed=Formula("smallInitializationMargin", MARGIN, given=SMALL),
        checks=(
            Check("least margin", Kind.BALL, least),
            Check("solved instances", Kind.SIMULATION, instances),
        ),
        expected=Verdict.CONFIRMED,
        condition="The printed bound is not invariant under a change of unit of y; this one is.",
    )


@claim("woodworth2020.large-initialization", catalogue="C08", where="Theorem 2, second part")
def large_initialization() -> Claim:
    """q'' = (4+z²)^(-1/2), so Q ≤ |θ|²/(4a) and, on |θ_i| ≤ R, Q ≥ |θ|²/(4a √(1+R²/(4a²))). Go from
    the least squares solution (norm m) towards the limit until the squared norm is (1+ε)m², where
    R² ≤ (1+ε)m²; convexity keeps Q there at most Q of the start: 1+ε ≤ √(1+(1+ε)m²/(4a²)).
    Equality is the bound. The theorem prints 2(1+ε)(1+2/ε)m, which is larger for every ε: true, and
    of order 1/ε where ε^(-1/2) is enough.
    """
    printed = 2 * (1 + EPS) * (1 + 2 / EPS) * M

    def equation(a: arb, point: dict[str, arb]) -> arb:
        e, m = point["epsilon"], point["M"]
        if not (a > 0 and at(printed, epsilon=e, M=m) > a):
            return arb("nan")
        return (1 + (1 + e) * m**2 / (4 * a**2)).sqrt() - 1 - e

    def instances(candidate: sympy.Expr, settings: Settings) -> Evidence:
        closest = 0.0
        for problem in (random_problem(settings.seed), one_row(0.3, 2, 1.5), one_row(0.5, 4, 1.0)):
            m2 = float(np.linalg.norm(np.linalg.lstsq(problem.x, problem.y, rcond=None)[0]))
            for eps in (0.01, 0.1):
                a = real(candidate, epsilon=eps, M=m2)
                if not a > 0:
                    return Evidence(False, f"alpha^2 = {a:.3g}")
                square = float(np.sum(ended_at(problem, np.log(a) / 2) ** 2))
                if not square <= (1 + eps) * m2**2:
                    return Evidence(False, f"{square / m2**2:.6f} times, epsilon = {eps}")
                closest = max(closest, (square / m2**2 - 1) / eps)
        return Evidence(True, f"6 instances; at most {closest:.1e} of epsilon is used")

    return Claim(
        statement=(
            r"With $M$ the least Euclidean norm, the limit has squared norm at most "
            r"$(1+\epsilon)M^2$ for $\alpha^2$ from {formula} on."
        ),
        printed=Formula("largeInitialization", LARGE, given=SMALL),
        checks=(
            solves("equation of the proof", equation),
            Check("solved instances", Kind.SIMULATION, instances),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"The theorem prints $2(1+\epsilon)(1+2/\epsilon)M$, which is larger.",
    )
