"""A schedule of the learning rate beside a rule's memory, as PyTorch and optax take it.

The rate multiplies what comes out of the memory, so what the memory holds is in no unit of it.
"""

from __future__ import annotations

from dataclasses import replace

from derive.language.bad_input import BadInput
from derive.language.update_rule import Number, Optimizer


def scheduled(rule: Optimizer) -> Optimizer:
    """The rule with the step h eta(t), t = kh, in the place of h.

    Raises:
        BadInput: it has a schedule or players already.

    >>> from derive.engine.invariant_manifold import general_flow
    >>> from derive.optimizers import find_library
    >>> adam = find_library("torch.Adam").rule
    >>> general_flow(scheduled(adam), order=1).slow
    ('x', 't')
    """
    if rule.schedules or rule.players:
        raise BadInput(f"{rule.name} has a schedule or players already.")

    def step(*arguments: Number, **parameters: Number) -> tuple[Number, ...] | Number:
        *state, h = arguments
        eta, t = parameters.pop("eta"), parameters.pop("t")
        known = parameters | ({"t": t} if "t" in rule.keywords else {})
        return rule.rule(*state, h * eta(t), **known)

    return replace(
        rule,
        name=f"scheduled-{rule.name}",
        rule=step,
        schedules=("eta",),
        keywords=tuple(dict.fromkeys((*rule.keywords, "t"))),
    )
