"""Which optimizers of PyTorch, optax and Keras are known, by name?"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from derive.language.bad_input import BadInput
from derive.optimizers.keras_settings import KERAS
from derive.optimizers.optax_settings import OPTAX
from derive.optimizers.settings import LibraryOptimizer
from derive.optimizers.torch_settings import TORCH

LIBRARIES: Mapping[str, LibraryOptimizer] = {str(one): one for one in (*TORCH, *OPTAX, *KERAS)}
"""Every optimizer of PyTorch and optax by its name, such as torch.AdamW and optax.lion, and those
of Keras that have a rule."""


def find_library(name: str) -> LibraryOptimizer:
    """The optimizer of this name.

    Raises:
        BadInput: there is none; the message offers the nearest name.
    """
    if name in LIBRARIES:
        return LIBRARIES[name]
    near = get_close_matches(name, LIBRARIES, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    raise BadInput(f"no optimizer of a library is called '{name}'.{hint}")
