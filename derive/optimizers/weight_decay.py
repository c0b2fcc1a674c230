"""Weight decay as a second field: the same update rule with a decay W beside the loss E.

Usually W = lambda |x|^2/2, so that grad W = lambda x and every tree in which a node of the decay
has two branches or more is 0. The series hold for any smooth W.

Source: Loshchilov and Hutter, Decoupled weight decay regularization (2019).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from derive.language.update_rule import Gradient, Number, Optimizer, Step


def coupled(rule: Optimizer) -> Optimizer:
    """The rule on E + W: the decay goes through the momentum, as in torch's `weight_decay`.

    >>> from derive import heavy_ball, modified_flow, tree
    >>> flow = modified_flow(coupled(heavy_ball), order=2)
    >>> flow[tree("1[]")], flow[tree("1[[]]")]
    (1/(1 - beta), -(1 + beta)/(2*(1 - beta)**3))
    """

    def through_momentum(function: Step) -> Step:
        def applied(*arguments: Number, **parameters: Number) -> tuple[Number, ...] | Number:
            *state, (grad, *maps, decay), h = arguments
            return function(*state, _alone(lambda at: grad(at) + decay(at), *maps), h, **parameters)

        return applied

    return _with_decay(rule, "coupled", through_momentum(rule.rule), through_momentum)


def decoupled(rule: Optimizer) -> Optimizer:
    """The rule on E, then x <- x - h grad W at the x before the step, past the momentum (SGDW).

    >>> from derive import heavy_ball, modified_flow, tree
    >>> flow = modified_flow(decoupled(heavy_ball), order=2)
    >>> flow[tree("1[]")], flow[tree("1[[]]")]
    (1, -1/(2*(1 - beta)))
    """

    def with_loss(function: Step) -> Step:
        def applied(*arguments: Number, **parameters: Number) -> tuple[Number, ...] | Number:
            *state, (*fields, _), h = arguments
            return function(*state, _alone(*fields), h, **parameters)

        return applied

    def step(*arguments: Number, **parameters: Number) -> tuple[Number, ...]:
        x, *_, (*_, decay), h = arguments
        result = with_loss(rule.rule)(*arguments, **parameters)
        after, *memory = result if isinstance(result, tuple) else (result,)
        return after - h * decay(x), *memory

    return _with_decay(rule, "decoupled", step, with_loss)


def _alone(gradient: Callable[[Number], Number], *maps: Callable[[Number], Number]) -> Gradient:
    return (gradient, *maps) if maps else gradient


def _with_decay(rule: Optimizer, kind: str, step: Step, wrap: Callable[[Step], Step]) -> Optimizer:
    return replace(
        rule,
        name=f"{rule.name}-{kind}-decay",
        rule=step,
        begin=wrap(rule.begin) if rule.begin else None,
        rest=wrap(rule.rest) if rule.rest else None,
        fields=(*rule.fields, "W"),
    )
