"""undertow, symbols in and formulas out: backward error analysis of optimizers."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036  (in a clone no installer has looked)
    raise ImportError("undertow needs Python 3.11 or newer: python3.11 -m venv .venv")

import derive.language.ground_types  # noqa: F401  (before anything imports SymPy)

# isort: split
from derive.batches.history_sums import history_flow
from derive.batches.minibatch_flow import minibatch_flow, minibatch_loss
from derive.engine.backward_error import modified_flow, one_step_map, slow_manifold
from derive.engine.modified_loss import discrete_modified_loss, modified_loss
from derive.engine.startup import initial_shift, transient
from derive.language.trees import tree
from derive.language.update_rule import optimizer
from derive.optimizers.zoo import (
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
from derive.quadratics.momentum_choice import choose_momentum
from derive.quadratics.stability import fastest_momentum, oscillation_interval, stability_limit
from derive.quadratics.stationary_noise import (
    covariance_equation,
    position_covariance,
    stationary_variance,
)
from derive.quadratics.timescales import timescales

__all__ = [
    "aggregated_momentum",
    "choose_momentum",
    "covariance_equation",
    "discrete_modified_loss",
    "ema_momentum",
    "extragradient",
    "fastest_momentum",
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
    "oscillation_interval",
    "position_covariance",
    "quasi_hyperbolic",
    "sam",
    "slow_manifold",
    "stability_limit",
    "stationary_variance",
    "timescales",
    "torch_sgd",
    "transient",
    "tree",
]
