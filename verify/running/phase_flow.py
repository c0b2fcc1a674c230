"""A second-order equation x'' = sum of coefficient times vector on a loss, as a flow to follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from derive.engine.second_order import VELOCITY, Vector
from verify.running.expression_losses import loss_from_expression
from verify.running.flows import flow
from verify.running.losses import VectorField
from verify.running.numbers import MPFR, Arithmetic, sqrt
from verify.running.tape import Node, Program, record

Number = Any


class Motion:
    """The flow of (x, x', t) on a loss, or that of (x, t) where x' is given.

    Args:
        terms: the coefficient of every vector of x'', in t and in what has a value.
        values: numbers at the working precision, by name; the square root of one may stand in the
            terms, as sqrt(mu).
        first_order: the terms are those of x'.
    """

    def __init__(
        self,
        loss: VectorField,
        terms: Mapping[Vector, sympy.Expr],
        values: Mapping[str, Number],
        *,
        first_order: bool = False,
    ) -> None:
        self.loss = loss
        given = tuple(terms.items()), tuple(values)
        self._program, rooted = _program(loss, *given, first_order=first_order)
        self._fixed = [sqrt(v) if n in rooted else v for n, v in values.items()]

    def fixed(self, zero: Number) -> list[Number]:
        return self._fixed

    @property
    def program(self) -> Program:
        """(x, x', t, the values or their roots) -> their speeds."""
        return self._program

    def path(
        self, state: Sequence[Number], times: Sequence[Number], *, digits: int
    ) -> list[np.ndarray]:
        """x at these increasing times, from a state (x, x', t), or (x, t)."""
        since = [t - state[-1] for t in times]
        found = flow(self, state, since, digits=digits, arithmetic=MPFR)
        return [here[: self.loss.dimension] for here in found]

    def around(
        self, state: Sequence[Number], terms: int = 9, arithmetic: Arithmetic = MPFR
    ) -> list[list[Number]]:
        """The Taylor coefficients of x, for short times from (x, x', t) or (x, t)."""
        found = self.program.taylor(list(state), self._fixed, terms, arithmetic)
        return found[: self.loss.dimension]


@lru_cache(maxsize=64)
def _program(
    loss: VectorField,
    terms: tuple[tuple[Vector, sympy.Expr], ...],
    names: tuple[str, ...],
    *,
    first_order: bool,
) -> tuple[Program, set[str]]:
    """The speeds at any values of these names, and those of them that stand under a root: a motion
    is followed at one step size after another."""
    size = loss.dimension
    states = size if first_order else 2 * size
    rooted = _under_roots(c for _, c in terms) & set(names)
    squares = {sympy.Symbol(n): sympy.Symbol(n, positive=True) ** 2 for n in rooted}
    plain = [(of, _plain(sympy.sympify(c).subs(squares))) for of, c in terms]

    def speeds(nodes: list[Node]) -> list[Node]:
        place, velocity, rest = nodes[:size], nodes[size:states], nodes[states:]

        def vector(of: Vector) -> list[Node]:
            if of == VELOCITY:
                return velocity
            moved = [node for part in of for node in vector(part)]
            return loss.derivative(len(of)).replay([*place, *moved])

        total = [nodes[0] * 0] * size
        for of, coefficient in plain:
            weight = loss_from_expression(coefficient, "a weight", ("t", *names)).value(rest)
            total = [a + weight * b for a, b in zip(total, vector(of), strict=True)]
        return [*velocity, *total, nodes[0] * 0 + 1]

    return record(states + 1 + len(names), speeds), rooted


def _under_roots(terms: Iterable[sympy.Expr]) -> set[str]:
    """The symbols that stand under a root."""
    powers = (p for c in terms for p in sympy.sympify(c).atoms(sympy.Pow))
    return {s.name for p in powers if not p.exp.is_Integer for s in p.base.free_symbols}


def _plain(expr: sympy.Expr) -> sympy.Expr:
    """The expression in symbols without assumptions."""
    return expr.subs({s: sympy.Symbol(s.name) for s in expr.free_symbols})
