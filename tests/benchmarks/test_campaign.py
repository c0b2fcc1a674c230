"""What a campaign costs beside its work: `pytest tests/benchmarks --benchmark-only -n 0`."""

from contextlib import closing
from itertools import count

import pytest

from verify.campaigns.campaign import run_campaign
from verify.campaigns.draws import code_digest, decide, units
from verify.campaigns.ledger import Ledger, LedgerEntry
from verify.campaigns.processes import CREW, Limits, decide_within

CLAIM = "cattaneo2025memory.decomposition"
LOSSES = 100
LIMITS = Limits()


def test_a_result_into_the_ledger(benchmark, tmp_path):
    benchmark.group = "overhead of a unit"
    numbers = count()
    with closing(Ledger(tmp_path / "ledger.db")) as ledger:

        def add() -> None:
            unit = f"{next(numbers):064x}"
            ledger.add(LedgerEntry(unit, CLAIM, 1, 20, "c" * 64, "passed", "4 checks", 1))

        benchmark(add)


@pytest.mark.parametrize("where", ["here", "in a process under limits"])
def test_a_unit(benchmark, where: str):
    benchmark.group = "a unit that costs next to nothing"
    claim, seed = "cowsik2022.zero-modes", 7
    if where == "here":
        benchmark(decide, claim, seed, 20)
        return
    unit, limits = (claim, seed, 20, code_digest(claim)), (LIMITS.seconds, LIMITS.megabytes)
    with CREW:
        benchmark(decide_within, unit, limits)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("cluster", [False, True], ids=["here", "Dask"])
def test_units_a_second(benchmark, cluster: bool, workers: int):
    """Divide by the number of units; the workers' start is in it once."""
    benchmark.group = f"{LOSSES} units of {CLAIM}"
    drawn = list(units([CLAIM], LOSSES, 1, 20))

    def run(address: str = "") -> None:
        run_campaign(drawn, Ledger(), limits=LIMITS, workers=workers, cluster=address)

    if not cluster:
        benchmark.pedantic(run, rounds=1)
        return
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, dashboard_address=None
    ) as local:
        benchmark.pedantic(run, args=(local.scheduler_address,), rounds=1)
