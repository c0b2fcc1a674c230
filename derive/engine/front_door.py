"""Which engine takes a rule: B-series for linear memory, else the one for every update rule."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from derive.engine import backward_error
from derive.engine import modified_loss as linear_losses
from derive.engine import start_up as linear_starts
from derive.engine.invariant_manifold import general_flow
from derive.engine.linear_forms import NotLinear
from derive.engine.linear_memory import NoSlowManifold, linear_method
from derive.engine.observed import step_of_flow
from derive.engine.settling import settled_start, start_up
from derive.engine.transformed_loss import transformed_loss
from derive.language.update_rule import BadInput, Optimizer

Flow = Any
"""A BSeries for a rule that is linear in its memory, a SlowManifold for every other rule."""
Map = Any
"""A BSeries for a rule that is linear in its memory, else the slow variables by name."""
Loss = Any
"""A ModifiedLoss for a rule that is linear in its memory, a TransformedLoss for every other."""


def is_linear(optimizer: Optimizer) -> bool:
    """Whether the rule is linear in its memory and gradients, with constant parameters."""
    return why_not_linear(optimizer) is None


@lru_cache(maxsize=256)
def why_not_linear(optimizer: Optimizer) -> BadInput | None:
    """The objection of the engine for linear rules, if it has one."""
    if optimizer.players or optimizer.schedules or optimizer.keywords:
        return NotLinear("the rule has players or depends on time.")
    try:
        linear_method(optimizer)
    except (NotLinear, NoSlowManifold) as error:
        return error
    return None


def modified_flow(optimizer: Optimizer, *, order: int) -> Flow:
    """The autonomous flow that the iterates follow once the start-up transient has died out.

    Finds b such that x' = sum_t h^(|t|-1) b(t)/sigma(t) F(t)(x), sampled at t = kh, satisfies the
    declared update to O(h^(order+1)) per step; F(t) are the elementary differentials of
    f = -grad E. Of a rule that is not linear in its memory it finds the field of all slow variables
    through h^(order-1), in component expressions.

    Args:
        optimizer: a declared update rule.
        order: the largest number of nodes of a tree, which is the number of powers of h.
    Returns:
        A series with one coefficient per rooted tree for a rule with linear memory (see
        `derive.engine.backward_error.modified_flow`), else a `SlowManifold`.
    Raises:
        BadInput: order below 1 or too large; or there is no such flow, and the message says why.

    >>> from derive import heavy_ball, tree
    >>> modified_flow(heavy_ball, order=2)[tree("[[]]")]
    -(1 + beta)/(2*(1 - beta)**3)
    """
    if is_linear(optimizer):
        return backward_error.modified_flow(optimizer, order=order)
    return general_flow(optimizer, order=order)


def one_step_map(optimizer: Optimizer, *, order: int) -> Map:
    """What one step does to the position once the start-up transient has died out.

    Args:
        optimizer: a declared update rule.
        order: the largest power of h.
    Returns:
        x_(k+1) as a B-series in x_k for a rule with linear memory (see
        `derive.engine.backward_error.one_step_map`), else every slow variable after the step as
        powers of h, 0 to order.
    Raises:
        BadInput: order below 1 or too large; or there is no flow, and the message says why.

    >>> from derive.optimizers import NONLINEAR
    >>> one_step_map(NONLINEAR["nesterov-sc"], order=1)["x"]
    (x, u)
    """
    if is_linear(optimizer):
        return backward_error.one_step_map(optimizer, order=order)
    return step_of_flow(general_flow(optimizer, order=order))


def transient(optimizer: Optimizer, *, order: int, k: int | None = None) -> Flow:
    """The flow that the iterates follow on [kh, (k+1)h] from the declared start on.

    Args:
        optimizer: a declared update rule.
        order: the largest number of nodes of a tree, which is the number of powers of h.
        k: the number of the step, 0 for the first; None for closed forms in k.
    Returns:
        A B-series for a rule with linear memory (see `derive.engine.start_up.transient`), else a
        `SlowManifold` whose manifold is the memory before the step.
    Raises:
        BadInput: order or k out of range, or no closed form, and the message says why.

    >>> from derive import heavy_ball, tree
    >>> transient(heavy_ball, order=1)[tree("[]")]
    (1 - beta**(1 + k))/(1 - beta)
    """
    if is_linear(optimizer):
        return linear_starts.transient(optimizer, order=order, k=k)
    return start_up(optimizer, order=order, k=k)


def initial_shift(optimizer: Optimizer, *, order: int) -> Map:
    """Where the lasting flow starts, so that the iterates tend to it after their start-up.

    Args:
        optimizer: a declared update rule.
        order: the largest power of h.
    Returns:
        y(0) as a B-series in x_0 for a rule with linear memory (see
        `derive.engine.start_up.initial_shift`), else every slow variable as powers of h, from 0
        to order.
    Raises:
        BadInput: the sum over the start-up has no closed form, and the message says why.

    >>> from derive.optimizers import NONLINEAR
    >>> initial_shift(NONLINEAR["averaged-weights"], order=1)["x"]
    (x, (-d*E)/(d - 1))
    """
    if is_linear(optimizer):
        return linear_starts.initial_shift(optimizer, order=order)
    return settled_start(optimizer, order=order)


def modified_loss(optimizer: Optimizer, *, order: int) -> Loss:
    """The loss that the iterates descend once the start-up transient has died out.

    For a rule with linear memory it is x' = -scale grad(E + ...), see
    `derive.engine.modified_loss.modified_loss`; for every other rule x' = -phi(grad E~) through
    order h, see `derive.engine.transformed_loss`.

    Args:
        optimizer: a declared update rule.
        order: the number of powers of h; at most 2 beyond linear memory.
    Raises:
        BadInput: there is no such loss, and the message says why.

    >>> from derive import heavy_ball, tree
    >>> modified_loss(heavy_ball, order=2).terms[tree("[[]]")]
    (1 + beta)/(4*(1 - beta)**2)
    """
    if is_linear(optimizer):
        return linear_losses.modified_loss(optimizer, order=order)
    if order not in {1, 2}:
        raise BadInput(
            f"order = {order}: {optimizer.name} is not linear in its memory, and the modified loss "
            "of such a rule is found for order 1 or 2, which is through h."
        )
    return transformed_loss(optimizer)
