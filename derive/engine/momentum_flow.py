"""Momentum in continuous time: the flow lambda x'' + x' + grad E = 0 and what it shares with rules.

One step of heavy ball with step size gamma and momentum beta takes the time epsilon =
gamma/(1-beta). Writing both as B-series shows how far they agree, and with which lambda.

Source: Kovachki and Stuart, Continuous time analysis of momentum methods (2021), section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import factorial

import sympy

from derive.engine.backward_error import check_order, modified_flow
from derive.engine.bseries import BSeries, higher_lie_derivatives
from derive.engine.modified_loss import ModifiedLoss, loss_of_field
from derive.engine.start_up import initial_shift
from derive.language.coefficients import Coefficient, Ring
from derive.language.formula import BETA
from derive.language.trees import LEAF, Tree, tree, trees_up_to
from derive.language.update_rule import BadInput, Optimizer

GAMMA, LAMBDA, EPSILON, RHO = sympy.symbols("gamma lambda epsilon rho")
RING = Ring(("lambda", "epsilon"))
PAIR = tree("[[]]")


@dataclass(frozen=True)
class Discretization:
    """The momentum flow on a grid of width epsilon, x'' by its central second difference.

    lambda (x+ - 2 x + x-)/epsilon^2 + (s (x+ - x) + (1-s) (x - x-))/epsilon + grad E(x) = 0 with
    s = `forward` is heavy ball: s = 0 takes the backward difference for x', 1/2 the central and 1
    the forward one. Only the central one is of second order.

    >>> BACKWARD.momentum, CENTRAL.momentum
    ((-epsilon + lambda)/lambda, (-epsilon + 2*lambda)/(epsilon + 2*lambda))
    """

    forward: sympy.Rational

    @property
    def step_size(self) -> sympy.Expr:
        """gamma in terms of lambda and epsilon."""
        return sympy.cancel(1 / self._ahead)

    @property
    def momentum(self) -> sympy.Expr:
        """beta in terms of lambda and epsilon."""
        behind = LAMBDA / EPSILON**2 - (1 - self.forward) / EPSILON
        return sympy.cancel(behind / self._ahead)

    @property
    def _ahead(self) -> sympy.Expr:
        """The weight of x+; that of x- is the momentum times it."""
        return LAMBDA / EPSILON**2 + self.forward / EPSILON

    @property
    def time_step(self) -> sympy.Expr:
        """epsilon in terms of gamma and beta: 1 - beta = gamma/epsilon for every s."""
        return GAMMA / (1 - BETA)

    @property
    def flow_parameter(self) -> sympy.Expr:
        """lambda in terms of gamma and beta.

        >>> BACKWARD.flow_parameter
        gamma/(1 - beta)**2
        >>> sympy.factor(CENTRAL.flow_parameter)
        gamma*(beta + 1)/(2*(beta - 1)**2)
        """
        return GAMMA * (1 - self.forward * (1 - BETA)) / (1 - BETA) ** 2

    def accelerated(self, rho: sympy.Expr = RHO) -> tuple[sympy.Expr, sympy.Expr]:
        """The step size and momentum that run through the same flow with time step rho epsilon.

        >>> [sympy.factor(e) for e in BACKWARD.accelerated(sympy.Integer(2))]
        [4*gamma, 2*beta - 1]
        """
        here = {LAMBDA: self.flow_parameter, EPSILON: rho * self.time_step}
        step, momentum = (e.subs(here, simultaneous=True) for e in (self.step_size, self.momentum))
        return sympy.cancel(step), sympy.cancel(momentum)


BACKWARD = Discretization(sympy.Rational(0))
CENTRAL = Discretization(sympy.Rational(1, 2))
FORWARD = Discretization(sympy.Rational(1))


def momentum_flow(*, order: int) -> BSeries:
    """The slow motion of lambda x'' + x' + grad E = 0, to which its solutions tend.

    x' = sum_t b(t)/sigma(t) F(t)(x), the powers of lambda inside b: b(t) is (-lambda)^(|t|-1) times
    the number of ways to cut all edges of t one after another, up to the order of cuts in separate
    parts. The count does not ask for the root, so that the field is a gradient to every order.

    Args:
        order: the largest number of nodes of a tree, at least 1.

    >>> momentum_flow(order=3)[tree("[[],[]]")]
    2*lambda**2
    """
    return _slow({2: RING.parameter("lambda")}, order)


def heavy_ball_flow(*, order: int) -> BSeries:
    """Heavy ball's modified flow in the time of the momentum flow, in powers of lambda and epsilon.

    The central scheme, lambda (x(s+epsilon) - 2 x(s) + x(s-epsilon))/epsilon^2 + (x(s+epsilon) -
    x(s-epsilon))/(2 epsilon) = -grad E(x(s)), expanded: x' = f - sum_(even j) 2 lambda
    epsilon^(j-2)/j! x^(j) - sum_(odd j>1) epsilon^(j-1)/j! x^(j). At epsilon = 0 it is
    `momentum_flow`, and there are even powers of epsilon only.

    >>> heavy_ball_flow(order=3)[tree("[[],[]]")]
    (6*lambda**2 - epsilon**2)/3
    """
    scale, step = RING.parameter("lambda"), RING.parameter("epsilon")
    weights: dict[int, Coefficient] = {}
    for j in range(2, order + 1):
        power = scale * 2 * step ** (j - 2) if j % 2 == 0 else step ** (j - 1)
        weights[j] = power * RING.number(sympy.Rational(1, factorial(j)))
    return _slow(weights, order)


def _slow(weights: Mapping[int, Coefficient], order: int) -> BSeries:
    """The field of x' = f - sum_j weights[j] x^(j), tree by tree."""
    check_order(order)
    field: dict[Tree, Coefficient] = {}
    powers: dict[Tree, list[Coefficient]] = {}
    for t in trees_up_to(order):
        higher = higher_lie_derivatives(t, field, powers)
        known = (x * weights[j] for j, x in enumerate(higher, 2) if j in weights)
        field[t] = RING.number(1 if t is LEAF else 0) - sum(known, RING.number(0))
        powers[t] = [field[t], *higher]
    return BSeries(order, RING.number(0), field)


