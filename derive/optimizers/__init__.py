"""Which update rules are known by name? One file a kind; `@known` enters a rule.

Every rule that a file here declares is an attribute of this package under its Python name.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from derive.language.update_rule import Optimizer
from derive.optimizers.libraries import LIBRARIES, find_library
from derive.optimizers.registry import NONLINEAR, ZOO, find_optimizer, known, known_nonlinear
from derive.optimizers.under_schedule import scheduled
from derive.optimizers.weight_decay import coupled, decoupled

_rules = {
    name: value
    for file in iter_modules(__path__, f"{__name__}.")
    for name, value in vars(import_module(file.name)).items()
    if isinstance(value, Optimizer)
}
__all__ = [
    "LIBRARIES",
    "NONLINEAR",
    "ZOO",
    "coupled",
    "decoupled",
    "find_library",
    "find_optimizer",
    "known",
    "known_nonlinear",
    "scheduled",
]
globals().update(_rules, __all__=[*__all__, *_rules])

if TYPE_CHECKING:

    def __getattr__(name: str) -> Optimizer: ...
