"""Noise injection and the regularizer: Ghosh, Lyu, Zhang and Wang (2023), section 7."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import sympy
from flint import fmpq

from derive.batches.injection import MU, SIGMA, noisy_mean
from derive.language.formula import BETA, H
from verify.claims.checks.averaging import history_moments
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact
from verify.claims.checks.noisy_losses import (
    LENGTH,
    VARIABLES,
    N,
    P,
    Sextic,
    T,
    averaged_modified_loss,
    draw_sextic,
    for_any_loss,
    momentum_cases,
    named,
    settled_regularizer,
)
from verify.claims.checks.stated import bounded
from verify.claims.claim import Check, Claim, Kind, Settings, claim, on, read
from verify.claims.slots import Choice, Domain, Order, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.batch_sequences import square
from verify.running.families import rational
from verify.running.numbers import RATIONAL, PowerSeries, evaluate

Measure = Callable[[Statement, Sextic, Sequence[PowerSeries], fmpq], Any]
GAUSSIAN = r"over Gaussian noise $\eta$ of the covariance $\sigma^2I$"


def defined(*symbols: sympy.Symbol) -> str:
    """What the letters of a formula stand for."""
    return named(*symbols).replace(" = ", ":=")


def gauss_of_three_points(measure: Measure, *, refutes: bool = False) -> Check:
    """The mean over noise s, 0 or -s in each coordinate, with the moments of Gaussian noise through
    the fifth, exactly in powers of s: less the term, what is left begins at the stated order."""

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        world, h = draw_sextic(draw), rational(draw, 1, 4)
        weights = {1: fmpq(1, 6), -1: fmpq(1, 6), 0: fmpq(2, 3)}  # sigma^2 = s^2/3
        left = PowerSeries.step(LENGTH) * 0
        for pair in product((-1, 0, 1), repeat=2):
            weight = weights[pair[0]] * weights[pair[1]]
            left = left + measure(says, world, world.around(pair), h) * weight
        known, s = world.values | {"h": h}, PowerSeries.step(LENGTH)
        term = sympy.expand(says.expr("term"))
        for power in range(LENGTH):
            coefficient = evaluate(term.coeff(SIGMA, power), known, RATIONAL)
            left = left - s**power * (coefficient / fmpq(3) ** (power // 2))
        found = next((n for n in range(1, LENGTH) if left[n] != 0), LENGTH)
        return found == says["order"].power, f"sigma^{found} is left on a random sextic"

    return exact("all values of three-point noise", Kind.ENUMERATION, holds, refutes=refutes)


@claim(
    "ghosh2023.noise-averaged-loss",
    catalogue="A29",
    where="section 7, expansion of R",
    printed=read(r"\frac{1}{2} \mathbb{E}_{\eta} \eta^T \nabla^2 E(\mathbf{x}) \eta + O(\sigma^3)"),
)
def noise_averaged_loss() -> Claim:
    r"""Taylor: the first and third moments vanish, the second is $\sigma^2$ times the identity. The
    remainder is $O(\sigma^3)$ as printed, and better: of order $\sigma^4$, because the third moment
    vanishes.
    """
    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"The mean of $E(x+\eta)$ {GAUSSIAN} is $E{{+term}}$ and {{order}}, {defined(T)}.",
            {"term": Value(SIGMA**2 * T / 2, "limit"), "order": Order(4, "sigma")},
        ),
        checks=(
            on("term", for_any_loss(lambda loss: noisy_mean(loss, VARIABLES).subs(MU, 3), (2,))),
            gauss_of_three_points(lambda says, world, x, h: world.loss.value(x)),
        ),
    )


@claim(
    "ghosh2023.injected-modified-loss",
    catalogue="A29",
    where="section 7, last display",
    printed=read(r"&= E(\mathbf{x}) + \sigma^2 \text{Tr}(\nabla^2 E(\mathbf{x}))"),
)
def injected_modified_loss() -> Claim:
    r"""The mean over Gaussian noise is $\exp(\sigma^2\Delta/2)$, and $\Delta\lVert\nabla E\rVert^2=
    2\lVert\nabla^2E\rVert^2+2\nabla E\cdot\nabla\mathrm{Tr}\nabla^2E$. The printed chain loses the
    factor $1/2$ twice: at $\mathrm{Tr}\nabla^2E$ between its second and third line, against its own
    expansion of $R$, and in $\nabla E(x+\eta)=\nabla E+\nabla^2E\,\eta+\frac12\nabla^3E[\eta,\eta]+
    \dots$, whose square contains $\nabla E\cdot\nabla^3E[\eta,\eta]$ with the mean $\sigma^2\nabla
    E \cdot\nabla\mathrm{Tr}\nabla^2E$. The term in $\lVert\nabla^2E\rVert^2$ is right.
    """

    def modified(says: Statement, world: Sextic, x: Sequence[PowerSeries], h: fmpq) -> Any:
        return world.loss.value(x) + square(world.gradient(x)) * says.number("weight", h=h)

    def at_one(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The mean of E at x + s and x - s, whose variance is s^2, on the parabola."""
        s = fmpq(random.Random(settings.seed).randint(8, 13), 7)
        gain = ((1 + s) ** 2 + (1 - s) ** 2) / 4 - fmpq(1, 2)
        return says.number("half", sigma=s) == gain, f"{gain} for sigma = {s}"

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"The mean of $E{{+weight}}\lVert\nabla E\rVert^2$ at $x+\eta$ {GAUSSIAN} is that at "
            rf"$x$ plus {{term}} and {{order}}, {defined(T, N, P)}.",
            {
                "term": Value(SIGMA**2 * T / 2 + H / 4 * SIGMA**2 * (N + P), "limit"),
                "weight": Value(H / 4),
                "order": Order(4, "sigma"),
                "half": Value(SIGMA**2 / 2),
            },
        ),
        misprint={"term": Value(SIGMA**2 * T + H / 4 * SIGMA**2 * (N + 2 * P), "limit")},
        because=r"a factor one half is lost at $T$, and another in the second-order term of "
        r"$\nabla E(x+\eta)$.",
        counterexample=r"On $E:=x^2/2$, where $T$ is one, the mean of $E(x+\eta)$ exceeds $E$ by "
        r"{half}, and not by twice as much.",
        checks=(
            on("term", for_any_loss(averaged_modified_loss, (2,), refutes=True)),
            gauss_of_three_points(modified, refutes=True),
            exact("two-point noise on a parabola", Kind.ENUMERATION, at_one),
        ),
    )


