"""The commands of `undertow`; importing this package registers them."""

from verify.commands import (
    campaign,
    checking,
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
    reporting,
    simulating,
    valley,
)

__all__ = [
    "campaign",
    "checking",
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
    "reporting",
    "simulating",
    "valley",
]
