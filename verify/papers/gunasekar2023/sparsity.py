"""From which scale on a start finds sparse solutions: the slides of Gunasekar (2023).

theta = w_+^2 - w_-^2 from w_+- = alpha.
"""

from __future__ import annotations

import random
from functools import cache

import mpmath
import numpy as np
import sympy

from derive.language.formula import Formula
from verify.claims.checks.diagonal_runs import real
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim

D, EPS = sympy.symbols("d epsilon")
SMALL = (sympy.Gt(EPS, 0), sympy.Lt(EPS, D))


def worst_excess(columns: int, log_inverse: int) -> float:
    """The largest (|theta|_1 - M)/M over the rows (1, s, ..., s), at alpha = e^-log_inverse."""
    others = columns - 1

    def excess(t: float) -> float:
        share = 1 - mpmath.mpf(t) / (2 * log_inverse)
        a = mpmath.exp(-2 * log_inverse)

        def missing(z: mpmath.mpf) -> mpmath.mpf:
            return 2 * a * (mpmath.sinh(z) + others * share * mpmath.sinh(share * z)) - 1

        z = mpmath.findroot(missing, (2 * log_inverse - 5, 2 * log_inverse + 1), solver="anderson")
        return float((1 - share) * others * 2 * a * mpmath.sinh(share * z))

    with mpmath.workdps(30):
        return max(excess(t) for t in np.linspace(0.8, 4.2, 69))


@claim("gunasekar2023.alpha-for-sparsity", catalogue="C09", where="sparse recovery, twice")
def alpha_for_sparsity() -> Claim:
    """Row (1, s, ..., s), y = 1, with s = 1 - t/(2Λ) and Λ = ln(1/α). Stationarity gives
    θ_j/θ_1 = α^(2(1-s)) = e^-t, so the l1 norm exceeds 1 by t/(2Λ) · (d-1)/(d-1+e^t). The maximum
    over t is at t = 1 + W((d-1)/e) and is W((d-1)/e)/(2Λ). An excess of ε thus asks
    ln(1/α) ≥ W((d-1)/e)/(2ε): α must be exponentially small in 1/ε, not in ε, already for d = 2.
    """
    grown = sympy.LambertW((D - 1) * sympy.exp(-1)) / (2 * EPS)

    @cache
    def excess(columns: int) -> float:
        return worst_excess(columns, 2000)

    def solved(candidate: sympy.Expr, settings: Settings) -> Evidence:
        ratios = []
        for columns in (2, 4, 9):
            told = real(candidate, d=columns, epsilon=excess(columns))
            ratios.append(told / 2000)
        close = all(abs(ratio - 1) < 0.02 for ratio in ratios)
        return Evidence(close, "over ln(1/alpha): " + ", ".join(f"{r:.4f}" for r in ratios))

    def maximum(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for _ in range(5):
            d, eps = draw.randint(2, 50), draw.uniform(0.01, 1)
            v = 2 * eps * real(candidate, d=d, epsilon=eps)
            value = (1 + v) * (d - 1) / (d - 1 + np.exp(1 + v))
            slope = (d - 1 + np.exp(1 + v)) - (1 + v) * np.exp(1 + v)
            if not (abs(value - v) < 1e-9 and abs(slope) < 1e-9 * d):
                return Evidence(False, f"{v:.6f} is not the maximum over t at d = {d}")
        return Evidence(True, "value and place of the maximum over t, 5 d")

    return Claim(
        statement=(
            r"For small $\epsilon$ some $X$ and $y$ need $\log(1/\alpha)$ at least {formula} for "
            r"an $\ell_1$ norm within $1+\epsilon$ of the least."
        ),
        printed=Formula("alphaForSparsityPrinted", EPS, given=SMALL),
        right=Formula("alphaForSparsity", grown, given=SMALL),
        checks=(
            Check("solved instances", Kind.SIMULATION, solved, refutes=True),
            Check("maximum over t", Kind.ENUMERATION, maximum, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"To leading order in $\epsilon$. Sufficient is $\log(d e)/(2\epsilon)$ to the same "
            "order: the exponent is sharp, in d too."
        ),
        because=r"$\exp(-\tilde O(\epsilon))$ is printed, $\exp(-\tilde O(1/\epsilon))$ holds.",
        counterexample=(
            r"$X = (1, 1-\delta)$, $y = 1$, $\alpha = e^{-10}$, $\delta = 0.064$: the norm is "
            r"1.014, so $\epsilon = 0.01$ fails although $\alpha < e^{-0.01}$ by far."
        ),
    )
