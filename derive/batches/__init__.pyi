"""What mini-batches change, step by step and on average."""

from derive.batches.averaged_readout import MeanStep as MeanStep
from derive.batches.averaged_readout import adam_mean_step as adam_mean_step
from derive.batches.averaged_readout import mean_step as mean_step
from derive.batches.averages import CYCLIC as CYCLIC
from derive.batches.averages import RESHUFFLED as RESHUFFLED
from derive.batches.averages import WITH_REPLACEMENT as WITH_REPLACEMENT
from derive.batches.averages import Partition as Partition
from derive.batches.averages import Sampling as Sampling
from derive.batches.averages import autocovariance as autocovariance
from derive.batches.averages import covariance as covariance
from derive.batches.averages import full_batch_regularizer as full_batch_regularizer
from derive.batches.averages import history_covariance as history_covariance
from derive.batches.averages import history_regularizer as history_regularizer
from derive.batches.averages import lasting as lasting
from derive.batches.averages import mean_covariance as mean_covariance
from derive.batches.averages import mean_path_regularizer as mean_path_regularizer
from derive.batches.averages import mean_regularizer as mean_regularizer
from derive.batches.averages import regularizer as regularizer
from derive.batches.history_sums import HistoryFlow as HistoryFlow
from derive.batches.history_sums import history_flow as history_flow
from derive.batches.injection import noisy_loss as noisy_loss
from derive.batches.injection import noisy_mean as noisy_mean
from derive.batches.injection import noisy_momentum_loss as noisy_momentum_loss
from derive.batches.minibatch_flow import minibatch_loss as minibatch_loss
from derive.batches.minibatch_flow import minibatch_step as minibatch_step
from derive.batches.noise import noise_term as noise_term
