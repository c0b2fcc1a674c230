"""The commands of `undertow`; importing this package registers them."""

from verify.commands import (
    campaign,
    deriving,
    exporting,
    interpolating,
    judging,
    momentum,
    mutating,
    own,
    plotting,
    rechecking,
    recovering,
    simulating,
    valley,
)

__all__ = [
    "campaign",
    "deriving",
    "exporting",
    "interpolating",
    "judging",
    "momentum",
    "mutating",
    "own",
    "plotting",
    "rechecking",
    "recovering",
    "simulating",
    "valley",
]
