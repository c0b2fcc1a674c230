"""A loss at a noisy point: the scalars its mean is made of, and that mean, by two routes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import product
from math import perm
from typing import Any

import sympy
from flint import fmpq
from sympy.core.function import AppliedUndef

from derive.batches.injection import SIGMA, noisy_loss
from verify.claims.checks.averaging import modified_loss_terms
from verify.claims.checks.identities import exact, noted
from verify.claims.claim import Check, Kind, Settings
from verify.claims.equality import in_ring
from verify.models.batch_sequences import BatchLosses, averaged, settle
from verify.running.families import Draw, rational, starting_point
from verify.running.losses import Loss, polynomial
from verify.running.numbers import RATIONAL, PowerSeries, evaluate, power_series
from verify.running.trajectories import vector

Number = Any

X, Y = VARIABLES = sympy.symbols("x y")
LENGTH = 6
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


@lru_cache(maxsize=16)
def invariants(loss: sympy.Expr) -> dict[sympy.Symbol, sympy.Expr]:
    """The scalars that the mean is made of, for a loss in x and y."""

    def gradient(f: sympy.Expr) -> list[sympy.Expr]:
        return [sympy.diff(f, v) for v in VARIABLES]

    def dot(left: Sequence[sympy.Expr], right: Sequence[sympy.Expr]) -> sympy.Expr:
        return sympy.Add(*(a * b for a, b in zip(left, right, strict=True)))

    slope = gradient(loss)
    hessian = [h for g in slope for h in gradient(g)]
    third = [t for h in hessian for t in gradient(h)]
    trace = _trace(loss)
    of_trace = gradient(trace)
    twice = _trace(trace)
    size = dot(slope, slope)

    def fourth(f: sympy.Expr) -> sympy.Expr:
        return sympy.Add(*(sympy.diff(f, v, 4, simplify=False) for v in VARIABLES))

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


def _in_jets(expr: sympy.Expr) -> sympy.Expr:
    """The expression with a symbol for every derivative of the unknown loss."""

    def jet(derivative: sympy.Basic) -> sympy.Symbol:
        times = dict(derivative.variable_count) if derivative.is_Derivative else {}
        return sympy.Symbol("E_" + "".join(f"{v}{times.get(v, 0)}" for v in VARIABLES))

    unknown = sympy.expand(expr).atoms(sympy.Derivative, AppliedUndef)
    return sympy.expand(expr).xreplace({e: jet(e) for e in unknown})


@cache
def _any_loss() -> tuple[sympy.Expr, dict[sympy.Symbol, sympy.Expr]]:
    """A function of x and y of which nothing is known, and its invariants in jets."""
    loss = sympy.Function("E")(*VARIABLES)
    found = invariants(loss) | {sympy.Symbol("E"): loss}
    return loss, {symbol: _in_jets(value) for symbol, value in found.items()}


def for_any_loss(
    expanded: Callable[[sympy.Expr], sympy.Expr], powers: Sequence[int], *, refutes: bool = False
) -> Check:
    """The candidate holds these powers of sigma of what is derived, for every loss of x and y."""

    def judge(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        loss, scalars = _any_loss()
        derived = _in_jets(expanded(loss))
        wanted = sympy.Add(*(derived.coeff(SIGMA, p) * SIGMA**p for p in powers))
        equal = not in_ring(candidate.xreplace(scalars) - wanted)
        if not noted(candidate, wanted, equal, **{s.name: e for s, e in scalars.items()}):
            return False, "another function of the loss"
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
        x, y = self.point
        jets = {
            f"E_x{i}y{j}": sum(
                (
                    c * perm(p, i) * perm(q, j) * x ** (p - i) * y ** (q - j)
                    for (p, q), c in self.terms
                    if i <= p and j <= q
                ),
                fmpq(0),
            )
            for i, j in product(range(7), repeat=2)
        }
        return {s.name: evaluate(e, jets, RATIONAL) for s, e in _any_loss()[1].items()}

    def around(self, direction: Sequence[int]) -> list[PowerSeries]:
        """The point plus s times a direction, in powers of s."""
        s = PowerSeries.step(LENGTH)
        return [s * d + x for d, x in zip(direction, self.point, strict=True)]

    def gradient(self, x: Sequence[Number]) -> tuple[Number, ...]:
        arithmetic = power_series(LENGTH)
        return tuple(self.loss.gradient_function(arithmetic)(vector(x)))


def draw_sextic(draw: Draw) -> Sextic:
    """A random polynomial of degree at most 6 in two variables, and a point."""
    terms = [
        ((i, j), fmpq(draw.randint(1, 9) * (-1) ** draw.randint(0, 1), 4))
        for i, j in product(range(7), repeat=2)
        if 0 < i + j <= 6
    ]
    return Sextic(tuple(terms), tuple(starting_point(draw, 2)))


def in_sigma(expr: sympy.Expr, values: Mapping[str, Number], length: int) -> PowerSeries:
    """The value of an expression in powers of sigma, as many as this."""
    sigma = PowerSeries.step(length)
    found = evaluate(expr, {**values, SIGMA.name: sigma}, power_series(length))
    return found + sigma * 0


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
            told = in_sigma(candidate, world.values | {"h": h, "mu": fmpq(mu)}, LENGTH)
            for power in range(LENGTH):
                value = told[power] / fmpq(mu) ** (power // 2)
                if value != (total[power] if power in powers else 0):
                    return False, f"the power {power} of sigma is wrong for mu = {mu}"
        return True, f"exact in sigma for {len(fourth_moments)} noises, random sextics"

    return exact("all values of three-point noise", Kind.ENUMERATION, holds, refutes=refutes)


def _trace(f: sympy.Expr) -> sympy.Expr:
    """The sum of the second derivatives."""
    return sympy.Add(*(sympy.diff(f, x, 2, simplify=False) for x in VARIABLES))


def averaged_modified_loss(loss: sympy.Expr) -> sympy.Expr:
    """The mean of a loss at noisy points, through second order."""
    return noisy_loss(loss, VARIABLES)


def sign_noise(world: Sextic) -> BatchLosses:
    """Four equally likely losses: the noise is s or -s in each coordinate, in powers of s."""
    around = [world.around(pair) for pair in product((-1, 1), repeat=2)]
    values = tuple(world.loss.value(x) for x in around)
    return BatchLosses(tuple(map(world.gradient, around)), values)


@cache
def settled_regularizer(world: Sextic, beta: fmpq) -> PowerSeries:
    """The limit of |grad G_k|^2 + 2 sum of beta^(k-r) |grad G_r|^2, averaged over the noise."""
    batches = sign_noise(world)
    means = averaged(
        batches, "with-replacement", 4, beta, lambda g: modified_loss_terms(g, beta, batches)
    )
    return settle(means, (beta, beta, beta**2))


def momentum_cases(settings: Settings) -> tuple[Sextic, fmpq, fmpq]:
    """A random loss with a momentum and a step size."""
    draw = random.Random(settings.seed)
    return draw_sextic(draw), fmpq(draw.randint(1, 19), 20), rational(draw, 1, 4)
