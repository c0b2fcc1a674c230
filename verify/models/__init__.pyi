"""On what claims are tried."""

from verify.models.diagonal_regression import Regression as Regression
from verify.models.interpolators import Interpolator as Interpolator
from verify.models.interpolators import interpolate as interpolate
from verify.models.network_conventions import CONVENTIONS as CONVENTIONS
from verify.models.noisy_quadratic import NoisyQuadratic as NoisyQuadratic
from verify.models.written_fields import second_order as second_order
