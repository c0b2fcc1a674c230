"""Diagonal linear networks: which start gradient flow would need to end where an iteration ends.

The network is theta = c (w_+^2 - w_-^2), entry by entry, and the loss is a function of X theta.
Every method here multiplies w_+ and w_- by known ratios, so ln|w_+| and ln|w_-| are sums:

    r_k = w_(k+1)/w_k = 1 -+ x_k + beta (1 - 1/r_(k-1)),   x_k = s gamma_k grad L_(B_k)(theta_k)

with r_(-1) = 1 at a cold start. With f(r) = r - 1 - ln|r| one step satisfies, crossings of zero
included,

    (1 - beta) ln|r_k| = -+x_k - [f(r_k) + beta f(1/r_k)] + beta (1/r_k - 1/r_(k-1)),

and the last bracket telescopes. Since x_k lies in the row space of X, the limit theta solves
X theta = y with ln|w_+/w_-| - ln|v_+/v_-| in the row space and |w_+ w_-| = v_+ v_-, where

    v = |w_0| exp(-sum_k log_loss(r_k))

is the effective start: theta is where gradient flow from v ends, the minimizer over X theta = y of
the Bregman divergence of the hyperentropy of v_+ v_- from c (v_+^2 - v_-^2).
Gradient descent and SGD are beta = 0; the batches enter only through x_k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
from flint import fmpq

from derive.language.formula import BETA

Number = Any

X, R, LAMBDA, RHO, EPSILON = sympy.symbols("x r lambda rho epsilon")


@dataclass(frozen=True)
class Network:
    """How a diagonal network is written: theta = scale (w_+^2 - w_-^2).

    Args:
        scale: c above.
        rate: s above; a gradient step of size gamma multiplies w_+- by 1 -+ rate gamma grad L.
    """

    name: str
    scale: fmpq
    rate: fmpq


ROTATED = Network("rotated", fmpq(1, 2), fmpq(1))
"""theta = u v trained in u and v, w_+- = (u +- v)/sqrt(2)."""
SUMS = Network("sums", fmpq(1, 4), fmpq(1))
"""theta = u v trained in u and v, w_+- = u +- v."""
SQUARES = Network("squares", fmpq(1), fmpq(2))
"""theta = w_+^2 - w_-^2 trained in w_+ and w_-."""
HALVES = Network("halves", fmpq(1), fmpq(1))
"""theta = u v trained in u and v, w_+- = (u +- v)/2."""
NETWORKS = {network.name: network for network in (ROTATED, SUMS, SQUARES)}


def ratio(step: Number, last: Number, beta: Number, sign: int) -> Number:
    """The factor r_k of w_+ (sign 1) or w_- (sign -1): 1 - sign x_k + beta (1 - 1/r_(k-1)).

    >>> ratio(X, sympy.Integer(1), BETA, 1)
    1 - x
    """
    return 1 - sign * step + beta * (1 - 1 / last)


def log_loss(r: Number, log_r: Number, beta: Number) -> Number:
    """What ln|w| loses in one step beyond the gradients: (f(r) + beta f(1/r))/(1 - beta).

    Runs on numbers, arrays and symbols alike.

    Args:
        r: the ratio of the step.
        log_r: ln|r|.
        beta: the momentum, below 1.
    """
    return (r - 1 - log_r + beta * (1 / r - 1 + log_r)) / (1 - beta)


def boundary(last: Number, beta: Number) -> Number:
    """What the telescoping leaves of ln|w_K| after a last ratio: beta (1/r - 1)/(1 - beta).

    It vanishes where the iteration converges; a start that moves, r_(-1) != 1, adds minus this
    value at r_(-1).
    """
    return beta * (1 / last - 1) / (1 - beta)


def step_loss(sign: int) -> sympy.Expr:
    """The loss of ln|w_+-| in a step of gradient descent or SGD.

    >>> step_loss(1)
    -x - log(Abs(x - 1))
    """
    r = 1 - sign * X
    return sympy.expand(log_loss(r, sympy.log(sympy.Abs(r)), sympy.Integer(0)))


def step_gain() -> sympy.Expr:
    """ln of |w_+ w_-| before over after a step of gradient descent or SGD.

    >>> step_gain()
    -log(Abs(x - 1)) - log(Abs(x + 1))
    """
    return sympy.expand(step_loss(1) + step_loss(-1))


def momentum_step_loss() -> sympy.Expr:
    """The loss of ln|w| in a step with momentum, in r."""
    return log_loss(R, sympy.log(sympy.Abs(R)), BETA)


def flow_loss_rate() -> sympy.Expr:
    """The loss of ln|w| per unit of time in the momentum flow lambda w'' + w' +- s grad L w = 0.

    The limit of a step of time epsilon with r = 1 + epsilon rho, beta = 1 - epsilon/lambda, where
    rho = w'/w. Without momentum, lambda = 0, it vanishes: gradient flow keeps |w_+ w_-|.

    >>> flow_loss_rate()
    lambda*rho**2
    """
    r = 1 + EPSILON * RHO
    # the sum that log_loss divides by 1 - beta is 0 at r = 1, and so is its derivative
    above = log_loss(r, sympy.log(r), 1 - EPSILON / LAMBDA) * EPSILON / LAMBDA
    return LAMBDA * sympy.diff(above, EPSILON, 2, simplify=False).subs(EPSILON, 0) / 2
