"""Noise injection and the regularizer: Ghosh, Lyu, Zhang and Wang (2023), section 7."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import product
from typing import Any

import sympy
from flint import fmpq

from derive import averages
from derive.formula import BETA, MOMENTUM, STEP, Formula, H
from derive.injection import MU, SIGMA, laplacian, noisy_loss, noisy_mean, noisy_momentum_loss
from verify.batches import Batches, averaged, settle, square
from verify.checks import exact, identical
from verify.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.families import Draw, rational, starting_point
from verify.losses import Loss, polynomial
from verify.numbers import RATIONAL, PowerSeries, evaluate, power_series
from verify.papers.averaging import modified_loss_terms
from verify.papers.heavy_ball import ONE_MINUS

Number = Any

X, Y = VARIABLES = sympy.symbols("x y")
LENGTH = 6
MOMENTA = [sympy.Rational(n, 9) for n in range(8)]
"""More than the degree of a coefficient in beta."""
NOISE = (sympy.Gt(SIGMA, 0),)
T, N, P, S, D, Q, A, B, C, G, W = sympy.symbols("T N P S D Q A B C G W")
INVARIANTS: Mapping[sympy.Symbol, str] = {
    T: r"T = \mathrm{Tr}\,\nabla^2E",
    N: r"N = \lVert\nabla^2E\rVert_F^2",
    P: r"P = \nabla E\cdot\nabla T",
    S: r"S = \lVert\nabla E\rVert^2",
    D: r"D = \Delta^2E",
    Q: r"Q = \sum_i\partial_i^4E",
    A: r"A = \lVert\nabla^3E\rVert_F^2",
    B: r"B = \langle\nabla^2E,\nabla^2T\rangle",
    C: r"C = \lVert\nabla T\rVert^2",
    G: r"G = \nabla E\cdot\nabla D",
    W: r"W = \sum_i\partial_i^4S",
}


def named(*symbols: sympy.Symbol) -> str:
    """What the letters of a formula stand for."""
    return "with $" + r",\ ".join(INVARIANTS[s] for s in symbols) + "$"


def invariants(loss: sympy.Expr) -> dict[sympy.Symbol, sympy.Expr]:
    """The scalars that the mean is made of, for a loss in x and y."""

    def gradient(f: sympy.Expr) -> list[sympy.Expr]:
        return [sympy.diff(f, v) for v in VARIABLES]

    def dot(left: Sequence[sympy.Expr], right: Sequence[sympy.Expr]) -> sympy.Expr:
        return sympy.Add(*(a * b for a, b in zip(left, right, strict=True)))

    slope = gradient(loss)
    hessian = [h for g in slope for h in gradient(g)]
    third = [t for h in hessian for t in gradient(h)]
    trace = laplacian(loss, VARIABLES)
    of_trace = gradient(trace)
    twice = laplacian(trace, VARIABLES)
    size = dot(slope, slope)

    def fourth(f: sympy.Expr) -> sympy.Expr:
        return sympy.Add(*(sympy.diff(f, v, 4) for v in VARIABLES))

    return {
        T: trace,
        N: dot(hessian, hessian),
        P: dot(slope, of_trace),
        S: size,
        D: twice,
        Q: fourth(loss),
        A: dot(third, third),
        B: dot(hessian, [h for g in of_trace for h in gradient(g)]),
        C: dot(of_trace, of_trace),
        G: dot(slope, gradient(twice)),
        W: fourth(size),
    }


@cache
def any_loss() -> sympy.Expr:
    """A function of x and y of which nothing is known."""
    return sympy.Function("E")(*VARIABLES)


def for_any_loss(
    expanded: Callable[[sympy.Expr], sympy.Expr], powers: Sequence[int], *, refutes: bool = False
) -> Check:
    """The candidate holds these powers of sigma of what is derived, for every loss of x and y."""

    def judge(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        loss = any_loss()
        derived = sympy.expand(expanded(loss))
        wanted = sympy.Add(*(derived.coeff(SIGMA, p) * SIGMA**p for p in powers))
        written = candidate.subs({**invariants(loss), sympy.Symbol("E"): loss}, simultaneous=True)
        for momentum in MOMENTA if (written - wanted).has(BETA) else MOMENTA[:1]:
            if sympy.expand((written - wanted).subs(BETA, momentum).doit()) != 0:
                return False, f"another function of the loss, at beta = {momentum}"
        return True, "every smooth loss of two variables"

    return exact("moments of the noise", Kind.SYMBOLIC, judge, refutes=refutes)


@dataclass(frozen=True)
class Sextic:
    """A random polynomial of degree 6 in x and y at a point, where nothing vanishes."""

    terms: tuple[tuple[tuple[int, ...], fmpq], ...]
    point: tuple[fmpq, ...]

    @cached_property
    def loss(self) -> Loss:
        return polynomial(2, self.terms, "a random sextic")

    @cached_property
    def values(self) -> dict[str, fmpq]:
        """The invariants at the point."""
        expr = sympy.Add(
            *(sympy.Rational(int(c.p), int(c.q)) * X**i * Y**j for (i, j), c in self.terms)
        )
        at = dict(zip(("x", "y"), self.point, strict=True))
        found = invariants(expr) | {sympy.Symbol("E"): expr}
        return {s.name: evaluate(sympy.expand(e), at, RATIONAL) for s, e in found.items()}

    def around(self, direction: Sequence[int]) -> list[PowerSeries]:
        """The point plus s times a direction, in powers of s."""
        s = PowerSeries.step(LENGTH)
        return [s * d + x for d, x in zip(direction, self.point, strict=True)]

    def gradient(self, x: Sequence[Number]) -> tuple[Number, ...]:
        arithmetic = power_series(LENGTH)
        return tuple(self.loss.gradient_function(arithmetic)(x))


def draw_sextic(draw: Draw) -> Sextic:
    terms = [
        ((i, j), fmpq(draw.randint(1, 9) * (-1) ** draw.randint(0, 1), 4))
        for i, j in product(range(7), repeat=2)
        if 0 < i + j <= 6
    ]
    return Sextic(tuple(terms), tuple(starting_point(draw, 2)))


def three_points(
    measure: Callable[[Sextic, Sequence[PowerSeries], fmpq], Number],
    powers: Sequence[int],
    fourth_moments: Sequence[int],
    *,
    refutes: bool = False,
) -> Check:
    """The mean over noise s, 0 or -s in each coordinate, exactly, in powers of s.

    s and -s have the probability 1/(2 mu) each: sigma^2 = s^2/mu and the fourth moment is
    mu sigma^4. For mu = 3 all moments up to the fifth are those of Gaussian noise.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for mu in fourth_moments:
            world, h = draw_sextic(draw), rational(draw, 1, 4)
            weights = {1: fmpq(1, 2 * mu), -1: fmpq(1, 2 * mu), 0: 1 - fmpq(1, mu)}
            total = PowerSeries.step(LENGTH) * 0
            for pair in product((-1, 0, 1), repeat=2):
                weight = weights[pair[0]] * weights[pair[1]]
                if weight != 0:
                    total = total + measure(world, world.around(pair), h) * weight
            for power in range(LENGTH):
                coefficient = sympy.sympify(sympy.expand(candidate).coeff(SIGMA, power))
                known = world.values | {"h": h, "mu": fmpq(mu)}
                value = evaluate(coefficient, known, RATIONAL) / fmpq(mu) ** (power // 2)
                if value != (total[power] if power in powers else 0):
                    return False, f"the power {power} of sigma is wrong for mu = {mu}"
        return True, f"exact in sigma for {len(fourth_moments)} noises, random sextics"

    return exact("all values of three-point noise", Kind.ENUMERATION, holds, refutes=refutes)


def value_of_loss(world: Sextic, x: Sequence[PowerSeries], h: fmpq) -> Number:
    return world.loss.value(x)


def value_of_modified_loss(world: Sextic, x: Sequence[PowerSeries], h: fmpq) -> Number:
    return world.loss.value(x) + square(world.gradient(x)) * (h / 4)


def averaged_loss(loss: sympy.Expr) -> sympy.Expr:
    return noisy_mean(loss, VARIABLES).subs(MU, 3)


def averaged_modified_loss(loss: sympy.Expr) -> sympy.Expr:
    return noisy_loss(loss, VARIABLES)


@claim("ghosh2023.noise-averaged-loss", catalogue="A29", where="section 7, expansion of R")
def noise_averaged_loss() -> Claim:
    """Taylor: the first and third moments vanish, the second is σ² times the identity. The
    remainder is O(σ³) as printed, and better: of order σ⁴, because the third moment vanishes.
    """
    return Claim(
        statement=(
            r"The mean of $E(x+\eta)$ over $\eta\sim N(0,\sigma^2I)$ is $E$ plus {formula} plus "
            rf"$O(\sigma^4)$, {named(T)}."
        ),
        printed=Formula("noiseAveragedLoss", SIGMA**2 * T / 2, given=NOISE),
        checks=(for_any_loss(averaged_loss, (2,)), three_points(value_of_loss, (2,), (3, 2, 1))),
        expected=Verdict.CONFIRMED,
    )


@claim("undertow.noise-averaged-remainder", catalogue="A29", where="remainder of R")
def noise_averaged_remainder() -> Claim:
    """The fourth moments: μσ⁴ of one coordinate, σ⁴ of two. Together σ⁴/8 Δ²E where μ = 3, and
    (μ-3)/24 σ⁴ times the sum of the unmixed fourth derivatives more for other noise.
    """
    return Claim(
        statement=(
            r"For independent symmetric coordinates with the fourth moment $\mu\sigma^4$ the "
            r"remainder of $E+\frac{\sigma^2}{2}T$ is {formula} plus $O(\sigma^6)$, "
            rf"{named(T, D, Q)}."
        ),
        printed=Formula(
            "noiseAveragedRemainder", SIGMA**4 * (D / 8 + (MU - 3) / 24 * Q), given=NOISE
        ),
        checks=(
            for_any_loss(lambda loss: noisy_mean(loss, VARIABLES), (4,)),
            three_points(value_of_loss, (4,), (3, 2, 1)),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"Gaussian noise has $\mu = 3$.",
    )


@claim("ghosh2023.injected-modified-loss", catalogue="A29", where="section 7, last display")
def injected_modified_loss() -> Claim:
    """The mean over Gaussian noise is exp(σ²Δ/2), and Δ|∇E|² = 2‖∇²E‖² + 2∇E·∇Tr∇²E. The
    printed chain loses the factor 1/2 twice: at Tr∇²E between its second and third line, against
    its own expansion of R, and in ∇E(x+η) = ∇E + ∇²E η + ½∇³E[η,η] + ..., whose square contains
    2·½ ∇E·∇³E[η,η] with mean σ² ∇E·∇Tr∇²E. The term in ‖∇²E‖² is right.
    """
    return Claim(
        statement=(
            r"The mean of $E+\frac h4\lVert\nabla E\rVert^2$ at $x+\eta$ is that at $x$ plus "
            rf"{{formula}} plus $O(\sigma^4)$, {named(T, N, P)}."
        ),
        printed=Formula(
            "injectedModifiedLossPrinted",
            SIGMA**2 * T + H / 4 * SIGMA**2 * (N + 2 * P),
            given=(*NOISE, *STEP),
        ),
        right=Formula(
            "injectedModifiedLoss",
            SIGMA**2 * T / 2 + H / 4 * SIGMA**2 * (N + P),
            given=(*NOISE, *STEP),
        ),
        checks=(
            for_any_loss(averaged_modified_loss, (2,), refutes=True),
            three_points(value_of_modified_loss, (2,), (3, 2, 1), refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition="The noise is symmetric; for noise with a third moment the remainder is "
        r"$O(\sigma^3)$.",
        because=(
            r"a factor 1/2 is lost at $\mathrm{Tr}\,\nabla^2E$, and another in the second-order "
            r"term of $\nabla E(x+\eta)$."
        ),
        counterexample=(
            r"$E = x^2/2$: the mean of $E(x+\eta)$ is $E+\sigma^2/2$, not $E+\sigma^2$. "
            r"$E = x^3/6$ at $x = 1$: the mean of $\lVert\nabla E\rVert^2$ is "
            r"$1/4+\frac32\sigma^2+\dots$, printed $1/4+2\sigma^2$."
        ),
    )


@claim("undertow.injected-fourth-order", catalogue="A29", where="remainder of the last display")
def injected_fourth_order() -> Claim:
    """Once more the Laplacian: Δ²|∇E|² = 4‖∇³E‖² + 8⟨∇²E,∇²T⟩ + 2‖∇T‖² + 2∇E·∇Δ²E, over 8."""
    gaussian = A / 2 + B + C / 4 + G / 4
    return Claim(
        statement=(
            r"For independent symmetric coordinates with the fourth moment $\mu\sigma^4$ the next "
            r"term of the mean of $E+\frac h4\lVert\nabla E\rVert^2$ is {formula}, "
            rf"{named(T, D, Q, A, B, C, G, W)}, $S = \lVert\nabla E\rVert^2$."
        ),
        printed=Formula(
            "injectedFourthOrder",
            SIGMA**4 * (D / 8 + H / 4 * gaussian + (MU - 3) / 24 * (Q + H / 4 * W)),
            given=(*NOISE, *STEP),
        ),
        checks=(
            for_any_loss(averaged_modified_loss, (4,)),
            three_points(value_of_modified_loss, (4,), (3, 2, 1)),
        ),
        expected=Verdict.CONFIRMED,
    )


def sign_noise(world: Sextic) -> Batches:
    """Four equally likely losses: the noise is s or -s in each coordinate, in powers of s."""
    around = [world.around(pair) for pair in product((-1, 1), repeat=2)]
    values = tuple(world.loss.value(x) for x in around)
    return Batches(tuple(map(world.gradient, around)), values)


def settled_regularizer(world: Sextic, beta: fmpq) -> PowerSeries:
    """The limit of |grad G_k|^2 + 2 sum of beta^(k-r) |grad G_r|^2, averaged over the noise."""
    batches = sign_noise(world)
    means = averaged(
        batches, "with-replacement", 4, beta, lambda g: modified_loss_terms(g, beta, batches)
    )
    return settle(means, (beta, beta, beta**2))


def momentum_cases(settings: Settings) -> tuple[Sextic, fmpq, fmpq]:
    draw = random.Random(settings.seed)
    return draw_sextic(draw), fmpq(draw.randint(1, 19), 20), rational(draw, 1, 4)


@claim("undertow.injected-loss-with-momentum", catalogue="A29", where="section 7, with momentum")
def injected_loss_with_momentum() -> Claim:
    """Noisy losses E(x+η_k) are batches drawn independently: their mean is R = E + σ²T/2 and their
    F is σ²‖∇²E‖². The mean of IGRM_s is h/4 ((1+β)/(1-β)³ |∇R|² + F/(1-β)²), and |∇R|² is
    |∇E|² + σ² ∇E·∇T.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        world, beta, h = momentum_cases(settings)
        wanted = settled_regularizer(world, beta) * (h / 4)
        losses = sign_noise(world).losses
        mean = sum(losses[1:], start=losses[0]) / (4 * (1 - beta))
        known = world.values | {"h": h, "beta": beta}
        for power in range(4):
            coefficient = sympy.sympify(sympy.expand(candidate).coeff(SIGMA, power))
            right = wanted[power] + mean[power] if power == 2 else 0
            if evaluate(coefficient, known, RATIONAL) != right:
                return False, f"the power {power} of sigma is wrong for beta = {beta}"
        return True, f"all 4^4 noises of four steps, beta = {beta}"

    return Claim(
        statement=(
            r"With new noise in each step of heavy ball the mean modified loss gains, at order "
            rf"$\sigma^2$ and as $k$ grows, {{formula}}, {named(T, N, P)}."
        ),
        printed=Formula(
            "injectedLossWithMomentum",
            SIGMA**2
            * (T / (2 * ONE_MINUS) + H / 4 * ((1 + BETA) / ONE_MINUS**3 * P + N / ONE_MINUS**2)),
            given=(*MOMENTUM, *STEP, *NOISE),
        ),
        checks=(
            for_any_loss(lambda loss: noisy_momentum_loss(loss, VARIABLES), (2,)),
            exact("all noise sequences", Kind.ENUMERATION, holds),
        ),
        expected=Verdict.CONFIRMED,
        condition="The noise of the steps is independent and the point is fixed.",
    )


@claim(
    "ghosh2023.injected-hessian-with-momentum",
    catalogue="A29",
    where="section 7, last paragraph: the term is expected to get stronger",
)
def injected_hessian_with_momentum() -> Claim:
    """Beside E/(1-β) stands hσ²/(4(1-β)²) ‖∇²E‖², so beside E hσ²/(4(1-β)) ‖∇²E‖². At the same h
    that is 1/(1-β) times the term without momentum; at the same effective learning rate
    h/(1-β) it is the same term. The factor (1+β)/(1-β) of Remark 4.2 belongs to the mean gradient,
    which vanishes at a minimizer; the fresh noise of each step is not amplified.
    """

    def without_and_with(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        world, beta, _ = momentum_cases(settings)
        found = evaluate(sympy.sympify(candidate), {"beta": beta}, RATIONAL)
        effective = 1 - beta
        parts = []
        for momentum, h in ((beta, effective), (fmpq(0), fmpq(1))):
            noise = settled_regularizer(world, momentum)[2]
            full = (1 + momentum) / (1 - momentum) ** 3 * world.values["P"]
            parts.append((noise - full) * h * (1 - momentum))
        with_momentum, without = parts
        return found * without == with_momentum, f"all 4^4 noises of four steps, beta = {beta}"

    def ratio() -> sympy.Expr:
        noise = averages.lasting(averages.regularizer(averages.WITH_REPLACEMENT))
        return noise * ONE_MINUS * ONE_MINUS

    return Claim(
        statement=(
            r"At equal effective learning rate momentum multiplies the term "
            r"$\frac h4\sigma^2\lVert\nabla^2E\rVert_F^2$ of noise injection, in units of the "
            "loss, by {formula}."
        ),
        printed=Formula("injectedAmplificationPrinted", (1 + BETA) / ONE_MINUS),
        right=Formula("injectedAmplification", sympy.Integer(1), given=()),
        checks=(
            identical("fresh noise in the mean regularizer", ratio, refutes=True),
            exact("all noise sequences", Kind.ENUMERATION, without_and_with, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=(
            r"At equal $h$ the factor is $1/(1-\beta)$ in units of the loss and "
            r"$1/(1-\beta)^2$ beside $E/(1-\beta)$."
        ),
        because=(
            "the amplification of Remark 4.2 needs gradients that repeat from step to step; noise "
            "that is drawn anew does not."
        ),
        counterexample=(
            r"$E = x^2/2$ at $x = 0$: $G_k = \sum\beta^{k-r}\eta_r$ plus a constant, and "
            r"$IGRM_s$ tends to $h\sigma^2/(4(1-\beta)^2)$ in the mean; the effective learning "
            r"rate alone gives the same."
        ),
    )
