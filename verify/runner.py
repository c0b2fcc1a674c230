"""Judging many claims at once: in parallel, with what is done reported as it is done."""

from __future__ import annotations

import multiprocessing
import os
import platform
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from importlib.metadata import version
from typing import Any

import verify.papers  # noqa: F401  (registers the claims, in new processes too)
from derive.optimizers import ZOO
from verify.claim import REGISTRY, CheckResult, Claim, ClaimResult, Settings, judge
from verify.own import find_rule, rule_claim


def environment() -> dict[str, str]:
    """What the evidence was computed with."""
    packages = ("sympy", "mpmath", "numpy", "python-flint", "gmpy2", "hypothesis")
    return {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        **{name: version(name) for name in packages},
    }


def find_claims(names: Sequence[str]) -> list[Claim]:
    """Claims by id, and optimizers by name or file as claims on their derivation; all for none.

    Raises:
        BadInput: an unknown id; an error in the user's file.
    """
    return [_find_claim(name) for name in names] if names else REGISTRY.find([])


def _find_claim(name: str) -> Claim:
    if name in ZOO or ":" in name:
        return rule_claim(name, find_rule(name))
    return REGISTRY.find([name])[0]


def _judge_by_id(name: str, settings: Settings) -> tuple[CheckResult, ...]:
    return judge(_find_claim(name), settings).checks


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def judge_all(
    claims: Sequence[Claim], settings: Settings, done: Callable[[ClaimResult], None]
) -> list[ClaimResult]:
    """The results in the order of the claims; `done` hears of each as it comes in.

    Raises:
        KeyboardInterrupt: the user stopped the run; `done` has heard of all that was finished.
    """
    workers = min(len(claims), os.cpu_count() or 1)
    if workers < 2:
        results = []
        for claim in claims:
            results.append(judge(claim, settings))
            done(results[-1])
        return results
    found: dict[str, ClaimResult] = {}
    for result in _in_parallel(claims, settings, workers):
        found[result.claim.id] = result
        done(result)
    return [found[claim.id] for claim in claims]


def _in_parallel(
    claims: Sequence[Claim], settings: Settings, workers: int
) -> Iterator[ClaimResult]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_leave_interrupts_to_the_parent)
    pending: dict[Future[Any], Claim] = {
        pool.submit(_judge_by_id, claim.id, settings): claim for claim in claims
    }
    try:
        for future in as_completed(pending):
            yield ClaimResult(pending[future], future.result())
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
