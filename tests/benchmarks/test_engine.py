"""How long the symbolic engine takes: `pytest tests/benchmarks --benchmark-only -n 0`."""

import pytest

from derive import heavy_ball
from derive.backward_error import slow_motion


@pytest.mark.parametrize("order", [6, 8, 10, 12, 13])
def test_heavy_ball_symbolic_in_beta(benchmark, order: int):
    benchmark.pedantic(slow_motion.__wrapped__, args=(heavy_ball, order), rounds=3)
