"""What many noisy runs show."""

from verify.simulations.diagonal_recovery import sparse_problems as sparse_problems
from verify.simulations.diagonal_recovery import train as train
from verify.simulations.label_noise import NoisyLayers as NoisyLayers
from verify.simulations.label_noise import best_damping as best_damping
from verify.simulations.label_noise import drift_rate as drift_rate
from verify.simulations.label_noise import settling_times as settling_times
from verify.simulations.recovery import ALPHA as ALPHA
from verify.simulations.recovery import TOLERANCE as TOLERANCE
from verify.simulations.recovery import limit_of_flow as limit_of_flow
from verify.simulations.recovery import sharpness as sharpness
from verify.simulations.relu import train_students as train_students
from verify.simulations.sgd_moments import BatchedTraining as BatchedTraining
from verify.simulations.sgd_moments import predict as predict
from verify.simulations.sgd_moments import simulate as simulate
