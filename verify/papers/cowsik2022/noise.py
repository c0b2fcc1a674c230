"""Stationary noise near a minimum: Cowsik, Can and Glorioso (2022), and what their limit drops.

The momentum pi of their equation (1) obeys pi' = beta pi - grad L(w) + noise, w' = w + h pi'. The
noise on one mode has variance s^2; on two modes it has the covariance Sigma_12.
"""

from __future__ import annotations

import sympy
from flint import fmpq

from derive import heavy_ball
from derive.language.formula import BETA, MOMENTUM, Formula, H
from derive.quadratics.stationary_noise import Z1, Z2, stationary_covariance
from verify.claims.checks.identities import Derived, exact, identical
from verify.claims.checks.stationary_covariance import (
    Entry,
    derived_variance,
    moment_checks,
    paper_step,
    relative_error,
)
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim

LAMBDA, L1, L2 = sympy.symbols("lambda lambda1 lambda2")
GAP = (L1 - L2) ** 2
DENOMINATOR = (1 - BETA) ** 2 * ((1 + BETA) * (L1 + L2) - H * L1 * L2) + H * BETA * GAP
STABLE = 2 * (1 + BETA) - H * LAMBDA
SMALL = (*MOMENTUM, sympy.Gt(H, 0))
MODE = (*SMALL, sympy.Gt(LAMBDA, 0), sympy.Lt(H * LAMBDA, 2 * (1 + BETA)))
MODES = (*SMALL, sympy.Gt(L1, 0), sympy.Gt(L2, 0))
NOISE = r"\Sigma_{12}"


def covariance(entry: Entry, units: int) -> Derived:
    def derived() -> sympy.Expr:
        return stationary_covariance(heavy_ball)[entry].subs({Z1: H * L1, Z2: H * L2}) * H**units

    return derived


