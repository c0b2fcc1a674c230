"""Units under limits of time and memory, each decided in a process that can be ended at any point.

The functions here run in the threads of a campaign or of a Dask worker; the work is done by
`verify.campaigns.worker`, one process for each thread that asks.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait
from pathlib import Path
from types import TracebackType

from derive.language.update_rule import BadInput
from verify.campaigns.draws import UNDECIDED, Unit

ATTEMPTS = 3
START_SECONDS = 60
_OUT_OF_MEMORY = b"allocate memory"
"""What GMP, MPFR and FLINT say before they abort."""
_ROOM = str(Path(__file__).parents[2])
_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",  # one order of sets, so that a figure reads the same in every worker
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Limits:
    """Of one unit: wall-clock seconds, and megabytes of data of the process that decides it."""

    seconds: int = 120
    megabytes: int = 2048


class Died(Exception):
    """A worker ended without an answer; the message says how."""


class Worker:
    """A process that decides one unit after another; its first answer says that it has started."""

    def __init__(self) -> None:
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        path = os.pathsep.join(filter(None, (_ROOM, os.environ.get("PYTHONPATH"))))
        lifeline, self.held = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "verify.campaigns.worker", str(lifeline)],
            pass_fds=(lifeline,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the campaign, which ends its workers itself
        )
        os.close(lifeline)
        if self.process.stdin is None or self.process.stdout is None:
            raise OSError("a worker has no pipes")
        self.requests, self.answers = self.process.stdin, self.process.stdout

    def receive(self, seconds: int) -> dict[str, str]:
        """Its next answer, or {"limit": ...}, after which it has ended.

        Raises:
            Died: without an answer and within the limits.
        """
        if not wait([self.answers.fileno()], seconds):
            self.end()
            return {"limit": "time"}
        line = self.answers.readline()
        if line.endswith(b"\n"):
            return json.loads(line)
        code = self.process.wait()
        self.errors.seek(max(0, self.errors.seek(0, os.SEEK_END) - 4096))
        said = self.errors.read()
        self.end()
        if code == -signal.SIGABRT and _OUT_OF_MEMORY in said:
            return {"limit": "memory"}
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise Died(signal.Signals(-code).name if code < 0 else " ".join(last) or f"exit {code}")

    def ask(self, unit: Unit, limits: Limits) -> dict[str, str]:
        """As `receive`, for this unit."""
        request = json.dumps(asdict(unit) | asdict(limits)).encode() + b"\n"
        with suppress(BrokenPipeError):  # of a dead worker, which `receive` tells more about
            self.requests.write(request)
            self.requests.flush()
        return self.receive(limits.seconds)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.held >= 0:
            os.close(self.held)
            self.held = -1
        for file in (self.requests, self.answers, self.errors):
            with suppress(BrokenPipeError):
                file.close()


class Crew:
    """The workers of this process: as many as there are threads that ask at once.

    As a context it ends them all on leaving, also those at work.
    """

    def __init__(self) -> None:
        self.idle: list[Worker] = []
        self.all: set[Worker] = set()
        self.ended = False

    def __enter__(self) -> Crew:
        self.ended = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.ended = True
        while self.idle:
            self.dismiss(self.idle.pop())
        for worker in tuple(self.all):
            worker.process.kill()  # the thread that asked it does the rest

    def take(self) -> Worker:
        """A worker that waits for work.

        Raises:
            BadInput: none starts here.
        """
        while self.idle:
            with suppress(IndexError):  # another thread was faster
                worker = self.idle.pop()
                if worker.process.poll() is None:
                    return worker
                self.dismiss(worker)
        how = ""
        for _ in range(ATTEMPTS):
            worker = Worker()
            self.all.add(worker)
            try:
                if "limit" not in worker.receive(START_SECONDS):
                    return worker
                how = f"not within {START_SECONDS} s"
            except Died as error:
                how = str(error)
            self.dismiss(worker)
        raise BadInput(f"no worker starts on {socket.gethostname()}: {how}.")

    def dismiss(self, worker: Worker) -> None:
        self.all.discard(worker)
        worker.end()


CREW = Crew()


def decide_within(
    unit: tuple[str, int, int, str], limits: tuple[int, int]
) -> tuple[str, str, str, int]:
    """Decide a unit under limits: (the unit's id, outcome, figure, microseconds).

    What hits a limit is undecided, and so is what ends its worker again and again.

    Raises:
        BadInput: no worker starts here, or this machine has other code than the campaign.
    """
    asked, bounds = Unit(*unit), Limits(*limits)
    answer, nanoseconds = _answer(asked, bounds)
    if "refused" in answer:
        raise BadInput(f"{socket.gethostname()}: {answer['refused']}")
    return asked.id, answer["outcome"], answer["figure"], nanoseconds // 1000


def _answer(unit: Unit, limits: Limits) -> tuple[dict[str, str], int]:
    death, begin = "", 0
    for _ in range(ATTEMPTS):
        worker = CREW.take()
        begin = time.perf_counter_ns()
        try:
            answer = worker.ask(unit, limits)
        except Died as error:
            CREW.dismiss(worker)
            if CREW.ended:
                raise
            death = str(error)
            continue
        except BaseException:  # the user's Ctrl-C
            CREW.dismiss(worker)
            raise
        nanoseconds = time.perf_counter_ns() - begin
        if "limit" not in answer:
            CREW.idle.append(worker)
            return answer, nanoseconds
        CREW.dismiss(worker)
        bound = {"time": f"{limits.seconds} s", "memory": f"{limits.megabytes} MB"}
        hit = f"{answer['limit']} limit of {bound[answer['limit']]}"
        return {"outcome": UNDECIDED, "figure": hit}, nanoseconds
    figure = f"ended its worker {ATTEMPTS} times: {death}"
    return {"outcome": UNDECIDED, "figure": figure}, time.perf_counter_ns() - begin
