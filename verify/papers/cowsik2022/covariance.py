"""The covariance equation of Cowsik, Can and Glorioso (2022): exact, limit, and what that drops.

Their Definition 3.3 gives the operator in the limit of small steps and strong momentum. On two
modes of curvature lambda1 and lambda2 an operator on symmetric matrices is a polynomial in both.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

import sympy
from flint import arb, fmpq, fmpq_mat

from derive import heavy_ball
from derive.language.formula import BETA, H, Z
from derive.quadratics.stationary_noise import Powers, covariance_equation, small_step_limit
from verify.claims.checks.identities import identical
from verify.claims.checks.scaling import ScalingPoint, to_leading_order
from verify.claims.checks.stated import bounded
from verify.claims.claim import LOST, OURS, Claim, Kind, Settings, claim, on
from verify.claims.slots import Domain, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import covariance_of_weights, kept, momentum_mode, with_eigenvalues
from verify.papers.cowsik2022.noise import GAP, L1, L2, RULE, ZS, stable
from verify.running.families import Draw

GAMMA = sympy.Symbol("gamma")
HALF = sympy.Rational(1, 2)
COVARIANCE = r"\mathbb E[w_iw_j]"
SUM, COMMUTATOR = (0, 0, 1), (0, 1, 0)
"""The terms {H,S} and [[S,H],H] of an operator."""


def of_modes(coefficients: dict[Powers, sympy.Expr]) -> sympy.Expr:
    """An operator on matrices by its values on two modes, h^n in front of degree n + 1."""
    total = sympy.Integer(0)
    for (outer, nested, sums), c in coefficients.items():
        degree = 2 * outer + 2 * nested + sums
        total += c * H ** (degree - 1) * (L1 * L2) ** outer * GAP**nested * (L1 + L2) ** sums
    return total


DEFINED = L1 + L2 + H * GAP / (2 * (1 - BETA) ** 2)


@claim(
    "cowsik2022.exact-operator",
    catalogue="B14",
    where="Definition 3.3, at finite steps",
    printed=OURS,
)
def exact_operator() -> Claim:
    r"""Divide the denominator of the two-mode covariance by $(1-\beta)^2(1+\beta)$.
    $\lambda_1^n\lambda_2^mS_{12}$ is an entry of $H^nSH^m$, so that $\lambda_1+\lambda_2$,
    $\lambda_1\lambda_2$ and $(\lambda_1-\lambda_2)^2$ act as $\{H,S\}$, $HSH$ and $[[S,H],H]$, in
    every basis.
    """

    def term(powers: Powers) -> Callable[[], sympy.Expr]:
        degree = 2 * powers[0] + 2 * powers[1] + powers[2]

        def derived() -> sympy.Expr:
            left = covariance_equation(heavy_ball).left
            return left[powers].as_expr() * H ** (degree - 1) / left[0, 0, 1].as_expr()

        return derived

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        draw, beta = random.Random(settings.seed), point["beta"]
        for n in (2, 3):
            h = fmpq(draw.randint(1, 9), 11)
            values = [point["z"] / h, *(fmpq(draw.randint(1, 9), 20) / h for _ in range(n - 1))]
            values[1:] = [c * (1 + beta) for c in values[1:]]
            if not all(momentum_mode(h, beta, c).settles for c in values):
                return False
            hessian, noise = with_eigenvalues(values, draw), covariance(draw, n)
            s = covariance_of_weights(hessian, noise, h, beta)
            said = {
                name: says.number(name, h=h, beta=beta) for name in ("sandwich", "nested", "drive")
            }
            twice = hessian * hessian * s + s * hessian * hessian - hessian * s * hessian * 2
            left = hessian * s + s * hessian + hessian * s * hessian * said["sandwich"]
            if left + twice * said["nested"] != noise * said["drive"]:
                return False
        return True

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"Momentum SGD, {RULE} of covariance $\Sigma$ and the Hessian $H$ for $\lambda$, "
            r"keeps for {domain}, $z:=h\lambda$ for each eigenvalue, a covariance $S$ of the "
            r"weights with $\{H,S\}{+sandwich}HSH{+nested}[[S,H],H]={drive}\,\Sigma$.",
            {
                "sandwich": Value(-H / (1 + BETA)),
                "nested": Value(BETA * H / ((1 + BETA) * (1 - BETA) ** 2)),
                "drive": Value(H / (1 - BETA)),
                "domain": stable(Z),
            },
        ),
        checks=(
            on("sandwich", identical("derived equation, HSH", term((1, 0, 0)))),
            on("nested", identical("derived equation, [[S,H],H]", term((0, 1, 0)))),
            bounded("Lyapunov equation of all modes at once", holds, kind=Kind.ENUMERATION),
        ),
    )


def covariance(draw: Draw, n: int) -> fmpq_mat:
    """A positive definite matrix."""
    return with_eigenvalues([fmpq(draw.randint(1, 9), 4) for _ in range(n)], draw)


@lru_cache(maxsize=256)
def two_modes(place: ScalingPoint) -> fmpq:
    """The covariance that two modes keep."""
    modes = (momentum_mode(place.h, place.beta, c) for c in (place.first, place.second))
    return kept(*modes)[0, 0]


@lru_cache(maxsize=256)
def one_mode(place: ScalingPoint) -> fmpq:
    """The variance that the first mode keeps."""
    mode = momentum_mode(place.h, place.beta, place.first)
    return kept(mode, mode)[0, 0]


def leading(
    quantity: str,
    limit: sympy.Expr,
    domain: Domain,
    rate: sympy.Expr,
    *,
    unit: str = r"\,\Sigma_{12}",
    parts: tuple[Powers, ...],
    exact: Callable[[ScalingPoint], fmpq] = two_modes,
    over: sympy.Expr = H / (1 - BETA),
) -> Claim:
    """A covariance to leading order as h falls and the momentum rises.

    Args:
        quantity: its LaTeX.
        parts: the terms of the derived limit operator that matter.
        over: what the quantity is over that operator.
    """

    def derived() -> sympy.Expr:
        left = small_step_limit(covariance_equation(heavy_ball))[0].left
        return over / of_modes({powers: left[powers].as_expr() for powers in parts})

    def beside_exact(says: Statement, place: ScalingPoint) -> arb:
        return place.stated(says, "limit") / arb(exact(place))

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"Momentum SGD on two modes, {RULE}, keeps along $\beta:=1-Ch^\gamma$ for "
            rf"{{domain}}, as $h$ falls, to leading order ${quantity}={{limit}}{unit}$, $i:=1$, "
            r"$j:=2$; relative to it, what is left falls like $h^p$ with $p={rate}$.",
            {"limit": Value(limit, "limit"), "domain": domain, "rate": Value(rate, "rate")},
        ),
        checks=(
            on("limit", identical("limit of the derived equation", derived)),
            to_leading_order("Lyapunov equation solved exactly", beside_exact, rate="rate"),
        ),
    )


@claim("cowsik2022.limit-operator", catalogue="B13", where="Definition 3.3", printed=LOST)
def definition() -> Claim:
    r"""With $h=r(1-\beta)^2$ the coefficient $\beta h/((1+\beta)(1-\beta)^2)$ tends to $r/2$ while
    $h/(1+\beta)$ vanishes; at a fixed $\beta$ both vanish. Both terms are positive on modes of
    positive curvature, so that the operator has an inverse. What it drops is of the order of the
    larger of $h/(1-\beta)$ and $1-\beta$.
    """
    return leading(
        COVARIANCE,
        H / ((1 - BETA) * DEFINED),
        Domain((sympy.Ge(GAMMA, 0),)),
        HALF + sympy.Abs(GAMMA - HALF),
        parts=(SUM, COMMUTATOR),
    )


@claim(
    "cowsik2022.lyapunov-limit",
    catalogue="B13 B15",
    where="after Theorem 3.4 and before equation (118)",
    printed=LOST,
)
def lyapunov_limit() -> Claim:
    r"""For $\gamma<\frac12$, $h/(1-\beta)^2\to0$ and the Lyapunov operator $\{H,S\}$ is left of
    that of Definition 3.3, as at a fixed $\beta$.
    """
    return leading(
        COVARIANCE,
        H / ((1 - BETA) * (L1 + L2)),
        Domain((sympy.Ge(GAMMA, 0), sympy.Lt(GAMMA, HALF))),
        1 - 2 * GAMMA,
        parts=(SUM,),
    )


@claim("cowsik2022.off-diagonals", catalogue="B15", where="equation (118)", printed=LOST)
def off_diagonals() -> Claim:
    r"""For $(1-\beta)^2\ll h$ the commutator outweighs the rest of the operator. The exact
    covariance is this times $(1+\beta)/(2\beta)$, over
    $1+(1-\beta)^2((1+\beta)(\lambda_1+\lambda_2)-h\lambda_1\lambda_2)/(\beta
    h(\lambda_1-\lambda_2)^2)$: the relative error has the order $(1-\beta)+(1-\beta)^2/h$.
    """
    return leading(
        COVARIANCE,
        2 * (1 - BETA) / GAP,
        Domain((sympy.Gt(GAMMA, HALF),)),
        (3 * GAMMA - 1 - sympy.Abs(GAMMA - 1)) / 2,
        parts=(COMMUTATOR,),
    )


@claim(
    "cowsik2022.off-diagonal-suppression",
    catalogue="B15",
    where="after equation (118)",
    printed=LOST,
)
def suppression() -> Claim:
    r"""The quotient of the leading off-diagonal covariance and the small-step variance of mode 1,
    at equal noise: of the order $(1-\beta)^2/h=C^2h^{2\gamma-1}$, which vanishes for
    $\gamma>\frac12$ only.
    """
    return leading(
        r"\mathbb E[w_iw_j]/\mathbb E[w_i^2]",
        4 * L1 * (1 - BETA) ** 2 / (H * GAP),
        Domain((sympy.Gt(GAMMA, HALF),)),
        GAMMA - sympy.Abs(GAMMA - 1),
        unit=r"\,\Sigma_{ij}/\Sigma_{ii}",
        parts=(COMMUTATOR,),
        exact=lambda place: two_modes(place) / one_mode(place),
        over=2 * L1,
    )


@claim(
    "cowsik2022.limit-operator-error",
    catalogue="B13",
    where="Definition 3.3, what it drops",
    printed=OURS,
)
def dropped() -> Claim:
    r"""Exact minus limit operator: $-h/(1+\beta)HSH-h/(2(1-\beta^2))[[S,H],H]$. On two modes the
    covariance of Definition 3.3 is $(1-e)$ times the exact one, with $e$ the sum of both over the
    limit operator: a mediant of $h\lambda_1\lambda_2/((1+\beta)(\lambda_1+\lambda_2))$ and
    $(1-\beta)/(1+\beta)$. So the limit is too small, entry by entry.
    """

    def derived() -> sympy.Expr:
        left = small_step_limit(covariance_equation(heavy_ball))[1].left
        return -of_modes({powers: c.as_expr() for powers, c in left.items()}) / DEFINED

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        h, beta = fmpq(random.Random(settings.seed).randint(1, 9), 11), point["beta"]
        one, two = (point[name] / h for name in ("z1", "z2"))
        modes = [momentum_mode(h, beta, curvature) for curvature in (one, two)]
        if not all(mode.settles for mode in modes):
            return False
        values = {"h": h, "beta": beta, "lambda1": one, "lambda2": two}
        found = kept(*modes)[0, 0]
        return found - says.number("limit", **values) == found * says.number("error", **values)

    rest = 1 - BETA
    top = H * rest * (2 * rest * L1 * L2 + GAP)
    bottom = (1 + BETA) * (2 * rest**2 * (L1 + L2) + H * GAP)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"Momentum SGD on two modes, {RULE}, keeps for {{domain}}, $z_i:=h\lambda_i$, a "
            r"covariance with $\mathbb E[w_1w_2]-{limit}\,\Sigma_{12}={error}\,\mathbb E[w_1w_2]$.",
            {
                "limit": Value(H / ((1 - BETA) * DEFINED)),
                "error": Value(top / bottom),
                "domain": stable(*ZS),
            },
        ),
        checks=(
            on("error", identical("dropped terms of the derived equation", derived)),
            bounded("Lyapunov equation solved exactly", holds, kind=Kind.ENUMERATION),
        ),
    )
