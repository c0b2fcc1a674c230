"""What is left of injected noise at the fourth order, and with momentum."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import sympy
from flint import fmpq

from derive import heavy_ball
from derive.batches.injection import MU, SIGMA, noisy_mean, noisy_momentum_loss
from derive.language.formula import BETA, H
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import ONE_MINUS, memory_fades
from verify.claims.checks.identities import exact
from verify.claims.checks.noisy_losses import (
    LENGTH,
    VARIABLES,
    A,
    B,
    C,
    D,
    G,
    N,
    P,
    Q,
    Sextic,
    T,
    W,
    averaged_modified_loss,
    draw_sextic,
    for_any_loss,
    in_sigma,
    momentum_cases,
    named,
    settled_regularizer,
    sign_noise,
)
from verify.claims.checks.stated import bounded, remembered
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Order, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.batch_sequences import average, square
from verify.running.families import rational
from verify.running.numbers import PowerSeries, power_series
from verify.running.trajectories import vector

LONG = 8
"""Powers of sigma, so that the sixth shows."""
NOISE = (
    r"with independent symmetric coordinates of variance $\sigma^2$ and fourth moment $\mu\sigma^4$"
)
Values = dict[str, Any]
Measure = Callable[[Statement, Sextic, Sequence[Any], fmpq], Any]


def defined(*symbols: sympy.Symbol) -> str:
    """What the letters of a formula stand for."""
    return named(*symbols).replace(" = ", ":=")


def three_point_noise(measure: Measure) -> Check:
    """The mean over noise s, 0 or -s in each coordinate, exactly in powers of s: less the two terms
    what is left begins at the stated order.

    s and -s have the probability 1/(2 mu) each: sigma^2 = s^2/mu, the fourth moment is mu sigma^4.
    """

    def added(says: Statement, mu: int, draw: random.Random) -> tuple[PowerSeries, Values]:
        """The mean less the value without noise, and what there is at that point."""
        world, h, s = draw_sextic(draw), rational(draw, 1, 4), PowerSeries.step(LONG)
        weights = {1: fmpq(1, 2 * mu), -1: fmpq(1, 2 * mu), 0: 1 - fmpq(1, mu)}
        found = -measure(says, world, [s * 0 + x for x in world.point], h)
        for pair in product((-1, 0, 1), repeat=2):
            around = [s * d + x for d, x in zip(pair, world.point, strict=True)]
            found = found + measure(says, world, around, h) * (weights[pair[0]] * weights[pair[1]])
        return found, world.values | {"h": h, "mu": fmpq(mu)}

    @remembered
    def drawn(says: Statement, seed: int) -> list[tuple[PowerSeries, Values]]:
        draw = random.Random(seed)
        return [added(says, mu, draw) for mu in (3, 2, 5)]

    def left_of(says: Statement, left: PowerSeries, known: Values) -> int:
        s = PowerSeries.step(LONG)
        for name in ("second", "fourth"):
            told = in_sigma(says.expr(name), known, LONG)
            for power in range(LONG):
                left = left - s**power * (told[power] / known["mu"] ** (power // 2))
        return next((n for n in range(LONG) if left[n] != 0), LONG)

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        power = min(left_of(says, *found) for found in drawn(says, settings.seed))
        return power == says["order"].power, f"sigma^{power} is left of 3 noises, random sextics"

    return exact("all values of three-point noise", Kind.ENUMERATION, holds)


@claim("undertow.noise-averaged-remainder", catalogue="A29", where="remainder of R", printed=OURS)
def noise_averaged_remainder() -> Claim:
    r"""The fourth moments: $\mu\sigma^4$ of one coordinate, $\sigma^4$ of two. Together
    $\frac{\sigma^4}8\Delta^2E$ where $\mu=3$, as for Gaussian noise, and
    $\frac{\mu-3}{24}\sigma^4$ times the sum of the unmixed fourth derivatives more for other noise.
    """
    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"The mean of $E(x+\eta)$ over noise $\eta$ {NOISE} is $E{{+second}}{{+fourth}}$ and "
            rf"{{order}}, {defined(T, D, Q)}.",
            {
                "second": Value(SIGMA**2 * T / 2),
                "fourth": Value(SIGMA**4 * (D / 8 + (MU - 3) * Q / 24), "limit"),
                "order": Order(6, "sigma"),
            },
        ),
        checks=(
            on("fourth", for_any_loss(lambda loss: noisy_mean(loss, VARIABLES), (4,))),
            three_point_noise(lambda says, world, x, h: world.loss.value(x)),
        ),
    )


@claim(
    "undertow.injected-fourth-order",
    catalogue="A29",
    where="remainder of the last display",
    printed=OURS,
)
def injected_fourth_order() -> Claim:
    r"""Once more the Laplacian: $\Delta^2\lVert\nabla E\rVert^2=4\lVert\nabla^3E\rVert^2
    +8\langle\nabla^2E,\nabla^2T\rangle+2\lVert\nabla T\rVert^2+2\nabla E\cdot\nabla\Delta^2E$, over
    8.
    """

    def modified(says: Statement, world: Sextic, x: Sequence[Any], h: fmpq) -> Any:
        slope = world.loss.gradient_function(power_series(LONG))(vector(x))
        return world.loss.value(x) + square(tuple(slope)) * says.number("weight", h=h)

    gaussian = A / 2 + B + C / 4 + G / 4
    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"The mean of $E{{+weight}}\lVert\nabla E\rVert^2$ at $x+\eta$ over noise $\eta$ "
            rf"{NOISE} is that at $x$ plus {{second}}, {{fourth}} and {{order}}, "
            rf"{defined(T, N, P, D, Q, A, B, C, G, W)}, $S:=\lVert\nabla E\rVert^2$.",
            {
                "weight": Value(H / 4),
                "second": Value(SIGMA**2 * T / 2 + H / 4 * SIGMA**2 * (N + P)),
                "fourth": Value(
                    SIGMA**4 * (D / 8 + H / 4 * gaussian + (MU - 3) * (Q + H / 4 * W) / 24), "limit"
                ),
                "order": Order(6, "sigma"),
            },
        ),
        checks=(
            on("fourth", for_any_loss(averaged_modified_loss, (4,))),
            three_point_noise(modified),
        ),
    )


@claim(
    "undertow.injected-loss-with-momentum",
    catalogue="A29",
    where="section 7, with momentum",
    printed=OURS,
)
def injected_loss_with_momentum() -> Claim:
    r"""Noisy losses $E(x+\eta_k)$ are batches drawn independently: their mean is
    $R=E+\frac{\sigma^2}2T$ and their $F$ is $\sigma^2\lVert\nabla^2E\rVert^2$. The mean of $IGRM_s$
    is $\frac h4\left(\frac{1+\beta}{(1-\beta)^3}\lVert\nabla R\rVert^2+\frac
    F{(1-\beta)^2}\right)$, and $\lVert\nabla R\rVert^2$ is $\lVert\nabla E\rVert^2+\sigma^2\nabla
    E\cdot\nabla T$ to this order.
    """

    def left_of(says: Statement, world: Sextic, beta: fmpq, h: fmpq) -> int:
        gain = settled_regularizer(world, beta) * (h / 4)
        gain = gain + average(sign_noise(world).losses) / (1 - beta)
        known = world.values | {"h": h, "beta": beta}
        told = in_sigma(says.expr("term"), known, LENGTH)
        return next((n for n in range(1, LENGTH) if told[n] != gain[n]), LENGTH)

    def sequences(says: Statement, settings: Settings) -> tuple[bool, str]:
        world, beta, h = momentum_cases(settings)
        power = left_of(says, world, beta, h)
        return power == says["order"].power, f"sigma^{power} is left, beta = {beta}"

    def lasts(says: Statement, point: Point, settings: Settings) -> bool:
        world, _, h = momentum_cases(settings)
        if not memory_fades(heavy_ball, point):
            return False
        return left_of(says, world, point["beta"], h) == says["order"].power

    expr = T / (2 * ONE_MINUS) + H / 4 * ((1 + BETA) / ONE_MINUS**3 * P + N / ONE_MINUS**2)
    return Claim(
        says=Statement(
            Type.LIMIT,
            r"With new symmetric noise of variance $\sigma^2$, independent in every coordinate and "
            r"step of heavy ball, at a fixed point and as $k$ grows, the mean modified loss gains "
            rf"{{term}} and {{order}}, for {{domain}}, {defined(T, N, P)}.",
            {"term": Value(SIGMA**2 * expr, "limit"), "order": Order(4, "sigma"), "domain": FADING},
        ),
        checks=(
            on("term", for_any_loss(lambda loss: noisy_momentum_loss(loss, VARIABLES), (2,))),
            exact("all noise sequences", Kind.ENUMERATION, sequences),
            bounded("limit and fading memory", lasts, kind=Kind.ENUMERATION, count=1),
        ),
    )
