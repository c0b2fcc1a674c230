"""Does a network's training follow the flows? Iterates beside them at h, h/2 and h/4."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from derive.engine.front_door import is_linear
from derive.language.bad_input import BadInput
from derive.optimizers.settings import Setting
from derive.quadratics import stability_limit
from verify.networks.counts import check_count
from verify.networks.landscapes import (
    Array,
    Landscape,
    double_jax,
    felt,
    jax_landscape,
    top_curvature,
    torch_landscape,
)
from verify.networks.objects import from_optax, from_torch
from verify.running.orders import ObservedOrder, observed_order
from verify.workbench.beside_flow import FLOWS
from verify.workbench.gradient_only import TwoNodeFlows

MOST_PARAMETERS = 200_000
ASYMPTOTIC = 0.25
"""Of the limit of stability: a mode beyond it is not in the range where orders are seen."""
TOLERANCE = 1e-10
MOST_EVALUATIONS = 1000
"""Of a flow's field, for each step of the run."""


@dataclass(frozen=True)
class Following:
    """The errors at the final time, a row a flow and a column a step size.

    Args:
        steps: h, h/2, h/4, ...
        parameters, outputs: relative errors of the weights and of what the network says.
        reach: h times the largest curvature at the start and at the end.
        limit: h times curvature from which the rule is unstable.
    """

    steps: tuple[float, ...]
    parameters: Mapping[str, tuple[float, ...]]
    outputs: Mapping[str, tuple[float, ...]]
    reach: tuple[float, float]
    limit: float

    @property
    def asymptotic(self) -> bool:
        """Whether the step is small enough for orders to be seen."""
        return max(map(abs, self.reach)) < ASYMPTOTIC * self.limit

    def orders(self, errors: Mapping[str, tuple[float, ...]]) -> dict[str, ObservedOrder]:
        """The observed order of every flow."""
        return {name: observed_order(list(found)) for name, found in errors.items()}

    def __str__(self) -> str:
        lines = [f"{'flow':<40}{'error at h':>12}{'at h/2':>10}{'at h/4':>10}  order"]
        for kind, errors in (("weights", self.parameters), ("outputs", self.outputs)):
            for name, order in self.orders(errors).items():
                shown = "".join(f"{e:>10.2e}" for e in errors[name][:3])
                lines.append(f"{f'{kind}, {name}':<40}  {shown}  {order}")
        reach = max(self.reach, key=abs)
        if not self.asymptotic:
            lines.append(
                f"not in the asymptotic range: h curv = {reach:.3g}, limit {self.limit:.3g}"
            )
        return "\n".join(lines)


def follow(
    model: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    data: tuple[Any, Any],
    *,
    steps: int,
    halvings: int = 4,
    parameters: Any = None,
) -> Following:
    """Full-batch training of a model of PyTorch or JAX in double precision, beside gradient flow
    and modified flow, with and without the shift of the start.

    Args:
        model: of PyTorch; with `parameters` a function of JAX, of parameters and inputs.
        optimizer: an object of torch.optim, or a transformation of optax.
        steps: how many at the optimizer's own step size; twice as many at half of it, and so on.
        parameters: the tree of JAX's parameters to start from.
    Raises:
        BadInput: the optimizer is none that is covered or not linear in its gradients, the model
            has more than `MOST_PARAMETERS`, the run leaves every bound, or a flow is too stiff.
    """
    check_count("steps", steps)
    if parameters is not None:
        setting = from_optax(optimizer)
        with double_jax():
            land = jax_landscape(model, loss, lambda: parameters, data, double=True)
            return _follow(land, setting, steps, halvings)
    import torch  # noqa: PLC0415 (of an extra)

    land = torch_landscape(model, loss, data, dtype=torch.float64)
    return _follow(land, from_torch(optimizer), steps, halvings)


def _follow(own: Landscape, setting: Setting, steps: int, halvings: int) -> Following:
    rule, land = setting.exact, felt(own, setting)
    if not is_linear(rule) or setting.decoupled:
        raise BadInput(f"{rule.name} is not linear in its gradients, and `follow` asks for that.")
    start = land.point()
    if start.size > MOST_PARAMETERS:
        raise BadInput(f"the model has {start.size} parameters; up to {MOST_PARAMETERS} are done.")

    def gradient(x: Array) -> Array:
        return land.slope(x)[1]

    motion = TwoNodeFlows(rule, gradient, land.hessian_times)
    time = steps * setting.h
    sizes = tuple(setting.h / 2**j for j in range(halvings))
    ours = [_last(motion, start, h, steps * 2**j) for j, h in enumerate(sizes)]
    leading = _end(motion.leading, start, time, steps)
    rows: dict[str, list[Array]] = {name: [] for name in FLOWS}
    for h in sizes:
        modified = motion.modified(h)
        ends = (
            leading,
            _end(modified, start, time, steps),
            _end(modified, motion.shifted(start, h), time, steps),
        )
        for name, end in zip(FLOWS, ends, strict=True):
            rows[name].append(end)
    reach = [
        setting.h * top_curvature(partial(land.hessian_times, at), at.size)[0]
        for at in (start, ours[0])
    ]
    return Following(
        sizes,
        {name: _errors(found, ours, lambda x: x) for name, found in rows.items()},
        {name: _errors(found, ours, land.outputs) for name, found in rows.items()},
        (reach[0], reach[1]),
        float(stability_limit(rule)),
    )


def _errors(
    found: list[Array], ours: list[Array], seen: Callable[[Array], Array]
) -> tuple[float, ...]:
    return tuple(
        float(np.linalg.norm(seen(a) - seen(b)) / np.linalg.norm(seen(b)))
        for a, b in zip(found, ours, strict=True)
    )


def _last(motion: TwoNodeFlows, start: Array, h: float, steps: int) -> Array:
    """The iterate after so many steps."""
    (last,) = deque(motion.iterates(start, h, steps), maxlen=1)
    if not np.isfinite(last).all():
        raise BadInput(f"the iterates leave every bound at h = {h:g}; take a smaller step.")
    return last


def _end(field: Callable[[Array], Array], start: Array, time: float, steps: int) -> Array:
    """The flow of a field at the end of the run, by Dormand and Prince's method of order 8."""
    from scipy.integrate import solve_ivp  # noqa: PLC0415 (of an extra)

    calls = count()

    def counted(_: float, x: Array) -> Array:
        if next(calls) == MOST_EVALUATIONS * steps:
            raise BadInput("a flow is too stiff to be followed to its end; take a smaller step.")
        return field(x)

    found = solve_ivp(counted, (0, time), start, "DOP853", rtol=TOLERANCE, atol=TOLERANCE)
    if not found.success:
        raise BadInput(f"a flow cannot be followed to its end: {found.message}")
    return found.y[:, -1]