class FixedRate(Choice):
    """What is held fixed while momentum is added."""

    STEP = "at the same step size"
    EFFECTIVE = "at equal effective learning rate"

    def step(self, beta: fmpq) -> fmpq:
        """The step size with momentum, over that without."""
        return fmpq(1) if self is FixedRate.STEP else 1 - beta


@claim(
    "ghosh2023.injected-hessian-with-momentum",
    catalogue="A29",
    where="section 7, last paragraph",
    printed=read(r"We expect this new regularization term to get stronger when momentum is added"),
)
def injected_hessian_with_momentum() -> Claim:
    r"""Beside $E/(1-\beta)$ stands $h\sigma^2/(4(1-\beta)^2)\lVert\nabla^2E\rVert^2$, so beside $E$
    $h\sigma^2/(4(1-\beta))\lVert\nabla^2E\rVert^2$. At the same $h$ that is $1/(1-\beta)$ times the
    term without momentum; at the same effective learning rate $h/(1-\beta)$ it is the same term.
    The factor $(1+\beta)/(1-\beta)$ of Remark 4.2, which the source gives as the reason, belongs to
    the mean gradient, which vanishes at a minimizer; the fresh noise of each step is not amplified.
    """

    def without_and_with(says: Statement, settings: Settings) -> tuple[bool, str]:
        world, beta, _ = momentum_cases(settings)
        found = says.number("factor", beta=beta)
        parts = []
        for momentum, h in ((beta, says["rates"].step(beta)), (fmpq(0), fmpq(1))):
            noise = settled_regularizer(world, momentum)[2]
            full = (1 + momentum) / (1 - momentum) ** 3 * world.values["P"]
            parts.append((noise - full) * h * (1 - momentum))
        with_momentum, without = parts
        return found * without == with_momentum, f"all 4^4 noises of four steps, beta = {beta}"

    def stronger(says: Statement, point: Point, settings: Settings) -> bool:
        """The part of independent noise in the mean of IGRM_s, beside E, over what it is without
        momentum, after many steps."""
        beta = point["beta"]
        found = history_moments(beta)[1] * 4 * (1 - beta) * says["rates"].step(beta)
        near = abs(found - says.number("factor", beta=beta)) < fmpq(1, 10**9) * found
        return bool(near and found > 1)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With noise that is drawn anew in each step, the term in $\sigma^2\lVert\nabla^2E"
            r"\rVert_F^2$ beside $E$ in the mean of $E(x+\eta_k)$ and its regularizer gets "
            r"stronger, {rates}, when momentum is added: {factor} times as large as $k$ grows, for "
            r"{domain}.",
            {
                "factor": Value(1 / ONE_MINUS),
                "rates": FixedRate.STEP,
                "domain": Domain((sympy.Gt(BETA, 0), sympy.Lt(BETA, 1))),
            },
        ),
        misprint={"rates": FixedRate.EFFECTIVE},
        premise="rates",
        because=r"at equal effective learning rate the term is the same with and without momentum: "
        r"noise that is drawn anew is not amplified.",
        checks=(
            exact("all noise sequences", Kind.ENUMERATION, without_and_with, refutes=True),
            bounded("moments of the history sum", stronger, kind=Kind.SERIES, refutes=True),
        ),
    )
