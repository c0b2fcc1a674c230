"""The same campaign on a Dask cluster; needs the extra `cluster`."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.verify.campaigns.test_campaign import CAMPAIGN, entries, results, run
from tests.verify.commands.test_cli import undertow

pytest.importorskip("distributed")


def dask(role: str, scheduler: Path, *options: str) -> subprocess.Popen[bytes]:
    module = f"distributed.cli.dask_{role}"
    command = [sys.executable, "-m", module, "--scheduler-file", str(scheduler), *options]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler's address and two workers, which are not started again."""
    file = tmp_path / "scheduler.json"
    parts = [dask("scheduler", file, "--port", "0", "--no-dashboard")]
    for _ in range(2):
        parts.append(dask("worker", file, "--nthreads", "1", "--no-nanny", "--no-dashboard"))
    from distributed import Client  # noqa: PLC0415 (an extra)  # pyright: ignore[reportMissingImports]

    try:
        while not file.exists():
            time.sleep(0.05)
        with Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(2)
            address = str(client.scheduler_info()["address"])
        yield address, parts[1:]
    finally:
        for part in parts:
            part.kill()
            part.wait()


def test_a_worker_killed_in_the_middle_of_a_unit_loses_nothing(capsys, tmp_path: Path, cluster):
    address, workers = cluster
    path = tmp_path / "cluster.db"
    command = [sys.executable, "-m", "verify", *CAMPAIGN, "300", "--ledger", str(path)]
    campaign = subprocess.Popen([*command, "--dask", address], stdout=subprocess.PIPE)
    while not path.exists() or len(entries(path)) < 40:
        time.sleep(0.01)
    workers[0].kill()
    assert len(entries(path)) < 600
    said, _ = campaign.communicate()
    assert campaign.returncode == 0
    assert b"600" in said
    assert results(path) == run(capsys, tmp_path / "here.db", 300)


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
