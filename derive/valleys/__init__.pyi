"""How small noise carries a rule along its minimizers."""

from derive.valleys.drift import Drift as Drift
from derive.valleys.drift import Valley as Valley
from derive.valleys.drift import valley as valley
from derive.valleys.zero_loss_manifold import effective_step as effective_step
from derive.valleys.zero_loss_manifold import kernel as kernel
from derive.valleys.zero_loss_manifold import label_noise_regularizer as label_noise_regularizer
from derive.valleys.zero_loss_manifold import label_noise_slope as label_noise_slope
from derive.valleys.zero_loss_manifold import matched_exponent as matched_exponent
from derive.valleys.zero_loss_manifold import response as response
