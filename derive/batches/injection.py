"""Noise in the arguments of a loss: the mean of f(x + eta) in powers of its standard deviation.

The coordinates of eta are independent, symmetric and alike, with standard deviation sigma and
fourth moment mu sigma^4; mu = 3 for Gaussian noise.
"""

from __future__ import annotations

from functools import lru_cache

import sympy

from derive.batches.averages import WITH_REPLACEMENT, full_batch_regularizer, lasting, regularizer
from derive.language.formula import BETA, H

SIGMA, MU = sympy.symbols("sigma mu")


@lru_cache
def noisy_mean(f: sympy.Expr, variables: tuple[sympy.Symbol, ...]) -> sympy.Expr:
    """The mean of f(x + eta) up to O(sigma^6); odd powers vanish by symmetry.

    Per coordinate the operator is 1 + sigma^2 d^2/2 + mu sigma^4 d^4/24. The product over the
    coordinates is exp(sigma^2 Laplacian/2) where mu = 3.

    >>> x = sympy.Symbol("x")
    >>> noisy_mean(x**4, (x,))
    mu*sigma**4 + 6*sigma**2*x**2 + x**4
    """
    second = _laplacian(f, variables)
    fourth = _laplacian(second, variables) / 8
    tail = sympy.Add(*(sympy.diff(f, x, 4, simplify=False) for x in variables)) * (MU - 3) / 24
    return sympy.expand(f + SIGMA**2 * second / 2 + SIGMA**4 * (fourth + tail))


@lru_cache
def noisy_loss(loss: sympy.Expr, variables: tuple[sympy.Symbol, ...]) -> sympy.Expr:
    """The mean of E + h/4 |grad E|^2 at x + eta, up to O(sigma^6)."""
    return noisy_mean(loss + H / 4 * _square(loss, variables), variables)


@lru_cache
def noisy_momentum_loss(loss: sympy.Expr, variables: tuple[sympy.Symbol, ...]) -> sympy.Expr:
    """The mean modified loss of heavy ball with new noise at each step, as k grows, to sigma^2.

    The noisy losses E(x + eta) are batches drawn independently: their mean is the noisy mean of E,
    and F is the mean of |grad E(x + eta)|^2 less the square of the mean gradient.
    """
    mean = noisy_mean(loss, variables)
    full = _square(mean, variables)
    noise = noisy_mean(_square(loss, variables), variables) - full
    factors = map(lasting, (full_batch_regularizer(), regularizer(WITH_REPLACEMENT)))
    weighted = sympy.Add(*(c * part for c, part in zip(factors, (full, noise), strict=True)))
    total = sympy.expand(mean / (1 - BETA) + H / 4 * weighted)
    return sympy.Add(*(total.coeff(SIGMA, power) * SIGMA**power for power in (0, 2)))


def _square(f: sympy.Expr, variables: tuple[sympy.Symbol, ...]) -> sympy.Expr:
    return sympy.Add(*(sympy.diff(f, x) ** 2 for x in variables))


def _laplacian(f: sympy.Expr, variables: tuple[sympy.Symbol, ...]) -> sympy.Expr:
    """The trace of the Hessian."""
    return sympy.Add(*(sympy.diff(f, x, 2, simplify=False) for x in variables))
