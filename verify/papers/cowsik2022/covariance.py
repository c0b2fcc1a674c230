"""The covariance equation of Cowsik, Can and Glorioso (2022): exact, limit, and what that drops.

Their Definition 3.3 gives the operator in the limit of small steps and strong momentum. On two
modes of curvature lambda1 and lambda2 an operator on symmetric matrices is a polynomial in both.
"""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import heavy_ball
from derive.language.formula import BETA, Formula, H
from derive.quadratics.stationary_noise import Powers, covariance_equation, small_step_limit
from verify.claims.checks.identities import exact, identical, order_of
from verify.claims.checks.stationary_covariance import (
    STEPS,
    Path,
    Values,
    draw_modes,
    lyapunov,
    matrix_residual,
    paper_step,
    relative_error,
    two_thirds,
)
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.papers.cowsik2022.noise import GAP, L1, L2, MODES, NOISE
from verify.running.numbers import evaluate


def of_modes(coefficients: dict[Powers, sympy.Expr]) -> sympy.Expr:
    """An operator on matrices by its values on two modes, h^n in front of degree n + 1."""
    total = sympy.Integer(0)
    for (outer, nested, sums), c in coefficients.items():
        degree = 2 * outer + 2 * nested + sums
        total += c * H ** (degree - 1) * (L1 * L2) ** outer * GAP**nested * (L1 + L2) ** sums
    return total


def derived_operator() -> sympy.Expr:
    left = covariance_equation(heavy_ball).left
    return of_modes({powers: c.as_expr() for powers, c in left.items()})


def limit_operator() -> sympy.Expr:
    left = small_step_limit(covariance_equation(heavy_ball))[0].left
    return of_modes({powers: c.as_expr() for powers, c in left.items()})


EXACT = L1 + L2 - H * L1 * L2 / (1 + BETA) + BETA * H * GAP / ((1 + BETA) * (1 - BETA) ** 2)
DEFINED = L1 + L2 + H * GAP / (2 * (1 - BETA) ** 2)


