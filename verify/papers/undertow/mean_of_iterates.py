"""What the mean of heavy ball's iterates feels of the batches: not the regularizer F of the random
modified loss, but the variance that the iterates keep, where the loss bends.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball
from derive.batches import averages
from derive.language.formula import BETA, H
from verify.claims.checks import averaging
from verify.claims.checks.averaging import (
    FULL_BATCH,
    SAMPLING,
    enumerated,
    modified_loss_terms,
    quarter,
)
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import compared, for_losses, tends
from verify.claims.claim import OURS, Check, Claim, Evidence, Kind, Settings, claim, on
from verify.claims.slots import Batches, Instance, Losses, Order, Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.batch_sequences import all_sequences
from verify.running.families import quadratic, starting_point
from verify.running.losses import Loss, polynomial
from verify.running.numbers import FLOAT, RATIONAL
from verify.running.trajectories import vector

F, T, NOISE = sympy.symbols("F t s")
HALF_CUBIC = polynomial(1, (((2,), fmpq(1, 2)), ((3,), fmpq(1, 6))), r"\frac{x^2}{2}+\frac{x^3}{6}")


def mean_and_alone(
    loss: Loss, batches: Batches, draw: random.Random
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The mean of x_k over all sequences of two batches, and x_k on the mean loss, k = 1 ... 4.

    The batches are the loss and a random quadratic, added or taken away; all is exact.
    """
    beta, h = fmpq(draw.randint(-9, 9), 10), fmpq(1, draw.randint(2, 9))
    start, slope, bend = (vector(starting_point(draw, loss.dimension)) for _ in range(3))
    full = loss.gradient_function(RATIONAL)

    def path(signs: Sequence[int]) -> list[np.ndarray]:
        x, memory, found = start, heavy_ball.start(start, full, h, {"beta": beta}), []
        for sign in signs:
            x, memory = heavy_ball.step(
                x, memory, lambda y, s=sign: full(y) + (slope + bend * y) * s, h, {"beta": beta}
            )
            found.append(x)
        return found

    sequences = list(all_sequences(SAMPLING[batches], 2, 4))
    every = [path([2 * n - 1 for n in sequence]) for sequence in sequences]
    means = [np.sum(points, axis=0) / fmpq(len(sequences)) for points in zip(*every, strict=True)]
    return list(zip(means, path([0] * 4), strict=True))


def agree(says: Statement, loss: Loss, draw: random.Random) -> bool:
    """Whether the mean is the iterate on the mean loss, in every coordinate and step."""
    pairs = mean_and_alone(loss, says["batches"], draw)
    return all(bool((mean == alone).all()) for mean, alone in pairs)


def first_coordinate(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq]:
    mean, alone = mean_and_alone(quadratic(draw, 2), says["batches"], draw)[-1]
    return mean[0], alone[0]


@claim(
    "undertow.not-felt-by-the-mean",
    catalogue="A22 E20",
    where="mean of the iterates",
    printed=OURS,
)
def not_felt_by_the_mean() -> Claim:
    r"""Where $\nabla E$ is affine the mean of $\nabla E_n(x_k)$ is $\nabla E(\mathbb E[x_k])$, as
    the batch of a step does not depend on the point: the mean iterate is that of heavy ball on $E$.
    The random flow of the modified losses arrives at the same mean: it gains
    $\frac h4\nabla F\sum_l\mathrm{Cov}(\nabla G_k,\nabla G_{k+l})$, with the sum $1/(1-\beta)^2$,
    from the fluctuation of $\nabla G$, and loses as much through $IGRM_s$. Elsewhere the mean feels
    $\frac12\nabla^3E[\mathrm{Var}\,x_k]$, which is of order $h$ as well.
    """

    def regularizer(says: Statement, settings: Settings) -> tuple[bool, str]:
        found = enumerated(
            "", "with-replacement", modified_loss_terms, averaging.AtSteps.LASTING, scale=quarter
        ).judge(FULL_BATCH + F * says.expr("noise"), settings)
        return bool(found.passed), found.figure

    def accumulated() -> sympy.Expr:
        force = averages.autocovariance(averages.WITH_REPLACEMENT, sympy.Integer(0))
        return H / 4 * force * (1 + 2 * BETA / ONE_MINUS)

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"With batches {batches}, $\mathbb E[x_k]{relation}\bar x_k$ for heavy ball on the "
            r"batches and $\bar x_k$ of heavy ball on their mean $E$, for {losses} "
            r"$E$: of the mean of $IGRM_s$, which tends to a multiple of "
            r"$\lVert\nabla E\rVert^2$ plus ${noise}\,F$, the mean iterate does not feel $F$.",
            {
                "batches": Batches.INDEPENDENT,
                "relation": Relation.EQUAL,
                "losses": Losses.QUADRATIC,
                "noise": Value(H / (4 * ONE_MINUS**2)),
            },
        ),
        checks=(
            compared("a coordinate, over all sequences", first_coordinate, count=5),
            for_losses("all batch sequences", agree, kind=Kind.ENUMERATION),
            on("noise", identical("sum of the autocovariances", accumulated)),
            exact("regularizer over all sequences", Kind.ENUMERATION, regularizer),
        ),
    )


@dataclass(frozen=True)
class NoisyCase:
    """Momentum, time and the size of the noise."""

    beta: float
    time: float
    noise: float


