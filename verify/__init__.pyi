"""What `verify` shows; the module that a name comes from is imported with it."""

from verify.claims.claim import Claim as Claim
from verify.claims.claim import Settings as Settings
from verify.claims.claim import claim as claim
from verify.claims.judging import judge as judge
from verify.formulas.comparing import compare_with as compare_with
from verify.formulas.reading import loss_from_text as loss_from_text
from verify.formulas.reading import read_latex as read_latex
from verify.formulas.targets import find_target as find_target
from verify.models.interpolators import interpolate as interpolate
from verify.report.notebook import verdicts as verdicts
from verify.running.losses import Loss as Loss
from verify.running.losses import polynomial as polynomial
from verify.workbench.beside_flow import compare as compare
from verify.workbench.gradient_only import compare_at_float64 as compare_at_float64
