"""What a written formula means, and whether it is the right one."""

from verify.formulas.aligning import first_break as first_break
from verify.formulas.aligning import read_align as read_align
from verify.formulas.asked import Quantity as Quantity
from verify.formulas.comparing import Answer as Answer
from verify.formulas.comparing import compare_with as compare_with
from verify.formulas.reading import loss_from_text as loss_from_text
from verify.formulas.reading import read_expression as read_expression
from verify.formulas.reading import read_latex as read_latex
from verify.formulas.reading import read_loss as read_loss
from verify.formulas.targets import find_target as find_target
from verify.formulas.targets import list_targets as list_targets
from verify.formulas.tokens import Unreadable as Unreadable