def mean_to_second_order(example: Instance, case: NoisyCase, steps: int) -> float:
    """The mean of x_k minus x_k without noise, to the second order in the noise, over h."""
    h, beta = case.time / steps, case.beta
    x, v = FLOAT.convert(example["x_0"]), 0.0
    mean = speed = square = mixed = kinetic = 0.0
    for _ in range(steps):
        slope, bend, twist = (
            example.loss.derivative(n).at([x, *[1.0] * n], FLOAT)[0] for n in range(3)
        )
        speed = beta * speed - h * (bend * mean + twist * square / 2)
        across = beta * mixed - h * bend * square
        kinetic = beta**2 * kinetic - 2 * beta * h * bend * mixed
        kinetic += h * h * (bend * bend * square + case.noise**2)
        mean, square, mixed = mean + speed, square + 2 * across + kinetic, across + kinetic
        v = beta * v - h * slope
        x = x + v
    return mean / h


def mean_over_all(example: Instance, batches: Batches, case: NoisyCase, steps: int) -> float:
    """The same with heavy ball run on every sequence of two batches."""
    h, slope = case.time / steps, case.noise
    sequences = np.array(list(all_sequences(SAMPLING[batches], 2, steps))).T * 2 - 1
    start = FLOAT.convert(example["x_0"])

    def last(signs: np.ndarray) -> float:
        x, memory = np.full(signs.shape[1], start), (np.zeros(signs.shape[1]),)
        for sign in signs:
            x, memory = heavy_ball.step(
                x,
                memory,
                lambda y, s=sign: example.loss.gradient.at([y], FLOAT)[0] + slope * s,
                h,
                {"beta": case.beta},
            )
        return float(x.mean())

    return (last(sequences) - last(np.zeros((steps, 1)))) / h


def extrapolated(values: Sequence[float], steps: Sequence[int]) -> float:
    """The value at h = 0 of the polynomial in h = 1/steps through these values."""
    found, h = list(values), [1 / n for n in steps]
    for m in range(1, len(found)):
        ends = zip(pairwise(found), h, h[m:], strict=False)
        found = [(last * a - first * b) / (last - first) for (a, b), first, last in ends]
    return found[0]


@claim(
    "undertow.mean-feels-the-variance",
    catalogue="A22 E20",
    where="mean of the iterates, a loss that bends",
    printed=OURS,
)
def mean_feels_the_variance() -> Claim:
    r"""With $w=1/(1-\beta)$ the variance of $x_k$ over $h$ follows $V'=-2wV+w^2s^2$ at a minimum of
    curvature one, and the mean over $h$ follows $d'=-w(d+\frac12V)$ where the third derivative is
    one. So $V=\frac w2s^2(1-e^{-2wt})$ and $d=-\frac w4s^2(1-e^{-wt})^2$. Here
    $F=s^2$ is constant: what the mean feels is no gradient of $F$.
    """

    def drawn(settings: Settings) -> list[NoisyCase]:
        draw = random.Random(settings.seed)
        return [
            NoisyCase(draw.randint(-3, 7) / 10, draw.randint(5, 20) / 10, draw.randint(5, 15) / 10)
            for _ in range(3)
        ]

    def said(says: Statement, case: NoisyCase) -> float:
        values = {BETA: case.beta, T: case.time, NOISE: case.noise}
        return float(says.expr("limit").subs(values))

    @cache
    def moments(start: fmpq, case: NoisyCase, steps: int) -> float:
        return mean_to_second_order(Instance(HALF_CUBIC, {"x_0": str(start)}), case, steps)

    def at(says: Statement, case: NoisyCase, steps: int) -> float:
        return moments(says["example"]["x_0"], case, steps)

    def differences(says: Statement, settings: Settings) -> list[float]:
        case = drawn(settings)[0]
        return [(at(says, case, 2**j) - said(says, case)) / 2**j for j in range(6, 11)]

    def limit(says: Statement, settings: Settings) -> Evidence:
        steps = [2**j for j in range(7, 12)]
        for case in drawn(settings):
            found = extrapolated([at(says, case, n) for n in steps], steps)
            if not abs(found - said(says, case)) < 1e-8:
                return Evidence(False, f"{found:.10f} at {case}")
        return Evidence(True, "the extrapolated moments agree to 1e-8, 3 times")

    def sequences(says: Statement, settings: Settings) -> Evidence:
        draw, steps = random.Random(settings.seed), (8, 10, 12, 14)
        case = NoisyCase(draw.randint(0, 3) / 10, 1.0, draw.randint(5, 10) / 10)
        found = extrapolated(
            [mean_over_all(says["example"], says["batches"], case, n) for n in steps], steps
        )
        close = abs(found / said(says, case) - 1) < 0.02
        return Evidence(close, f"{found:.4f}, extrapolated from all sequences")

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"On {example}, with batches {batches} whose gradients are $\nabla E\pm s$, "
            r"$\mathbb E[x_k]$ minus heavy ball's $\bar x_k$ on $E$, both from $x_0$, is "
            r"$h$ times {limit} and {error} at a fixed time $t:=kh$, as $h$ falls.",
            {
                "example": Instance(HALF_CUBIC, {"x_0": 0}),
                "batches": Batches.INDEPENDENT,
                "limit": Value(
                    -(NOISE**2) * (1 - sympy.exp(-T / ONE_MINUS)) ** 2 / (4 * ONE_MINUS), "limit"
                ),
                "error": Order(2),
            },
        ),
        checks=(
            Check("extrapolated moments", Kind.SERIES, limit),
            tends("moments at h, h/2, ...", differences),
            Check("all batch sequences", Kind.ENUMERATION, sequences),
        ),
    )
