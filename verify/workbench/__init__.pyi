"""How a user's own rule, draft or test is judged."""

from verify.workbench.beside_flow import Comparison as Comparison
from verify.workbench.beside_flow import compare as compare
from verify.workbench.beside_motion import compare_motion as compare_motion
from verify.workbench.conventions import convert as convert
from verify.workbench.draft_template import write_template as write_template
from verify.workbench.drafts import load_draft as load_draft
from verify.workbench.drafts import load_drafts as load_drafts
from verify.workbench.gradient_only import compare_at_float64 as compare_at_float64
from verify.workbench.rule_claims import rule_claim as rule_claim
from verify.workbench.strategies import betas as betas
from verify.workbench.strategies import polynomial_losses as polynomial_losses
from verify.workbench.strategies import smooth_losses as smooth_losses
from verify.workbench.strategies import starts as starts
from verify.workbench.testing import assert_exact_residual as assert_exact_residual
from verify.workbench.testing import assert_observed_order as assert_observed_order
from verify.workbench.testing import assert_same_formula as assert_same_formula
