"""How fast modes relax: the timescales of Cowsik, Can and Glorioso (2022) for beta = 1 - C h^gamma.

Rates are -log|kappa| a step; a timescale is one over a rate.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import sympy
from flint import arb, arb_mat, fmpq, fmpq_mat

from derive import heavy_ball
from derive.language.formula import BETA, MOMENTUM, Formula, H
from derive.quadratics.stability import oscillation_interval
from derive.quadratics.timescales import GAMMA, LAMBDA, C, Rate, Regime, timescales
from verify.claims.checks.identities import exact, order_of
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.claims.equality import in_ring
from verify.running.numbers import BALL, evaluate, precision

DOUBLINGS = 70
STEPS = range(4, 11)
POSITIVE = (sympy.Gt(C, 0), sympy.Gt(H, 0))
MODE = (*POSITIVE, sympy.Gt(LAMBDA, 0))
SCALING = r"With $\beta = 1 - Ch^\gamma$ and $h \to 0$, "
TWO_THIRDS, QUARTER, HALF = (sympy.Rational(p, q) for p, q in ((2, 3), (1, 4), (1, 2)))


def overdamped() -> Regime:
    return timescales(heavy_ball)[0]


def balanced() -> Regime:
    return timescales(heavy_ball)[1]


def oscillating() -> Regime:
    return timescales(heavy_ball)[2]


@dataclass(frozen=True)
class Iteration:
    """Heavy ball on one mode along h = 2^-(q n), gamma = p/q, so that h^gamma = 2^-(p n)."""

    gamma: sympy.Rational
    fast: bool = False
    flat: bool = False

    def rate(self, n: int, scale: fmpq, curvature: fmpq) -> arb:
        """-log|kappa| from 2^70 steps; the faster multiplier is the determinant over the slower.

        On a flat mode the multiplier 1 leaves the other one, the determinant.
        """
        h, beta = self.point(n, scale)
        z = fmpq(0) if self.flat else h * curvature
        power = arb_mat(fmpq_mat([[1 - z, beta], [-z, beta]]))
        if self.flat:
            return -arb(beta).log()
        for _ in range(DOUBLINGS):
            power = power * power
        size = sum((abs(entry) for entry in power.entries()), arb(0))
        slow = -size.log() / 2**DOUBLINGS
        return -arb(beta).log() - slow if self.fast else slow

    def point(self, n: int, scale: fmpq) -> tuple[fmpq, fmpq]:
        p, q = int(self.gamma.p), int(self.gamma.q)
        return fmpq(1, 2 ** (q * n)), 1 - scale * fmpq(1, 2 ** (p * n))

    def candidate(self, expr: sympy.Expr, n: int, scale: fmpq, curvature: fmpq) -> arb:
        """The candidate's value; not a number where it is not real."""
        numbers = {H: self.point(n, scale)[0], C: scale, LAMBDA: curvature}
        at = {name: sympy.Rational(int(v.p), int(v.q)) for name, v in numbers.items()}
        value = sympy.N(expr.subs({GAMMA: self.gamma, **at}), 60)
        return arb(str(value)) if value.is_real else arb("nan")


def draw_mode(run: Iteration, settings: Settings) -> tuple[fmpq, fmpq]:
    """C and a curvature, for gamma = 1/2 one that does not oscillate."""
    draw = random.Random(settings.seed)
    scale, curvature = fmpq(draw.randint(10, 20), 10), fmpq(draw.randint(5, 20), 10)
    return scale, (scale**2 / 12 * curvature if run.gamma == HALF else curvature)


def decays_with_error(run: Iteration, order: int) -> Check:
    """The measured rate over the candidate tends to 1 like 2^(-order n)."""

    def errors(candidate: sympy.Expr, settings: Settings) -> list[float]:
        scale, curvature = draw_mode(run, settings)
        with precision(settings.digits + 40):
            gaps = [
                run.rate(n, scale, curvature) / run.candidate(candidate, n, scale, curvature) - 1
                for n in STEPS
            ]
            return [float(abs(gap).mid()) if gap.is_finite() else 1.0 for gap in gaps]

    power = sympy.Rational(order, run.gamma.q)
    return order_of(f"relative error of order h^({power}) at gamma = {run.gamma}", errors, order)