@claim("cowsik2022.exact-operator", catalogue="B14", where="Definition 3.3, at finite steps")
def exact_operator() -> Claim:
    """Divide the denominator of the two-mode covariance by (1-β)²(1+β). λ₁ⁿλ₂ᵐ S₁₂ is an entry of
    HⁿSHᵐ, so that λ₁+λ₂, λ₁λ₂ and (λ₁-λ₂)² act as {H,S}, HSH and [[S,H],H], in every basis:
    {H,S} - h/(1+β) HSH + βh/((1+β)(1-β)²) [[S,H],H] = h/(1-β) Σ.
    """
    return Claim(
        statement=(
            r"In the eigenbasis of $H$ the stationary covariance $S$ of the weights is "
            r"$h\Sigma_{12}/(1-\beta)$ over {formula}, for every symmetric $H$ and $\Sigma$."
        ),
        printed=Formula("exactOperator", EXACT, given=MODES),
        checks=(
            identical("matrix equation of the derived covariance", derived_operator),
            matrix_residual("Lyapunov equation of all modes at once"),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"$h\lambda < 2(1+\beta)$ for every eigenvalue of $H$, all above 0.",
    )


def balanced(n: int) -> tuple[fmpq, fmpq]:
    """h/(1-beta)^2 stays 3: gamma = 1/2."""
    return 3 * fmpq(1, 4**n), 1 - fmpq(1, 2**n)


def leads_to_the_covariance(name: str, path: Path, order: int) -> Check:
    """As `relative_error`, for an operator instead of the covariance that it leads to."""
    check = relative_error(name, path, order)

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        return check.judge(H / ((1 - BETA) * candidate), settings)

    return Check(name, check.kind, judge)


@claim("cowsik2022.limit-operator", catalogue="B13", where="Definition 3.3")
def definition() -> Claim:
    """With h = r(1-β)² the coefficient βh/((1+β)(1-β)²) tends to r/2 while h/(1+β) vanishes. For
    γ < 1/2, h/(1-β)² -> 0 and the Lyapunov operator is left; for γ > 1/2 the commutator takes over.
    Both terms are non-negative on modes of positive curvature, so the operator is invertible.
    """
    paths: dict[str, tuple[Path, int]] = {
        "relative error of order 1-beta at gamma = 1/2": (balanced, 1),
        "relative error of order h/(1-beta) at gamma = 1/4": (
            lambda n: (fmpq(1, 16**n), 1 - fmpq(1, 2**n)),
            3,
        ),
        "relative error of order 1-beta at gamma = 2/3": (two_thirds, 2),
    }
    return Claim(
        statement=(
            r"As $h \to 0$ and $\beta \to 1$ the covariance of the weights is "
            r"$h\Sigma_{12}/(1-\beta)$ over {formula}."
        ),
        printed=Formula("limitOperator", DEFINED, given=MODES),
        checks=(
            identical("limit of the derived equation", limit_operator),
            *(leads_to_the_covariance(name, *path) for name, path in paths.items()),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.limit-operator-error", catalogue="B13", where="Definition 3.3, what it drops")
def dropped() -> Claim:
    """Exact minus limit operator: -h/(1+β) HSH - h/(2(1-β²)) [[S,H],H]. On two modes the covariance
    of Definition 3.3 is (1-e) times the exact one, with e the sum of both over the limit operator:
    a mediant of hλ₁λ₂/((1+β)(λ₁+λ₂)) <= hλ/(2(1+β)), λ the largest curvature, and (1-β)/(1+β).
    So 0 <= e <= max((1-β)/(1+β), hλ/(2(1+β))): the limit is too small, entry by entry.
    """

    def derived() -> sympy.Expr:
        left = small_step_limit(covariance_equation(heavy_ball))[1].left
        return -of_modes({powers: c.as_expr() for powers, c in left.items()}) / DEFINED

    def compared(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(20):
            values = draw_modes(draw)
            wanted = lyapunov(paper_step, values, values["lambda1"], values["lambda2"])[0, 0]
            lead = values["h"] / (1 - values["beta"])
            e = evaluate(candidate, values)
            if lead / evaluate(DEFINED, values) != wanted * (1 - e):
                return False, f"not the error at beta = {values['beta']}"
            top = max(values["lambda1"], values["lambda2"]) * values["h"] / 2
            if not 0 <= e * (1 + values["beta"]) <= max(top, 1 - values["beta"]):
                return False, f"outside the bound at beta = {values['beta']}"
        return True, "the error, and within its bound, at 20 points"

    rest = 1 - BETA
    top = H * rest * (2 * rest * L1 * L2 + GAP)
    bottom = (1 + BETA) * (2 * rest**2 * (L1 + L2) + H * GAP)
    return Claim(
        statement=(
            r"The covariance that Definition 3.3 gives to two modes is smaller than the exact one, "
            r"relative to it, by {formula}."
        ),
        printed=Formula("limitOperatorError", top / bottom, given=MODES),
        checks=(
            identical("dropped terms of the derived equation", derived),
            exact("Lyapunov equation solved exactly", Kind.ENUMERATION, compared),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.off-diagonals", catalogue="B15", where="equation (118)")
def off_diagonals() -> Claim:
    """For (1-β)² << h the commutator outweighs the rest of the operator. The exact covariance is
    this times (1+β)/(2β), over 1 + (1-β)²((1+β)(λ₁+λ₂) - hλ₁λ₂)/(βh(λ₁-λ₂)²): the relative error
    has the order (1-β) + (1-β)²/h.
    """

    def leading() -> sympy.Expr:
        left = small_step_limit(covariance_equation(heavy_ball))[0].left
        return H / ((1 - BETA) * of_modes({(0, 1, 0): left[0, 1, 0].as_expr()}))

    return Claim(
        statement=(
            r"For $\gamma > 1/2$ two modes of different curvature have weights of the covariance "
            r"{formula} to leading order."
        ),
        printed=Formula("offDiagonal", 2 * (1 - BETA) / GAP, beside=NOISE, given=MODES),
        checks=(
            identical("commutator of the derived limit", leading),
            relative_error(
                "relative error of order (1-beta)^2/h at gamma = 2/3",
                two_thirds,
                1,
            ),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.off-diagonal-suppression", catalogue="B15", where="after equation (118)")
def suppression() -> Claim:
    """The quotient of the leading off-diagonal covariance and the small-step variance of mode 1,
    at equal noise: of the order (1-β)²/h = C² η^(2γ-1), which vanishes exactly for γ > 1/2.
    """

    def errors(candidate: sympy.Expr, settings: Settings) -> list[float]:
        drawn = draw_modes(random.Random(settings.seed))
        one, two = drawn["lambda1"], drawn["lambda1"] * 3
        found = []
        for n in STEPS:
            values: Values = dict(zip(("h", "beta"), two_thirds(n), strict=True))
            off, diagonal = (lyapunov(paper_step, values, one, l)[0, 0] for l in (two, one))
            ratio = evaluate(candidate, {**values, "lambda1": one, "lambda2": two}) * diagonal / off
            found.append(abs(int((ratio - 1).p) / int(ratio.q)))
        return found

    def leading() -> sympy.Expr:
        left = small_step_limit(covariance_equation(heavy_ball))[0].left
        return 2 * L1 / of_modes({(0, 1, 0): left[0, 1, 0].as_expr()})

    return Claim(
        statement=(
            r"For $\gamma > 1/2$ the covariance of modes 1 and 2 over the variance of mode 1, at "
            r"equal noise, is {formula} to leading order."
        ),
        printed=Formula("offDiagonalRatio", 4 * L1 * (1 - BETA) ** 2 / (H * GAP), given=MODES),
        checks=(
            identical("quotient of the derived limit operators", leading),
            order_of("relative error of order (1-beta)^2/h at gamma = 2/3", errors, 1),
        ),
        expected=Verdict.CONFIRMED,
    )
