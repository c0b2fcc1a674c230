"""Which potential a diagonal linear network minimizes: hyperentropy, from its mirror map.

A coordinate is theta = share (w_+^2 - w_-^2), and gradient flow moves w_+ and w_- by the factors
exp(-rate G) and exp(rate G), G the integral of the gradient with respect to theta. The product
Delta = |w_+ w_-| stays. The sources differ in share, rate and the scale of the potential.

Source: Woodworth et al., Kernel and rich regimes in overparametrized models (2020), theorem 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb

import sympy

from derive.language.bad_input import BadInput
from derive.networks.diagonal_networks import Network

THETA = sympy.Symbol("theta", real=True)
DELTA, ALPHA = sympy.symbols("Delta alpha", positive=True)
POSITION = sympy.Symbol("s", real=True)
DEPTH = sympy.Symbol("D")


@dataclass(frozen=True)
class Potential:
    """The potential of a network as a source writes it.

    Args:
        network: its scale, the share above, and its rate: gradient flow is
            w_+' = -rate w_+ dL/dtheta and w_-' = rate w_- dL/dtheta.
        scale: the source's potential over that whose gradient falls at the rate dL/dtheta.
        start: |w_+ w_-| at the source's start of scale alpha.
        written: the source's weights and start, in LaTeX.
    """

    network: Network
    scale: int = 1
    start: sympy.Expr = ALPHA**2
    written: str = ""

    @property
    def turn(self) -> sympy.Integer:
        """ln(w_+/w_-) over the pull."""
        return sympy.Integer(int(2 * self.network.rate))

    def unit(self, delta: sympy.Expr) -> sympy.Expr:
        """The value of theta in which it is measured: a potential is unit times q(theta/unit)."""
        return sympy.Rational(int(self.network.scale.p), int(self.network.scale.q)) * delta


def mirror_map(theta: sympy.Expr, delta: sympy.Expr, potential: Potential) -> sympy.Expr:
    """The pull that leads to theta, times the scale: the gradient of the source's potential.

    Gradient flow from w_+ = w_- = sqrt(delta) leads to theta = unit (Y - 1/Y), Y = exp(2 rate pull)
    and the pull minus the integral of dL/dtheta; Y is the positive root.

    >>> from derive.networks import SUMS
    >>> mirror_map(THETA, DELTA, Potential(SUMS))
    asinh(2*theta/Delta)/2
    """
    turn = sympy.asinh(theta / (2 * potential.unit(delta)))
    return potential.scale * turn / potential.turn


@cache
def hyperentropy(theta: sympy.Expr, delta: sympy.Expr, potential: Potential) -> sympy.Expr:
    """The source's potential of one coordinate, 0 at theta = 0: the integral of the mirror map.

    Args:
        delta: the balancedness |w_+ w_-| > 0.

    >>> from derive.networks import SUMS
    >>> hyperentropy(THETA, DELTA, Potential(SUMS))
    Delta/4 + theta*asinh(2*theta/Delta)/2 - sqrt(Delta**2 + 4*theta**2)/4
    """
    return _integrated(potential).subs({THETA: theta, DELTA: delta}, simultaneous=True)


@cache
def _integrated(potential: Potential) -> sympy.Expr:
    return sympy.integrate(mirror_map(THETA, DELTA, potential), (THETA, 0, THETA))


def kernel_expansion(z: sympy.Expr, terms: int) -> sympy.Expr:
    """q(z) = 2 - sqrt(4 + z^2) + z asinh(z/2) for small z, that is for a large start.

    The next term bounds the error and has its sign, for every z: (1 + y^2)^(-1/2) and its integrals
    lie between any two successive partial sums.

    >>> kernel_expansion(sympy.Symbol("z"), 2)
    -z**4/192 + z**2/4
    """
    return sympy.Add(
        *(
            sympy.Rational((-1) ** n * comb(2 * n, n), 2 ** (4 * n + 1) * (2 * n + 1) * (2 * n + 2))
            * z ** (2 * n + 2)
            for n in range(terms)
        )
    )


def rich_expansion(z: sympy.Expr, terms: int) -> sympy.Expr:
    """q(z) for large z > 0, that is for a small start: z log z - z + 2 and `terms` inverse powers.

    The next term bounds the error and has its sign, for every z > 0.

    >>> rich_expansion(sympy.Symbol("z"), 1)
    z*log(z) - z + 2 - 1/z
    """
    powers = (
        sympy.Rational((-1) ** n * comb(2 * n, n), 2 * n * (2 * n - 1)) * z ** (1 - 2 * n)
        for n in range(1, terms + 1)
    )
    return sympy.Add(z * sympy.log(z) - z + 2, *powers)


def deep_position(s: sympy.Expr = POSITION, depth: sympy.Expr = DEPTH) -> sympy.Expr:
    """theta/alpha^D of the network w_+^D - w_-^D, D >= 3, at the dual position s in (-1, 1).

    Gradient flow from w_+ = w_- = alpha is (w_+/alpha)^(2-D) = 1 - s and (w_-/alpha)^(2-D) = 1 + s
    with s = alpha^(D-2) D (D-2) times the pull. So s is the derivative of the potential
    alpha^D q_D(theta/alpha^D): the derivative of q_D is the inverse of this function.

    Source: Woodworth et al. (2020), theorem 3.

    >>> deep_position(depth=sympy.Integer(4))
    -1/(s + 1)**2 + (1 - s)**(-2)
    """
    power = -depth / (depth - 2)
    return (1 - s) ** power - (1 + s) ** power


def deep_potential(s: sympy.Expr = POSITION, depth: sympy.Expr = DEPTH) -> sympy.Expr:
    """q_D where its derivative is s: s times the position minus the integral of the position.

    >>> deep_potential(depth=sympy.Integer(4)).subs(POSITION, sympy.Rational(1, 2))
    10/9
    """
    power = -2 / (depth - 2)
    conjugate = (depth - 2) / 2 * ((1 - s) ** power + (1 + s) ** power - 2)
    return s * deep_position(s, depth) - conjugate


def deep_kernel_limit(z: sympy.Expr, depth: sympy.Expr = DEPTH) -> sympy.Expr:
    """q_D(z) for small z up to O(z^4): the squared l2 norm, for a large start."""
    return (depth - 2) * z**2 / (4 * depth)


def deep_rich_limit(z: sympy.Expr, depth: sympy.Expr = DEPTH) -> sympy.Expr:
    """q_D(z) for large z > 0 up to O(z^(2/D-1)): the l1 norm, for a small start.

    The first two terms bound q_D from below, the first one from above. Unlike at depth 2 the l1
    norm comes without a factor, and what is left is a power of alpha and no logarithm.
    """
    constant = (depth - 2) * (1 - 2 ** (-depth / (depth - 2)))
    return z - depth / 2 * z ** (2 / depth) + constant


def sufficient_start(
    epsilon: sympy.Expr, smallest: sympy.Expr, dimension: sympy.Expr, *, depth: int
) -> sympy.Expr:
    """An alpha below which the interpolator's l1 norm is at most 1 + epsilon times the smallest.

    For w_+^D - w_-^D from w_+ = w_- = alpha. With M the smallest l1 norm, N that of the
    interpolator and A = alpha^D, convexity gives d A q(N/(d A)) <= A q(M/A). At depth 2 put
    z log z - z <= q(z) <= z log z into it; from depth 3 on z - (D/2) z^(2/D) <= q(z) <= z.

    Args:
        epsilon: positive.
        smallest: M > 0.
        dimension: the number d of coordinates.
        depth: D >= 2.
    Raises:
        BadInput: a depth below 2.

    >>> sufficient_start(*sympy.symbols("epsilon M d", positive=True), depth=2)
    sqrt(M)/(sqrt(d)*(E*d)**(1/(2*epsilon)))
    """
    if depth < 2:
        raise BadInput(f"depth = {depth}: a network of depth 1 has no potential; use 2 or more.")
    mean = smallest / dimension
    if depth == 2:
        return sympy.sqrt(mean) * (sympy.E * dimension) ** (-1 / (2 * epsilon))
    share = 2 * epsilon / (depth * (1 + epsilon))
    return mean ** sympy.Rational(1, depth) * share ** sympy.Rational(1, depth - 2)
