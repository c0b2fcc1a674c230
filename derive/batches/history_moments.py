"""The history sum of momentum, G_k = sum over r of beta^(k-r) E_r, and its moments.

E_r is the mini-batch loss of step r. The batches are drawn independently from one distribution.
"""

from __future__ import annotations

import sympy

BETA = sympy.Symbol("beta")
K = sympy.Symbol("k")


def geometric_sum(ratio: sympy.Expr, count: sympy.Expr) -> sympy.Expr:
    """1 + ratio + ... + ratio^(count-1) for ratio != 1, by the telescoping (1 - ratio) sum."""
    return (1 - ratio**count) / (1 - ratio)


def mean_factor() -> sympy.Expr:
    """The mean of grad G_k over the mean gradient: sum of beta^(k-r).

    >>> mean_factor()
    (1 - beta**(k + 1))/(1 - beta)
    """
    return geometric_sum(BETA, K + 1)


def covariance_factor() -> sympy.Expr:
    """Cov(grad G_k) over the covariance of one batch gradient: sum of beta^(2(k-r)).

    >>> covariance_factor()
    (1 - beta**(2*k + 2))/(1 - beta**2)
    """
    return sympy.powdenest(geometric_sum(BETA**2, K + 1), force=True)
