"""Momentum flow on the diagonal network theta = u^2 - v^2: Lyu, Wang, Wang and Zhu (2023).

Their flow is alpha w'' + w' + grad L/(1-mu) = 0; L is the mean square error of a linear model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import sympy
from flint import arb, fmpq

from derive.language.formula import Formula
from derive.networks.potentials import ALPHA, THETA, hyperentropy, mirror_map
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.checks.mirror_maps import (
    SQUARES,
    TwoWeights,
    ball,
    drawn_ball,
    encloses,
    on_the_flow,
    stationary,
    structurally,
)
from verify.claims.checks.momentum_grid import at, drawn
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.models.network_conventions import CONVENTIONS
from verify.models.written_fields import WrittenField
from verify.running.flows import flow
from verify.running.losses import Loss
from verify.running.numbers import MPFR, asinh, evaluate, log, precision
from verify.running.tape import Node, record

Number = Any
XI = sympy.Symbol("xi", positive=True)
MU, SLOPE = sympy.symbols("mu g")
SCALE = (sympy.Gt(XI, 0, evaluate=False),)
MOMENTUM = (sympy.Ge(MU, 0), sympy.Lt(MU, 1))
NETWORK = TwoWeights(SQUARES, lambda size: [size.sqrt(), size.sqrt()], XI)
LYU = CONVENTIONS["lyu2023"]
DIGITS = 20
"""Of the flows: their gaps in alpha are between 1e-13 and 1e-4."""


@claim("lyu2023.hyperentropy", catalogue="C01 E28", where="Proposition 2, the potential")
def lyu_potential() -> Claim:
    """u' = -2ug and v' = 2vg keep ξ = |uv|: θ = 2ξ sinh(4P), P = arcsinh(θ/2ξ)/4; integrate."""
    return Claim(
        statement=(
            r"Gradient flow on $\theta = u^2-v^2$ with $|uv| = \xi$ is mirror flow with the sum "
            "over coordinates of {formula}."
        ),
        printed=Formula(
            "lyuPotential",
            (THETA * sympy.asinh(THETA / (2 * XI)) - sympy.sqrt(4 * XI**2 + THETA**2) + 2 * XI) / 4,
            given=SCALE,
        ),
        checks=(
            structurally("integral of the mirror map", lambda: hyperentropy(THETA, XI, LYU)),
            on_the_flow(NETWORK),
            stationary(NETWORK),
        ),
        expected=Verdict.CONFIRMED,
    )


LINEAR = -sympy.asinh(THETA / (2 * XI)) / 4


def from_start() -> sympy.Expr:
    """Minus the mirror map at the start: the linear term of its Bregman divergence."""
    return -mirror_map(THETA, XI, LYU)


@claim("lyu2023.linear-term", catalogue="E28", where="Proposition 2")
def linear_term() -> Claim:
    """From (u₀, v₀) the flow is θ = 2ξ sinh(a + 4P) with sinh(a) = θ(0)/2ξ. So arcsinh(θ/2ξ)/4 -
    arcsinh(θ(0)/2ξ)/4 = P lies in the row space of the data: Q_ξ(θ) + θᵀR is stationary for R
    minus the gradient of Q_ξ at the start.
    """

    def gap(candidate: sympy.Expr, draw: random.Random) -> arb:
        start = [drawn_ball(draw, 4, 16), drawn_ball(draw, 4, 16)]
        pull = drawn_ball(draw, -6, 6)
        there = [start[0] * (2 * pull).exp(), start[1] * (-2 * pull).exp()]
        begun, theta = (w[0] ** 2 - w[1] ** 2 for w in (start, there))
        xi = start[0] * start[1]
        found = ball(candidate, {"theta": begun, "xi": xi})
        return (theta / (2 * xi)).asinh() / 4 + found - pull

    return Claim(
        statement=(
            r"Gradient flow from $(u_0, v_0)$ minimizes $Q_\xi(\theta)+\theta^TR$ with $R_j$, at "
            r"$\theta = \theta_j(0)$, equal to {formula}."
        ),
        printed=Formula("linearTermPrinted", -LINEAR, given=SCALE),
        right=Formula("linearTerm", LINEAR, given=SCALE),
        checks=(
            structurally("Bregman divergence", from_start, refutes=True),
            encloses("stationary along the flow", gap, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The printed sign is right where $u_0^2 = v_0^2$, or for $Q_\xi-\theta^TR$.",
        because="the gradient of the potential at the start is subtracted, not added.",
        counterexample=(
            r"A start with $X\theta(0) = y$ stays there. For $X = (1, 1)$, $\theta(0) = (2, 0)$ "
            r"and $\xi = (1, 1)$ the printed gradient is $(\mathrm{arcsinh}(1)/2, 0)$, not in the "
            "row space."
        ),
    )


@lru_cache(maxsize=8)
def problem(row: tuple[fmpq, ...], target: fmpq) -> Loss:
    """One sample and two coordinates: the loss of (u_1, u_2, v_1, v_2)."""

    def value(w: Sequence[Number]) -> Number:
        rest = sum((x * (u * u - v * v) for x, u, v in zip(row, w, w[2:], strict=False)), -target)
        return rest * rest / 2

    return Loss(4, value, f"least squares of u^2 - v^2 on {row}")


def last_weights(settings: Settings, *, moving: bool) -> list[tuple[Number, dict[str, Number]]]:
    """alpha and what the flow ends with, for alpha = 2^-4 ... 2^-8 and a random problem.

    Args:
        moving: start with the velocity of gradient flow instead of at rest.
    """
    return list(_last_weights(settings.seed, moving))


@lru_cache(maxsize=8)
def _last_weights(seed: int, moving: bool) -> list[tuple[Number, dict[str, Number]]]:
    draw, results = random.Random(seed), []
    row = (fmpq(draw.randint(5, 8), 8), fmpq(draw.randint(5, 8), 9))
    target, mu = fmpq(draw.randint(2, 5), 8), fmpq(draw.randint(1, 3), 5)
    start = [fmpq(4 + 2 * draw.randint(0, 1) + (i < 2), 10) for i in range(4)]  # u is not v
    loss = problem(row, target)

    def compute(nodes: list[Node]) -> list[Node]:
        w, v, (friction, force) = nodes[:4], nodes[4:8], nodes[9:]
        slopes = loss.gradient.replay(w)
        bend = [-(friction * a) - force * g for a, g in zip(v, slopes, strict=True)]
        return [*v, *bend, loss.value(w) * 2]

    program = record(11, compute)
    with precision(DIGITS):
        x0, rate = [MPFR.convert(w) for w in start], MPFR.convert(1 - mu)
        slopes = loss.gradient_function(MPFR)(x0)  # pyright: ignore[reportArgumentType]
        speed = [-(g / rate) if moving else g * 0 for g in slopes]
        for j in range(4, 9):
            alpha = MPFR.convert(fmpq(1, 2**j))
            field = WrittenField(loss, {}, program, (1 / alpha, 1 / (alpha * rate)))
            begin = [*x0, *speed, x0[0] * 0]
            times = [x0[0] * 0, x0[0] * 0 + 8]
            end = flow(field, begin, times, digits=DIGITS, arithmetic=MPFR)[-1]
            found: dict[str, Number] = {"mu": MPFR.convert(mu), "square": end[8]}
            for i in range(2):
                found |= {
                    f"x{i}": MPFR.convert(row[i]),
                    f"theta{i}": x0[i] ** 2 - x0[i + 2] ** 2,
                    f"xi{i}": x0[i] * x0[i + 2],
                    f"slope{i}": slopes[i] / (2 * x0[i]),
                    f"last{i}": end[i] ** 2 - end[i + 2] ** 2,
                    f"scale{i}": end[i] * end[i + 2],
                }
            results.append((alpha, found))
    return results


def in_alpha(
    name: str, gap: Callable[[sympy.Expr, Number, dict[str, Number]], Number], **options: bool
) -> Check:
    """The gap at the end of the flow vanishes like alpha^2, from rest and from the flow's speed."""

    def errors(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        with precision(DIGITS):
            runs = (last_weights(settings, moving=moving) for moving in (False, True))
            found = [[abs(float(gap(candidate, *end))) for end in run] for run in runs]
        return [max(pair) for pair in zip(*found, strict=True)]

    return order_of(name, errors, 2, digits=DIGITS, **options)


@claim("lyu2023.momentum-linear-term", catalogue="E29", where="Theorem 3")
def momentum_linear_term() -> Claim:
    """With d = log(u/v), that is sinh(d) = θ/2ξ, and s = log ξ the flow is α(d'' + d's') + d' +
    4g/(1-μ) = 0. Integrated, d(∞) - d(0) = αd'(0) - α∫d's' - 4∫g/(1-μ). The gradients g lie in the
    row space, s' is O(α), and d'(0) is 0 from rest or -4g(0)/(1-μ), again in the row space. So up
    to O(α²) the linear term is that of gradient flow. The printed second part, which is δ =
    4αg(0)/(1-μ) added to d(0), does no harm and no good; the sign in front is wrong as there.
    """
    printed = sympy.asinh(
        THETA / (2 * XI) + 4 * ALPHA * SLOPE / (1 - MU) * sympy.sqrt(1 + THETA**2 / (4 * XI**2))
    )

    def gap(candidate: sympy.Expr, alpha: Number, end: dict[str, Number]) -> Number:
        sides = []
        for i in range(2):
            known = {
                "theta": end[f"theta{i}"],
                "xi": end[f"xi{i}"],
                "g": end[f"slope{i}"],
                "mu": end["mu"],
                "alpha": alpha,
            }
            gradient = asinh(end[f"last{i}"] / (2 * end[f"scale{i}"])) / 4
            sides.append(gradient + evaluate(candidate, known, MPFR))
        return sides[0] * end["x1"] - sides[1] * end["x0"]

    return Claim(
        statement=(
            r"Momentum flow on $\theta = u^2-v^2$ minimizes, up to $O(\alpha^2)$, "
            r"$Q_{\bar\xi}(\theta)+\theta^TR$ with $R_j$, at $\theta = \theta_j(0)$, equal to "
            "{formula}."
        ),
        printed=Formula("momentumLinearTermPrinted", printed / 4, given=(*SCALE, *MOMENTUM)),
        right=Formula("momentumLinearTerm", LINEAR, given=SCALE),
        checks=(
            structurally("Bregman divergence", from_start, refutes=True),
            in_alpha("stationary at the end of the flow", gap, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"No weight vanishes on the way; $\bar\xi$ is $|uv|$ at the end. For every $\alpha$ "
            r"the linear term is $-\frac14(\mathrm{arcsinh}(\theta_j(0)/2\xi_j)+\alpha\dot d_j(0)-"
            r"\alpha\int\dot d_j\,\frac{d}{dt}\log\xi_j\,dt)$, $d_j = \log(u_j/v_j)$."
        ),
        because=(
            "the linear term has the wrong sign, as in Proposition 2; and the equality holds to "
            r"first order in $\alpha$ only."
        ),
        counterexample=(
            r"A start at rest with $X\theta(0) = y$ and $\theta(0) \neq 0$, as for Proposition 2: "
            r"there $\partial_jL = 0$ and $\bar\xi = \xi$."
        ),
    )


@claim("lyu2023.effective-scale", catalogue="E29", where="Theorem 3")
def effective_scale() -> Claim:
    """s = log ξ satisfies α(s'' + p² + m²) + s' = 0 with p = (log u)', m = (log v)', so that
    log(ξ̄/ξ) = αs'(0) - α∫(p² + m²). From rest or with the velocity of gradient flow s'(0) = 0, and
    p, m are -2g/(1-μ), 2g/(1-μ) up to O(α) and a layer of length α.
    """

    def by_hand() -> sympy.Expr:
        p, m = (sign * 2 * SLOPE / (1 - MU) for sign in (-1, 1))
        return sympy.cancel((p**2 + m**2) / SLOPE**2)

    def gap(candidate: sympy.Expr, alpha: Number, end: dict[str, Number]) -> Number:
        rate = evaluate(candidate, {"mu": end["mu"]}, MPFR)
        grown = log(end["scale0"] / end["xi0"])
        return grown + alpha * rate * end["x0"] ** 2 * end["square"]

    return Claim(
        statement=(
            r"On that flow $\bar\xi = \xi\exp(-\alpha\phi)$ up to $O(\alpha^2)$ in the exponent, "
            r"with $\phi$ equal to {formula}."
        ),
        printed=Formula(
            "effectiveScaleRate",
            8 / (1 - MU) ** 2,
            r"\int_0^\infty(\partial_\theta L)^2\,dt",
            given=MOMENTUM,
        ),
        checks=(
            identical("rates of gradient flow", by_hand),
            in_alpha("scale at the end of the flow", gap),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"An equality to first order in $\alpha$ only, while no weight vanishes; exactly "
            r"$\log(\bar\xi/\xi) = -\alpha\int(\dot u^2/u^2+\dot v^2/v^2)\,dt$ from rest."
        ),
    )


@claim("lyu2023.as-momentum-flow", catalogue="E31", where="Theorem 3 beside Papazov et al.")
def as_momentum_flow() -> Claim:
    """In the time s = 2t/(1-μ): αu'' + u' + 2ug/(1-μ) = 0 is 4α/(1-μ)² u_ss + 2/(1-μ) u_s +
    2ug/(1-μ) = 0, that is λu_ss + u_s + ug = 0 with λ = 2α/(1-μ). With u = w₊/2 and v = w₋/2 it is
    the flow of θ = (w₊²-w₋²)/4, and αφ = 8α/(1-μ)² ∫g² dt = 2λ∫g² ds.
    """

    def by_hand() -> sympy.Expr:
        rate = 2 / (1 - MU)  # ds/dt
        return ALPHA * rate**2 / rate

    def by_series(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw, length = random.Random(settings.seed), 8
        for _ in range(10):
            alpha, mu = drawn(draw), fmpq(draw.randint(1, 9), 10)
            rate, scale = 2 / (1 - mu), at(candidate, {"alpha": alpha, "mu": mu})
            force = [fmpq(draw.randint(-9, 9), 4) for _ in range(length)]  # g in powers of s
            w = [drawn(draw), drawn(draw)]
            u = [w[0] / 2, w[1] * rate / 2]
            for n in range(length - 2):
                ahead = (n + 1) * (n + 2)
                push = sum((force[i] * w[n - i] for i in range(n + 1)), fmpq(0))
                w.append(-((n + 1) * w[n + 1] + push) / (scale * ahead))
                push = sum((force[i] * rate**i * u[n - i] for i in range(n + 1)), fmpq(0))
                u.append(-((n + 1) * u[n + 1] + rate * push) / (alpha * ahead))
            if any(a != b * rate**n / 2 for n, (a, b) in enumerate(zip(u, w, strict=True))):
                return False, f"another path at alpha = {alpha}, mu = {mu}"
        return True, "both flows agree through t^7, 10 random forces"

    return Claim(
        statement=(
            r"In the time $2t/(1-\mu)$ and with $w_+ = 2u$, $w_- = 2v$ the flow $\alpha\ddot w+"
            r"\dot w+\nabla L/(1-\mu) = 0$ is momentum flow with $\lambda$ equal to {formula}."
        ),
        printed=Formula("lyuAsMomentumFlow", 2 * ALPHA / (1 - MU), given=MOMENTUM),
        checks=(
            identical("change of time", by_hand),
            exact("power series of both flows", Kind.SERIES, by_series),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"For heavy ball $\alpha = \eta(1+\mu)/(2(1-\mu))$ gives $\lambda = \gamma(1+\mu)/"
            r"(2(1-\mu)^2)$ with $\gamma = 2\eta$: the second-order parameter, not the intrinsic "
            "one."
        ),
    )
