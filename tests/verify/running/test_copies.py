"""Work shared among copies of this process: the same answers, in the same order."""

import os

import pytest

from derive.language import stages
from derive.language.bad_input import BadInput
from verify.running import copies
from verify.running.copies import shared


def square(n: int) -> int:
    return n * n


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """A copy for every thing, if asked for."""
    monkeypatch.setattr(copies, "LEAST", 1)


@pytest.mark.parametrize("processes", [1, 2, 3, 9])
@pytest.mark.parametrize("total", [0, 1, 2, 7])
def test_any_number_of_processes_gives_the_answers_of_one(total, processes):
    found = shared(square, range(total), "squaring", processes=processes)
    assert found == [n * n for n in range(total)]


def test_the_work_is_done_in_as_many_processes_as_are_asked_for():
    found = shared(lambda _: os.getpid(), range(6), "asking", processes=3)
    assert found[:3] == found[3:]
    assert len({*found}) == 3
    assert found[0] == os.getpid()


def test_few_things_are_done_here(monkeypatch):
    monkeypatch.setattr(copies, "LEAST", 4)
    assert {*shared(lambda _: os.getpid(), range(7), "asking", processes=2)} == {os.getpid()}


def test_what_this_process_is_at_is_said(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(stages, "listeners", [said.append])
    shared(square, range(4), "squaring", processes=2)
    assert said == ["squaring 1 of 4", "squaring 3 of 4"]


def refusing(n: int) -> int:
    if n == 1:
        raise BadInput("1 is refused.")
    return n


def leaving(n: int) -> int:
    return os._exit(0) if n == 1 else n


def interrupted(n: int) -> int:
    if n == 3:
        raise KeyboardInterrupt
    return n


@pytest.mark.parametrize(
    ("work", "error", "said"),
    [
        (refusing, BadInput, "1 is refused"),
        (leaving, BadInput, "ended without an answer"),
        (interrupted, KeyboardInterrupt, "^$"),
    ],
)
def test_however_the_work_ends_no_process_is_left(monkeypatch, work, error, said):
    made, fork = list[int](), os.fork
    monkeypatch.setattr(os, "fork", lambda: made.append(fork()) or made[-1])
    with pytest.raises(error, match=said):
        shared(work, range(6), "working", processes=3)
    assert len(made) == 2
    for process in made:
        with pytest.raises(ChildProcessError):
            os.waitpid(process, os.WNOHANG)
