"""The potentials on Gunasekar's slides on diagonal linear networks, where conventions are mixed."""

from __future__ import annotations

import random

import sympy
from flint import arb

from derive.language.formula import Formula
from derive.networks.potentials import ALPHA, THETA, kernel_expansion, mirror_map, rich_expansion
from verify.claims.checks.mirror_maps import (
    PRODUCT,
    TwoWeights,
    ball,
    drawn_ball,
    encloses,
    on_the_flow,
    stationary,
    structurally,
)
from verify.claims.checks.potentials import POTENTIAL, WOODWORTH, potential_of
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.models.network_conventions import CONVENTIONS
from verify.running.numbers import precision

POSITIVE = (sympy.Gt(ALPHA, 0, evaluate=False),)
SLIDES = TwoWeights(PRODUCT, lambda a: [a, arb(0)], ALPHA)


@claim("gunasekar2023.same-start", catalogue="C01 C04", where="some early results")
def same_start() -> Claim:
    """θ = uv = w₊²-w₋² needs w± = (u±v)/2, so that w±(0) = α, v(0) = 0 is u(0) = 2α. Gradient
    descent on (u, v) changes w± by ∓γgw±, on w± by ∓2γgw±: the trajectories coincide for a step
    twice as large on (u, v). √2α belongs to θ = (w₊²-w₋²)/2.
    """

    def descended(candidate: sympy.Expr, draw: random.Random) -> arb:
        size, step = drawn_ball(draw, 4, 8), arb(1) / 50
        row, target = [drawn_ball(draw, 1, 8) for _ in range(2)], drawn_ball(draw, 1, 8)
        u = [ball(candidate, {"alpha": size})] * 2
        v, plus, minus = [arb(0)] * 2, [size] * 2, [size] * 2
        gap = (u[0] + v[0]) / 2 - plus[0]
        for _ in range(4):
            pair = sum((x * a * b for x, a, b in zip(row, u, v, strict=True)), -target)
            squares = sum(
                (x * (a * a - b * b) for x, a, b in zip(row, plus, minus, strict=True)), -target
            )
            pull = [2 * step * pair * x for x in row]
            u, v = (
                [a - p * b for a, b, p in zip(u, v, pull, strict=True)],
                [b - p * a for a, b, p in zip(u, v, pull, strict=True)],
            )
            pull = [2 * step * squares * x for x in row]
            plus = [a - p * a for a, p in zip(plus, pull, strict=True)]
            minus = [b + p * b for b, p in zip(minus, pull, strict=True)]
            off = (u[1] + v[1]) / 2 - plus[1]
            gap = off if not off.contains(0) else gap
        return gap

    def by_convention() -> sympy.Expr:
        """|w_+ w_-| = alpha^2 for the u(0) that the slides' network needs."""
        return sympy.sqrt(ALPHA**4 / CONVENTIONS["gunasekar2023"].start)

    return Claim(
        statement=(
            r"Gradient descent on $\theta = u\odot v$ and on $\theta = w_+^2-w_-^2$ from "
            r"$w_\pm(0) = \alpha$ coincide for $v(0) = 0$ and $u(0)$ equal to {formula}."
        ),
        printed=Formula("sameStartPrinted", sympy.sqrt(2) * ALPHA, given=POSITIVE),
        right=Formula("sameStart", 2 * ALPHA, given=POSITIVE),
        checks=(
            structurally("balancedness of both starts", by_convention, refutes=True),
            encloses("four steps of both", descended, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"The step on $(u, v)$ is twice that on $w_\pm$. The printed start is right for "
            r"$\theta = \frac12(w_+^2-w_-^2)$, and then with equal steps."
        ),
        because=(
            r"$w_\pm = (u\pm v)/2$ gives $w_+^2-w_-^2 = uv$; $(u\pm v)/\sqrt2$ gives half of it."
        ),
        counterexample=(
            r"$u(0) = \sqrt2\alpha$, $v(0) = 0$ has $u^2-v^2 = 2\alpha^2$, a conserved quantity "
            r"that is $4w_+w_- = 4\alpha^2$ on the other side."
        ),
    )


@claim(
    "gunasekar2023.start-and-potential", catalogue="C05", where="changing scale of initialization"
)
def start_and_potential() -> Claim:
    """u(0) = α, v(0) = 0 gives u = α cosh P, v = α sinh P and θ = uv = (α²/2) sinh(2P). So
    arcsinh(2θ/α²) = 2P; q' is arcsinh(z/2), so z = 4θ/α².
    """

    def gap(candidate: sympy.Expr, draw: random.Random) -> arb:
        size, pull = drawn_ball(draw, 2, 12), drawn_ball(draw, -8, 8)
        theta = SLIDES.theta(SLIDES.weights(size, pull))
        return (ball(candidate, {"theta": theta, "alpha": size}) / 2).asinh() - 2 * pull

    def by_mirror_map() -> sympy.Expr:
        convention = CONVENTIONS["gunasekar2023"]
        (inside,) = mirror_map(THETA, convention.start, convention).args
        return 2 * inside

    return Claim(
        statement=(
            r"Gradient flow on $\theta = u\odot v$ from $u(0) = \alpha$, $v(0) = 0$ minimizes "
            r"$\sum_i\alpha_i^2q(z_i)$ with $q' = \mathrm{arcsinh}(z/2)$ and $z$ equal to "
            "{formula}."
        ),
        printed=Formula("startAndPotentialPrinted", THETA / ALPHA**2, given=POSITIVE),
        right=Formula("startAndPotential", 4 * THETA / ALPHA**2, given=POSITIVE),
        checks=(
            structurally("mirror map", by_mirror_map, refutes=True),
            encloses("mirror map on the flow", gap, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"$\theta/\alpha^2$ belongs to $u(0) = 2\alpha$.",
        because=r"$|u^2-v^2|$ is $\alpha^2$ and not $4\alpha^2$.",
        counterexample=(
            r"$\alpha = 1$ and a pull of $P = 1$: $\theta = \sinh(2)/2$, and $\mathrm{arcsinh}(2"
            r"\theta) = 2$ is twice the pull, $\mathrm{arcsinh}(\theta/2) = 0.814$ is not."
        ),
    )


@claim(
    "gunasekar2023.weighted-potential", catalogue="C06", where="changing scale of initialization"
)
def weighted_potential() -> Claim:
    """The derivative with respect to θ of q(θ/α²) is arcsinh(θ/2α²)/α²: without the weight α² it is
    the pull over α². For equal α that is a factor in front; for different ones another minimizer.
    """
    z = THETA / ALPHA**2
    return Claim(
        statement=(
            r"Gradient flow on $\theta = w_+^2-w_-^2$ from $w_{\pm,i}(0) = \alpha_i$ minimizes the "
            "sum over coordinates of {formula}."
        ),
        printed=Formula(
            "weightedPotentialPrinted",
            2 - sympy.sqrt(4 + z**2) + z * sympy.asinh(z / 2),
            given=POSITIVE,
        ),
        right=Formula("weightedPotential", POTENTIAL, given=POSITIVE),
        checks=(
            structurally(
                "integral of the mirror map", lambda: potential_of("woodworth2020"), refutes=True
            ),
            on_the_flow(WOODWORTH, refutes=True),
            stationary(WOODWORTH, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"The printed sum is right, up to a factor, where all $\alpha_i$ are equal.",
        because=r"the weight $\alpha_i^2$ is missing.",
        counterexample=(
            r"$X = (1, 1)$, $\alpha = (1, 2)$: on the flow both $\mathrm{arcsinh}(\theta_i/"
            r"2\alpha_i^2)$ are equal; the printed sum wants $\mathrm{arcsinh}(\theta_1/2) = "
            r"\mathrm{arcsinh}(\theta_2/8)/4$."
        ),
    )


def over_ten_decades(
    name: str,
    powers: range,
    bound: sympy.Expr,
    *,
    refutes: bool = False,
) -> Check:
    """|Q - candidate| is at most the bound for alpha = 10^p, p in `powers`, and random theta > 0.

    At 50 digits or more: the two differ by far less than either.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw, closest = random.Random(settings.seed), arb(0)
        with precision(max(settings.digits, 50) + 110):
            for power in powers:
                values = {"theta": drawn_ball(draw, 1, 40), "alpha": arb(10) ** power}
                gap = abs(ball(POTENTIAL, values) - ball(candidate, values))
                limit = ball(bound, values)
                if gap > limit or not gap.is_finite():
                    return Evidence(False, f"error {gap.str(3, radius=False)} at 10^{power}")
                if not gap <= limit:
                    return Evidence(None, f"undecided at 10^{power}")
                closest = max(closest, gap / limit, key=float)
        shown = f"at most {float(closest):.6f} of the bound"
        return Evidence(True, f"{shown}, alpha = 10^{powers[0]} ... 10^{powers[-1]}")

    return Check(name, Kind.BALL, judge, refutes)


@claim("gunasekar2023.kernel-limit", catalogue="C07", where="changing scale of initialization")
def kernel_limit() -> Claim:
    """q(z) = z²/4 - z⁴/192 + ..., each partial sum on the other side of q; z = θ/α². So
    4α²Q → θ² as α → ∞, with an error of at most θ⁴/(48α⁴), and Q itself tends to 0.
    """
    return Claim(
        statement=(
            r"As $\alpha\to\infty$ the potential of $w_+^2-w_-^2$ is, per coordinate and up to "
            r"$\theta^4/(192\alpha^6)$, {formula}."
        ),
        printed=Formula("kernelLimitPrinted", THETA**2, given=POSITIVE),
        right=Formula("kernelLimit", THETA**2 / (4 * ALPHA**2), given=POSITIVE),
        checks=(
            structurally(
                "series of the potential",
                lambda: ALPHA**2 * kernel_expansion(THETA / ALPHA**2, 1),
                refutes=True,
            ),
            over_ten_decades(
                "ten decades of alpha", range(1, 11), THETA**4 / (192 * ALPHA**6), refutes=True
            ),
        ),
        expected=Verdict.CORRECTED,
        condition=r"It is $4\alpha^2Q_\alpha$ that tends to $\lVert\theta\rVert_2^2$.",
        because=r"$Q_\alpha$ tends to 0; the limit needs the scaling.",
        counterexample=r"$\theta = 1$, $\alpha = 10$: $Q = 0.0025$.",
    )


@claim("gunasekar2023.rich-limit", catalogue="C07", where="changing scale of initialization")
def rich_limit() -> Claim:
    """q(z) = z log z - z + 2 - 1/z + ..., each partial sum on the other side of q. So Q is
    |θ|(log(1/α²) + log|θ| - 1) + 2α² up to α⁴/|θ|, and Q over log(1/α²) tends to |θ| like
    1/log(1/α): at α = 10⁻¹⁰, θ = 1 it is still 2 % off.
    """
    z = THETA / ALPHA**2
    return Claim(
        statement=(
            r"As $\alpha\to0$ the potential of $w_+^2-w_-^2$ is, per coordinate with $\theta > 0$ "
            r"and up to $\alpha^4/\theta$, {formula}."
        ),
        printed=Formula("richLimitPrinted", THETA, given=(*POSITIVE, sympy.Gt(THETA, 0))),
        right=Formula(
            "richLimit",
            THETA * (sympy.log(THETA) - 2 * sympy.log(ALPHA) - 1) + 2 * ALPHA**2,
            given=(*POSITIVE, sympy.Gt(THETA, 0)),
        ),
        checks=(
            structurally(
                "series of the potential",
                lambda: (ALPHA**2 * rich_expansion(z, 0)).replace(
                    sympy.log, lambda e: sympy.log(THETA) - 2 * sympy.log(ALPHA)
                ),
                refutes=True,
            ),
            over_ten_decades("ten decades of alpha", range(-10, 0), ALPHA**4 / THETA, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"It is $Q_\alpha/\log(1/\alpha^2)$ that tends to $\lVert\theta\rVert_1$.",
        because=r"$Q_\alpha$ grows without bound; the limit needs the scaling.",
        counterexample=r"$\theta = 1$, $\alpha = 10^{-10}$: $Q = 45.05\dots$",
    )


WEIGHT = sympy.Symbol("h_i", real=True)


@claim("gunasekar2023.nonuniform-start", catalogue="C18", where="sparse recovery, problem 2")
def nonuniform_start() -> Claim:
    """α_i = ᾱ exp(-h_i) in the limit of the potential: |θ_i|(2 log(1/ᾱ) + 2h_i + log|θ_i| - 1). The
    h_i stay while log(1/ᾱ) grows, so that over log(1/ᾱ²) all weights tend to 1. With
    α_i = ᾱ^(h_i) the weights are 2h_i log(1/ᾱ) and the printed limit holds.
    """

    def weights(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(max(settings.digits, 50) + 60):
            for power in range(-10, 0):
                theta, h, scale = (
                    drawn_ball(draw, 1, 40),
                    drawn_ball(draw, 1, 8),
                    arb(10) ** power,
                )
                own = scale * (-h).exp()
                exact = ball(POTENTIAL, {"theta": theta, "alpha": own}) / theta
                found = ball(candidate, {"theta": theta, "alpha": scale, "h_i": h})
                if not abs(exact - found) < 3 * own**2 / theta:
                    return Evidence(False, f"{found.str(6)} for {exact.str(6)} at 10^{power}")
        return Evidence(True, "within 3 alpha^2/theta, alpha = 10^-10 ... 10^-1")

    def chosen(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """X = (1, 1/2), y = 1, h = (3, 1): which coordinate carries the interpolator."""
        with precision(settings.digits):
            scale, h = arb(10) ** -60, (arb(3), arb(1))
            own = [scale * (-x).exp() for x in h]

            def limit(nu: arb) -> list[arb]:
                return [2 * own[0] ** 2 * nu.sinh(), 2 * own[1] ** 2 * (nu / 2).sinh()]

            low, high = arb(0), arb(600)
            for _ in range(80):
                middle = ((low + high) / 2).mid()
                below = limit(middle)[0] + limit(middle)[1] / 2 < 1
                low, high = (middle, high) if below else (low, middle)
            theta = limit(low)
            first = theta[0] > theta[1]
            costs = [
                size * ball(candidate, {"theta": arb(size), "alpha": scale, "h_i": x})
                for size, x in zip((1, 2), h, strict=True)
            ]
        if not (costs[0] < costs[1] or costs[0] > costs[1]):
            return Evidence(None, "the weights do not choose")
        figure = f"the interpolator is ({float(theta[0]):.3f}, {float(theta[1]):.1e})"
        return Evidence(bool(costs[0] < costs[1]) == bool(first), figure)

    def by_series() -> sympy.Expr:
        expanded = rich_expansion(THETA, 0)  # at alpha = 1: the logarithm of theta/alpha^2 is added
        slope = sympy.expand((expanded - 2) / THETA)
        return slope - 2 * sympy.log(ALPHA) + 2 * WEIGHT

    return Claim(
        statement=(
            r"For $\alpha_i = \bar\alpha e^{-h_i}$ the potential weighs $|\theta_i|$, up to "
            r"$O(\bar\alpha^2)$ as $\bar\alpha\to0$, with {formula}."
        ),
        printed=Formula("nonuniformPrinted", WEIGHT, given=POSITIVE),
        right=Formula(
            "nonuniformStart",
            2 * WEIGHT - 2 * sympy.log(ALPHA) + sympy.log(THETA) - 1,
            given=POSITIVE,
        ),
        checks=(
            structurally("series of the potential", by_series, refutes=True),
            Check("weights over ten decades", Kind.BALL, weights, refutes=True),
            Check("the interpolator of two coordinates", Kind.ENUMERATION, chosen, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"In the limit the norm is $\lVert\theta\rVert_1$ for every constant $h$, which "
            r"decides only between several $\ell_1$ minimizers; $\sum_ih_i|\theta_i|$ is the "
            r"limit for $\alpha_i = \bar\alpha^{h_i}$."
        ),
        because=r"$h_i$ is added to $\log(1/\bar\alpha)$, beside which it vanishes.",
        counterexample=(
            r"$X = (1, 1/2)$, $y = 1$, $h = (3, 1)$: the interpolator tends to $(1, 0)$, the "
            r"smallest $\ell_1$ norm; $\sum_ih_i|\theta_i|$ is smallest at $(0, 2)$."
        ),
    )
