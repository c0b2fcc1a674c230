"""How long the symbolic engine takes: `pytest tests/benchmarks --benchmark-only -n 0`.

Cold: in a new process that knows no tree yet, by the clock of that process. Warm: in this process,
the trees and their edge cuts made beforehand. The result is derived anew in both.
"""

import pytest

from derive import heavy_ball
from derive.engine.backward_error import slow_motion
from derive.language.trees import trees_up_to
from tests.benchmarks.workloads import PEERS, installed, measure

HEAVY_BALL = [6, 8, 10, 12, 13, 15]


class ChildClock:
    """A clock that runs only while a measured process is at its work."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def run(self, work: str, order: int) -> None:
        self.seconds += measure(work, order).seconds


CLOCK = ChildClock()
cold = pytest.mark.benchmark(timer=CLOCK)


def rounds(order: int) -> int:
    return 1 if order > 13 else 3


@cold
@pytest.mark.parametrize("order", HEAVY_BALL)
def test_heavy_ball_symbolic_in_beta(benchmark, order: int):
    benchmark.group = f"heavy ball, order {order}"
    benchmark.pedantic(CLOCK.run, args=("heavy-ball", order), rounds=rounds(order))


@pytest.mark.parametrize("order", HEAVY_BALL)
def test_heavy_ball_symbolic_in_beta_warm(benchmark, order: int):
    benchmark.group = f"heavy ball, order {order}"
    assert sum(len(t.cuts) for t in trees_up_to(order)) > order
    benchmark.pedantic(slow_motion.__wrapped__, args=(heavy_ball, order), rounds=rounds(order))


@cold
def test_lessard_recht_packard_symbolic_in_three_parameters(benchmark):
    benchmark.group = "Lessard, Recht and Packard, order 8"
    benchmark.pedantic(CLOCK.run, args=("lessard", 8), rounds=3)


@cold
@pytest.mark.parametrize("order", [6, 8, 10])
def test_explicit_euler(benchmark, order: int):
    benchmark.group = f"explicit Euler, order {order}"
    benchmark.pedantic(CLOCK.run, args=("euler", order), rounds=3)


@cold
@pytest.mark.parametrize("order", [6, 8])
@pytest.mark.parametrize("peer", PEERS)
def test_explicit_euler_elsewhere(benchmark, peer: str, order: int):
    if not installed(peer):
        pytest.skip(f"{peer} is not installed; get it with the extra 'bench'")
    benchmark.group = f"explicit Euler, order {order}"
    benchmark.pedantic(CLOCK.run, args=(peer, order))
