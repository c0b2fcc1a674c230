r"""Gradients, Hessians and their products as a display writes them, such as \nabla^2 E \nabla E.

A vector is a sum of terms, each a tree: the root is a loss, differentiated once more than it has
branches, and applied to them. A scalar is an expression in the losses and in contracted trees. The
gradient of a contracted tree is the sum over the nodes at which it can be rooted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy

from derive.language.trees import Tree, grow


@dataclass(frozen=True, slots=True)
class NamedTree:
    """A loss with the vectors that its derivative takes, or a vector with a name."""

    name: str
    branches: tuple[NamedTree, ...] = ()
    is_loss: bool = True

    @property
    def text(self) -> str:
        inside = ",".join(branch.text for branch in self.branches)
        times = len(self.branches) + 1
        if not self.is_loss:
            return self.name
        head = "∇" + ("" if times == 1 else str(times)) + self.name
        return head + (f"[{inside}]" if inside else "")

    def grown(self, *branches: NamedTree) -> NamedTree:
        """The node with more branches."""
        ordered = sorted((*self.branches, *branches), key=lambda node: node.text)
        return NamedTree(self.name, tuple(ordered), self.is_loss)

    def rootings(self) -> list[NamedTree]:
        """The same free tree rooted at each of its losses in turn."""

        def visit(node: NamedTree, *above: NamedTree) -> list[NamedTree]:
            found = [node.grown(*above)] if node.is_loss else []
            for i, branch in enumerate(node.branches):
                rest = NamedTree(
                    node.name, node.branches[:i] + node.branches[i + 1 :], node.is_loss
                )
                found += visit(branch, rest.grown(*above))
            return found

        return visit(self)

    def names(self) -> set[str]:
        """The losses and vectors in it."""
        return {self.name}.union(*(branch.names() for branch in self.branches))

    def tree(self, losses: Sequence[str]) -> Tree:
        """The rooted tree of the same shape, with the place of each loss as its colour."""
        return grow((branch.tree(losses) for branch in self.branches), losses.index(self.name))


@dataclass(frozen=True, slots=True)
class Vector:
    """A sum of terms with coefficients."""

    terms: Mapping[NamedTree, sympy.Expr]

    def __add__(self, other: Vector) -> Vector:
        terms = dict(self.terms)
        for node, value in other.terms.items():
            terms[node] = terms.get(node, sympy.S.Zero) + value
        return Vector({node: value for node, value in terms.items() if value != 0})

    def times(self, factor: sympy.Expr) -> Vector:
        return Vector({node: value * factor for node, value in self.terms.items()})


@dataclass(frozen=True, slots=True)
class Operator:
    """A matrix, by what it makes of a vector."""

    apply: Callable[[Vector], Vector]


@dataclass(frozen=True, slots=True)
class Covector:
    """A vector transposed."""

    vector: Vector


Value = Any
"""A SymPy expression, Vector, Operator or Covector."""


class Mismatch(ValueError):
    """Two values cannot be put together; the message says what they are."""


@dataclass
class Contractions:
    """The contracted trees that symbols stand for, and the losses."""

    losses: set[str]
    contracted: dict[sympy.Symbol, NamedTree] = field(default_factory=dict)

    def scalar(self, node: NamedTree) -> sympy.Expr:
        """The symbol of a tree that is contracted along all its edges."""
        if not node.branches and node.is_loss:
            return sympy.Symbol(node.name)
        first = min(node.rootings() or [node], key=lambda rooted: rooted.text)
        symbol = sympy.Symbol(f"<{first.text}>")
        self.contracted[symbol] = first
        return symbol

    def inner(self, left: Vector, right: Vector) -> sympy.Expr:
        """<left, right>."""
        total: sympy.Expr = sympy.S.Zero
        for a, x in left.terms.items():
            for b, y in right.terms.items():
                if a.is_loss:
                    joined = a.grown(b)
                elif b.is_loss:
                    joined = b.grown(a)
                else:
                    joined = NamedTree("·", is_loss=False).grown(a, b)
                total += x * y * self.scalar(joined)
        return total

    def gradient(self, scalar: sympy.Expr) -> Vector:
        """The gradient of an expression in losses and contracted trees.

        Raises:
            Mismatch: a term of it holds none.
        """
        found = Vector({})
        if scalar.has(sympy.Sum) and any(
            symbol in self.contracted or symbol.name in self.losses
            for total in scalar.atoms(sympy.Sum)
            for symbol in total.free_symbols
        ):
            raise Mismatch("is the gradient of a sum over losses, which is not read")
        moving = [s for s in scalar.free_symbols if s in self.contracted or s.name in self.losses]
        for term in sympy.Add.make_args(sympy.expand(scalar)):
            if not term.free_symbols.intersection(moving):
                raise Mismatch(f"holds {term}, of which no gradient is known")
        for symbol in moving:
            slope = sympy.diff(scalar, symbol)
            rooted = (
                self.contracted[symbol].rootings()
                if symbol in self.contracted
                else [NamedTree(str(symbol))]
            )
            for node in rooted:
                found += Vector({node: slope})
        return found

    def derivative(self, loss: str, times: int, arguments: list[Vector]) -> Value:
        """The derivative of a loss, applied to some vectors: a vector, matrix or scalar."""
        left = times - len(arguments)
        if left not in (0, 1, 2):
            raise Mismatch(f"takes {times - 1} vectors, {len(arguments)} are given")

        def applied(*more: Vector) -> Vector:
            found = {(): sympy.S.One}
            for vector in (*arguments, *more):
                found = {
                    (*nodes, node): x * y
                    for nodes, x in found.items()
                    for node, y in vector.terms.items()
                }
            total = Vector({})
            for nodes, value in found.items():
                total += Vector({NamedTree(loss).grown(*nodes): value})
            return total

        if left == 2:
            return Operator(applied)
        vectors = applied()
        if left == 1:
            return vectors
        total: sympy.Expr = sympy.S.Zero
        for node, value in vectors.terms.items():
            total += value * self.scalar(node)
        return total

    def product(self, left: Value, right: Value) -> Value:
        """left times right, in this order."""
        if isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr):
            return left * right
        if isinstance(left, sympy.Expr) or isinstance(right, sympy.Expr):
            factor, other = (left, right) if isinstance(left, sympy.Expr) else (right, left)
            return scaled(other, factor)
        if isinstance(left, Operator) and isinstance(right, Vector):
            return left.apply(right)
        if isinstance(left, Operator) and isinstance(right, Operator):
            return Operator(lambda v: left.apply(right.apply(v)))
        if isinstance(left, Covector) and isinstance(right, Vector):
            return self.inner(left.vector, right)
        if isinstance(left, Covector) and isinstance(right, Operator):  # Hessians are symmetric
            return Covector(right.apply(left.vector))
        raise Mismatch("are two vectors side by side; write their inner product with a transpose")


def scaled(value: Value, factor: sympy.Expr) -> Value:
    """A value times a scalar."""
    if isinstance(value, Vector):
        return value.times(factor)
    if isinstance(value, Operator):
        return Operator(lambda v: value.apply(v).times(factor))
    if isinstance(value, Covector):
        return Covector(value.vector.times(factor))
    return value * factor


def added(left: Value, right: Value) -> Value:
    """left + right.

    Raises:
        Mismatch: they are of different kinds.
    """
    if isinstance(left, Vector) and isinstance(right, Vector):
        return left + right
    if isinstance(left, Operator) and isinstance(right, Operator):
        return Operator(lambda v: left.apply(v) + right.apply(v))
    if isinstance(left, Covector) and isinstance(right, Covector):
        return Covector(left.vector + right.vector)
    if isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr):
        return left + right
    for one, other in ((left, right), (right, left)):
        if isinstance(one, sympy.Expr) and one == 0:
            return other
    kinds = f"{_kind(left)} and {_kind(right)}"
    raise Mismatch(f"adds {kinds}; only like can be added (the unit matrix is I)")


def _kind(value: Value) -> str:
    names = {Vector: "a vector", Operator: "a matrix", Covector: "a transposed vector"}
    return names.get(type(value), "a number")
