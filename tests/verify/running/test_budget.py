"""Work within a budget: its value, its error, or the limit that it met."""

import os
import threading
import warnings

import pytest

from derive.language.update_rule import BadInput
from verify.running.budget import OverBudget, within_budget


def test_what_is_returned_and_what_is_raised_comes_back():
    assert within_budget(lambda: {"a": 1}, "counting") == {"a": 1}
    with pytest.raises(BadInput, match="no such thing"):
        within_budget(lambda: (_ for _ in ()).throw(BadInput("no such thing")), "counting")


def test_work_without_end_is_ended_even_in_code_written_in_c():
    with pytest.raises(OverBudget, match=r"counting takes more than 0\.2 seconds"):
        within_budget(lambda: 7 ** (7**12), "counting", seconds=0.2)


def test_work_that_fills_memory_is_ended():
    with pytest.raises(OverBudget, match="more than 64 MB of memory"):
        within_budget(lambda: len(b"x" * (1 << 30)), "filling", megabytes=64)


def test_work_that_ends_its_process_is_no_answer():
    with pytest.raises(OverBudget, match="ended the process"):
        within_budget(lambda: os._exit(0), "leaving")


def test_the_warning_of_a_library_with_threads_of_its_own_is_no_error():
    here = [True]
    os.register_at_fork(
        before=lambda: warnings.warn("os.fork() was called.", RuntimeWarning, 2) if here else None
    )
    try:
        assert within_budget(lambda: 1, "counting") == 1
    finally:
        here.clear()


def test_a_lock_that_is_held_at_the_fork_costs_no_more_than_the_time():
    lock = threading.Lock()
    with lock, pytest.raises(OverBudget, match=r"waiting takes more than 0\.2 seconds"):
        within_budget(lock.acquire, "waiting", seconds=0.2)
