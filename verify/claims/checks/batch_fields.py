"""What the claims on mini-batches share: fields from candidates, sequences, residuals, orders."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.language.formula import BETA, K, R
from derive.language.update_rule import Optimizer
from verify.claims.checks.identities import noted
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.equality import in_ring
from verify.models.batch_runs import BatchField, BatchRun, history
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import MPFR, RATIONAL, evaluate
from verify.running.trajectories import vector

Number = Any
Weight = Callable[[int], Number]

BATCHES = 2
STEPS = 5
BETAS = (fmpq(1, 5), fmpq(1, 2), fmpq(9, 10))
HALVINGS = range(4, 8)
MORE = (HALVINGS.stop, HALVINGS.stop + 1, HALVINGS.stop + 2)
LAG = BETA ** (K - R)


def sequences(draw: random.Random) -> Iterator[tuple[str, Callable[[int], int]]]:
    """A random, a cyclic and a block sequence of two batches."""
    drawn = [0, 1, *(draw.randint(0, 1) for _ in range(2 ** HALVINGS[-1]))]
    yield "random", drawn.__getitem__
    yield "cyclic", lambda k: k % 2
    yield "block", lambda k: k // 2 % 2


def run_of(
    rule: Optimizer, draw: random.Random, dimension: int, batch: Callable[[int], int], beta: fmpq
) -> BatchRun:
    """Random polynomial batch losses from a random start; parameters other than beta at 1/3."""
    losses = tuple(bounded_polynomial(draw, dimension) for _ in range(BATCHES))
    given = {name: beta if name == "beta" else fmpq(1, 3) for name in rule.parameters}
    return BatchRun(rule, losses, batch, starting_point(draw, dimension), given)


def summed(weights: Sequence[Number], *factors: Sequence[np.ndarray]) -> np.ndarray:
    """The sum over r of weights[r] times the tensor product of what every factor is at r."""
    total = vector(weights)
    for factor in map(np.array, factors):
        within = (1,) * (total.ndim - 1)
        total = total[(..., *[None] * (factor.ndim - 1))]
        total = total * factor.reshape(len(factor), *within, *factor.shape[1:])
    return total.sum(axis=0)


def regularized(sums: Sequence[np.ndarray], h: Number, weight: Weight) -> BatchField:
    """x' = -grad(G_k + sum over r of weight(r) |grad G_r|^2), k the last of the history sums."""
    field = BatchField(BATCHES, h * 0).add("first", sums[-1], h * 0 - 1)
    return field.add("second", summed([*map(weight, range(len(sums)))], sums, sums), h * 0 - 2)


def published(k: int, h: Number, beta: Number) -> Weight:
    """The weights of equation (10): h/4 for the step at hand, h beta^(k-r)/2 before it."""
    return lambda r: h * (beta ** (k - r) / (4 if r == k else 2))


def of_order_two(
    sums: Sequence[np.ndarray], h: Number, beta: Number, weight: Weight, bend: Number
) -> BatchField:
    """Equation (10) with its h^2 term: minus the gradients of weight(r) <grad G_r, grad I_r>, plus
    bend (grad^3 G_k[grad G_k, grad G_k] + grad^2 G_k grad^2 G_k grad G_k), where
    I_r = |grad G_r|^2/4 + sum over s < r of beta^(r-s) |grad G_s|^2/2.
    """
    k = len(sums) - 1
    field = regularized(sums, h, published(k, h, beta))
    past, pulls = np.multiply.outer(sums[0], sums[0]) * 0, list[np.ndarray]()
    for g in sums:
        square = np.multiply.outer(g, g)
        pulls.append(square / 2 + past)  # grad I_r
        past = (past + square) * beta
    weights = [*map(weight, range(k + 1))]
    fork = summed(weights, pulls, sums)
    field.add("chain", summed(weights, sums, pulls) + fork, h * 0 - 1)
    field.add("fork", fork, h * 0 - 1)
    cube = np.multiply.outer(np.multiply.outer(sums[-1], sums[-1]), sums[-1])
    return field.add("chain", cube, bend).add("fork", cube, bend)


def new_weight(k: int, h: Number, beta: Number) -> Weight:
    """The weights of <grad G_r, grad I_r>: h^2/2 for the step at hand, h^2 beta^(k-r) before it."""
    return lambda r: h**2 * (beta ** (k - r) / (2 if r == k else 1))


def sums_of(run: BatchRun, k: int, beta: Number) -> list[np.ndarray]:
    """G_0, ..., G_k of the run in its batches."""
    return history(beta, run.batch, len(run.losses), k)


def at(candidate: sympy.Expr, k: int, r: int, h: Number, beta: Number, **more: Number) -> Number:
    """A candidate in k, r, h, beta at numbers."""
    numbers = {"k": k, "r": r, "h": h, "beta": beta, **more}
    return evaluate(candidate, numbers, RATIONAL if isinstance(beta, fmpq) else MPFR)


def same_in_lag(name: str, derived: Callable[[], sympy.Expr], *, refutes: bool = False) -> Check:
    """The candidate at k = r + n equals, for every r, what is derived as a function of n = k."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        moved = candidate.subs(K, K + R, simultaneous=True)
        if moved.has(R):
            return Evidence(False, "it depends on more than k - r")
        try:
            wanted = derived()
            difference = in_ring(moved - wanted)
        except ValueError as error:
            return Evidence(False, str(error))
        equal = noted(candidate, wanted.subs(K, K - R), not difference)
        return Evidence(equal, f"difference {difference}")

    return Check(name, Kind.SYMBOLIC, judge, refutes)
