"""What a written formula means, and whether it is the right one."""

from verify.formulas.aligning import read_derivation as read_derivation
from verify.formulas.asked import Quantity as Quantity
from verify.formulas.comparing import Answer as Answer
from verify.formulas.comparing import compare_with as compare_with
from verify.formulas.deciding import Outcome as Outcome
from verify.formulas.displays import Display as Display
from verify.formulas.displays import read_display as read_display
from verify.formulas.reading import loss_from_text as loss_from_text
from verify.formulas.reading import read_expression as read_expression
from verify.formulas.reading import read_latex as read_latex
from verify.formulas.reading import read_loss as read_loss
from verify.formulas.reading_motion import read_motion as read_motion
from verify.formulas.targets import find_target as find_target
from verify.formulas.targets import list_targets as list_targets
from verify.formulas.tokens import Unreadable as Unreadable
