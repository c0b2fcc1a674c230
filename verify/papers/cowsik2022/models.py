"""Slow time, matched momentum and solvable models: Cowsik, Can and Glorioso (2022), section 3.4.

Units: h is the paper's eta. The losses are s/(2P) times a sum of P squares, with labels off by
epsilon times unit noise in every step; s = 1 and s = 2 are the two usual normalizations, and the
paper's own was lost from the text that is at hand.
"""

from __future__ import annotations

import random

import sympy
from flint import arb, fmpq

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
from verify.models.linear_networks import Sensing, TwoLayers
from verify.running.numbers import BALL, evaluate, precision
from verify.simulations.label_noise import NoisyLayers, drift_rate, sweep

EPSILON, MU, N, P, S, W = sympy.symbols("epsilon mu n P s w")
GAMMA, D, A, B, T, U = sympy.symbols("gamma d a b t u")
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


@claim("cowsik2022.label-noise-covariance", catalogue="B23", where="Definition 3.6")
def label_noise_covariance() -> Claim:
    """The noise in the gradient is -(sε/P) sum of ξ_a ∇f_a, of covariance (sε/P)² sum of
    ∇f_a ∇f_aᵀ; on the valley, where the residuals vanish, H = (s/P) sum of ∇f_a ∇f_aᵀ.
    """

    def holds(candidate: sympy.Expr, draw: random.Random) -> tuple[bool, str]:
        for s in (1, 2):
            model = TwoLayers.random(draw, scale=s, samples=3)
            said = evaluate(candidate, {"s": fmpq(s), "P": fmpq(3)})
            if model.noise_covariance() != model.hessian * said:
                return False, f"not {said} H at s = {s}"
        return True, "covariance over all labels of +-1, exactly, s = 1 and 2"

    return Claim(
        statement=(
            rf"Label noise in the UV model, {NORMALIZED}, has on the valley a covariance of the "
            r"gradient of $\epsilon^2 H$ times {formula}."
        ),
        printed=Formula("labelNoiseCovariance", S / P, given=POSITIVE),
        condition="$s = 1$ assumed for the paper, whose formula is lost",
        checks=(
            identical("square of the noise over the Hessian", lambda: (S / P) ** 2 / (S / P)),
            exactly("all labels of +-1", holds),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.hessian-trace", catalogue="B24", where="Appendix D, equation (123)")
def hessian_trace() -> Claim:
    """f_a = UVx_a/√n: the derivatives by U give |Vx_a|²/n for each of d outputs, those by V give
    |U|² |x_a|²/n; average over a, times s.
    """

    def holds(candidate: sympy.Expr, draw: random.Random) -> tuple[bool, str]:
        with precision(30):
            for s in (1, 2):
                model = TwoLayers.random(draw, scale=s, samples=3)
                said = evaluate(candidate, {"s": arb(s), **model.quantities()}, BALL)
                if not (said - model.trace()).contains(0):
                    return False, f"trace {model.trace()}, not {said.str(5)}"
        return True, "trace of the differentiated Hessian enclosed, s = 1 and 2"

    return Claim(
        statement=(
            rf"In the UV model, {NORMALIZED}, with $d$ outputs, $t=\mathrm{{Tr}}(V\Sigma_XV^T)$, "
            r"$u=\|U\|_F$ and $\mu^2=\mathrm{Tr}\Sigma_X$, the trace of the Hessian on the valley "
            r"is {formula}."
        ),
        printed=Formula("hessianTrace", S * (D * T + MU**2 * U**2) / N, given=POSITIVE),
        condition="$s = 1$ assumed for the paper, whose formula is lost",
        checks=(
            identical(
                "sum of the squared derivatives", lambda: S * D * T / N + S * MU**2 * U**2 / N
            ),
            exactly("Hessian of random networks", holds, kind=Kind.BALL),
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


@claim("cowsik2022.prefactor", catalogue="B26", where="equation (10)")
def prefactor() -> Claim:
    """1/(C h^γ) for the memory (a = 1; a = 2 for the envelope of oscillations) and
    2nP/(s²ε²μ²) (C h^γ/h)² for w: equal for C³ = a s²ε²μ²/(2nP) at γ = 2/3.
    """

    def holds(candidate: sympy.Expr, draw: random.Random) -> tuple[bool, str]:
        for a in (1, 2):
            point = {name: fmpq(draw.randint(1, 9), 8) for name in ("s", "mu", "epsilon")}
            point |= {"n": fmpq(draw.randint(1, 9)), "P": fmpq(draw.randint(1, 9)), "a": fmpq(a)}
            said, h = evaluate(candidate, point), fmpq(1, 2**60)
            s, m = point["s"], point["mu"] ** 2
            noise = s * point["epsilon"] ** 2 / point["P"] * 2 * s * m / point["n"]
            # C^3 = q^3/h^2: at 1-beta = q with q^3 = C^3 h^2 the two rates meet.
            with precision(40):
                q = (arb(said) * arb(h) ** 2).root(3)
                rate = arb(noise) / 4 * (arb(h) / q) ** 2
                if not abs(rate * a / q - 1) < arb("1e-20"):
                    return False, f"rates differ at {point}"
        return True, "the two rates are equal at the candidate, in balls"

    return Claim(
        statement=(
            rf"In the vector UV model, {NORMALIZED}, the memory's time $a/(1-\beta)$ and the time "
            r"of $w$ along the valley are equal for $1-\beta = C h^{2/3}$, $C^3$ being {formula}."
        ),
        printed=Formula(
            "prefactorCubed", A * (S * EPSILON * MU) ** 2 / (2 * N * P), given=POSITIVE
        ),
        condition=(
            r"the time of $w$; that of $|w|^2$ is half as long and doubles $C^3$. Which one and "
            "which $a$ the paper takes cannot be told from the text that is at hand"
        ),
        checks=(
            identical("solved for C^3", lambda: A * RATE * Q**2 / H**2),
            exactly("rates at the candidate", holds, kind=Kind.BALL),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.sensing-trace", catalogue="B27", where="Appendix D, equation (129)")
def sensing_trace() -> Claim:
    """f_i = Tr(A_i U V): the derivative by U is (V A_i)ᵀ, that by V is (A_i U)ᵀ."""

    def holds(candidate: sympy.Expr, draw: random.Random) -> tuple[bool, str]:
        model = Sensing.random(draw, measurements=3)
        said = evaluate(candidate, {"P": fmpq(3), **model.quantities()})
        return model.trace() == said, f"trace {model.trace()}, candidate {said}"

    return Claim(
        statement=(
            r"For matrix sensing, $L=\frac1{2P}\sum_i(y_i-\mathrm{Tr}A_iUV)^2$, with "
            r"$a=\sum_i\|VA_i\|_F^2$ and $b=\sum_i\|A_iU\|_F^2$, the trace of the Hessian on the "
            r"valley is {formula}."
        ),
        printed=Formula("sensingTrace", (A + B) / P, given=(sympy.Gt(P, 0),)),
        checks=(
            identical("sum of the squared derivatives", lambda: A / P + B / P),
            exactly("Hessian at random matrices", holds),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.sensing-noise", catalogue="B27", where="Appendix D, equation (130)")
def sensing_noise() -> Claim:
    """As in the UV model: the gradient's noise is -(ε/P) sum of ξ_i ∇f_i, H = (1/P) sum of
    ∇f_i ∇f_iᵀ.
    """

    def holds(candidate: sympy.Expr, draw: random.Random) -> tuple[bool, str]:
        model = Sensing.random(draw, measurements=3)
        said = evaluate(candidate, {"P": fmpq(3)})
        return model.noise_covariance() == model.hessian * said, "all labels of +-1, exactly"

    return Claim(
        statement=(
            r"For matrix sensing, $L=\frac1{2P}\sum_i(y_i-\mathrm{Tr}A_iUV)^2$, label noise has on "
            r"the valley a covariance of the gradient of $\epsilon^2 H$ times {formula}."
        ),
        printed=Formula("sensingNoise", 1 / P, given=(sympy.Gt(P, 0),)),
        checks=(
            identical("square of the noise over the Hessian", lambda: (1 / P) ** 2 * P),
            exactly("all labels of +-1", holds),
        ),
        expected=Verdict.CONFIRMED,
    )
