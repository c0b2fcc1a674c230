"""What can be asked of a rule, and how batches are drawn, as the command spells it."""

from __future__ import annotations

from enum import StrEnum


class Quantity(StrEnum):
    """What can be asked of an optimizer."""

    MODIFIED_FLOW = "modified-flow"
    ONE_STEP_MAP = "one-step-map"
    SLOW_MANIFOLD = "slow-manifold"
    MODIFIED_LOSS = "modified-loss"
    DISCRETE_MODIFIED_LOSS = "discrete-modified-loss"
    TRANSIENT = "transient"
    INITIAL_SHIFT = "initial-shift"
    EXPECTATION = "expectation"
    COVARIANCE = "covariance"


AVERAGES = (Quantity.EXPECTATION, Quantity.COVARIANCE)


class SamplingName(StrEnum):
    """How batches are drawn, as the command says it."""

    WITH_REPLACEMENT = "with-replacement"
    RESHUFFLED = "reshuffled"
    CYCLIC = "cyclic"
