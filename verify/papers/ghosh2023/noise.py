"""The variance of the momentum force: Ghosh, Lyu, Zhang and Wang (2023), remark 5.4."""

from __future__ import annotations

import random
from itertools import product

import sympy
from flint import fmpq

from derive.batches.history_moments import covariance_factor
from derive.language.formula import BETA, MOMENTUM, Formula, K
from verify.claims.checks.heavy_ball import value
from verify.claims.checks.identities import enclosed, exact, identical
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim

ONE_MINUS = 1 - BETA
EFFECTIVE = (1 - BETA ** (2 * K + 2)) * ONE_MINUS / (1 + BETA)
"""Cov((1-beta) grad G_k) over C."""
WHERE_K = (*MOMENTUM, sympy.Ge(K, 0))


def enumerate_sequences(beta: fmpq, k: int, batches: list[fmpq]) -> tuple[fmpq, fmpq]:
    """The variance of grad G_k over all sequences of k + 1 batches, and that of one batch."""
    history = [
        sum((beta ** (k - r) * g for r, g in enumerate(sequence)), fmpq(0))
        for sequence in product(batches, repeat=k + 1)
    ]
    return _variance(history), _variance(batches)


def _variance(values: list[fmpq]) -> fmpq:
    mean = sum(values, fmpq(0)) / len(values)
    return sum(((v - mean) ** 2 for v in values), fmpq(0)) / len(values)


def all_sequences(scaled: bool) -> Check:
    """The candidate times C is the variance over every sequence of up to 5 draws of 3 batches."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        batches = [fmpq(draw.randint(-9, 9), 4) + i for i in range(3)]
        for beta in (fmpq(1, 3), fmpq(1, 2), fmpq(9, 10)):
            for k in range(5):
                force, single = enumerate_sequences(beta, k, batches)
                factor = (1 - beta) ** 2 if scaled else fmpq(1)
                if value(candidate, k=k, beta=beta) * single != force * factor:
                    return False, f"wrong at k = {k}, beta = {beta}"
        return True, "equal over all 3^(k+1) sequences, k = 0 ... 4, 3 beta"

    return exact("all batch sequences", Kind.ENUMERATION, holds, refutes=True)


def steps_and_momentum(draw: random.Random) -> dict[str, fmpq]:
    return {"beta": fmpq(draw.randint(1, 99), 100), "k": fmpq(draw.randint(0, 60))}


def summed(factor: sympy.Expr) -> sympy.Expr:
    """The covariance factor times a scaling, from the geometric sum."""
    return covariance_factor() * factor


@claim("ghosh2023.variance-factor", catalogue="A25", where="Remark 5.4")
def variance_factor() -> Claim:
    """∇G_k = Σ β^(k-r) ∇E_r with independent batches, so Cov(∇G_k) = Σ β^(2(k-r)) C, a geometric
    sum.
    At equal effective learning rate the force is (1-β)∇G_k; its covariance is (1-β)² times that,
    (1-β)(1-β^(2k+2))/(1+β) C, and tends to (1-β)/(1+β) C.
    """
    return Claim(
        statement=(
            r"At equal effective learning rate the covariance of the momentum force is that of one "
            r"mini-batch gradient times a factor that tends to $(1-\beta)/(1+\beta)$ as $k$ grows, "
            r"{formula}."
        ),
        printed=Formula("varianceFactor", EFFECTIVE, given=WHERE_K),
        checks=(
            identical("geometric sum", lambda: summed(ONE_MINUS**2)),
            all_sequences(scaled=True),
            enclosed("enclosure at random steps", lambda: summed(ONE_MINUS**2), steps_and_momentum),
        ),
        expected=Verdict.CONFIRMED,
        condition="Batches are drawn independently; the gradients are taken at one fixed point.",
    )


@claim("ghosh2023.variance-of-history-sum", catalogue="A26", where="Remark 5.4, as printed")
def variance_of_history_sum() -> Claim:
    """Without the factor 1-β the geometric sum is all there is: Cov(∇G_k) = (1-β^(2k+2))/(1-β²) C,
    which is larger than C, not smaller.
    """
    return Claim(
        statement=(
            r"The covariance of $\nabla G_k$ itself is that of one batch gradient times "
            r"{formula}."
        ),
        printed=Formula("historyVariancePrinted", ONE_MINUS / (1 + BETA)),
        right=Formula("historyVariance", (1 - BETA ** (2 * K + 2)) / (1 - BETA**2), given=WHERE_K),
        checks=(
            identical("geometric sum", lambda: summed(sympy.Integer(1)), refutes=True),
            all_sequences(scaled=False),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"The factor $(1-\beta)/(1+\beta)$ belongs to $(1-\beta)\nabla G_k$ in the "
            "limit of large "
            r"$k$."
        ),
        because=(
            r"the force was rescaled by $1-\beta$ in the words of the remark but not in its "
            r"formula."
        ),
        counterexample=(
            r"$\beta = 9/10$, $k\to\infty$: the covariance of $\nabla G_k$ is $100/19 = 5.26$ "
            r"times that of one batch gradient, not $1/19 = 0.053$ times."
        ),
    )
