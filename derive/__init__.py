"""undertow, symbols in and formulas out: backward error analysis of optimizers."""

from derive.backward_error import modified_flow, one_step_map
from derive.modified_loss import discrete_modified_loss, modified_loss
from derive.optimizers import gradient_descent, heavy_ball
from derive.trees import tree
from derive.update_rule import optimizer

__all__ = [
    "discrete_modified_loss",
    "gradient_descent",
    "heavy_ball",
    "modified_flow",
    "modified_loss",
    "one_step_map",
    "optimizer",
    "tree",
]
