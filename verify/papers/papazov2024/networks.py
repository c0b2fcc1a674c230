"""Momentum on diagonal networks: Papazov, Pesme and Flammarion (2024).

theta = u v, w_+- = u +- v, theta = (w_+^2 - w_-^2)/4, balance D = |w_+ w_-|, g = grad L(theta).
The momentum flow is lambda w'' + w' +- g w = 0; p = w_+'/w_+ and m = w_-'/w_-.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np
import sympy
from flint import arb, fmpq, fmpq_poly

from derive.language.formula import BETA, Formula
from derive.networks.diagonal_networks import (
    LAMBDA,
    RHO,
    SUMS,
    R,
    flow_loss_rate,
    momentum_step_loss,
)
from verify.claims.checks.diagonal_runs import (
    CLOSE,
    FLOW_CLOSE,
    ExactRun,
    FlowEnd,
    at,
    flow,
    integrate_flow,
    long_run,
    minimizer_distance,
    on_arrays,
    over_exact_runs,
    random_problem,
    random_start,
)
from verify.claims.checks.identities import enclosed, identical, order_of
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.models.diagonal_network import Array
from verify.running.numbers import PowerSeries, evaluate

G, P, Q, T = sympy.symbols("g p m t")
POSITIVE = (sympy.Gt(LAMBDA, 0),)
TERMS = 9


def local_series(settings: Settings) -> Iterator[tuple[fmpq, dict[str, PowerSeries]]]:
    """Momentum flow from rest in one dimension, L = (theta - y)^2/2, as exact series in time.

    Yields lambda and the series of w_+, w_-, p, m and g.
    """
    draw = random.Random(settings.seed)
    for _ in range(4):
        inertia = fmpq(draw.randint(1, 9), draw.randint(1, 9))
        y = fmpq(draw.randint(1, 9), 2)
        weights = [[fmpq(draw.randint(1, 9), 4), fmpq(0)] for _ in "+-"]
        for n in range(TERMS):
            cut = [PowerSeries(fmpq_poly(w[: n + 1]), n + 1) for w in weights]
            pull = (cut[0] * cut[0] - cut[1] * cut[1]) / 4 - y
            for w, sign in zip(weights, (1, -1), strict=True):
                here = PowerSeries(fmpq_poly(w[: n + 1]), n + 1)
                forced = -(n + 1) * w[n + 1] - sign * (pull * here)[n]
                w.append(forced / (inertia * (n + 1) * (n + 2)))
        plus, minus = (PowerSeries(fmpq_poly(w), TERMS) for w in weights)
        g = (plus * plus - minus * minus) / 4 - y
        speeds = {name: slope(w) / w for name, w in (("p", plus), ("m", minus))}
        yield inertia, {"plus": plus, "minus": minus, "g": g, **speeds}


def slope(series: PowerSeries) -> PowerSeries:
    return PowerSeries(series.polynomial.derivative(), series.length - 1)


def leaves_nothing(
    name: str, left: Callable[[sympy.Expr, fmpq, dict[str, PowerSeries]], PowerSeries], **more: bool
) -> Check:
    """An identity of the momentum flow holds in every coefficient of its exact series."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        for inertia, world in local_series(settings):
            series = left(candidate, inertia, world)
            wrong = [n for n in range(series.length) if series[n] != 0]
            if wrong:
                return Evidence(False, f"t^{wrong[0]} is left at lambda = {inertia}")
        return Evidence(True, f"{TERMS - 2} coefficients, 4 flows")

    return Check(name, Kind.SERIES, judge, **more)


def on_series(candidate: sympy.Expr, inertia: fmpq, world: dict[str, PowerSeries]) -> PowerSeries:
    """The candidate in lambda, p, m, g and rho on series."""
    told = evaluate(candidate, {"lambda": inertia, **world})
    return told if isinstance(told, PowerSeries) else world["p"] * 0 + told


