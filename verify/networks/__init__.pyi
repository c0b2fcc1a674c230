"""What does the optimizer of a user's own network do, and does the expansion hold there?"""

from verify.networks.boxes import find_box as find_box
from verify.networks.boxes import optax_box as optax_box
from verify.networks.boxes import stepping_box as stepping_box
from verify.networks.experiments import Experiment as Experiment
from verify.networks.experiments import ExperimentResult as ExperimentResult
from verify.networks.experiments import Finding as Finding
from verify.networks.experiments import Prediction as Prediction
from verify.networks.experiments import perform as perform
from verify.networks.following import follow as follow
from verify.networks.landscapes import jax_landscape as jax_landscape
from verify.networks.landscapes import torch_landscape as torch_landscape
from verify.networks.meter import Meter as Meter
from verify.networks.meter import watch as watch
from verify.networks.naming import identify as identify
from verify.networks.objects import from_optax as from_optax
from verify.networks.objects import from_torch as from_torch
from verify.networks.predictions import EXPERIMENTS as EXPERIMENTS
from verify.networks.probing import Findings as Findings
from verify.networks.probing import probe as probe
