"""The same campaign on a Dask cluster; needs the extra `cluster`."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.verify.campaigns.test_campaign import CAMPAIGN, entries, results, run
from tests.verify.commands.test_cli import undertow
from verify.campaigns.processes import CREW

pytest.importorskip("distributed")
HANGS = 600
"""Seconds after which something is taken to wait for ever, on however busy a machine."""


def dask(role: str, scheduler: Path, *options: str) -> subprocess.Popen[bytes]:
    module = f"distributed.cli.dask_{role}"
    command = [sys.executable, "-m", module, "--scheduler-file", str(scheduler), *options]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


Parts = list[subprocess.Popen[bytes]]


@contextmanager
def a_cluster(folder: Path, workers: int) -> Iterator[tuple[str, Parts]]:
    """A scheduler's address, and workers of one thread that are not started again."""
    from distributed import Client  # noqa: PLC0415 (an extra)  # pyright: ignore[reportMissingImports]

    file = folder / "scheduler.json"
    parts = [dask("scheduler", file, "--port", "0", "--no-dashboard")]
    for _ in range(workers):
        parts.append(dask("worker", file, "--nthreads", "1", "--no-nanny", "--no-dashboard"))
    try:
        while not file.exists():
            time.sleep(0.05)
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers)
            address = str(client.scheduler_info()["address"])
        yield address, parts
    finally:
        for part in parts:
            part.kill()
            part.wait()


def test_a_worker_killed_in_the_middle_of_a_unit_loses_nothing(capsys, tmp_path: Path):
    path = tmp_path / "cluster.db"
    command = [sys.executable, "-m", "verify", *CAMPAIGN, "300", "--ledger", str(path)]
    with a_cluster(tmp_path, 2) as (address, (_, first, _)):
        campaign = subprocess.Popen([*command, "--dask", address], stdout=subprocess.PIPE)
        while not path.exists() or len(entries(path)) < 40:
            time.sleep(0.01)
        first.kill()
        assert len(entries(path)) < 600
        said, _ = campaign.communicate()
    assert campaign.returncode == 0
    assert b"600" in said
    assert results(path) == run(capsys, tmp_path / "here.db", 300)


def test_a_cluster_of_one_thread_decides_itself(capsys, tmp_path: Path):
    with a_cluster(tmp_path, 1) as (address, _):
        code, _, _ = undertow(capsys, *CAMPAIGN, "3", "--dask", address)
    assert code == 0
    assert not CREW.all  # no unit was decided here


@pytest.mark.parametrize("workers", [0, 1])
def test_a_cluster_that_is_gone_is_one_sentence(tmp_path: Path, workers: int):
    path = tmp_path / "cluster.db"
    command = [sys.executable, "-m", "verify", *CAMPAIGN, "10000", "--ledger", str(path)]
    with a_cluster(tmp_path, workers) as (address, (scheduler, *_)):
        campaign = subprocess.Popen([*command, "--dask", address], stderr=subprocess.PIPE)
        while workers and not (path.exists() and entries(path)):
            time.sleep(0.01)
        if workers:
            scheduler.kill()
        _, said = campaign.communicate(timeout=HANGS)
    assert campaign.returncode == 2
    told = said.decode().splitlines()[-1]
    assert f"{address} has " in told
    assert "the same command goes on" in told


def test_no_cluster_is_one_sentence(capsys):
    arguments = ("--losses", "1", "--dask", "tcp://127.0.0.1:1")
    code, _, said = undertow(capsys, "campaign", *arguments)
    assert code == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("address", ["nonsense", "tcp://", "tcp://127.0.0.1:99999", "silent"])
def test_a_malformed_or_silent_address_is_one_sentence(capsys, address):
    with socket.create_server(("127.0.0.1", 0)) as server:
        if address == "silent":
            address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        code, _, said = undertow(capsys, "campaign", "--losses", "1", "--dask", address)
    assert code == 2
    assert f"no Dask scheduler answers at {address}" in said
    assert said.count("\n") == 1
