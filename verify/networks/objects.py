"""The declared rule of an optimizer object, with the numbers that the object holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from derive.language.bad_input import BadInput
from derive.optimizers.libraries import LIBRARIES, find_library
from derive.optimizers.settings import Setting
from verify.networks.boxes import optax_box
from verify.networks.naming import identify
from verify.networks.scheduling import schedule_of

HOW_ALONE = {
    "params",
    "param_names",
    "foreach",
    "capturable",
    "differentiable",
    "fused",
    "initial_lr",
    "adjust_lr_fn",
    "ns_coefficients",
    "ns_steps",
}
"""What a group of PyTorch's says of how a step is computed, and not of what it is."""


def from_torch(optimizer: Any, scheduler: Any = None) -> Setting:
    """The rule of a PyTorch optimizer at the arguments of its parameter groups, as they are now.

    Args:
        scheduler: of torch.optim.lr_scheduler; the rule's h is then the rate that it begins from,
            and its `eta` what it multiplies it by.
    Raises:
        BadInput: it is none that is known, it follows no flow, its groups differ, or a flag or
            the scheduler is not covered; by name.
    """
    if scheduler is not None:
        eta, h = schedule_of(scheduler, optimizer)
        now, twice = (_read(optimizer, scale) for scale in (1, 2))
        if twice != replace(now, h=2 * now.h):
            raise BadInput(
                f"{type(optimizer).__name__} is not covered with a scheduler: its learning rate is "
                "no step size alone."
            )
        return replace(now, h=h, eta=eta)
    return _read(optimizer, 1)


def _read(optimizer: Any, scale: int) -> Setting:
    """The rule at so many times its learning rate."""
    name = type(optimizer).__name__
    if type(optimizer).__module__.partition(".")[0] != "torch":
        raise BadInput(
            f"{name} is no class of torch.optim; undertow identify FILE.py:{name} finds its rule."
        )
    groups = [
        {key: value for key, value in group.items() if key not in HOW_ALONE}
        for group in optimizer.param_groups
    ]
    first = groups[0]
    if other := next((g for g in groups if g != first), None):
        differ = ", ".join(key for key in first if first[key] != other.get(key))
        raise BadInput(f"{name} has parameter groups that differ in {differ}; one rule has one.")
    if first.get("amsgrad") and f"torch.{name}(amsgrad=True)" in LIBRARIES:
        name = f"{name}(amsgrad=True)"
    if first.get("lr_decay") and f"torch.{name}(lr_decay)" in LIBRARIES:
        name = f"{name}(lr_decay)"
    one = find_library(f"torch.{name}")
    known = {**one.defaults, **one.only}
    preset = type(optimizer)([_first_parameter(optimizer)]).defaults
    for key, value in first.items():
        if one.rule is not None and key not in known and value != preset.get(key):
            raise BadInput(
                f"{one} is not covered with {key}={value!r}; it is with {preset[key]!r}."
            )
    arguments = {key: value for key, value in first.items() if key in known}
    return one.setting(**arguments | ({"lr": scale * first["lr"]} if scale > 1 else {}))


def _first_parameter(optimizer: Any) -> Any:
    return optimizer.param_groups[0]["params"][0]


def from_optax(transformation: Any) -> Setting:
    """The rule of a gradient transformation of optax, found by driving it with gradients: it holds
    its arguments where nobody reads them.

    Raises:
        BadInput: it is no optimizer of optax that is known.
    """
    if not (hasattr(transformation, "init") and hasattr(transformation, "update")):
        raise BadInput("from_optax takes what optax.adam(...) and its like return.")
    found = identify(optax_box(transformation), library="optax").found
    if found is None or str(found.slip):
        raise BadInput(
            "this transformation is no optimizer of optax that is known here, at a constant rate."
        )
    return found.optimizer.setting(**found.arguments)
