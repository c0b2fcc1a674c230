"""Slow time, matched momentum and solvable models: Cowsik, Can and Glorioso (2022), section 3.4.

Units: h is the paper's eta. The losses are s/(2P) times a sum of P squares, with labels off by
epsilon times unit noise in every step; s = 1 and s = 2 are the two usual normalizations, and the
paper's own was lost from the text that is at hand.
"""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import heavy_ball
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.valleys.zero_loss_manifold import (
    CURVATURE,
    effective_step,
    label_noise_slope,
    matched_exponent,
    powers,
)
from verify.claims.checks.identities import identical
from verify.claims.checks.valleys import effective, exactly, heavy_ball_mode, pair_sum
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.running.numbers import evaluate, precision
from verify.simulations.label_noise import NoisyLayers, drift_rate, sweep

EPSILON, MU, N, P, S, W = sympy.symbols("epsilon mu n P s w")
GAMMA = sympy.Symbol("gamma")
Q = 1 - BETA
POSITIVE = tuple(sympy.Gt(symbol, 0) for symbol in (EPSILON, MU, N, P, S))
NORMALIZED = r"its loss $s/(2P)$ times a sum of $P$ squares"
TRACE = S * MU**2 * W**2 / N
RATE = (S * EPSILON * MU) ** 2 / (2 * N * P) * (H / Q) ** 2


def drift_rate_exactly(h: fmpq, beta: fmpq, curvature: fmpq) -> fmpq:
    """-drift under label noise of covariance H, before P_L grad Tr H."""
    both = pair_sum(heavy_ball_mode, h, beta, curvature, curvature)
    return effective(heavy_ball_mode, h, beta) / 2 * both * curvature


def slow_steps(h: fmpq, beta: fmpq) -> fmpq:
    """Steps until the drift at curvature 1 has added up to 1."""
    return 1 / drift_rate_exactly(h, beta, fmpq(1))


