"""Many units, decided in parallel on this machine or a Dask cluster, and none decided twice."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import astuple
from itertools import islice
from math import inf
from typing import Any
from urllib.parse import urlsplit

from derive.language.update_rule import BadInput
from verify.campaigns.draws import UNDECIDED, Unit
from verify.campaigns.ledger import Ledger, LedgerEntry
from verify.campaigns.processes import ATTEMPTS, CREW, START_SECONDS, Limits, decide_within

CONNECT_SECONDS = 5
LOOK_SECONDS = 2
"""How often a cluster that says nothing is asked for its workers."""
Result = tuple[str, str, str, int]


class LostCluster(BadInput):
    """The cluster does not answer; what it had answered is in the ledger."""


def run_campaign(
    units: Iterable[Unit],
    ledger: Ledger,
    *,
    limits: Limits,
    workers: int,
    cluster: str = "",
    finished: Callable[[], None] = lambda: None,
) -> None:
    """Bring every unit that the ledger lacks into it, each as soon as it is decided.

    Stopped or killed at any moment, it goes on where it was when it is called again. Only what is
    being decided is held in memory.

    Args:
        workers: how many at once on this machine; a cluster has its own number.
        cluster: the address of a Dask scheduler, such as tcp://host:8786; empty for this machine.
        finished: called once a unit, perhaps from another thread.
    Raises:
        BadInput: a worker has other code than the campaign, or none starts.
        LedgerFailure: the ledger cannot be written.
        LostCluster: there is no such scheduler, or it has no worker left.
    """
    drawn = iter(units)
    out: dict[str, Unit] = {}

    def missing() -> Iterator[Unit]:
        for unit in drawn:
            if unit.id in ledger:
                finished()
            elif unit.id not in out:
                out[unit.id] = unit
                yield unit

    def record(unit: str, outcome: str, figure: str, microseconds: int) -> None:
        done = out.pop(unit)
        ledger.add(
            LedgerEntry(
                unit, done.claim, done.seed, done.digits, done.code, outcome, figure, microseconds
            )
        )
        finished()

    # On this machine the limits see to it that every unit ends.
    patience = ATTEMPTS * limits.seconds + START_SECONDS if cluster else inf
    with _executor(cluster, workers) as (executor, threads):
        pending: dict[Future[Result], Unit] = {}
        drained, heard = missing(), time.monotonic()
        try:
            while True:
                for unit in islice(drained, max(0, 2 * max(threads(), 1) - len(pending))):
                    pending[executor.submit(decide_within, astuple(unit), astuple(limits))] = unit
                if not pending:
                    return
                done, _ = wait(pending, LOOK_SECONDS, FIRST_COMPLETED)
                for future in done:
                    record(*_result(future, pending.pop(future)))
                    heard = time.monotonic()
                if not done and not threads():
                    raise LostCluster(_lost(cluster, "has no worker"))
                if time.monotonic() - heard > patience:
                    for future in tuple(pending):
                        future.cancel()
                        figure = f"no answer of the cluster for {patience} s"
                        record(pending.pop(future).id, UNDECIDED, figure, 0)
        finally:
            for future in pending:
                future.cancel()


def _result(future: Future[Result], unit: Unit) -> Result:
    """What a unit's process said; a cluster gives up a task whose workers die again and again."""
    try:
        return future.result()
    except Exception as error:
        if type(error).__name__ != "KilledWorker":  # of an extra
            raise
        return unit.id, UNDECIDED, "ended its workers again and again", 0


@contextmanager
def _executor(cluster: str, workers: int) -> Iterator[tuple[Executor, Callable[[], int]]]:
    """Where units are decided, and what tells how many at once."""
    if not cluster:
        # Threads suffice, as each asks a process of its own; CREW ends those that still work.
        with ThreadPoolExecutor(workers) as executor, CREW:
            yield executor, lambda: workers
        return
    try:
        from distributed import Client  # noqa: PLC0415 (an extra)  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise BadInput("--dask needs dask: pip install 'undertow[cluster]'.") from None
    for name in ("distributed", "distributed.client", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they report is said here once
    try:
        _greeted(cluster)
        client = Client(cluster, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split()).removesuffix(".")
        raise LostCluster(f"no Dask scheduler answers at {cluster}: {said}.") from None
    with client:
        try:
            yield client.get_executor(pure=False), lambda: _threads(client)
        except (CancelledError, OSError):
            raise LostCluster(_lost(cluster, "has gone")) from None


def _threads(client: Any) -> int:
    """How many units a cluster decides at once."""
    return sum(client.nthreads().values())


def _greeted(cluster: str) -> None:
    """Wait for the greeting that a scheduler sends first; Dask itself waits for it without end.

    Raises:
        OSError: nothing listens there, or it is silent.
        ValueError: the address has no host or no port.
    """
    address = urlsplit(cluster if "://" in cluster else f"tcp://{cluster}")
    if not (address.hostname and address.port):
        raise ValueError("an address is written tcp://host:8786")
    if address.scheme == "tcp":
        place = (address.hostname, address.port)
        with socket.create_connection(place, CONNECT_SECONDS) as connection:
            if not connection.recv(1):
                raise OSError("it closes the connection")


def _lost(cluster: str, how: str) -> str:
    return f"{cluster} {how}; the same command goes on with what is left."
