"""The variance of the momentum force: Ghosh, Lyu, Zhang and Wang (2023), remark 5.4."""

from __future__ import annotations

import random
from itertools import permutations, product

from flint import fmpq

from derive.batches.history_moments import covariance_factor
from derive.language.formula import BETA, K
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import bounded, measured
from verify.claims.claim import Check, Claim, Kind, Settings, claim, on, read
from verify.claims.slots import Batches, Instance, Number, Point, Value
from verify.claims.statement import Statement, Type

THREE = (fmpq(-1, 2), fmpq(1, 3), fmpq(2))
"""Gradients of three batches at one point."""


def variance(beta: fmpq, k: int, drawn: Batches, batches: tuple[fmpq, ...] = THREE) -> fmpq:
    """The variance of grad G_k over all sequences of k + 1 batches, over that of one batch."""
    orders = permutations if drawn is Batches.RESHUFFLED else lambda b, n: product(b, repeat=n)
    history = [
        sum((beta ** (k - r) * g for r, g in enumerate(sequence)), fmpq(0))
        for sequence in orders(batches, k + 1)
    ]
    return _variance(history) / _variance(list(batches))


def _variance(values: list[fmpq]) -> fmpq:
    mean = sum(values, fmpq(0)) / len(values)
    return sum(((v - mean) ** 2 for v in values), fmpq(0)) / len(values)


def at_every_step(says: Statement, beta: fmpq, scale: fmpq, draw: random.Random) -> bool:
    """The factor is the variance over all sequences of batches, in this sampling only."""
    batches = tuple(fmpq(draw.randint(-9, 9), 4) + 9 * i for i in range(3))

    def meets(drawn: Batches, steps: int) -> bool:
        return all(
            says.number("factor", k=k, beta=beta) == scale * variance(beta, k, drawn, batches)
            for k in range(steps)
        )

    return all(
        meets(drawn, 3 if drawn is Batches.RESHUFFLED else 4) == (drawn is says["batches"])
        for drawn in Batches
    )


def all_sequences(name: str, scaled: bool) -> Check:
    """The factor is the variance over every sequence of batches, at random momenta."""

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for beta in (fmpq(draw.randint(1, 19), 20) for _ in range(4)):
            if not at_every_step(says, beta, (1 - beta) ** 2 if scaled else fmpq(1), draw):
                return False, f"wrong at beta = {beta}"
        return True, "equal over all 3^(k+1) sequences, k = 0 ... 3, 4 beta"

    return exact(name, Kind.ENUMERATION, holds, refutes=not scaled)


def lasting(beta: fmpq) -> tuple[fmpq, fmpq]:
    """The limit of the enumerated variances of grad G_k and the factor of their distances to it."""
    first, second, third = (variance(beta, k, Batches.INDEPENDENT) for k in range(3))
    rate = (third - second) / (second - first) if second != first else fmpq(0)
    return third + (third - second) * rate / (1 - rate), rate


@claim(
    "ghosh2023.variance-factor",
    catalogue="A25",
    where="Remark 5.4",
    printed=read(r"which is about  $\frac{(1-\beta)}{(1+\beta)}$  times smaller"),
)
def variance_factor() -> Claim:
    r"""$\nabla G_k=\sum\beta^{k-r}\nabla E_r$ with independent batches, so
    $\mathrm{Cov}(\nabla G_k)=\sum\beta^{2(k-r)}C$, a geometric sum. At equal effective learning
    rate the force is $(1-\beta)\nabla G_k$; its covariance is $(1-\beta)^2$ times that,
    $(1-\beta)(1-\beta^{2k+2})/(1+\beta)\,C$, and tends to $(1-\beta)/(1+\beta)\,C$.
    """

    def converges(says: Statement, point: Point, settings: Settings) -> bool:
        beta = point["beta"]
        limit, rate = lasting(beta)
        stated = says.number("limit", beta=beta), says.number("rate", beta=beta)
        return abs(rate) < 1 and stated == (limit * (1 - beta) ** 2, rate)

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"With batches {batches} and gradients at one point, the covariance of the momentum "
            r"force at step $k$, at equal effective learning rate, is {factor} times that of one "
            r"mini-batch gradient; for {domain} it tends to {limit} times as $k$ grows, and the "
            r"distance falls by the factor {rate} in a step.",
            {
                "batches": Batches.INDEPENDENT,
                "factor": Value((1 - BETA ** (2 * K + 2)) * ONE_MINUS / (1 + BETA)),
                "limit": Value(ONE_MINUS / (1 + BETA), "limit"),
                "rate": Value(BETA**2, "rate"),
                "domain": FADING,
            },
        ),
        checks=(
            on("factor", identical("geometric sum", lambda: covariance_factor() * ONE_MINUS**2)),
            all_sequences("all batch sequences", scaled=True),
            bounded("limit of the enumerated variances", converges, kind=Kind.ENUMERATION),
        ),
    )


@claim(
    "ghosh2023.variance-of-history-sum",
    catalogue="A26",
    where="Remark 5.4",
    printed=read(r"while that of the force  $-G_k$  driving (SGD+M) is only"),
)
def variance_of_history_sum() -> Claim:
    r"""Without the factor $1-\beta$ the geometric sum is all there is:
    $\mathrm{Cov}(\nabla G_k)=(1-\beta^{2k+2})/(1-\beta^2)\,C$, which is larger than $C$.
    """

    def limit_at(says: Statement, settings: Settings) -> fmpq:
        return lasting(says["example"][r"\beta"])[0]

    def printed_at(says: Statement, settings: Settings) -> fmpq:
        return limit_at(says, settings) * (1 - says["example"][r"\beta"]) ** 2

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With batches {batches} and gradients at one point, the covariance of $\nabla G_k$ "
            r"is {factor} times that of one batch gradient.",
            {
                "batches": Batches.INDEPENDENT,
                "factor": Value((1 - BETA ** (2 * K + 2)) / (1 - BETA**2)),
                "example": Instance(None, {r"\beta": "9/10"}),
                "size": Number("5.26"),
                "small": Number("0.053"),
            },
        ),
        misprint={"factor": Value(ONE_MINUS / (1 + BETA))},
        because=r"the force was rescaled in the words of the remark but not in its formula.",
        counterexample=r"{example}: as $k$ grows, the covariance of $\nabla G_k$ tends to {size} "
        r"times that of one batch gradient, not to {small} times.",
        checks=(
            on("factor", identical("geometric sum", covariance_factor, refutes=True)),
            all_sequences("all batch sequences", scaled=False),
            measured("limit of the variances", limit_at, number="size"),
            measured("limit of the scaled variances", printed_at, number="small"),
        ),
    )