@claim("cowsik2022.drift-time", catalogue="B19", where="section 3.3, after Corollary 3.5")
def drift_time() -> Claim:
    """The drift in one step is the noise times (h/(1-β))² to leading order, and 1-β = C h^γ."""

    def slope(candidate: sympy.Expr, draw: random.Random) -> tuple[bool, str]:
        c = fmpq(draw.randint(5, 15), 20)
        for quarters in (1, 2, 3):
            late, later = (
                slow_steps(fmpq(1, 2 ** (4 * n)), 1 - c * fmpq(1, 2 ** (n * quarters)))
                for n in (40, 41)
            )
            said = evaluate(candidate, {"gamma": fmpq(quarters, 4)})
            power = later / late
            if 4 * said != int(4 * said) or abs(power * fmpq(2) ** int(4 * said) - 1) > fmpq(
                1, 1000
            ):
                return False, f"wrong at gamma = {quarters}/4"
        return True, "time ratio over a factor 16 in h, gamma = 1/4, 1/2, 3/4"

    def derived() -> sympy.Expr:
        of_step, of_rest = powers(effective_step(heavy_ball) ** -2)
        return of_step + GAMMA * of_rest

    return Claim(
        statement=(
            r"With $1-\beta = C h^\gamma$ the motion along the valley takes "
            r"$\epsilon^{-2} C^2 h^p$ steps to leading order, where $p$ is {formula}."
        ),
        printed=Formula(
            "driftTimePower", 2 * GAMMA - 2, given=(sympy.Gt(GAMMA, 0), sympy.Lt(GAMMA, 1))
        ),
        checks=(
            identical("powers of the squared effective step", derived),
            exactly("drift in rationals at h = 2^-160", slope),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.matching-exponent", catalogue="B20", where="section 3.3 and abstract")
def matching_exponent() -> Claim:
    """The memory fades in 1/(1-β) ~ h^(-γ) steps, the drift takes h^(2γ-2): equal at γ = 2/3. The
    third time, (1-β)/(hλ) ~ h^(γ-1) across the valley for γ < 1/2, is shorter than the drift's for
    every γ < 1, so that the largest of the three is least there.
    """

    def crossed(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            logs = []
            for n in (60, 64):
                low, high = 1, 8 * n
                while high - low > 1:
                    middle = (low + high) // 2
                    beta = 1 - fmpq(1, 2**middle)
                    is_slow = slow_steps(fmpq(1, 2**n), beta) > 1 / (1 - beta)
                    low, high = (middle, high) if is_slow else (low, middle)
                logs.append(high)
            said = evaluate(candidate, {})
            found = [fmpq(power, n) for power, n in zip(logs, (60, 64), strict=True)]
        near = all(abs(power - said) < fmpq(1, 25) for power in found)
        return Evidence(near, f"exact times cross at h^({found[0]}), h = 2^-60")

    def swept(candidate: sympy.Expr, settings: Settings) -> Evidence:
        found = sweep((0.1, 0.01), replicas=400, seed=settings.seed).exponent
        inside = found.contains(float(candidate))
        return Evidence(inside, f"best 1-beta ~ h^({found}) in training with label noise")

    return Claim(
        statement=(
            r"Fading memory and drift take equally long for $1-\beta \sim h^p$, with $p$ "
            "equal to {formula}."
        ),
        printed=Formula("matchingExponent", sympy.Rational(2, 3), given=STEP),
        condition=(
            "best in the sense of settling: the time of first passage does not grow again for "
            r"smaller $1-\beta$, where the weights pass the flattest minimizer and come back"
        ),
        checks=(
            identical(
                "exponent at which the derived times meet",
                lambda: matched_exponent(powers(1 / Q), powers(effective_step(heavy_ball) ** -2)),
            ),
            Check("exact times, compared in rationals", Kind.ENUMERATION, crossed),
            Check("sweep over momenta, two layers, label noise", Kind.SIMULATION, swept),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.uv-drift", catalogue="B25", where="equations (9) and (126)")
def uv_drift() -> Claim:
    """H has the one curvature λ = Tr H = s μ² |w|²/n, whose gradient 2 s μ² w/n is tangent to
    u.v = 0. With covariance (s/P) ε² H the drift is -(sε²/(2P)) (h/(1-β))² r'(λ) times that, r' =
    (1+β)/(2(1+β)-hλ).
    """
    expr = RATE / (1 - H * TRACE / (2 * (1 + BETA)))

    def derived() -> sympy.Expr:
        slope = label_noise_slope(heavy_ball).subs(CURVATURE, TRACE)
        force = slope * 2 * S * MU**2 / N
        return S * EPSILON**2 / (2 * P) * effective_step(heavy_ball) ** 2 * force

    def holds(candidate: sympy.Expr, draw: random.Random) -> tuple[bool, str]:
        for _ in range(8):
            point = {name: fmpq(draw.randint(1, 9), 8) for name in ("s", "mu", "epsilon", "w")}
            point |= {"n": fmpq(draw.randint(1, 9)), "P": fmpq(draw.randint(1, 9))}
            h, beta = fmpq(draw.randint(1, 9), 20), fmpq(draw.randint(1, 9), 10)
            s, m = point["s"], point["mu"] ** 2
            trace = s * m * point["w"] ** 2 / point["n"]
            noise = s * point["epsilon"] ** 2 / point["P"]
            right = noise * drift_rate_exactly(h, beta, trace) * 2 * s * m / point["n"]
            if evaluate(candidate, {**point, "h": h, "beta": beta}) != right:
                return False, f"wrong at {point}, h = {h}, beta = {beta}"
        return True, "equal at 8 random points, exactly"

    def trained(candidate: sympy.Expr, settings: Settings) -> Evidence:
        inputs, shown = (1.0, 0.5, 2.0), []
        for s, h, beta in ((1, 0.5, 0.5), (2, 0.1, 0.8)):
            network = NoisyLayers(4, inputs, scale=s, epsilon=0.01)
            measured = drift_rate(
                network, h=h, beta=beta, steps=200, replicas=1500, seed=settings.seed
            )
            values = {"s": s, "h": h, "beta": beta, "n": 4, "P": 3, "epsilon": 0.01}
            values |= {"mu": network.variance**0.5, "w": 8**0.5}
            said = float(candidate.subs(values))
            shown.append(f"{measured} against {said:.5g}")
            if not measured.contains(said, slack=0.01):
                return Evidence(False, shown[-1])
        return Evidence(True, "; ".join(shown))

    return Claim(
        statement=(
            rf"In the vector UV model, {NORMALIZED}, with labels 0 and label noise, $w=(u,v)$ "
            r"moves along the valley in every step by $-w$ times {formula}."
        ),
        printed=Formula("uvDrift", expr, given=(*POSITIVE, *MOMENTUM, *STEP)),
        condition=(
            r"$s = 1$ assumed for the paper, whose formula is lost; $h \to 0$ leaves 1 for the "
            "last denominator"
        ),
        checks=(
            identical("derived slope at the trace", derived),
            exactly("sum over the steps after a kick, solved in rationals", holds),
            Check("training with label noise", Kind.SIMULATION, trained),
        ),
        expected=Verdict.CONFIRMED,
    )
