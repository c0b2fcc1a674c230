"""The potentials of diagonal linear networks, shallow and deep: Woodworth et al. (2020)."""

from __future__ import annotations

import random

import sympy
from flint import fmpq, fmpq_poly

from derive.networks.potentials import ALPHA, DEPTH, POSITION, deep_position
from verify.claims.checks.identities import exact
from verify.claims.checks.mirror_maps import mirror_flow, stationary, structurally
from verify.claims.checks.potentials import (
    FROM_EQUAL,
    POTENTIAL,
    WOODWORTH,
    at_depth,
    potential_of,
)
from verify.claims.checks.taylor import taylor_coefficients
from verify.claims.claim import RECALLED, Claim, Kind, Settings, claim, on
from verify.claims.slots import Domain, Value
from verify.claims.statement import Statement, Type
from verify.running.losses import polynomial
from verify.running.numbers import RATIONAL


def meets_the_flow(says: Statement, depth: int, draw: random.Random) -> bool:
    """Gradient flow on w_+^D - w_-^D, as power series in the pull, is the stated position."""
    terms, start = 8, fmpq(draw.randint(2, 9), 5)
    loss = polynomial(
        2, (((depth, 0), fmpq(1)), ((0, depth), fmpq(-1))), f"x0^{depth} - x1^{depth}"
    )
    rows = loss.gradient.taylor([start, start], [], terms, RATIONAL)
    plus, minus = (fmpq_poly(row).pow_trunc(depth, terms) for row in rows)
    theta = (plus - minus) * (1 / start**depth)
    unit = says.number("unit", alpha=start, D=fmpq(depth))
    function = at_depth(says.expr("position"), depth)
    if function.has(sympy.zoo, sympy.nan) or not unit > 0:
        return False
    scale = sympy.Rational(str(unit))
    return all(
        c * scale**n == sympy.Rational(str(theta[n]))
        for n, c in enumerate(taylor_coefficients(function, POSITION, terms))
    )


def at_each_depth(says: Statement, settings: Settings) -> tuple[bool, str]:
    """It holds at the depths of the domain, and at none of 1, ..., 6 that is left out."""
    draw, bounds = random.Random(settings.seed), says["domain"].bounds
    for depth in range(1, 7):
        within = all(bool(bound.subs(DEPTH, depth)) for bound in bounds)
        if meets_the_flow(says, depth, draw) != within:
            return False, f"{'fails' if within else 'holds'} at depth {depth}"
    return True, "power series agree through s^7 at D = 3, 4, 5, 6 and at no other"


@claim(
    "woodworth2020.deep-potential",
    catalogue="C22",
    where="Theorem 3",
    printed=RECALLED,
)
def deep_network_potential() -> Claim:
    r"""$w_+'=-Dw_+^{D-1}g$ gives $(w_+^{2-D})'=D(D-2)g$: with $s=\alpha^{D-2}D(D-2)P$,
    $P=-\int g$, the weights are $\alpha(1\mp s)^{-1/(D-2)}$, and $\theta=\alpha^Dh(s)$. So $s$, a
    multiple of the pull, is the derivative of the potential $\alpha^Dq_D(\theta/\alpha^D)$, and
    $q_D'$ is the inverse of $h$. In closed form at $s$:
    $q_D=sh(s)-\frac{D-2}{2}((1-s)^{-2/(D-2)}+(1+s)^{-2/(D-2)}-2)$.
    """
    power = -DEPTH / (DEPTH - 2)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Gradient flow on $\theta:=w_+^D-w_-^D$ from $w_{\pm,i}:=\alpha$ minimizes, if it "
            r"ends at an interpolator, $\sum_i\alpha^Dq_D(\theta_i/\alpha^D)$ among all "
            r"interpolators, where $q_D'$ is the inverse of ${position}$ about the origin, and "
            r"$s={unit}\int(-\nabla L)$ along the way, for the integers {domain}.",
            {
                "position": Value((1 - POSITION) ** power - (1 + POSITION) ** power),
                "unit": Value(ALPHA ** (DEPTH - 2) * DEPTH * (DEPTH - 2)),
                "domain": Domain((sympy.Ge(DEPTH, 3),)),
            },
        ),
        checks=(
            on("position", structurally("solution of the flow", deep_position)),
            exact("power series of the flow", Kind.SERIES, at_each_depth),
        ),
    )


@claim(
    "woodworth2020.potential",
    catalogue="C01 C02",
    where="Theorem 1",
    printed=RECALLED,
)
def woodworth_potential() -> Claim:
    r"""$w_+'=-2w_+g$ and $w_-'=2w_-g$ with $g=\partial L/\partial\theta$: $w_\pm=\alpha e^{\pm2P}$,
    $P=-\int g$, $\theta=2\alpha^2\sinh(4P)$. So $\mathrm{arcsinh}(\theta/2\alpha^2)=4P$, and at the
    limit $P$ is a combination of the rows of $X$. That is stationarity of the sum of potentials
    whose derivative is $\mathrm{arcsinh}(\theta/2\alpha^2)$; integrate. It is
    $\alpha^2q(\theta/\alpha^2)$ with $q(z)=2-\sqrt{4+z^2}+z\,\mathrm{arcsinh}(z/2)$.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"Gradient flow on {FROM_EQUAL} minimizes, if it ends at an interpolator, the sum "
            r"over the coordinates of $Q={potential}$ among all interpolators; along the way the "
            r"gradient of $Q$, which vanishes at the origin as $Q$ does, is $-{rate}\int\nabla L$.",
            {**WOODWORTH, "potential": Value(POTENTIAL), "rate": Value(sympy.Integer(4), "rate")},
        ),
        checks=(
            on(
                "potential",
                structurally("integral of the mirror map", lambda: potential_of("woodworth2020")),
            ),
            mirror_flow("alpha"),
            stationary("alpha"),
        ),
    )