@claim("papazov2024.setting", catalogue="D06", where="diagonal networks, setting")
def setting() -> Claim:
    """(u+v)² - (u-v)² = 4 u v. The gradients of L(u v) are g v and g u, so that u ± v is multiplied
    by 1 ∓ γ g, and the momentum is linear.
    """

    def expanded(candidate: sympy.Expr, settings: Settings) -> Evidence:
        u, v = sympy.symbols("u v")
        left = sympy.expand(u * v - candidate * ((u + v) ** 2 - (u - v) ** 2))
        return Evidence(left == 0, f"difference {left}")

    def iterated(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """Heavy ball on (u, v) beside the two-step rule of w_+- with theta from the candidate."""
        draw = random.Random(settings.seed)
        c = evaluate(candidate, {})
        for _ in range(5):
            y, step, beta = fmpq(draw.randint(1, 9), 2), fmpq(1, 7), fmpq(draw.randint(1, 9), 10)
            u, v = (fmpq(draw.randint(1, 9), 5) for _ in "uv")
            du = dv = fmpq(0)
            w, last = [u + v, u - v], [u + v, u - v]
            for _ in range(3):
                pull = u * v - y
                du, dv = beta * du - step * pull * v, beta * dv - step * pull * u
                u, v = u + du, v + dv
                pull = c * (w[0] ** 2 - w[1] ** 2) - y
                w, last = (
                    [
                        (1 - sign * step * pull) * w[i] + beta * (w[i] - last[i])
                        for i, sign in ((0, 1), (1, -1))
                    ],
                    w,
                )
            if w != [u + v, u - v]:
                return Evidence(False, "the paths part")
        return Evidence(True, "heavy ball on u and v, exactly, 5 problems")

    return Claim(
        statement=(
            r"$\theta = u \odot v$ is $w_+^2 - w_-^2$, with $w_\pm = u \pm v$, times {formula}."
        ),
        printed=Formula("settingFactor", sympy.Rational(1, 4), given=()),
        checks=(
            Check("expanded squares", Kind.SYMBOLIC, expanded),
            Check("heavy ball on u and v", Kind.ENUMERATION, iterated),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("papazov2024.mirror-flow", catalogue="D08", where="Lemma 1")
def mirror_flow() -> Claim:
    """∇ψ_D(θ) = arcsinh(2θ/D)/2 = ½ ln|w_+/w_-|. Its rate is (p-m)/2, and λ(p' + p²) + p = -g,
    λ(m' + m²) + m = g; half the difference.
    """

    def left(candidate: sympy.Expr, inertia: fmpq, world: dict[str, PowerSeries]) -> PowerSeries:
        rate = (world["p"] - world["m"]) / 2
        return slope(rate) * inertia + rate + on_series(candidate, inertia, world) + world["g"]

    def by_hand() -> sympy.Expr:
        """From p' = (-g - p)/lambda - p^2 and m' = (g - m)/lambda - m^2."""
        p_rate, m_rate = (-G - P) / LAMBDA - P**2, (G - Q) / LAMBDA - Q**2
        return -G - LAMBDA * (p_rate - m_rate) / 2 - (P - Q) / 2

    return Claim(
        statement=(
            r"While no weight vanishes, $\lambda(\nabla\psi)'' + (\nabla\psi)' = -\nabla L - $"
            r"{formula}."
        ),
        printed=Formula("mirrorFlowTerm", LAMBDA / 2 * (P**2 - Q**2), given=POSITIVE),
        checks=(
            leaves_nothing("exact series in time", left),
            identical("expanded by hand", by_hand),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("papazov2024.balance-in-time", catalogue="D09", where="balance at finite time")
def balance_in_time() -> Claim:
    """ℓ = ln D has ℓ' = p + m and λℓ'' + ℓ' = -λS, S = p² + m². From rest its solution is the
    convolution of S with the kernel K, λK'' + K' = 0, K(0) = 0, K'(0) = -1.
    """

    def kernel_equation(candidate: sympy.Expr, settings: Settings) -> Evidence:
        rate = sympy.diff(candidate, T)
        left = [
            sympy.simplify(LAMBDA * sympy.diff(rate, T) + rate),
            candidate.subs(T, 0),
            sympy.simplify(rate.subs(T, 0) + 1),
        ]
        return Evidence(all(term == 0 for term in left), f"left over: {left}")

    def convolution(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """t^a s^b convolve to a! b!/(a+b+1)! t^(a+b+1)."""
        for inertia, world in local_series(settings):
            number = sympy.Rational(int(inertia.p), int(inertia.q))
            taylor = sympy.series(candidate.subs(LAMBDA, number), T, 0, TERMS).removeO()
            kernel = [
                fmpq(int(c.p), int(c.q)) for c in reversed(sympy.Poly(taylor, T).all_coeffs())
            ]
            speed = world["p"] * world["p"] + world["m"] * world["m"]
            rate = world["p"] + world["m"]
            for n in range(1, TERMS - 2):
                parts = (
                    kernel[a] * speed[n - 1 - a] * factor(a, n - 1 - a)
                    for a in range(min(n, len(kernel)))
                )
                if sum(parts, fmpq(0)) != rate[n - 1] / n:
                    return Evidence(False, f"t^{n} differs at lambda = {inertia}")
        return Evidence(True, f"ln D through t^{TERMS - 3}, 4 flows")

    def factor(a: int, b: int) -> fmpq:
        whole = sympy.Rational(sympy.factorial(a) * sympy.factorial(b), sympy.factorial(a + b + 1))
        return fmpq(int(whole.p), int(whole.q))

    return Claim(
        statement=(
            r"From rest $\log(\Delta_T/\Delta_0)$ is the integral of $p^2 + m^2$ at time $T - t$ "
            r"times {formula}."
        ),
        printed=Formula("balanceKernel", -LAMBDA * (1 - sympy.exp(-T / LAMBDA)), given=POSITIVE),
        checks=(
            Check("equation of the kernel", Kind.SYMBOLIC, kernel_equation),
            Check("exact series in time", Kind.SERIES, convolution),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$\dot w_0 = 0$ and no weight vanishes.",
    )


CALM = 0.05
"""An inertia at which no weight of the drawn problems crosses zero."""


@claim("papazov2024.no-crossing", catalogue="D10", where="Theorem 1")
def no_crossing() -> Claim:
    """λ(p' + p²) + p = -g integrates to ln|w_+| + ∫g + λ∫p² = const, as p starts and ends at 0. So
    every weight loses λ∫p² beyond the gradients; the gradients stay in the row space. The loss of
    both is ln(D_0/D_∞), that of one is half of what moves θ̃₀. A crossing is a pole 1/(t-t₀) of p,
    where the integral diverges.
    """

    def ends(candidate: sympy.Expr, settings: Settings) -> Evidence:
        found = flow(settings.seed % 5, SUMS, CALM)
        function = on_arrays(candidate, "lambda", "rho")
        # The integrals of rho^2 enter as one square.
        loss = function(CALM, np.sqrt(found.speeds))
        start, problem = random_start(settings.seed % 5), random_problem(settings.seed % 5)
        gap = minimizer_distance(problem, SUMS, start, loss, found.theta)
        return Evidence(bool(gap < FLOW_CLOSE), f"distance {gap:.1e} from the end of the flow")

    def left(candidate: sympy.Expr, inertia: fmpq, world: dict[str, PowerSeries]) -> PowerSeries:
        p = world["p"]
        return (
            slope(p) * inertia + p + world["g"] + on_series(candidate, inertia, {"rho": p} | world)
        )

    return Claim(
        statement=(
            r"Momentum flow without crossings ends at the minimizer of the divergence of "
            r"$\psi_{\Delta_\infty}$, where $\log|w_\pm|$ loses, per unit time and with "
            r"$\rho = \dot w_\pm/w_\pm$, {formula}."
        ),
        printed=Formula("flowLoss", LAMBDA * RHO**2, given=POSITIVE),
        checks=(
            leaves_nothing("exact series in time", left),
            Check("end of the flow", Kind.SIMULATION, ends),
            identical("limit of the ratios", flow_loss_rate),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$\dot w_0 = 0$; no weight crosses zero; the flow reaches an interpolator.",
    )


@claim("papazov2024.small-inertia", catalogue="D11", where="after Theorem 1")
def small_inertia() -> Claim:
    """p = -g + O(λ) and m = g + O(λ) after a layer of width λ, so λ(p² + m²) = 2λg² (1 + O(λ)) in
    the integral.
    """

    @cache
    def ended(seed: int, inertia: float) -> tuple[Array, FlowEnd]:
        # A step resolves the layer of width lambda.
        start = random_start(seed)
        return start, integrate_flow(
            random_problem(seed), start, SUMS, inertia, 12.0, min(0.01, inertia / 4)
        )

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        function, found = on_arrays(candidate, "lambda", "g"), []
        for j in range(4):
            inertia = 0.08 / 2**j
            start, end = ended(settings.seed % 3, inertia)
            change = np.log(np.abs(end.w[0] * end.w[1] / (start[0] * start[1])))
            told = function(inertia, np.sqrt(end.square))
            found.append(float(np.max(np.abs(change - told))))
        return found

    def layer() -> sympy.Expr:
        """Minus lambda (p^2 + m^2) at the leading order of p and m."""
        leading = {P: -G, Q: G}
        return -LAMBDA * (P**2 + Q**2).subs(leading)

    return Claim(
        statement=(
            r"For small $\lambda$, $\log(\Delta_\infty/\Delta_0)$ is, up to $O(\lambda^2)$, the "
            r"integral over time of {formula}."
        ),
        printed=Formula("smallInertia", -2 * LAMBDA * G**2, given=POSITIVE),
        checks=(
            order_of("observed order in lambda", errors, 2),
            identical("leading order", layer),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("papazov2024.momentum-loss", catalogue="D13 D15", where="momentum gradient descent")
def momentum_loss() -> Claim:
    """(1-β) ln|r| = r-1 + β(1/r-1) - [f(r) + β f(1/r)] and r_k - 1 = ∓x_k + β(1 - 1/r_(k-1)): the
    β-terms telescope to β(1/r_(K-1) - 1), which vanishes in the limit. Nothing is asked of the
    signs of r, and of the batches only that x_k lies in the row space.
    """

    def differences(candidate: sympy.Expr, path: ExactRun) -> Iterator[arb]:
        for row, sign in ((0, 1), (1, -1)):
            for i in range(3):
                ratios = [step.ratios[row, i] for step in path.steps]
                total = sum((at(candidate, r=r, beta=path.beta) for r in ratios), arb(0))
                pull = sign * sum((step.x[i] for step in path.steps), fmpq(0))
                left = path.beta * (1 / ratios[-1] - 1) - pull
                kept = arb(abs(path.steps[-1].w[row, i] / path.start[row, i])).log()
                yield total + kept - arb(left / (1 - path.beta))

    def ends(candidate: sympy.Expr, settings: Settings) -> Evidence:
        function, worst, crossed = on_arrays(candidate, "r", "beta"), 0.0, 0
        for beta, first in ((0.5, 1.7), (0.9, 0.02)):
            path = long_run(settings.seed % 5, SUMS, beta, first)
            with np.errstate(all="ignore"):
                loss = function(path.ratios, beta).sum(axis=0)
            gap = minimizer_distance(path.problem, SUMS, path.start, loss, path.found)
            worst = gap if not gap <= worst else worst
            crossed += int(np.sum(path.ratios < 0))
        return Evidence(bool(worst < CLOSE), f"distance {worst:.1e}, {crossed} crossings")

    def points(draw: random.Random) -> dict[str, fmpq]:
        return {
            "r": fmpq(draw.randint(-300, 300), 100) + fmpq(1, 997),
            "beta": fmpq(draw.randint(1, 99), 100),
        }

    loss = (R - 1 - sympy.log(sympy.Abs(R)) + BETA * (1 / R - 1 + sympy.log(sympy.Abs(R)))) / (
        1 - BETA
    )
    return Claim(
        statement=(
            r"With momentum, any batches and crossings of zero the limit minimizes the divergence "
            r"of $\psi_{\Delta_\infty}$, where a step of ratio $r$ takes from $\log|w_\pm|$, "
            r"beyond the gradient, {formula}."
        ),
        printed=Formula("momentumLoss", loss),
        checks=(
            enclosed("one step", momentum_step_loss, points),
            Check(
                "exact runs",
                Kind.ENUMERATION,
                over_exact_runs(SUMS, momentum=True, differences=differences),
            ),
            Check("the limit of stochastic momentum", Kind.SIMULATION, ends),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"$\log(\Delta_0/\Delta_\infty)$ is the sum over both signs and all steps; the start "
            r"of the divergence has $w_\pm^2$ lowered by twice the sum of one sign. No weight "
            "becomes exactly 0."
        ),
    )