def momentum_loss(*, order: int) -> ModifiedLoss:
    """The loss S with x' = -grad S on the slow motion: S = E + (lambda/2) |grad S|^2.

    With x' = -grad S the equation reads (lambda/2) grad |grad S|^2 - grad S + grad E = 0. So the
    loss exists to every order, while that of heavy ball's modified flow ends before h^2.

    >>> momentum_loss(order=2).terms[PAIR]
    lambda/2
    """
    return loss_of_field(momentum_flow(order=order))


def flow_parameter(optimizer: Optimizer) -> Coefficient:
    """lambda/h for which momentum flow and modified flow agree through their regularizers.

    The slow motion belongs to E + (lambda/2) |grad E|^2 and the modified flow to E + c h
    |grad E|^2, so lambda = 2 c h.

    >>> from derive import heavy_ball, nesterov
    >>> flow_parameter(heavy_ball), flow_parameter(nesterov)
    ((1 + beta)/(2*(1 - beta)**2), (1 - beta + 2*beta**2)/(2*(1 - beta)**2))
    """
    flow = modified_flow(optimizer, order=2)
    return flow[PAIR] / flow[LEAF] * -1


def initial_velocity(optimizer: Optimizer) -> Coefficient:
    """c in x'(0) = -c grad E(x_0), time in units of epsilon, that gains an order from x(0) = x_0.

    The layer of the momentum flow moves its slow motion by lambda (x'(0) + grad E(x_0)), and must
    move it by the optimizer's initial shift.

    Raises:
        BadInput: the optimizer has lambda = 0, and so no velocity to start with.

    >>> from derive import heavy_ball
    >>> initial_velocity(heavy_ball)
    (1 - beta)/(1 + beta)
    """
    scale = flow_parameter(optimizer)
    if not scale:
        raise BadInput(
            f"the flow of {optimizer.name} has lambda = 0: it is a first-order flow and starts "
            "with the velocity -grad E."
        )
    return 1 + initial_shift(optimizer, order=1)[LEAF] / scale
