"""What a rule does to one mode of a quadratic."""

from derive.quadratics.linearization import mode_matrix as mode_matrix
from derive.quadratics.linearization import multipliers as multipliers
from derive.quadratics.momentum_choice import MomentumChoices as MomentumChoices
from derive.quadratics.momentum_choice import choose_momentum as choose_momentum
from derive.quadratics.principal_flow import principal_multiplier as principal_multiplier
from derive.quadratics.principal_flow import principal_polynomial as principal_polynomial
from derive.quadratics.principal_flow import principal_series as principal_series
from derive.quadratics.principal_flow import radius_of_convergence as radius_of_convergence
from derive.quadratics.stability import fastest_momentum as fastest_momentum
from derive.quadratics.stability import oscillation_interval as oscillation_interval
from derive.quadratics.stability import stability_conditions as stability_conditions
from derive.quadratics.stability import stability_limit as stability_limit
from derive.quadratics.stationary_noise import covariance_equation as covariance_equation
from derive.quadratics.stationary_noise import position_covariance as position_covariance
from derive.quadratics.stationary_noise import stationary_covariance as stationary_covariance
from derive.quadratics.stationary_noise import stationary_variance as stationary_variance
from derive.quadratics.timescales import Rate as Rate
from derive.quadratics.timescales import Regime as Regime
