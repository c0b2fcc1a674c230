"""Which potential a diagonal linear network minimizes."""

from derive.networks.diagonal_networks import HALVES as HALVES
from derive.networks.diagonal_networks import NETWORKS as NETWORKS
from derive.networks.diagonal_networks import ROTATED as ROTATED
from derive.networks.diagonal_networks import SQUARES as SQUARES
from derive.networks.diagonal_networks import SUMS as SUMS
from derive.networks.diagonal_networks import Network as Network
from derive.networks.diagonal_networks import X as X
from derive.networks.diagonal_networks import flow_loss_rate as flow_loss_rate
from derive.networks.diagonal_networks import log_loss as log_loss
from derive.networks.diagonal_networks import momentum_step_loss as momentum_step_loss
from derive.networks.diagonal_networks import step_gain as step_gain
from derive.networks.diagonal_networks import step_loss as step_loss
from derive.networks.potentials import ALPHA as ALPHA
from derive.networks.potentials import DELTA as DELTA
from derive.networks.potentials import POSITION as POSITION
from derive.networks.potentials import THETA as THETA
from derive.networks.potentials import Potential as Potential
from derive.networks.potentials import deep_position as deep_position
from derive.networks.potentials import deep_potential as deep_potential
from derive.networks.potentials import hyperentropy as hyperentropy
from derive.networks.potentials import kernel_expansion as kernel_expansion
from derive.networks.potentials import mirror_map as mirror_map
from derive.networks.potentials import rich_expansion as rich_expansion
from derive.networks.potentials import sufficient_start as sufficient_start
