"""Where a rule's file finds weight decay: `from derive.weight_decay import coupled, decoupled`."""

from derive.optimizers.weight_decay import coupled, decoupled

__all__ = ["coupled", "decoupled"]
