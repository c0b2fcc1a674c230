"""undertow, symbols in and formulas out: backward error analysis of optimizers."""

import derive.ground_types  # noqa: F401  (before anything imports SymPy)

# isort: split
from derive.backward_error import modified_flow, one_step_map, slow_manifold
from derive.history_sums import history_flow
from derive.minibatch_flow import minibatch_flow, minibatch_loss
from derive.modified_loss import discrete_modified_loss, modified_loss
from derive.optimizers import (
    aggregated_momentum,
    ema_momentum,
    extragradient,
    gradient_descent,
    heavy_ball,
    lessard,
    nesterov,
    quasi_hyperbolic,
    sam,
    torch_sgd,
)
from derive.startup import initial_shift, transient
from derive.trees import tree
from derive.update_rule import optimizer

__all__ = [
    "aggregated_momentum",
    "discrete_modified_loss",
    "ema_momentum",
    "extragradient",
    "gradient_descent",
    "heavy_ball",
    "history_flow",
    "initial_shift",
    "lessard",
    "minibatch_flow",
    "minibatch_loss",
    "modified_flow",
    "modified_loss",
    "nesterov",
    "one_step_map",
    "optimizer",
    "quasi_hyperbolic",
    "sam",
    "slow_manifold",
    "torch_sgd",
    "transient",
    "tree",
]
