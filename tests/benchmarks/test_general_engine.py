"""How long the engine for every rule takes: `pytest tests/benchmarks --benchmark-only -n 0`."""

import pytest

from derive.engine.invariant_manifold import general_flow
from derive.optimizers import NONLINEAR, ZOO

GOALS = [("adam", 3, 1.0), ("adamw", 3, 1.5), ("lamb", 2, 1.0), ("heavy-ball", 5, 2.0)]
"""A rule, how many powers of h, and the seconds that it may take."""


@pytest.mark.parametrize(("name", "order", "goal"), GOALS)
def test_a_rule_is_derived_within_its_goal(benchmark, name, order, goal):
    rule = (ZOO | NONLINEAR)[name]
    benchmark.extra_info["goal"] = goal
    benchmark.pedantic(
        general_flow, (rule,), {"order": order}, setup=general_flow.cache_clear, rounds=3
    )
