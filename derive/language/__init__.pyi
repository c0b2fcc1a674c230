"""What a derivation is written in: trees, coefficients, formulas, declared rules."""

from derive.language.bad_input import BadInput as BadInput
from derive.language.coefficients import Coefficient as Coefficient
from derive.language.coefficients import Ring as Ring
from derive.language.coefficients import exact as exact
from derive.language.formula import Formula as Formula
from derive.language.parameter import Parameter as Parameter
from derive.language.parameter import momentum as momentum
from derive.language.parameter import share as share
from derive.language.parameter import switch as switch
from derive.language.trees import Tree as Tree
from derive.language.trees import tree as tree
from derive.language.trees import trees_of_order as trees_of_order
from derive.language.trees import trees_up_to as trees_up_to
from derive.language.update_rule import Optimizer as Optimizer
from derive.language.update_rule import optimizer as optimizer
from derive.language.writing import latex as latex
from derive.language.writing import plain as plain
