"""What an update rule follows: series over trees, flows, losses, starts."""

from derive.engine.backward_error import SlowMotion as SlowMotion
from derive.engine.backward_error import one_step_map as one_step_map
from derive.engine.backward_error import slow_motion as slow_motion
from derive.engine.bseries import BSeries as BSeries
from derive.engine.bseries import compose as compose
from derive.engine.bseries import exact_flow as exact_flow
from derive.engine.bseries import gradient_flow as gradient_flow
from derive.engine.linear_forms import NotLinear as NotLinear
from derive.engine.linear_memory import NoSlowManifold as NoSlowManifold
from derive.engine.modified_loss import ModifiedLoss as ModifiedLoss
from derive.engine.modified_loss import discrete_modified_loss as discrete_modified_loss
from derive.engine.modified_loss import loss_of_field as loss_of_field
from derive.engine.momentum_flow import Discretization as Discretization
from derive.engine.momentum_flow import flow_parameter as flow_parameter
from derive.engine.momentum_flow import heavy_ball_flow as heavy_ball_flow
from derive.engine.momentum_flow import initial_velocity as initial_velocity
from derive.engine.momentum_flow import momentum_loss as momentum_loss
from derive.engine.order_h import regularizer as regularizer
from derive.engine.sequences import Sequence as Sequence
from derive.engine.startup import initial_shift as initial_shift
from derive.engine.startup import transient as transient