def moment(
    statement: str, formula: Formula, derived: Derived, entry: Entry, *, modes: int
) -> Claim:
    return Claim(
        statement=statement,
        printed=formula,
        checks=(
            identical("solution of the derived Lyapunov equation", derived),
            *moment_checks(paper_step, entry, modes=modes),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.position-variance", catalogue="B09 B10", where="appendix F, (169)-(177)")
def position_variance() -> Claim:
    """With p = E[π²], q = E[πw], r = E[w²] stationarity of (170)-(172) gives three linear equations
    in p, q and r. From w_k = w_(k+1) - h π_(k+1) follows q = hp/2; then solve for r.
    """
    return moment(
        r"On a mode of curvature $\lambda$ the weights have the stationary variance {formula}.",
        Formula(
            "positionVariance",
            H * (1 + BETA) / (LAMBDA * (1 - BETA) * STABLE),
            beside="s^{2}",
            given=MODE,
        ),
        derived_variance(heavy_ball, (0, 0), 2),
        (0, 0),
        modes=1,
    )


@claim("cowsik2022.momentum-variance", catalogue="B10", where="appendix F, (173)-(176)")
def momentum_variance() -> Claim:
    """The same three equations, solved for p."""
    return moment(
        r"On a mode of curvature $\lambda$ the momentum has the stationary variance {formula}.",
        Formula("momentumVariance", 2 / ((1 - BETA) * STABLE), beside="s^{2}", given=MODE),
        derived_variance(heavy_ball, (1, 1), 0),
        (1, 1),
        modes=1,
    )


@claim("cowsik2022.mixed-covariance", catalogue="B10", where="appendix F, (173)-(176)")
def mixed_covariance() -> Claim:
    """w_k = w_(k+1) - h π_(k+1), and the variance of w is the same at k and k+1: 2hq = h²p."""
    return moment(
        r"On a mode the covariance of momentum and weights is {formula}.",
        Formula("mixedCovariance", H / ((1 - BETA) * STABLE), beside="s^{2}", given=MODE),
        derived_variance(heavy_ball, (0, 1), 1),
        (0, 1),
        modes=1,
    )


@claim("cowsik2022.two-mode-positions", catalogue="B12", where="appendix F, two modes")
def two_mode_positions() -> Claim:
    """Stationarity of E[y_1 y_2^T], y = (w, π), is four linear equations. Their determinant holds
    D = (1-β)²((1+β)(λ₁+λ₂) - hλ₁λ₂) + βh(λ₁-λ₂)².
    """
    return moment(
        r"Two modes have weights of the stationary covariance {formula}.",
        Formula("twoModePositions", H * (1 - BETA**2) / DENOMINATOR, beside=NOISE, given=MODES),
        covariance((0, 0), 2),
        (0, 0),
        modes=2,
    )


@claim("cowsik2022.two-mode-momenta", catalogue="B12", where="appendix F, two modes")
def two_mode_momenta() -> Claim:
    """The same four equations, solved for E[π₁π₂]."""
    return moment(
        r"Two modes have momenta of the stationary covariance {formula}.",
        Formula("twoModeMomenta", (1 - BETA) * (L1 + L2) / DENOMINATOR, beside=NOISE, given=MODES),
        covariance((1, 1), 0),
        (1, 1),
        modes=2,
    )


@claim("cowsik2022.two-mode-mixed", catalogue="B12", where="appendix F, two modes")
def two_mode_mixed() -> Claim:
    """The same four equations, solved for E[w₁π₂]; E[π₁w₂] has the indices exchanged. Neither is
    half of h E[π₁π₂], as it is for one mode, but their mean is.
    """
    return moment(
        r"The weights of mode 1 and the momentum of mode 2 have the covariance {formula}.",
        Formula("twoModeMixed", H * (L1 - BETA * L2) / DENOMINATOR, beside=NOISE, given=MODES),
        covariance((0, 1), 1),
        (0, 1),
        modes=2,
    )


def limit_of(derived: Derived, factor: sympy.Expr) -> Check:
    """The candidate over `factor` is the limit of the derived expression over it, for h -> 0."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        left = sympy.cancel(derived() / factor).subs(H, 0)
        return sympy.cancel(left - candidate / factor) == 0, "limit of the exact variance"

    return exact("limit of the derived variance", Kind.SYMBOLIC, holds)


@claim("cowsik2022.small-step-variance", catalogue="B11", where="section 1.1")
def small_step_variance() -> Claim:
    """The exact variance is this over 1 - hλ/(2(1+β)). The factor is uniform in β, so the limit
    needs only hλ -> 0: the variance has the order ε²η/(1-β) of section 1.1.
    """
    return Claim(
        statement=r"For small steps the variance of the weights on a mode is {formula}.",
        printed=Formula(
            "smallStepVariance", H / (2 * LAMBDA * (1 - BETA)), beside="s^{2}", given=MODE
        ),
        checks=(
            limit_of(derived_variance(heavy_ball, (0, 0), 2), H),
            relative_error("relative error of order h", lambda n: (fmpq(1, 2**n), fmpq(4, 5)), 1),
            relative_error(
                "relative error of order h while the momentum rises",
                lambda n: (fmpq(1, 4**n), 1 - fmpq(1, 2**n)),
                2,
            ),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.small-step-momentum", catalogue="B11", where="appendix F, after (177)")
def small_step_momentum() -> Claim:
    """The exact variance is this over 1 - hλ/(2(1+β)) as well: that of the history sum of noise."""
    return Claim(
        statement=r"For small steps the variance of the momentum on a mode is {formula}.",
        printed=Formula("smallStepMomentum", 1 / (1 - BETA**2), beside="s^{2}", given=MODE),
        checks=(
            limit_of(derived_variance(heavy_ball, (1, 1), 0), sympy.Integer(1)),
            relative_error(
                "relative error of order h", lambda n: (fmpq(1, 2**n), fmpq(4, 5)), 1, entry=(1, 1)
            ),
        ),
        expected=Verdict.CONFIRMED,
    )
