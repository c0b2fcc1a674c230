"""Averages over the batches of SGD with momentum: what is known of G_k = sum of beta^(k-r) E_r.

The M batch losses average to E; C is the covariance matrix of one batch gradient at a fixed point
and F its trace. Whatever the sampling, the batch gradients at two steps have the covariance
rho(r, s) C, where rho = (M p - 1)/(M - 1) and p is the probability that both steps use one batch.
For the three samplings here rho is (M fine - coarse)/(M - 1), with two partitions of the steps: 1
where r and s lie in one block, else 0. So each average is a sum over blocks, in closed form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import sympy
from flint import fmpq, fmpq_poly

from derive.batches.history_moments import covariance_factor, mean_factor
from derive.language.formula import BETA, K

BATCHES = sympy.Symbol("M")
POSITION = sympy.Symbol("m")
"""The position k mod M of step k in its epoch."""

_U, _Q, _B = BETA ** (K + 1), BETA ** (POSITION + 1), BETA**BATCHES
_ONE_MINUS, _SQUARES = 1 - BETA, 1 - BETA**2
_RATIO = (1 + BETA) / (1 - BETA)


@dataclass(frozen=True)
class Partition:
    """Blocks of steps, and the sums over the pairs of steps r, s <= k that share a block.

    Args:
        together: whether two steps share a block, from r, s and M.
        force: the sum of beta^(k-r) beta^(k-s).
        regularizer: the sum of 2 beta^(k-j) times the force of step j over all j < k, and of the
            force of step k.
        mean_force: the force as k grows, averaged over the positions of k in its epoch. The mean
            of the regularizer is (1 + beta)/(1 - beta) times that.
    """

    together: Callable[[int, int, int], bool]
    force: sympy.Expr
    regularizer: sympy.Expr
    mean_force: sympy.Expr


STEPS = Partition(
    together=lambda r, s, batches: r == s,
    force=covariance_factor(),
    regularizer=mean_factor() ** 2,
    mean_force=1 / _SQUARES,
)
WHOLE = Partition(
    together=lambda r, s, batches: True,
    force=mean_factor() ** 2,
    regularizer=(_RATIO * (1 - _U**2) - 4 * _U * (K + 1)) / _ONE_MINUS**2,
    mean_force=1 / _ONE_MINUS**2,
)
EPOCHS = Partition(
    together=lambda r, s, batches: r // batches == s // batches,
    force=(1 - 2 * _Q + (2 * _Q**2 - (1 - _B) * _U**2) / (1 + _B)) / _ONE_MINUS**2,
    regularizer=(
        _RATIO * (1 + 2 * (_Q - _U) - (2 * _Q**2 - (1 - _B) * _U**2) / (1 + _B))
        - 4 * _Q * (POSITION + 1)
        - 4 * BATCHES * _B * (_Q - _U) / (1 - _B)
    )
    / _ONE_MINUS**2,
    mean_force=(1 - 2 * BETA * (1 - _B) / (BATCHES * _SQUARES)) / _ONE_MINUS**2,
)
RESIDUES = Partition(
    together=lambda r, s, batches: r % batches == s % batches,
    force=((1 + _B) * (1 + _U**2) - 2 * _U * (_Q + _B / _Q)) / ((1 - _B) * _SQUARES),
    regularizer=(
        ((1 + _B) * (1 - _U**2) - 2 * _U * (_B / _Q - _Q)) / (1 - _B)
        - 2 * _U * (2 * (K - POSITION) / BATCHES + 1)
    )
    / _ONE_MINUS**2,
    mean_force=(1 + _B) / ((1 - _B) * _SQUARES),
)


@dataclass(frozen=True)
class Sampling:
    """How the batch of each step is drawn.

    Args:
        fine, coarse: the partitions that give rho = (M fine - coarse)/(M - 1).
    """

    name: str
    summary: str
    fine: Partition
    coarse: Partition

    def correlation(self, r: int, s: int, batches: int) -> fmpq:
        """rho(r, s) for M batches, M at least 2.

        >>> RESHUFFLED.correlation(0, 1, 3), RESHUFFLED.correlation(2, 3, 3)
        (-1/2, 0)
        """
        fine, coarse = (part.together(r, s, batches) for part in (self.fine, self.coarse))
        return fmpq(batches * fine - coarse, batches - 1)

    def mixed(self, of: Callable[[Partition], sympy.Expr]) -> sympy.Expr:
        """A sum over pairs of steps weighted with rho, from its sum over the pairs of a block."""
        if self.fine is self.coarse:
            return of(self.fine)
        return (BATCHES * of(self.fine) - of(self.coarse)) / (BATCHES - 1)


WITH_REPLACEMENT = Sampling("with-replacement", "every batch drawn independently", STEPS, STEPS)
RESHUFFLED = Sampling(
    "reshuffled", "a new random order of the batches in every epoch", STEPS, EPOCHS
)
CYCLIC = Sampling("cyclic", "one random order of the batches, repeated", RESIDUES, WHOLE)
SAMPLINGS = {sampling.name: sampling for sampling in (WITH_REPLACEMENT, RESHUFFLED, CYCLIC)}


def covariance(sampling: Sampling) -> sympy.Expr:
    """Cov(grad G_k) over C, at step k with m = k mod M.

    >>> covariance(WITH_REPLACEMENT)
    (1 - beta**(2*k + 2))/(1 - beta**2)
    """
    return sampling.mixed(lambda part: part.force)


def regularizer(sampling: Sampling) -> sympy.Expr:
    """The factor of h F/4 in the mean of the modified loss of step k at a fixed point.

    The modified loss is G_k + h/4 (|grad G_k|^2 + 2 sum over r < k of beta^(k-r) |grad G_r|^2).

    >>> regularizer(WITH_REPLACEMENT)
    (1 - beta**(k + 1))**2/(1 - beta)**2
    """
    return sampling.mixed(lambda part: part.regularizer)


def mean_covariance(sampling: Sampling) -> sympy.Expr:
    """Cov(grad G_k) over C as k grows, averaged over an epoch."""
    return sampling.mixed(lambda part: part.mean_force)


def mean_regularizer(sampling: Sampling) -> sympy.Expr:
    """The factor of h F/4 in the mean modified loss as k grows, averaged over an epoch."""
    return _RATIO * mean_covariance(sampling)


def full_batch_regularizer() -> sympy.Expr:
    """The factor of h |grad E|^2/4 in the mean of the modified loss of step k, for any sampling."""
    return WHOLE.regularizer


def lasting(expr: sympy.Expr) -> sympy.Expr:
    """A closed form of this module as k grows, the position m kept.

    What has k in an exponent of beta is gone, k times it too.

    >>> lasting(covariance(WITH_REPLACEMENT))
    1/(1 - beta**2)
    """
    return expr.replace(
        lambda e: e.is_Pow and e.base == BETA and e.exp.has(K), lambda e: sympy.Integer(0)
    )


def autocovariance(sampling: Sampling, lag: sympy.Expr) -> sympy.Expr:
    """Cov(grad G_k, grad G_(k+lag)) over C as k grows.

    The lag is at most M - 1 - m for reshuffled batches (both steps in one epoch) and at most M for
    cyclic ones. The later history is beta^lag times the earlier one plus the batches in between.

    >>> autocovariance(WITH_REPLACEMENT, sympy.Integer(3))
    beta**3/(1 - beta**2)
    """
    decay = BETA**lag
    own = {
        id(STEPS): decay / _SQUARES,
        id(WHOLE): 1 / _ONE_MINUS**2,
        id(EPOCHS): decay * lasting(EPOCHS.force) + (1 - _Q) * (1 - decay) / _ONE_MINUS**2,
        id(RESIDUES): (decay + _B / decay) / ((1 - _B) * _SQUARES),
    }
    return sampling.mixed(lambda part: own[id(part)])


@cache
def history_covariance(sampling: Sampling, batches: int, r: int, s: int) -> fmpq_poly:
    """Cov(grad G_r, grad G_s) over C for M batches, a polynomial in beta.

    The double sum of beta^(r-i) beta^(s-j) rho(i, j): every closed form must agree with it.

    >>> history_covariance(RESHUFFLED, 2, 1, 1)
    x^2 + (-2)*x + 1
    """
    coefficients = [fmpq(0)] * (r + s + 1)
    for i in range(r + 1):
        for j in range(s + 1):
            coefficients[r - i + s - j] += sampling.correlation(i, j, batches)
    return fmpq_poly(coefficients)


def history_regularizer(sampling: Sampling, batches: int, k: int) -> fmpq_poly:
    """The factor of h F/4 in the mean modified loss of step k, from the double sums."""
    beta = fmpq_poly([0, 1])
    earlier = (beta ** (k - r) * history_covariance(sampling, batches, r, r) for r in range(k))
    return sum(earlier, fmpq_poly()) * 2 + history_covariance(sampling, batches, k, k)


def mean_path_regularizer(sampling: Sampling, batches: int, k: int) -> fmpq_poly:
    """The factor of h F/4 in the loss that the mean of x_(k+1) - x_k descends.

    Step r takes its gradient at x_0 - h sum of grad G_s over s < r; the mean of one batch's Hessian
    times another's gradient exceeds that of E alone by rho grad F/2. `history_regularizer` counts
    besides what a random flow gains by the fluctuation of G_k: the sum of Cov(grad G_k, grad G_j)
    over all j <= k, those with j < k twice.
    """
    coefficients = [fmpq(0)] * (k + 1)
    for r in range(k + 1):
        for i in range(r):
            for power in range(k - r, k - i):
                coefficients[power] -= 2 * sampling.correlation(r, i, batches)
    return fmpq_poly(coefficients)
