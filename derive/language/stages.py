"""How far has a long derivation come? It says so here, for whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from derive.language.trees import Tree

T = TypeVar("T")

listeners: list[Callable[[str], None]] = []
"""Each is called with the stage that begins."""


def begin(stage: str) -> None:
    """Say that a stage begins, such as "order 3 of 9"."""
    for listen in listeners:
        listen(stage)


def each(things: Iterable[T], total: int, noun: str) -> Iterator[T]:
    """Things, each of which is said as it begins.

    >>> listeners.append(print)
    >>> list(each("ab", 2, "letter"))
    letter 1 of 2
    letter 2 of 2
    ['a', 'b']
    >>> _ = listeners.pop()
    """
    for i, thing in enumerate(things, 1):
        begin(f"{noun} {i} of {total}")
        yield thing


def orders(last: int) -> Iterator[int]:
    """The orders 1 ... last."""
    return each(range(1, last + 1), last, "order")


def by_order(trees: Iterable[Tree], last: int) -> Iterator[Tree]:
    """Trees that are sorted by their order, which is said as it begins."""
    for _, alike in each(groupby(trees, lambda t: t.order), last, "order"):
        yield from alike
