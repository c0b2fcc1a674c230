"""The potentials of diagonal linear networks, shallow and deep: Woodworth et al. (2020)."""

from __future__ import annotations

import random

import sympy
from flint import fmpq, fmpq_poly

from derive.language.formula import Formula
from derive.networks.potentials import ALPHA, DEPTH, POSITION, deep_position
from verify.claims.checks.identities import exact
from verify.claims.checks.mirror_maps import on_the_flow, stationary, structurally
from verify.claims.checks.potentials import DEPTHS, POTENTIAL, WOODWORTH, at_depth, potential_of
from verify.claims.claim import Claim, Kind, Settings, Verdict, claim
from verify.running.losses import polynomial
from verify.running.numbers import RATIONAL


def on_power_series(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
    """Gradient flow of the pull on w_+^D - w_-^D, as power series in the pull."""
    terms = 8
    for depth in DEPTHS:
        loss = polynomial(
            2, (((depth, 0), fmpq(1)), ((0, depth), fmpq(-1))), f"x0^{depth} - x1^{depth}"
        )
        start = fmpq(random.Random(settings.seed).randint(2, 9), 5)
        rows = loss.gradient.taylor([start, start], [], terms, RATIONAL)
        plus, minus = (fmpq_poly(row).pow_trunc(depth, terms) for row in rows)
        theta = (plus - minus) * (1 / start**depth)
        unit = start ** (depth - 2) * depth * (depth - 2)  # s over the pull
        function = at_depth(candidate, depth)
        for n in range(terms):
            wanted = sympy.Rational(str(theta[n] / unit**n))
            found = sympy.diff(function, POSITION, n).subs(POSITION, 0) / sympy.factorial(n)
            if sympy.sympify(found) != wanted:
                return False, f"the s^{n} differs at depth {depth}"
    return True, f"power series agree through s^{terms - 1}, D = 3, 4, 5, 6"


@claim("woodworth2020.deep-potential", catalogue="C22", where="Theorem 3")
def deep_network_potential() -> Claim:
    """w₊' = -Dw₊^(D-1)g gives (w₊^(2-D))' = D(D-2)g: with s = α^(D-2)D(D-2)P, P = -∫g, the weights
    are α(1∓s)^(-1/(D-2)), and θ = α^D h(s). So s, a multiple of the pull, is the derivative of the
    potential α^D q_D(θ/α^D), and q_D' is the inverse of h.
    """
    power = -DEPTH / (DEPTH - 2)
    return Claim(
        statement=(
            r"Gradient flow on $\theta = w_+^D-w_-^D$ from $w_\pm(0) = \alpha$, $D \ge 3$, "
            r"minimizes $\sum_i\alpha^Dq_D(\theta_i/\alpha^D)$, and $q_D'$ is the inverse of the "
            "function {formula} of $s$ in $(-1, 1)$."
        ),
        printed=Formula(
            "deepPosition",
            (1 - POSITION) ** power - (1 + POSITION) ** power,
            given=(sympy.Ge(DEPTH, 3),),
        ),
        checks=(
            structurally("solution of the flow", deep_position),
            exact("power series of the flow", Kind.SERIES, on_power_series),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"In closed form at $s$: $q_D = sh(s)-\frac{D-2}{2}((1-s)^{-2/(D-2)}+(1+s)^{-2/(D-2)}"
            "-2)$. The name $Q_\\alpha^D$ is the slides'; the theorem is recalled."
        ),
    )


POSITIVE = (sympy.Gt(ALPHA, 0, evaluate=False),)


@claim("woodworth2020.potential", catalogue="C01 C02", where="Theorem 1")
def woodworth_potential() -> Claim:
    """w₊' = -2w₊g, w₋' = 2w₋g with g = dL/dθ: w± = α exp(±2P), P = -∫g, θ = 2α² sinh(4P). So
    arcsinh(θ/2α²) = 4P, and P is a combination of the rows of X. That is stationarity of the sum of
    potentials whose derivative is arcsinh(θ/2α²); integrate. It is α²q(θ/α²) with
    q(z) = 2 - √(4+z²) + z arcsinh(z/2).
    """
    return Claim(
        statement=(
            r"Gradient flow on $\theta = w_+^2-w_-^2$ from $w_\pm(0) = \alpha$, if it reaches loss "
            "0, finds the interpolator that minimizes the sum over coordinates of {formula}."
        ),
        printed=Formula("woodworthPotential", POTENTIAL, given=POSITIVE),
        checks=(
            structurally("integral of the mirror map", lambda: potential_of("woodworth2020")),
            on_the_flow(WOODWORTH),
            stationary(WOODWORTH),
        ),
        expected=Verdict.CONFIRMED,
        condition="Recalled from the paper; its wording could not be compared.",
    )
