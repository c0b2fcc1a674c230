"""Rooted trees, with a colour on every node: the indices of every B-series.

A colour names the vector field that a node stands for; with one field every colour is 0.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), III.1 and IX.9.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from math import factorial, prod
from operator import attrgetter
from typing import ClassVar

Cut = tuple["Tree", "Tree", int]


class Tree:
    """A rooted tree without order among its branches; equal trees are the same object.

    Written as nested brackets: `[]` is the single node, `[[],[]]` the root with two leaves; a
    colour other than 0 stands before its node's bracket, as in `[1[],2[]]`.
    Create one with `tree` or `grow`; `order` counts the nodes.
    """

    __slots__ = ("_cuts", "_symmetry", "branches", "colour", "order", "text")
    _known: ClassVar[dict[str, Tree]] = {}

    branches: tuple[Tree, ...]
    colour: int
    order: int
    text: str
    _cuts: tuple[Cut, ...] | None
    _symmetry: int | None

    def __repr__(self) -> str:
        return f'tree("{self.text}")'

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[object, ...]:
        return tree, (self.text,)

    @property
    def symmetry(self) -> int:
        """sigma(t): the number of automorphisms that keep the root."""
        if self._symmetry is None:
            self._symmetry = prod(
                factorial(count) * branch.symmetry**count
                for branch, count in Counter(self.branches).items()
            )
        return self._symmetry

    @property
    def density(self) -> int:
        """gamma(t): the order of t times the densities of its branches."""
        return self.order * prod(branch.density for branch in self.branches)

    @property
    def cuts(self) -> tuple[Cut, ...]:
        """What remains when one edge is cut: (upper part, part with the root, multiplicity).

        The multiplicities add up to the number of edges, order - 1.
        """
        if self._cuts is None:
            found: list[Cut] = []
            previous = None
            for i, branch in enumerate(self.branches):
                if branch is previous:
                    continue
                previous = branch
                count = self.branches.count(branch)
                others = self.branches[:i] + self.branches[i + 1 :]
                found.append((branch, grow(others, self.colour), count))
                found += [
                    (upper, grow((*others, rest), self.colour), count * multiplicity)
                    for upper, rest, multiplicity in branch.cuts
                ]
            self._cuts = tuple(found)
        return self._cuts

    @property
    def rootings(self) -> tuple[Tree, ...]:
        """The same tree rooted at each of its nodes in turn, as many trees as nodes."""

        def visit(node: Tree, *above: Tree) -> Iterator[Tree]:
            yield grow((*node.branches, *above), node.colour)
            for i, branch in enumerate(node.branches):
                others = node.branches[:i] + node.branches[i + 1 :]
                yield from visit(branch, grow((*others, *above), node.colour))

        return tuple(visit(self))

    @property
    def free(self) -> Tree:
        """The free tree under this rooted one, represented by its rooting that is first as text."""
        return min(self.rootings, key=lambda t: t.text)

    @property
    def free_symmetry(self) -> int:
        """The number of automorphisms of the free tree, which need not keep the root."""
        return self.symmetry * self.rootings.count(self)


_text = attrgetter("text")
_order = attrgetter("order")


def grow(branches: Iterable[Tree], colour: int = 0) -> Tree:
    """The tree whose root has this colour and carries these branches (the operation B+)."""
    ordered = sorted(branches, key=_text)
    text = "[" + ",".join(map(_text, ordered)) + "]"
    if colour:
        text = f"{colour}{text}"
    known = Tree._known.get(text)
    if known is None:
        known = Tree()
        known.branches = tuple(ordered)
        known.colour = colour
        known.order = 1 + sum(map(_order, ordered))
        known.text = text
        known._cuts = known._symmetry = None
        Tree._known[text] = known
    return known


LEAF = grow(())


def tree(text: str) -> Tree:
    """Read a tree from nested brackets, such as `[[],[[]]]`; spaces and order do not matter.

    Raises:
        ValueError: the brackets do not form one tree.

    >>> tree("[[],[[]]]")
    tree("[[[]],[]]")
    >>> tree("[2[],1[]]").branches[0].colour
    1
    """
    marks = re.findall(r"\d*\[|\S", text)
    open_nodes: list[list[Tree]] = [[]]
    colours: list[int] = []
    for i, mark in enumerate(marks):
        if mark.endswith("["):
            if len(open_nodes) == 1 and open_nodes[0]:
                break
            open_nodes.append([])
            colours.append(int(mark[:-1] or 0))
        elif mark == "]" and colours:
            closed = grow(open_nodes.pop(), colours.pop())
            open_nodes[-1].append(closed)
        elif mark != "," or marks[i - 1 : i] != ["]"] or "".join(marks[i + 1 : i + 2])[-1:] != "[":
            break
    else:
        if len(open_nodes) == 1 and len(open_nodes[0]) == 1:
            return open_nodes[0][0]
    raise ValueError(f"{text!r} is not a rooted tree; write nested brackets such as '[[],[[]]]'.")


@cache
def trees_of_order(order: int, colours: int = 1) -> tuple[Tree, ...]:
    """All rooted trees with this many nodes, always in the same sequence.

    >>> len(trees_of_order(3, colours=2))
    14
    """
    forests = [forest for _, forest in _grow_forests(order - 1, colours)]
    return tuple(grow(forest, colour) for colour in range(colours) for forest in forests)


Forest = tuple[int, tuple[Tree, ...]]
"""Trees in the sequence of `trees_up_to`, and the place of the first of them in it."""


@cache
def _forests(nodes: int, colours: int) -> list[Forest]:
    return [*_grow_forests(nodes, colours)]


def _grow_forests(nodes: int, colours: int) -> Iterator[Forest]:
    """All forests with this many nodes, sorted by the places of their trees."""
    if nodes == 0:
        yield 0, ()
    for place, first in enumerate(trees_up_to(nodes, colours)):
        others = _forests(nodes - first.order, colours)
        begin = 0 if first.order == nodes else bisect_left(others, (place,))
        for _, rest in islice(others, begin, None):
            yield place, (first, *rest)


def trees_up_to(order: int, colours: int = 1) -> Iterator[Tree]:
    """All rooted trees with at most this many nodes, smallest first."""
    for nodes in range(1, order + 1):
        yield from trees_of_order(nodes, colours)


@cache
def number_of_trees(order: int, colours: int = 1) -> int:
    """How many rooted trees have this many nodes, counted without building them.

    Source: OEIS A000081 (A000151 for two colours), from the Euler transform.

    >>> [number_of_trees(n) for n in range(1, 9)]
    [1, 1, 2, 4, 9, 20, 48, 115]
    """
    if order == 1:
        return colours
    total = sum(
        sum(d * number_of_trees(d, colours) for d in range(1, k + 1) if k % d == 0)
        * number_of_trees(order - k, colours)
        for k in range(1, order)
    )
    return total // (order - 1)
