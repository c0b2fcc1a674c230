"""Work on all cores: one function, many names, in processes that end with this one."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.forkserver import ensure_running
from typing import Any, TypeVar

from derive.language.bad_input import BadInput
from verify.running.limits import belong_to_the_parent, call_limit

T = TypeVar("T")

_SELDOM = 50_000, 10, 100
"""When a process looks for what nobody needs: after so many new objects, and all of them once in so
many looks. What a check leaves behind is mostly ended by its last use."""
_LEFT = "ignore::UserWarning:multiprocessing.resource_tracker"
"""Of Python's own process that cleans up behind one that was ended: it need not say so."""


def begin_soon(module: str) -> None:
    """Let another process import what the work needs, while this one still finds out what to do.

    Args:
        module: where the function is that will be handed to `spread`.
    """
    context = _context()
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload([module])
        ensure_running()


def _context() -> Any:
    """How processes begin: as forks of one that has imported everything and has no threads, where
    there are forks."""
    known = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in known else "spawn")


def _settle(seconds: float) -> None:
    """What a process does before its first work."""
    belong_to_the_parent(seconds)
    gc.freeze()
    gc.set_threshold(*_SELDOM)


def spread(work: Callable[..., T], names: Sequence[str], *more: Any) -> Iterator[tuple[str, T]]:
    """Each name with what the work on it gives, as it is finished; the first names begin first.

    Args:
        work: a function of a module, of a name and `more`; it runs here where one is enough.
    Raises:
        BadInput: a process ended without an answer.
        KeyboardInterrupt: the user stopped the work; every process is ended.
    """
    workers = min(len(names), os.cpu_count() or 1)
    if workers < 2:
        for name in names:
            yield name, work(name, *more)
        return
    if _LEFT not in sys.warnoptions:
        sys.warnoptions.append(_LEFT)
    begin_soon(work.__module__)
    pool = ProcessPoolExecutor(
        workers, _context(), initializer=_settle, initargs=(call_limit.seconds,)
    )
    pending: dict[Future[T], str] = {pool.submit(work, name, *more): name for name in names}
    try:
        for future in as_completed(pending):
            yield pending[future], future.result()
    except BrokenProcessPool:
        raise BadInput(
            "a process that worked for this one ended without an answer, perhaps for want of "
            "memory; ask for less at once, or see which part it is."
        ) from None
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
