r"""What do batches do to the order-h correction of a rule such as Adam, in one variable?

The rule is x <- x - h Phi(m_1, m_2, ...), m_i an average of phi_i(g) that keeps beta_i. Step n
takes the gradient g + xi_n and the curvature H + eta_n of a batch of its own, drawn independently
of the others: E xi^2 = s and E xi eta = q, which is half the slope of s. At a fixed point x the
mean of the step is -h drift + h^2 memory + O(h^3): `drift` without the motion of x in the past,
`memory` what that motion adds. Both are exact through the second power of the noise; the error is
of its third power, and of its fourth where its third moments vanish.

Source: the memoryless iteration of Cattaneo and Shigida, How memory in optimization algorithms
implicitly modifies the loss (2025), with its mean taken here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import sympy

G, H, S, Q = sympy.symbols("g H s q")
"""Gradient and curvature of the mean loss, and the moments E xi^2 and E xi eta of a batch."""


@dataclass(frozen=True)
class MeanStep:
    """drift and memory: expressions in g, H, s, q and the parameters."""

    drift: sympy.Expr
    memory: sympy.Expr


def mean_step(
    readout: Callable[..., sympy.Expr],
    averaged: Sequence[tuple[sympy.Expr, sympy.Expr]],
) -> MeanStep:
    """The mean of a step over independent batches, at a fixed point.

    Args:
        readout: Phi, a function of as many averages.
        averaged: of each, phi_i in g and what it keeps, beta_i.

    >>> beta = sympy.Symbol("beta")
    >>> heavy_ball = mean_step(lambda m: m, [(G, beta)])
    >>> print(heavy_ball.drift, sympy.factor(heavy_ball.memory.coeff(Q)))
    g -beta/(beta + 1)
    """
    n = range(len(averaged))
    m = sympy.symbols(f"m1:{len(averaged) + 1}")
    rest = {m[i]: phi for i, (phi, _) in enumerate(averaged)}
    b = [kept for _, kept in averaged]
    whole = readout(*m)

    def by(*which: int) -> sympy.Expr:
        return sympy.diff(whole, *(m[i] for i in which)).subs(rest) if which else whole.subs(rest)

    def slope(i: int, times: int = 1) -> sympy.Expr:
        return sympy.diff(averaged[i][0], G, times)

    def joint(i: int, k: int) -> sympy.Expr:
        """The covariance of two averages over s slope_i slope_k."""
        return (1 - b[i]) * (1 - b[k]) / (1 - b[i] * b[k])

    shift = [slope(i, 2) * S / 2 for i in n]
    spread = {(i, k): slope(i) * slope(k) * S * joint(i, k) for i, k in product(n, n)}

    def moved(*which: int) -> sympy.Expr:
        """The second-order mean of a derivative of the readout."""
        first = sum((by(*which, k) * shift[k] for k in n), sympy.Integer(0))
        return first + sum((by(*which, *ik) * v / 2 for ik, v in spread.items()), sympy.Integer(0))

    drift = by() + moved()
    memory = sympy.Integer(0)
    for i in n:
        age = b[i] / (1 - b[i])
        memory += by(i) * slope(i) * H * age * drift + moved(i) * slope(i) * H * age * by()
        memory += by(i) * age * by() * (slope(i, 3) * S / 2 * H + slope(i, 2) * Q)
        for k in n:
            aged = joint(i, k) * b[i] * b[k] / (1 - b[i] * b[k])  # sum of j w_ij w_kj
            before = b[i] * (1 - b[k]) / (1 - b[i] * b[k])  # of w_ij over the k-weights up to j
            memory += by(i, k) * slope(k) * aged * by() * (slope(i, 2) * S * H + slope(i) * Q)
            memory += by(i) * by(k) * slope(k) * before * (slope(i, 2) * S * H + slope(i) * Q)
            for j in n:
                past = joint(k, j) * b[i] * b[k] / (1 - b[i] * b[k])
                memory += by(i, k) * by(j) * slope(k) * slope(j) * S * past * slope(i) * H
    return MeanStep(drift, -memory)


def adam_mean_step(*, inside: bool = False) -> MeanStep:
    """Adam's, with epsilon outside or inside the root, in g > 0, H, s, q, beta1, beta2, eps.

    Without noise `memory` is Adam's order-h term less that of the discretization.
    """
    beta1, beta2, eps = sympy.symbols("beta1 beta2 eps")

    def readout(m: sympy.Expr, v: sympy.Expr) -> sympy.Expr:
        return m / (sympy.sqrt(v + eps) if inside else sympy.sqrt(v) + eps)

    return mean_step(readout, [(G, beta1), (G**2, beta2)])
