"""Factors that the slides of Even, Pesme, Gunasekar and Flammarion (2023) mix up.

The three ways to write the network differ by factors 2 that change the limit.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from itertools import islice

import numpy as np
import sympy
from flint import arb, fmpq

from derive.diagonal_networks import SQUARES, SUMS, Network, mirror_map
from derive.formula import Formula
from verify.checks import enclosed
from verify.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.diagonal import Array, Regression, run, theta_of
from verify.interpolators import constrained_minimum
from verify.numbers import precision
from verify.papers.diagonal_runs import (
    FLOW_CLOSE,
    Flow,
    at,
    encloses_zero,
    integrate_flow,
    on_arrays,
    random_problem,
    random_start,
    real,
)

ALPHA, W = sympy.symbols("alpha w")
POSITIVE = (sympy.Gt(ALPHA, 0),)


@cache
def from_equal_weights(seed: int, network: Network) -> tuple[Array, Flow]:
    """alpha, different in every coordinate, and gradient flow from w_+- = alpha."""
    alpha = random_start(seed)[0]
    start = np.stack([alpha, alpha])
    return alpha, integrate_flow(random_problem(seed), start, network, 0.0, 20.0, 0.01)


@claim("even2023.same-start", catalogue="C04", where="slides, some early results")
def same_start() -> Claim:
    """With p, m = u ± v, u v = (p² - m²)/4 and a step multiplies p, m by 1 ∓ γ∇L. In w_+² - w_-² a
    step multiplies w_± by 1 ∓ 2γ'∇L. The paths coincide for p = 2w_+ and γ = 2γ': u(0) = 2α. The
    slides' √2 belongs to θ = (w_+² - w_-²)/2.
    """

    def same_path(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)

        def differences() -> Iterator[arb]:
            for _ in range(3):
                x = np.array([[arb(draw.randint(-9, 9)) / 4 for _ in range(3)] for _ in range(2)])
                y = np.array([arb(draw.randint(1, 9)) / 2 for _ in range(2)])
                alpha = np.array([[arb(draw.randint(1, 9)) / 7 for _ in range(3)]] * 2)
                problem, step = Regression(x, y), arb(fmpq(1, 40))
                direct = run(problem, SQUARES, alpha, gammas=step, batches=[slice(None)] * 3)
                product = run(
                    problem,
                    SUMS,
                    alpha * at(candidate),
                    gammas=2 * step,
                    batches=[slice(None)] * 3,
                )
                for one, other in islice(zip(direct, product, strict=True), 3):
                    yield from theta_of(SQUARES, one.w) - theta_of(SUMS, other.w)

        with precision(settings.digits):
            return encloses_zero(differences(), settings.digits, "three steps from both starts")

    def same_limit(candidate: sympy.Expr, settings: Settings) -> Evidence:
        factor, problem = real(candidate), random_problem(settings.seed)
        alpha = random_start(settings.seed)[0]
        if not factor > 0:
            return Evidence(False, f"u(0) = {factor:.3g} alpha")
        direct, product = (
            constrained_minimum(problem, np.stack([weight, weight]), digits=30)
            for weight in (alpha**2, (factor * alpha) ** 2 / 4)
        )
        gap = float(np.max(np.abs(direct - product)))
        return Evidence(gap < 1e-12, f"the limits differ by {gap:.1e}")

    return Claim(
        statement=(
            r"$\theta = u \odot v$ from $v = 0$ follows $\theta = w_+^2 - w_-^2$ from "
            r"$w_\pm = \alpha$, in twice the time, where $u(0)/\alpha$ is {formula}."
        ),
        printed=Formula("sameStartPrinted", sympy.sqrt(2), given=()),
        right=Formula("sameStart", sympy.Integer(2), given=()),
        checks=(
            Check("three steps in balls", Kind.BALL, same_path, refutes=True),
            Check("limits of gradient flow", Kind.SIMULATION, same_limit, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"$\theta = w_+^2 - w_-^2$; with $\theta = (w_+^2 - w_-^2)/2$ it is $\sqrt2$ and "
            "the time is the same."
        ),
        because=r"$u \odot v$ with $w_\pm = (u \pm v)/\sqrt2$ is half of $w_+^2 - w_-^2$.",
        counterexample=(
            r"after a first step $\gamma$ from $u = \sqrt2\alpha$, $\theta$ is "
            r"$-2\gamma\alpha^2\nabla L$; from $w_\pm = \alpha$ with $\gamma/2$ it is "
            r"$-4\gamma\alpha^2\nabla L$."
        ),
    )


@claim("even2023.potential-of-the-start", catalogue="C05", where="slides, changing scale")
def potential_of_the_start() -> Claim:
    """u = α, v = 0 gives p = m = α in θ = (p² - m²)/4. Then arcsinh(2θ/α²) = ln(p/m) decreases by
    2∇L dt; it is q'(z) = arcsinh(z/2) at z = 4θ/α².
    """

    def along(candidate: sympy.Expr, settings: Settings) -> Evidence:
        alpha, found = from_equal_weights(settings.seed, SUMS)
        z = on_arrays(candidate, "w", "alpha")(found.theta, alpha)
        gap = float(np.max(np.abs(np.arcsinh(z / 2) + 2 * found.gradient)))
        return Evidence(bool(gap < FLOW_CLOSE), f"off by {gap:.1e} along the flow")

    def in_balls(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """w_+ - w_- quotients, from u and v alone: e^(2s) - e^(-2s) over 4."""
        draw = random.Random(settings.seed)

        def differences() -> Iterator[arb]:
            for _ in range(10):
                alpha, p = (arb(draw.randint(1, 20)) / 7 for _ in range(2))
                theta = (p**2 - (alpha**2 / p) ** 2) / 4
                yield (at(candidate, w=theta, alpha=alpha) / 2).asinh() - (p / alpha).log() * 2

        with precision(settings.digits):
            return encloses_zero(differences(), settings.digits, "q' is ln(p/m)")

    return Claim(
        statement=(
            r"Gradient flow from $u = \alpha$, $v = 0$ ends at the minimizer of "
            r"$\sum \alpha_i^2 q(z_i)$ with $z$ = {formula}, $w$ standing for $\theta$."
        ),
        printed=Formula("potentialOfTheStartPrinted", W / ALPHA**2, given=POSITIVE),
        right=Formula("potentialOfTheStart", 4 * W / ALPHA**2, given=POSITIVE),
        checks=(
            Check("integrated flow", Kind.SIMULATION, along, refutes=True),
            Check("quotient of the weights", Kind.BALL, in_balls, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"$w/\alpha^2$ belongs to $u = 2\alpha$, that is $w_\pm = \alpha$.",
        because="the balance of the start is a quarter of the one that the argument assumes.",
        counterexample=(
            r"$X = (1, 1/2)$, $y = 1$, $\alpha = 1$: the limit has $\mathrm{arcsinh}(2\theta_2) = "
            r"\mathrm{arcsinh}(2\theta_1)/2$, not $\mathrm{arcsinh}(\theta_2/2) = "
            r"\mathrm{arcsinh}(\theta_1/2)/2$."
        ),
    )


@claim("even2023.weights-of-coordinates", catalogue="C06", where="slides, changing scale")
def weights_of_coordinates() -> Claim:
    """∂Q/∂θ_i must be arcsinh(θ_i/2α_i²) up to one common factor; q(θ_i/α_i²) alone has the
    derivative arcsinh(θ_i/2α_i²)/α_i². The weight that mends it is α_i².
    """

    def along(candidate: sympy.Expr, settings: Settings) -> Evidence:
        alpha, found = from_equal_weights(settings.seed, SQUARES)
        weight = on_arrays(candidate, "alpha")(alpha)
        slope = weight / alpha**2 * np.arcsinh(found.theta / (2 * alpha**2))
        gap = float(np.max(np.abs(slope + 4 * found.gradient)))
        return Evidence(bool(gap < FLOW_CLOSE), f"off by {gap:.1e} along the flow")

    def limit(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """The minimizer of the weighted sum, solved by its dual, has the slope that flows give."""
        alpha = random_start(settings.seed)[0]
        problem = random_problem(settings.seed)
        theta = constrained_minimum(problem, np.stack([alpha**2] * 2), digits=30).astype(float)
        weight = on_arrays(candidate, "alpha")(alpha)
        slope = weight / alpha**2 * np.arcsinh(theta / (2 * alpha**2))
        solved = np.linalg.lstsq(problem.x.T, slope, rcond=None)[0]
        gap = float(np.max(np.abs(problem.x.T @ solved - slope)))
        return Evidence(gap < 1e-10, f"{gap:.1e} outside the row space")

    return Claim(
        statement=(
            r"For $w_\pm(0) = \alpha$, different in every coordinate, the minimized sum is that of "
            r"$q(\theta_i/\alpha_i^2)$ with the weights {formula}."
        ),
        printed=Formula("weightsPrinted", sympy.Integer(1), given=()),
        right=Formula("weightsOfCoordinates", ALPHA**2, given=POSITIVE),
        checks=(
            Check("integrated flow", Kind.SIMULATION, along, refutes=True),
            Check("row space at the limit", Kind.ENUMERATION, limit, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"$\theta = w_+^2 - w_-^2$; for one $\alpha$ in all coordinates a common factor.",
        because=r"the weight $\alpha_i^2$ is missing from the sum.",
        counterexample=(
            r"$X = (1, 1)$, $y = 1$, $\alpha = (1, 2)$: the flow ends at $\theta = (1/5, 4/5)$; "
            r"without weights $\mathrm{arcsinh}(\theta_2/8) = 4\,\mathrm{arcsinh}(\theta_1/2)$, "
            r"which it does not satisfy."
        ),
    )


THETA0, XI = sympy.symbols("theta0 xi")
ARCSINH = sympy.log(THETA0 / (2 * XI) + sympy.sqrt(THETA0**2 / (4 * XI**2) + 1))


@claim("lyu2023.start-of-the-flow", catalogue="E28", where="Proposition 2")
def start_of_the_flow() -> Claim:
    """θ = u² - v², ξ = |u₀v₀| stays; ∇Q_ξ(θ) = arcsinh(θ/2ξ)/4 = ln|u/v|/4 decreases by ∇L dt. At
    the limit ∇Q_ξ(θ) - ∇Q_ξ(θ(0)) lies in the row space, which is stationarity of Q_ξ + θᵀR with
    R = -∇Q_ξ(θ(0)): the Bregman divergence subtracts the slope at the start.
    """

    @cache
    def ended(seed: int) -> tuple[Array, Flow]:
        start = random_start(seed)
        return start, integrate_flow(random_problem(seed), start, SQUARES, 0.0, 20.0, 0.01)

    def along(candidate: sympy.Expr, settings: Settings) -> Evidence:
        start, found = ended(settings.seed)
        xi, theta0 = start[0] * start[1], start[0] ** 2 - start[1] ** 2
        with np.errstate(all="ignore"):
            linear = on_arrays(candidate, "theta0", "xi")(theta0, xi)
        slope = np.arcsinh(found.theta / (2 * xi)) / 4 + linear
        gap = float(np.max(np.abs(slope + found.gradient)))
        return Evidence(bool(gap < FLOW_CLOSE), f"off by {gap:.1e} along the flow")

    def points(draw: random.Random) -> dict[str, fmpq]:
        return {"theta0": fmpq(draw.randint(-30, 30), 7), "xi": fmpq(draw.randint(1, 30), 10)}

    return Claim(
        statement=(
            r"Gradient flow from $(u_0, v_0)$ with $\theta = u^2 - v^2$, $\xi = |u_0 v_0|$ ends at "
            r"the minimizer of $Q_\xi(\theta) + \theta^T R$ with $R$ = {formula}."
        ),
        printed=Formula("startOfTheFlowPrinted", ARCSINH / 4, given=(sympy.Gt(XI, 0),)),
        right=Formula("startOfTheFlow", -ARCSINH / 4, given=(sympy.Gt(XI, 0),)),
        checks=(
            Check("integrated flow", Kind.SIMULATION, along, refutes=True),
            enclosed(
                "slope at the start", lambda: -mirror_map(THETA0, XI, SQUARES), points, refutes=True
            ),
        ),
        expected=Verdict.CORRECTED,
        condition=r"$Q_\xi$ as printed, with the slope $\mathrm{arcsinh}(\theta/2\xi)/4$.",
        because="the sign is turned: the divergence from the start subtracts its slope.",
        counterexample=(
            r"$X = (1, 1)$, $y = 1$, $\theta(0) = (1, 0)$, $\xi = 1$: the start interpolates and "
            r"the flow stays, but with the printed $R$ the slope there is "
            r"$(\mathrm{arcsinh}(1/2)/2, 0)$, outside the row space."
        ),
    )
