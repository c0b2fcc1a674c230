"""Stationary noise near a minimum: Cowsik, Can and Glorioso (2022), and what their limit drops.

The momentum pi of their equation (1) obeys pi' = beta pi - grad L(w) + noise, w' = w + h pi'. The
noise on one mode has variance s^2; on two modes it has the covariance Sigma_12. Their text prints
the variance of the weights, of one mode.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from flint import fmpq

from derive import heavy_ball
from derive.language.formula import BETA, H, Z
from derive.quadratics.stationary_noise import Z1, Z2, stationary_covariance
from verify.claims.checks.identities import Derived, exact, identical, noted
from verify.claims.checks.stated import tends
from verify.claims.checks.stationary_covariance import (
    Entry,
    answers_to_kicks,
    derived_variance,
    keeps,
)
from verify.claims.claim import LOST, OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Choice, Domain, Order, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import kept, momentum_mode

LAMBDA, L1, L2 = sympy.symbols("lambda lambda1 lambda2")
ZS = sympy.symbols("z1 z2")
GAP = (L1 - L2) ** 2
DENOMINATOR = (1 - BETA) ** 2 * ((1 + BETA) * (L1 + L2) - H * L1 * L2) + H * BETA * GAP
STABLE = 2 * (1 + BETA) - H * LAMBDA
RULE = r"$\pi_{k+1}:=\beta\pi_k-\lambda w_k+n_k$ and $w_{k+1}:=w_k+h\pi_{k+1}$ with white noise $n$"
MODE = rf"Momentum SGD on a mode, {RULE} of variance $s^2$,"
MODES = rf"Momentum SGD on two modes, {RULE} of covariance $\Sigma_{{12}}$ between them,"


def stable(*symbols: sympy.Symbol) -> Domain:
    """Where every mode is stable, z being h lambda."""
    fading = (sympy.Gt(BETA, -1), sympy.Lt(BETA, 1))
    return Domain(
        fading + tuple(b for z in symbols for b in (sympy.Gt(z, 0), sympy.Lt(z, 2 * (1 + BETA))))
    )


def covariance(entry: Entry, units: int) -> Derived:
    def derived() -> sympy.Expr:
        return stationary_covariance(heavy_ball)[entry].subs({Z1: H * L1, Z2: H * L2}) * H**units

    return derived


def moment(quantity: str, value: sympy.Expr, derived: Derived, entry: Entry, modes: int) -> Claim:
    """A stationary moment of one mode or two.

    Args:
        quantity: its LaTeX.
    """
    subject, noise, where = (
        (MODE, "s^2", r"$z:=h\lambda$")
        if modes == 1
        else (MODES, r"\Sigma_{12}", r"$z_i:=h\lambda_i$")
    )
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"{subject} has for {{domain}}, {where} a stationary "
            rf"${quantity}={{value}}\,{noise}$.",
            {"value": Value(value), "domain": stable(*((Z,) if modes == 1 else ZS))},
        ),
        checks=(
            on("value", identical("solution of the derived Lyapunov equation", derived)),
            keeps("Lyapunov equation solved exactly", entry),
            on("value", answers_to_kicks(entry)),
        ),
    )


@claim(
    "cowsik2022.position-variance",
    catalogue="B09 B10",
    where="appendix F, (169)-(177)",
    printed=LOST,
)
def position_variance() -> Claim:
    r"""With $p=E[\pi^2]$, $q=E[\pi w]$, $r=E[w^2]$ stationarity gives three linear equations in
    $p$, $q$ and $r$. From $w_k=w_{k+1}-h\pi_{k+1}$ follows $q=hp/2$; then solve for $r$.
    """
    value = H * (1 + BETA) / (LAMBDA * (1 - BETA) * STABLE)
    return moment(r"\mathbb E[w^2]", value, derived_variance(heavy_ball, (0, 0), 2), (0, 0), 1)


@claim(
    "cowsik2022.momentum-variance",
    catalogue="B10",
    where="appendix F, (173)-(176)",
    printed=OURS,
)
def momentum_variance() -> Claim:
    """The same three equations, solved for the variance of the momentum."""
    value = 2 / ((1 - BETA) * STABLE)
    return moment(r"\mathbb E[\pi^2]", value, derived_variance(heavy_ball, (1, 1), 0), (1, 1), 1)


@claim(
    "cowsik2022.mixed-covariance",
    catalogue="B10",
    where="appendix F, (173)-(176)",
    printed=OURS,
)
def mixed_covariance() -> Claim:
    r"""$w_k=w_{k+1}-h\pi_{k+1}$, and the variance of $w$ is the same at $k$ and $k+1$:
    $2hq=h^2p$.
    """
    value = H / ((1 - BETA) * STABLE)
    return moment(r"\mathbb E[w\pi]", value, derived_variance(heavy_ball, (0, 1), 1), (0, 1), 1)


@claim(
    "cowsik2022.two-mode-positions",
    catalogue="B12",
    where="appendix F, for two modes",
    printed=OURS,
)
def two_mode_positions() -> Claim:
    r"""Stationarity of $E[y_1y_2^T]$, $y=(w,\pi)$, is four linear equations. Their determinant
    holds $D=(1-\beta)^2((1+\beta)(\lambda_1+\lambda_2)-h\lambda_1\lambda_2)+\beta
    h(\lambda_1-\lambda_2)^2$.
    """
    value = H * (1 - BETA**2) / DENOMINATOR
    return moment(r"\mathbb E[w_1w_2]", value, covariance((0, 0), 2), (0, 0), 2)


@claim(
    "cowsik2022.two-mode-momenta",
    catalogue="B12",
    where="appendix F, for two modes",
    printed=OURS,
)
def two_mode_momenta() -> Claim:
    r"""The same four equations, solved for $E[\pi_1\pi_2]$."""
    value = (1 - BETA) * (L1 + L2) / DENOMINATOR
    return moment(r"\mathbb E[\pi_1\pi_2]", value, covariance((1, 1), 0), (1, 1), 2)


@claim(
    "cowsik2022.two-mode-mixed",
    catalogue="B12",
    where="appendix F, for two modes",
    printed=OURS,
)
def two_mode_mixed() -> Claim:
    r"""The same four equations, solved for $E[w_1\pi_2]$; $E[\pi_1w_2]$ has the indices exchanged.
    Neither is half of $hE[\pi_1\pi_2]$, as it is for one mode, but their mean is.
    """
    value = H * (L1 - BETA * L2) / DENOMINATOR
    return moment(r"\mathbb E[w_1\pi_2]", value, covariance((0, 1), 1), (0, 1), 2)


class MomentumLimit(Choice):
    r"""Where $\beta$ is while the step falls."""

    FIXED = r"at fixed $\beta$, and not while it rises"
    EITHER = r"at fixed $\beta$ and while it rises to its bound"


PATHS = (lambda n: fmpq(4, 5), lambda n: 1 - fmpq(1, 2**n))


def small_step(
    quantity: str, limit: sympy.Expr, derived: Derived, entry: Entry, factor: sympy.Expr
) -> Claim:
    """A stationary moment of one mode as the step falls.

    Args:
        factor: a power of h times which the limit is finite.
    """

    def differences(says: Statement, settings: Settings, path: int) -> Sequence[fmpq]:
        found = []
        for n in range(16, 23):
            h, beta, curvature = fmpq(1, 2**n), PATHS[path](n), fmpq(settings.seed % 9 + 3, 7)
            mode = momentum_mode(h, beta, curvature)
            values = {"h": h, "beta": beta, "lambda": curvature}
            found.append(says.number("limit", **values) / kept(mode, mode)[entry] - 1)
        return found

    def limit_of(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        left = sympy.cancel(derived() / factor).subs(H, 0)
        equal = sympy.cancel(left - candidate / factor) == 0
        return noted(candidate, left * factor, equal), "limit of the exact variance"

    def either(name: str, path: int) -> Check:
        return tends(name, lambda says, settings: differences(says, settings, path))

    def uniform(says: Statement, settings: Settings) -> tuple[bool, str]:
        worst = max(abs(d) * 2 ** (16 + i) for i, d in enumerate(differences(says, settings, 1)))
        return (worst < 100) == (says["momentum"] is MomentumLimit.EITHER), f"at most {worst} h"

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"{MODE} has a stationary ${quantity}$ that is, to within a relative {{error}}, "
            r"${limit}\,s^2$ as $h$ falls, {momentum}.",
            {
                "limit": Value(limit, "limit"),
                "error": Order(1),
                "momentum": MomentumLimit.EITHER,
            },
        ),
        checks=(
            on("limit", exact("limit of the derived variance", Kind.SYMBOLIC, limit_of)),
            either("relative error at fixed momentum", 0),
            either("relative error while the momentum rises", 1),
            exact("relative error over the step", Kind.ENUMERATION, uniform),
        ),
    )


@claim("cowsik2022.small-step-variance", catalogue="B11", where="section 1.1", printed=LOST)
def small_step_variance() -> Claim:
    r"""The exact variance is this over $1-h\lambda/(2(1+\beta))$. The factor is uniform in
    $\beta\ge0$, so the limit needs only $h\lambda\to0$.
    """
    limit = H / (2 * LAMBDA * (1 - BETA))
    return small_step(r"\mathbb E[w^2]", limit, derived_variance(heavy_ball, (0, 0), 2), (0, 0), H)


@claim(
    "cowsik2022.small-step-momentum",
    catalogue="B11",
    where="appendix F, after (177)",
    printed=OURS,
)
def small_step_momentum() -> Claim:
    r"""The exact variance is this over $1-h\lambda/(2(1+\beta))$ as well: that of the history sum
    of noise.
    """
    return small_step(
        r"\mathbb E[\pi^2]",
        1 / (1 - BETA**2),
        derived_variance(heavy_ball, (1, 1), 0),
        (1, 1),
        sympy.Integer(1),
    )
