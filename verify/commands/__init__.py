"""The commands of `undertow`; importing this package registers them."""

from verify.commands import (
    campaign,
    deriving,
    exporting,
    judging,
    momentum,
    mutating,
    own,
    rechecking,
    simulating,
)

__all__ = [
    "campaign",
    "deriving",
    "exporting",
    "judging",
    "momentum",
    "mutating",
    "own",
    "rechecking",
    "simulating",
]
