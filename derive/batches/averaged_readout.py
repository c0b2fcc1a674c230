r"""What do batches do to the order-h correction of a rule such as Adam?

The rule is x_i <- x_i - h Phi(m_1, m_2, ...) in each component i, m_a an average of phi_a(g_i) that
keeps beta_a. Step n takes the gradient g + xi_n and the Hessian H + eta_n of its batch. At a fixed
point x the mean of the step is -h drift + h^2 memory + O(h^3): `drift` without the motion of x in
the past, `memory` what that motion adds, a sum over the components j that moved. The batches are
drawn with or without replacement: what counts are the second moments s_ij = E xi_i xi_j and
q_k = E xi_k eta_ij of one batch, and the correlation of two batches at their distance in time,
averaged over the positions of a step in its epoch.

Both are exact through the second power of the noise; the error is of its third power, and of its
fourth where its third moments vanish. Where Phi and phi are linear there is no error.

Source: the memoryless iteration of Cattaneo and Shigida, How memory in optimization algorithms
implicitly modifies the loss (2025), with its mean taken here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import sympy

from derive.batches.averages import WITH_REPLACEMENT, Sampling, mean_covariance
from derive.language.formula import BETA

G, H, S, Q = sympy.symbols("g H s q")
"""Gradient g_i, the entry H_ij of the Hessian, and the moments s_ii and q_i of a batch."""
G_J, S_J, S_IJ, Q_J = sympy.symbols("g_j s_jj s_ij q_j")
"""The gradient and the moments that have to do with the component j."""
ALONE = {G_J: G, S_J: S, S_IJ: S, Q_J: Q}
"""i and j are one component."""


@dataclass(frozen=True)
class MeanStep:
    """Expressions in the moments and the parameters.

    Args:
        drift: in g, s.
        coupled: what the motion of x_j adds to component i; its sum over j is `memory`.
    """

    drift: sympy.Expr
    coupled: sympy.Expr

    @property
    def memory(self) -> sympy.Expr:
        """What motion adds to a rule of one variable, in g, H, s, q."""
        return self.coupled.subs(ALONE)


def mean_step(
    readout: Callable[..., sympy.Expr],
    averaged: Sequence[tuple[sympy.Expr, sympy.Expr]],
    sampling: Sampling = WITH_REPLACEMENT,
) -> MeanStep:
    """The mean of a step over batches, at a fixed point.

    Args:
        readout: Phi, a function of as many averages.
        averaged: of each, phi_a in g and what it keeps, beta_a.
        sampling: how batches are drawn; the number of batches of an epoch is the symbol M.

    >>> beta = sympy.Symbol("beta")
    >>> heavy_ball = mean_step(lambda m: m, [(G, beta)])
    >>> print(heavy_ball.drift, sympy.factor(heavy_ball.memory.coeff(Q)))
    g -beta/(beta + 1)
    """
    n = range(len(averaged))
    m = sympy.symbols(f"m1:{len(averaged) + 1}")
    rest = {m[a]: phi for a, (phi, _) in enumerate(averaged)}
    b = [kept for _, kept in averaged]
    late = [later(sampling, kept) for kept in b]
    whole = readout(*m)

    def by(*which: int) -> sympy.Expr:
        return sympy.diff(whole, *(m[a] for a in which)).subs(rest) if which else whole.subs(rest)

    def slope(a: int, times: int = 1) -> sympy.Expr:
        return sympy.diff(averaged[a][0], G, times)

    def joint(a: int, c: int) -> sympy.Expr:
        """The sum of the products of the weights of one gradient in two averages."""
        return (1 - b[a]) * (1 - b[c]) / (1 - b[a] * b[c])

    def together(a: int, c: int) -> sympy.Expr:
        """The covariance of two averages of the noise over s."""
        return joint(a, c) * (1 + late[a] + late[c])

    shift = [slope(a, 2) * S / 2 for a in n]
    spread = {(a, c): slope(a) * slope(c) * S * together(a, c) for a, c in product(n, n)}

    def moved(*which: int) -> sympy.Expr:
        """The second-order mean of a derivative of the readout."""
        first = sum((by(*which, c) * shift[c] for c in n), sympy.Integer(0))
        return first + sum((by(*which, *ac) * v / 2 for ac, v in spread.items()), sympy.Integer(0))

    def of_j(expr: sympy.Expr) -> sympy.Expr:
        """The same of the component j."""
        return expr.subs({G: G_J, S: S_J}, simultaneous=True)

    drift = by() + moved()
    motion, mean_motion = of_j(by()), of_j(drift)
    memory = sympy.Integer(0)
    for a in n:
        age = b[a] / (1 - b[a])
        memory += age * by(a) * slope(a) * H * mean_motion + age * moved(a) * slope(a) * H * motion
        memory += age * by(a) * motion * (slope(a, 3) * S / 2 * H + slope(a, 2) * Q)
        for c in n:
            both = b[a] * b[c]
            aged = together(a, c) * both / (1 - both) + joint(a, c) * b[a] * _slope_of(
                sampling, b[a]
            )
            memory += by(a, c) * slope(c) * aged * motion * (slope(a, 2) * S * H + slope(a) * Q)
            moves = of_j(by(c) * slope(c)) * age * together(a, c)
            memory += by(a) * moves * (slope(a, 2) * S_IJ * H + slope(a) * Q_J)
            for d in n:
                past = joint(c, d) * (
                    (both + late[a] + both * late[c]) / (1 - both) + _far(sampling, b[a], b[d])
                )
                memory += by(a, c) * of_j(by(d) * slope(d)) * slope(c) * past * slope(a) * H * S_IJ
    return MeanStep(drift, -memory)


def later(sampling: Sampling, kept: sympy.Expr) -> sympy.Expr:
    """The sum over l > 0 of kept^l times the correlation of two batches l steps apart, averaged
    over the positions in an epoch.

    >>> from derive.batches.averages import RESHUFFLED
    >>> sympy.cancel(later(RESHUFFLED, BETA).subs("M", 2))
    -beta/2
    """
    return ((mean_covariance(sampling) * (1 - BETA**2) - 1) / 2).subs(BETA, kept)


def _slope_of(sampling: Sampling, kept: sympy.Expr) -> sympy.Expr:
    """The derivative of `later` by what is kept."""
    return sympy.diff(later(sampling, BETA), BETA).subs(BETA, kept)


def _far(sampling: Sampling, first: sympy.Expr, second: sympy.Expr) -> sympy.Expr:
    """The sum over l, d > 0 of first^l second^d times the correlation at l + d."""
    if first == second:
        return first * _slope_of(sampling, first) - later(sampling, first)
    one, other = later(sampling, first), later(sampling, second)
    return (second * one - first * other) / (first - second)


def adam_mean_step(*, inside: bool = False, sampling: Sampling = WITH_REPLACEMENT) -> MeanStep:
    """Adam's, with epsilon outside or inside the root, in g > 0, the moments, beta1, beta2, eps.

    Without noise `memory` is Adam's order-h term less that of the discretization.
    """
    beta1, beta2, eps = sympy.symbols("beta1 beta2 eps")

    def readout(m: sympy.Expr, v: sympy.Expr) -> sympy.Expr:
        return m / (sympy.sqrt(v + eps) if inside else sympy.sqrt(v) + eps)

    return mean_step(readout, [(G, beta1), (G**2, beta2)], sampling)
