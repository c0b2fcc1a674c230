"""What an update rule follows: series over trees, flows, losses, starts."""

from derive.engine.backward_error import SlowMotion as SlowMotion
from derive.engine.backward_error import one_step_map as one_step_map
from derive.engine.backward_error import slow_motion as slow_motion
from derive.engine.bseries import BSeries as BSeries
from derive.engine.games import PlayerLoss as PlayerLoss
from derive.engine.games import player_losses as player_losses
from derive.engine.linear_forms import NotLinear as NotLinear
from derive.engine.linear_memory import NoSlowManifold as NoSlowManifold
from derive.engine.modified_loss import ModifiedLoss as ModifiedLoss
from derive.engine.modified_loss import discrete_modified_loss as discrete_modified_loss
from derive.engine.modified_loss import loss_of_field as loss_of_field
from derive.engine.momentum_flow import flow_parameter as flow_parameter
from derive.engine.momentum_flow import heavy_ball_flow as heavy_ball_flow
from derive.engine.momentum_flow import initial_velocity as initial_velocity
from derive.engine.momentum_flow import momentum_loss as momentum_loss
from derive.engine.order_h import regularizer as regularizer
from derive.engine.schedules import SCHEDULES as SCHEDULES
from derive.engine.schedules import action as action
from derive.engine.schedules import seen_schedule as seen_schedule
from derive.engine.second_order import SecondOrder as SecondOrder
from derive.engine.second_order import second_order_equation as second_order_equation
from derive.engine.second_order import starting_velocity as starting_velocity
from derive.engine.second_order import written as written
from derive.engine.sequences import StepSequence as StepSequence
from derive.engine.start_up import initial_shift as initial_shift
from derive.engine.start_up import transient as transient
