"""One step of SGD beside a stochastic equation over the time of a step, in the mean, exactly.

The equation dX = -grad(f + weight |grad f|^2) dt + sqrt(diffusion Sigma) dW has its numbers in the
slots of a statement. Two equally likely batches f + q and f - q give Sigma = grad q (grad q)^T. The
means of monomials agree to h^(p+1) on both sides, so that the weak order is p (Milstein).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import factorial
from typing import Any

from flint import Ordering, fmpq, fmpq_mpoly_ctx

from verify.claims.statement import Statement
from verify.running.families import bounded_polynomial
from verify.running.losses import Loss

Polynomial = Any
"""In x, y and h."""
TERMS = 4
"""Powers of h that are looked at: the first ones."""


class WeakStep:
    """A step of SGD from (x, y) and what the equation makes of it."""

    def __init__(self, says: Statement, loss: Loss, draw: random.Random) -> None:
        *self.place, self.h = fmpq_mpoly_ctx.get(("x", "y", "h"), Ordering.lex).gens()
        self.place = self.place[: loss.dimension]
        f, q = (each.value(self.place) for each in (loss, bounded_polynomial(draw, loss.dimension)))
        self.slope, self.noise = self.gradient(f), self.gradient(q)
        square = sum((g * g for g in self.slope), self.h * 0)
        weight = says.number("weight", h=self.h) if "weight" in says.slots else self.h * 0
        self.drift = [-g for g in self.gradient(f + square * weight)]
        self.diffusion = says.number("diffusion", h=self.h)

    def gradient(self, p: Polynomial) -> list[Polynomial]:
        """By the coordinates that the loss has."""
        return [p.derivative(i) for i in range(len(self.place))]

    def mean_of_step(self, monomial: Sequence[int]) -> Polynomial:
        """The mean of a product of coordinates after a step of SGD."""
        total = self.h * 0
        for sign in (1, -1):
            product = total * 0 + 1
            for i in monomial:
                pull = self.slope[i] + self.noise[i] * sign
                product = product * (self.place[i] - self.h * pull)
            total = total + product
        return total / 2

    def mean_of_equation(self, monomial: Sequence[int]) -> Polynomial:
        """The mean of a product of coordinates after the time h, in powers of its generator."""
        term = self.h * 0 + 1
        for i in monomial:
            term = term * self.place[i]
        total = term
        for n in range(1, TERMS):
            slopes = self.gradient(term)
            term = sum((b * s for b, s in zip(self.drift, slopes, strict=True)), self.h * 0)
            for s, left in zip(slopes, self.noise, strict=True):
                bends = zip(self.gradient(s), self.noise, strict=True)
                bend = sum((c * right for c, right in bends), self.h * 0)
                term = term + self.diffusion * left * bend / 2
            total = total + term * self.h**n * fmpq(1, factorial(n))
        return total

    def covariance(self, mean: Any, i: int, j: int) -> Polynomial:
        """Of two coordinates, in one of the two pictures."""
        return mean((i, j)) - mean((i,)) * mean((j,))


def lowest(p: Polynomial) -> int:
    """The lowest power of h in a polynomial."""
    return min((powers[-1] for powers, _ in p.terms()), default=TERMS)


def left_in_one_step(says: Statement, loss: Loss, draw: random.Random) -> int:
    """The lowest power of h in which the means of monomials through the third degree differ."""
    step = WeakStep(says, loss, draw)
    return min(
        lowest(step.mean_of_step(monomial) - step.mean_of_equation(monomial))
        for degree in (1, 2, 3)
        for monomial in combinations_with_replacement(range(loss.dimension), degree)
    )
