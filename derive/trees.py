"""Rooted trees: the indices of every B-series.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), III.1 and IX.9.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from math import factorial, prod
from typing import ClassVar

Cut = tuple["Tree", "Tree", int]


class Tree:
    """A rooted tree without order among its branches; equal trees are the same object.

    Written as nested brackets: `[]` is the single node, `[[],[]]` the root with two leaves.
    Create one with `tree` or `grow`; `order` counts the nodes.
    """

    __slots__ = ("_cuts", "branches", "order", "text")
    _known: ClassVar[dict[str, Tree]] = {}

    branches: tuple[Tree, ...]
    order: int
    text: str
    _cuts: tuple[Cut, ...] | None

    def __repr__(self) -> str:
        return f'tree("{self.text}")'

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[object, ...]:
        return tree, (self.text,)

    @property
    def symmetry(self) -> int:
        """sigma(t): the number of automorphisms that keep the root."""
        return prod(
            factorial(count) * branch.symmetry**count
            for branch, count in Counter(self.branches).items()
        )

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
                found.append((branch, grow(others), count))
                found += [
                    (upper, grow((*others, rest)), count * multiplicity)
                    for upper, rest, multiplicity in branch.cuts
                ]
            self._cuts = tuple(found)
        return self._cuts

    @property
    def rootings(self) -> tuple[Tree, ...]:
        """The same tree rooted at each of its nodes in turn, as many trees as nodes."""

        def visit(branches: tuple[Tree, ...]) -> Iterator[Tree]:
            yield grow(branches)
            for i, branch in enumerate(branches):
                above = grow(branches[:i] + branches[i + 1 :])
                yield from below(branch, above)

        def below(node: Tree, above: Tree) -> Iterator[Tree]:
            yield grow((*node.branches, above))
            for i, branch in enumerate(node.branches):
                rest = grow((*node.branches[:i], *node.branches[i + 1 :], above))
                yield from below(branch, rest)

        return tuple(visit(self.branches))

    @property
    def free(self) -> Tree:
        """The free tree under this rooted one, represented by its rooting that is first as text."""
        return min(self.rootings, key=lambda t: t.text)

    @property
    def free_symmetry(self) -> int:
        """The number of automorphisms of the free tree, which need not keep the root."""
        return self.symmetry * self.rootings.count(self)


def grow(branches: Iterable[Tree]) -> Tree:
    """The tree whose root carries these branches (the operation B+)."""
    ordered = sorted(branches, key=lambda branch: branch.text)
    text = "[" + ",".join([branch.text for branch in ordered]) + "]"
    known = Tree._known.get(text)
    if known is None:
        known = Tree()
        known.branches = tuple(ordered)
        known.order = 1 + sum([branch.order for branch in ordered])
        known.text = text
        known._cuts = None
        Tree._known[text] = known
    return known


LEAF = grow(())


def tree(text: str) -> Tree:
    """Read a tree from nested brackets, such as `[[],[[]]]`; spaces and order do not matter.

    Raises:
        ValueError: the brackets do not form one tree.

    >>> tree("[[],[[]]]")
    tree("[[[]],[]]")
    """
    marks = [mark for mark in text if not mark.isspace()]
    open_nodes: list[list[Tree]] = [[]]
    for i, mark in enumerate(marks):
        if mark == "[":
            if len(open_nodes) == 1 and open_nodes[0]:
                break
            open_nodes.append([])
        elif mark == "]" and len(open_nodes) > 1:
            closed = grow(open_nodes.pop())
            open_nodes[-1].append(closed)
        elif mark != "," or marks[i - 1 : i] != ["]"] or marks[i + 1 : i + 2] != ["["]:
            break
    else:
        if len(open_nodes) == 1 and len(open_nodes[0]) == 1:
            return open_nodes[0][0]
    raise ValueError(f"{text!r} is not a rooted tree; write nested brackets such as '[[],[[]]]'.")


@cache
def trees_of_order(order: int) -> tuple[Tree, ...]:
    """All rooted trees with this many nodes, always in the same sequence."""
    if order == 1:
        return (LEAF,)
    smaller = [t for n in range(1, order) for t in trees_of_order(n)]

    def forests(nodes: int, first: int) -> Iterator[tuple[Tree, ...]]:
        if nodes == 0:
            yield ()
        for i, branch in enumerate(islice(smaller, first, None), first):
            if branch.order > nodes:
                return
            for others in forests(nodes - branch.order, i):
                yield (branch, *others)

    return tuple(grow(branches) for branches in forests(order - 1, 0))


def trees_up_to(order: int) -> Iterator[Tree]:
    """All rooted trees with at most this many nodes, smallest first."""
    for nodes in range(1, order + 1):
        yield from trees_of_order(nodes)


@cache
def number_of_trees(order: int) -> int:
    """How many rooted trees have this many nodes, counted without building them.

    Source: OEIS A000081, from the Euler transform.

    >>> [number_of_trees(n) for n in range(1, 9)]
    [1, 1, 2, 4, 9, 20, 48, 115]
    """
    if order == 1:
        return 1
    total = sum(
        sum(d * number_of_trees(d) for d in range(1, k + 1) if k % d == 0)
        * number_of_trees(order - k)
        for k in range(1, order)
    )
    return total // (order - 1)
