"""Many units, decided in parallel on this machine or a Dask cluster, and none decided twice."""

from __future__ import annotations

import logging
import socket
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import astuple
from multiprocessing import TimeoutError as NoResult
from typing import Any
from urllib.parse import urlsplit

from joblib import Parallel, delayed, parallel_config

from derive.language.update_rule import BadInput
from verify.campaigns.draws import UNDECIDED, Unit
from verify.campaigns.ledger import Entry, Ledger
from verify.campaigns.processes import ATTEMPTS, CREW, START_SECONDS, Limits, decide_within

CONNECT_SECONDS = 5
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
            Entry(
                unit, done.claim, done.seed, done.digits, done.code, outcome, figure, microseconds
            )
        )
        finished()

    # On this machine the limits see to it that every unit ends.
    patience = ATTEMPTS * limits.seconds + START_SECONDS if cluster else None
    with CREW, _backend(cluster, workers) as has_workers:
        while True:
            try:
                with closing(_decided(missing(), limits, patience)) as results:
                    for result in results:
                        record(*result)
                return
            except NoResult:
                if not has_workers():
                    raise LostCluster(_lost(cluster, "has no worker left")) from None
                # Dask gives up a task whose workers die, and joblib then waits for it in vain.
                for unit in tuple(out):
                    record(unit, UNDECIDED, f"no answer of the cluster for {patience} s", 0)


def _decided(units: Iterator[Unit], limits: Limits, patience: int | None) -> Generator[Result]:
    """Each result as it comes in; NoResult where none comes for so many seconds."""
    parallel = Parallel(return_as="generator_unordered", batch_size=1, timeout=patience)
    bounds = astuple(limits)
    tasks = (delayed(decide_within)(astuple(unit), bounds) for unit in units)
    with warnings.catch_warnings(action="ignore"):  # a single thread has no timeout
        results: Any = parallel(tasks)
    try:
        for result in results:  # noqa: UP028 (`yield from` would close it outside the `finally`)
            yield result
    finally:
        with warnings.catch_warnings(action="ignore"):  # not all results were asked for
            results.close()


@contextmanager
def _backend(cluster: str, workers: int) -> Iterator[Callable[[], bool]]:
    """Where joblib runs; gives what tells whether there is a worker."""
    if not cluster:
        # Threads suffice, as each asks a process of its own.
        with parallel_config(backend="threading", n_jobs=workers):
            yield lambda: True
        return
    try:
        from distributed import CancelledError, Client  # noqa: PLC0415 (an extra)  # pyright: ignore[reportMissingImports]
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
    with client, parallel_config(backend="dask", client=client):
        try:
            yield lambda: bool(client.nthreads())
        except (CancelledError, OSError):
            raise LostCluster(_lost(cluster, "has gone")) from None


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
