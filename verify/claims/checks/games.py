"""Two players and fields that are no gradients, beside the flows that statements give them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from flint import fmpq

from derive.engine.second_order import Vector
from verify.claims.checks.linearized import Left, written_down
from verify.claims.checks.stated import observed
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.slots import Losses
from verify.claims.statement import Statement
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import evaluate_taylor, flow
from verify.running.losses import Loss, VectorField
from verify.running.numbers import MPFR, PowerSeries, power_series, precision
from verify.running.orders import observed_order
from verify.running.tape import Node, Program, record
from verify.running.trajectories import vector

Number = Any
Grad = Callable[[np.ndarray], np.ndarray]
TINY, HALVINGS, DIGITS = range(36, 40), range(4, 8), 70


def game(draw: random.Random, size: int = 2) -> VectorField:
    """A random polynomial field that is no gradient: each component from another loss."""
    return _game(tuple(bounded_polynomial(draw, size) for _ in range(size)))


@lru_cache(maxsize=64)
def _game(losses: tuple[Loss, ...]) -> VectorField:
    def components(x: Sequence[Number]) -> list[Number]:
        nodes = list(x)
        return [
            loss.gradient.replay(nodes)[i]
            if isinstance(nodes[0], Node)
            else loss.gradient.at(nodes, MPFR)[i]
            for i, loss in enumerate(losses)
        ]

    return VectorField(len(losses), components, "a random polynomial game")


@dataclass(frozen=True)
class GameFlow:
    """z' = sum of a number times a component vector; the numbers belong to single coordinates.

    Args:
        terms: (coordinate, vector, number): F(z) is (), and (v,) is F'(z) v; a vector may be a
            pair (i, vector): only its coordinate i, the others 0.
    """

    field: VectorField
    terms: Sequence[tuple[int, Any, Number]]

    def fixed(self, zero: Number) -> list[Number]:
        return [c for _, _, c in self.terms]

    @property
    def program(self) -> Program:
        return _program(self.field, tuple((i, of) for i, of, _ in self.terms))


@lru_cache(maxsize=64)
def _program(field: VectorField, terms: tuple[tuple[int, Any], ...]) -> Program:
    """The speeds of a flow, whatever its numbers are."""
    size = field.dimension

    def vector_of(of: Any, place: list[Node]) -> list[Node]:
        if of and isinstance(of[0], int):
            i, inner = of
            zero = place[0] * 0
            whole = vector_of(inner, place)
            return [whole[j] if j == i else zero for j in range(len(place))]
        moved = [node for part in of for node in vector_of(part, place)]
        return field.derivative(len(of)).replay([*place, *moved])

    def speeds(nodes: list[Node]) -> list[Node]:
        place, weights = nodes[:size], nodes[size:]
        total = [nodes[0] * 0] * size
        for (i, of), weight in zip(terms, weights, strict=True):
            total[i] = total[i] + weight * vector_of(of, place)[i]
        return total

    return record(size + len(terms), speeds)


Drifting = Callable[[Statement, VectorField, Number, Mapping[str, Number]], GameFlow]
"""The stated flow on a field at a step size and rates."""
Leaves = Callable[[Callable[[Number], np.ndarray], Grad, Number, Mapping[str, Number]], np.ndarray]
"""What a path leaves of the method over one step, divided by h: from the path, F, h and rates."""


def in_one_step(
    name: str,
    drift: Drifting,
    left: Leaves,
    *,
    order: str = "order",
    rates: Sequence[str] = (),
    refutes: bool = False,
) -> Check:
    """What is left of the method on the stated flow, at short steps on random games."""

    def exactly(
        says: Statement, field: VectorField, point: Sequence[fmpq], drawn: Mapping[str, fmpq]
    ) -> np.ndarray:
        """What is left as power series in h."""
        terms = says[order].power + 2
        numbers, h = power_series(terms), PowerSeries.step(terms)
        here = drift(says, field, h, drawn)
        begin = [numbers.convert(c) for c in point]
        rows = here.program.taylor(begin, here.fixed(h), terms, numbers)
        grad = field.gradient_function(numbers)
        return left(lambda t: vector(evaluate_taylor(rows, t)), grad, h, drawn)

    def at_random(says: Statement, draw: random.Random) -> tuple[Left, Mapping[str, fmpq]]:
        at = {rate: fmpq(draw.randint(20, 90), 40) for rate in rates}
        return partial(exactly, field=game(draw), point=starting_point(draw, 2), drawn=at), at

    def judge(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        seen = None
        for _ in range(2):
            field, found = game(draw), list[float]()
            point = starting_point(draw, 2)
            drawn = {rate: fmpq(draw.randint(2, 9), 4 + i) for i, rate in enumerate(rates)}
            with precision(DIGITS):
                values = {rate: MPFR.convert(q) for rate, q in drawn.items()}
                grad = field.gradient_function(MPFR)
                for j in TINY:
                    h = MPFR.convert(fmpq(1, 2**j))
                    here = drift(says, field, h, values)
                    begin = [MPFR.convert(c) for c in point]
                    rows = here.program.taylor(begin, here.fixed(h), 9, MPFR)
                    missed = left(lambda t, r=rows: vector(evaluate_taylor(r, t)), grad, h, values)
                    found.append(float(max(abs(c) for c in missed)))
            seen = observed_order(found)
            if not seen.supports(says[order].power):
                break
        if "losses" in says.slots and says["losses"] is not Losses.EVERY:
            return Evidence(False, "it holds on other games as well")
        return Evidence(
            bool(seen and seen.supports(says[order].power)),
            f"order {seen}, stated {says[order].power}",
        )

    check = Check(name, Kind.SERIES, judge, refutes)
    return written_down(check, at_random, lambda says: says[order].power)


Move = Callable[[np.ndarray, np.ndarray, Grad, Number, Mapping[str, Number]], np.ndarray]
"""z_(k+1) from z_k and z_(k-1), F, h and rates."""


def over_time(
    name: str,
    drift: Drifting,
    move: Move,
    *,
    order: str = "order",
    when: str | None = "when",
    rates: Mapping[str, fmpq] | None = None,
    start: Callable[[Statement, np.ndarray, VectorField, Number], np.ndarray] | None = None,
    refutes: bool = False,
) -> Check:
    """Iterates beside the stated flow up to the time 1."""

    def errors(says: Statement, settings: Settings) -> list[tuple[float, float]]:
        draw = random.Random(3)
        field, point, result = game(draw), starting_point(draw, 2), list[tuple[float, float]]()
        with precision(30):
            values = {rate: MPFR.convert(q) for rate, q in (rates or {}).items()}
            grad = field.gradient_function(MPFR)
            for j in HALVINGS:
                h = MPFR.convert(fmpq(1, 2 ** (j + 1)))
                last = here = vector([MPFR.convert(c / 2) for c in point])
                begin = start(says, here, field, h) if start else here
                path = []
                for _ in range(2**j):
                    last, here = here, move(here, last, grad, h, values)
                    path.append(here)
                times = [h * k for k in range(1, 2**j + 1)]
                stated = drift(says, field, h, values)
                try:
                    other = flow(stated, list(begin), times, digits=30, arithmetic=MPFR)
                except ArithmeticError:
                    other = [here + 1] * len(path)
                gaps = [float(max(abs(c) for c in a - b)) for a, b in zip(path, other, strict=True)]
                result.append((max(gaps), gaps[-1]))
        return result

    return observed(name, errors, order=order, when=when, refutes=refutes)


def whole(of: Vector, number: Number, size: int = 2) -> list[tuple[int, Any, Number]]:
    """A number times a vector in all coordinates."""
    return [(i, of, number) for i in range(size)]
