"""A loss or vector field: written once, its derivatives of every order on any number type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from derive.language.trees import Tree, trees_up_to
from verify.running.chain_rule import directional, gradient
from verify.running.numbers import Arithmetic
from verify.running.tape import Node, Program, record

Number = Any


class VectorField:
    """A smooth vector field G on R^dimension: what a game's players follow.

    Args:
        components: G as a function of the list of coordinates, written with + - * / ** and the
            functions of `verify.running.numbers`.
        text: how a report names it.
    """

    def __init__(
        self, dimension: int, components: Callable[[Sequence[Number]], Sequence[Number]], text: str
    ) -> None:
        self.dimension = dimension
        self.components = components
        self.text = text
        self._derivatives: dict[int, Program] = {}
        self._fields: dict[int, Program] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text})"

    @property
    def parts(self) -> tuple[VectorField, ...]:
        """The fields of an update rule that these are: one, or several by colour."""
        return (self,)

    @cached_property
    def gradient(self) -> Program:
        """x -> G(x), which is grad E(x) for a loss."""
        return self.derivative(0)

    def derivative(self, times: int) -> Program:
        """(x, u_1, ..., u_times) -> the vector G^(times)(x)[u_1, ..., u_times]."""
        if times not in self._derivatives:
            size = self.dimension

            def compute(nodes: list[Node]) -> list[Node]:
                x = nodes[:size]
                result = list(self.components(x))
                for i in range(1, times + 1):
                    result = directional(result, x, nodes[i * size : (i + 1) * size])
                return result

            self._derivatives[times] = record(size * (times + 1), compute)
        return self._derivatives[times]

    def field(self, order: int) -> Program:
        """(x, one number c_t for every tree) -> sum over t of c_t F(t)(x), F of f = -G."""
        if order not in self._fields:
            size, trees = self.dimension, list(trees_up_to(order, len(self.parts)))

            def compute(nodes: list[Node]) -> list[Node]:
                x, weights = nodes[:size], nodes[size:]
                differentials: dict[Tree, list[Node]] = {}
                for t in trees:
                    inside = [node for branch in t.branches for node in differentials[branch]]
                    part = self.parts[t.colour]
                    vector = part.derivative(len(t.branches)).replay([*x, *inside])
                    differentials[t] = [-node for node in vector]
                return [
                    sum(
                        (w * differentials[t][i] for w, t in zip(weights, trees, strict=True)),
                        x[i] * 0,
                    )
                    for i in range(size)
                ]

            self._fields[order] = record(size + len(trees), compute)
        return self._fields[order]

    def gradient_function(self, arithmetic: Arithmetic) -> Any:
        """The gradient of arrays of numbers of this type, ready for an update rule."""
        program = self.gradient
        constants = program.constants_in(arithmetic)

        def grad(x: np.ndarray) -> np.ndarray:
            return np.array([*program.run(list(x), constants), None], dtype=object)[:-1]

        return grad


class Fields(VectorField):
    """Several losses or fields on one space, for a rule that takes a tuple of gradients.

    As one field it is their sum; trees have a colour for each.
    """

    def __init__(self, parts: Sequence[VectorField], text: str) -> None:
        first, *others = parts
        if any(part.dimension != first.dimension for part in others):
            raise ValueError("the fields are on spaces of different dimensions")

        def total(x: Sequence[Number]) -> list[Number]:
            columns = zip(*(part.components(x) for part in parts), strict=True)
            return [sum(entries[1:], start=entries[0]) for entries in columns]

        super().__init__(first.dimension, total, text)
        self._parts = tuple(parts)

    def value(self, x: Sequence[Number]) -> Number:
        """The sum of the losses."""
        values = [part.value(x) for part in self._parts if isinstance(part, Loss)]
        if len(values) < len(self._parts):
            raise TypeError("a field that is no gradient has no value")
        return sum(values[1:], start=values[0])

    @property
    def parts(self) -> tuple[VectorField, ...]:
        return self._parts

    def gradient_function(self, arithmetic: Arithmetic) -> Any:
        """A gradient for each part, ready for an update rule."""
        return tuple(part.gradient_function(arithmetic) for part in self._parts)


class Loss(VectorField):
    """A smooth loss on R^dimension, `value` written like the components of a vector field."""

    def __init__(
        self, dimension: int, value: Callable[[Sequence[Number]], Number], text: str
    ) -> None:
        super().__init__(dimension, lambda x: gradient(value(x), x), text)
        self.value = value


@lru_cache(maxsize=256)
def polynomial(dimension: int, terms: tuple[tuple[tuple[int, ...], Any], ...], text: str) -> Loss:
    """The sum of coefficient * x**exponents."""

    def value(x: Sequence[Number]) -> Number:
        total = x[0] * 0
        for exponents, coefficient in terms:
            term = coefficient
            for coordinate, exponent in zip(x, exponents, strict=True):
                if exponent:
                    term = coordinate**exponent * term
            total = total + term
        return total

    return Loss(dimension, value, text)