def fitted_exponent(run: Iteration) -> Check:
    """The slope of log rate against log h over five decades, extrapolated by Aitken's scheme; its
    error bar is what the extrapolation moved. The candidate has this slope and this size.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        scale, curvature = draw_mode(run, settings)
        with precision(settings.digits + 40):
            rates = [run.rate(n, scale, curvature) for n in STEPS]
            wanted = [run.candidate(candidate, n, scale, curvature) for n in STEPS]
            if not all(rate > 0 for rate in wanted):
                return Evidence(False, "a candidate rate is not positive")
            unit = run.gamma.q * math.log(2)
            slopes, own = (
                [float((a.log() - b.log()).mid()) / unit for a, b in pairwise(rows)]
                for rows in (rates, wanted)
            )
            level = abs(float((rates[-1] / wanted[-1]).mid()) - 1)
        x, y, z = slopes[-3:]
        bend = z - 2 * y + x
        slope = z - (z - y) ** 2 / bend if bend else z
        bar = max(abs(slope - z), 1e-9)
        decades = unit * (len(STEPS) - 1) / math.log(10)
        figure = f"exponent {slope:.6f} ± {bar:.0e} over {decades:.1f} decades, off by {level:.0e}"
        return Evidence(abs(own[-1] - slope) <= bar and level < 0.1, figure)

    return Check(f"decay of 2^{DOUBLINGS} steps at gamma = {run.gamma}", Kind.SIMULATION, judge)


def same_powers(derived: Callable[[], sympy.Expr]) -> Check:
    """Equal at gamma = p/q for several p/q, exactly, as a function of h^(1/(2q))."""
    root = sympy.Symbol("t", positive=True)

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for p, q in ((1, 3), (1, 4), (2, 5), (3, 4)):
            at = {GAMMA: sympy.Rational(p, q), H: root ** (2 * q)}
            difference = in_ring(sympy.expand_power_base((candidate - derived()).subs(at)))
            if difference:
                return False, f"difference {difference} at gamma = {p}/{q}"
        return True, "equal at four values of gamma"

    return exact("leading term from the powers of h", Kind.SYMBOLIC, holds)


def rate_claim(
    statement: str, formula: Formula, derived: Callable[[], Rate], run: Iteration, order: int
) -> Claim:
    return Claim(
        statement=SCALING + statement,
        printed=formula,
        checks=(
            same_powers(lambda: derived().leading),
            decays_with_error(run, order),
            fitted_exponent(run),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.slow-rate", catalogue="B06 B08", where="Lemma E.1 and section 3.3")
def slow_rate() -> Claim:
    """u = 1-κ solves u² - (1-β+z)u + z = 0, z = hλ. For γ < 1/2 the middle term is largest, so
    that u = z/(1-β) (1 + z/(1-β)² + ...): relative error λ h^(1-2γ)/C². The slowest mode is that
    of the smallest curvature; its timescale is C h^(γ-1)/λ.
    """
    return rate_claim(
        r"for $\gamma < 1/2$ the slower multiplier of a mode decays at the rate {formula}.",
        Formula("slowRate", LAMBDA * H ** (1 - GAMMA) / C, given=MODE),
        lambda: overdamped().rates[0],
        Iteration(QUARTER),
        2,
    )


@claim("cowsik2022.fast-rate", catalogue="B06 B08", where="Lemma E.1 and section 3.3")
def fast_rate() -> Claim:
    """The other root is 1-β+z minus the slow one: 1-β to leading order, as for the mixed mode. It
    is smaller than 1-β, so that no mode decays faster than the mixed one.
    """
    return rate_claim(
        r"for $\gamma < 1/2$ the faster multiplier of a mode decays at the rate {formula}.",
        Formula("fastRate", C * H**GAMMA, given=MODE),
        lambda: overdamped().rates[1],
        Iteration(QUARTER, fast=True),
        1,
    )


@claim("cowsik2022.oscillation-rate", catalogue="B06 B08", where="Lemma E.1 and section 3.3")
def oscillation_rate() -> Claim:
    """A complex pair has |κ|² = β exactly: -log|κ| = -log(1 - C h^γ)/2, its relative error C h^γ/2.
    The envelope takes 2 h^(-γ)/C steps to shrink by e, twice as long as the mixed mode.
    """
    return rate_claim(
        r"for $\gamma > 1/2$ the modes oscillate in an envelope that decays at the rate {formula}.",
        Formula("oscillationRate", C * H**GAMMA / 2, given=MODE),
        lambda: oscillating().rates[0],
        Iteration(TWO_THIRDS),
        2,
    )


@claim("cowsik2022.mixed-rate", catalogue="B06 B08", where="section 3.3, longitudinal motion")
def mixed_rate() -> Claim:
    """At λ = 0 the multipliers are 1 and β, for every γ: -log β = C h^γ + C² h^(2γ)/2 + ..."""

    def derived() -> sympy.Expr:
        decay = sympy.Dummy("delta")
        return sympy.series(-sympy.log(1 - decay), decay, 0, 2).removeO().subs(decay, C * H**GAMMA)

    return Claim(
        statement=SCALING + "the mixed longitudinal mode decays at the rate {formula}.",
        printed=Formula("mixedRate", C * H**GAMMA, given=POSITIVE),
        checks=(
            same_powers(derived),
            decays_with_error(Iteration(TWO_THIRDS, flat=True), 2),
            fitted_exponent(Iteration(QUARTER, flat=True)),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.balanced-multiplier", catalogue="B07", where="section 3.3, gamma = 1/2")
def balanced_multiplier() -> Claim:
    """With u = v √h the quadratic is v² - (C + λ√h)v + λ = 0: to leading order v² - Cv + λ = 0, the
    damped oscillator x'' + C x' + λ x = 0 in the time √h. The other root has the other sign; both
    are complex for λ > C²/4.
    """
    root = sympy.sqrt(C**2 - 4 * LAMBDA)

    def derived(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        difference = sympy.expand(candidate - balanced().leading[0])
        return difference == 0, f"difference {difference}"

    return Claim(
        statement=(
            r"With $\beta = 1 - C\sqrt h$ the larger multiplier of a mode is 1 minus {formula}, to "
            r"leading order."
        ),
        printed=Formula("balancedMultiplier", sympy.sqrt(H) * (C - root) / 2, given=MODE),
        checks=(
            exact("balance of the leading terms", Kind.SYMBOLIC, derived),
            decays_with_error(Iteration(HALF), 1),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.balanced-curvature", catalogue="B07 B04", where="section 3.3, gamma = 1/2")
def balanced_curvature() -> Claim:
    """The discriminant C² - 4λ of v² - Cv + λ. Exactly: √(hλ) > 1-√β = C√h/2 (1 + C√h/4 + ...)."""

    def turning(candidate: sympy.Expr, settings: Settings) -> list[float]:
        scale, _ = draw_mode(Iteration(HALF), settings)
        found = []
        with precision(settings.digits):
            for n in STEPS:
                h, beta = Iteration(HALF).point(n, scale)
                end = (1 - arb(beta).sqrt()) ** 2 / arb(h)
                ratio = evaluate(candidate, {"C": arb(scale)}, BALL) / end
                found.append(float(abs(ratio - 1).mid()))
        return found

    def derived(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        return sympy.expand(candidate - balanced().turns) == 0, "zero of the discriminant"

    return Claim(
        statement=r"With $\beta = 1 - C\sqrt h$ a mode oscillates for $\lambda$ above {formula}.",
        printed=Formula("balancedCurvature", C**2 / 4, given=(sympy.Gt(C, 0),)),
        checks=(
            exact("balance of the leading terms", Kind.SYMBOLIC, derived),
            order_of("exact threshold, relative error of order h^(1/2)", turning, 1),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.strong-momentum-threshold", catalogue="B04", where="section 3.3, beta near 1")
def strong_momentum() -> Claim:
    """(1-√β)² = (1-β)²/(1+√β)², and (1+√β)² -> 4: modes with 4λh/(1-β)² > 1 oscillate. The same as
    λ_P > 1/(4λ) for the intrinsic parameter λ_P = h/(1-β)² of the second-order flow.
    """

    def leading(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        low, _ = oscillation_interval(heavy_ball)
        quotient = sympy.limit(candidate / low, BETA, 1)
        return quotient == 1, f"quotient {quotient} at beta = 1"

    def errors(candidate: sympy.Expr, settings: Settings) -> list[float]:
        with precision(settings.digits):
            ends = [(1 - fmpq(1, 2**n)) ** 2 for n in STEPS]
            ratios = (
                evaluate(candidate, {"beta": b}) * 4**n - 1
                for n, b in zip(STEPS, ends, strict=True)
            )
            return [abs(int(ratio.p) / int(ratio.q)) for ratio in ratios]

    return Claim(
        statement=r"As $\beta \to 1$ a mode oscillates for $h\lambda$ above {formula}.",
        printed=Formula("strongMomentumThreshold", (1 - BETA) ** 2 / 4, given=MOMENTUM),
        checks=(
            exact("limit of the exact threshold", Kind.SYMBOLIC, leading),
            order_of("exact threshold where sqrt(beta) = 1 - 2^-n", errors, 1),
        ),
        expected=Verdict.CONFIRMED,
    )
