"""Methods for games that move all players at once, beside flows in F, F'F and the next terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from verify.claims.checks.games import (
    GameFlow,
    Grad,
    Move,
    in_one_step,
    over_time,
    whole,
)
from verify.claims.claim import Check
from verify.claims.statement import Statement
from verify.running.losses import VectorField
from verify.running.numbers import MPFR

Number = Any
F: Any = ()
TURN: Any = ((),)
STRAIGHT: Any = (((),),)
BENT: Any = ((), ())
VECTORS = {"turn": TURN, "straight": STRAIGHT, "bent": BENT}


@dataclass(frozen=True)
class GameMethod:
    """z_(k+1) from z_k and z_(k-1), and what is left of it on a path, by the times of a step."""

    move: Move
    left: Callable[[Any, Grad, Number], np.ndarray]


def _proximal(
    z: np.ndarray, last: np.ndarray, field: Grad, h: Number, rates: Mapping[str, Number]
) -> np.ndarray:
    new = z
    for _ in range(40):
        new = z - h * field(new)
    return new


METHODS: Mapping[str, GameMethod] = {
    "descent-ascent": GameMethod(
        lambda z, last, field, h, rates: z - h * field(z),
        lambda path, field, h: path(h) - path(0 * h) + h * field(path(0 * h)),
    ),
    "proximal-point": GameMethod(
        _proximal,
        lambda path, field, h: path(h) - path(0 * h) + h * field(path(h)),
    ),
    "extragradient": GameMethod(
        lambda z, last, field, h, rates: z - h * field(z - h * field(z)),
        lambda path, field, h: (
            path(h) - path(0 * h) + h * field(path(0 * h) - h * field(path(0 * h)))
        ),
    ),
    "optimistic": GameMethod(
        lambda z, last, field, h, rates: z - 2 * h * field(z) + h * field(last),
        lambda path, field, h: (
            path(h) - path(0 * h) + 2 * h * field(path(0 * h)) - h * field(path(-h))
        ),
    ),
}
"""The last position before the first step is the first position."""


def beside_methods(
    name: str,
    slots: Callable[[str], Mapping[str, str]],
    *,
    start: str | None = None,
) -> tuple[Check, ...]:
    """One short step on the stated flow, and the iterates beside it.

    Args:
        slots: for a method, the slots that stand beside F'F, F'F'F and F''[F, F].
        start: the slot with what F'F is multiplied by in the start of the flow, if it is moved.
    """
    method = METHODS[name]

    def drift(
        says: Statement, field: VectorField, h: Number, rates: Mapping[str, Number]
    ) -> GameFlow:
        terms = whole(F, h * 0 - 1)
        for vector, slot in slots(name).items():
            terms += whole(VECTORS[vector], says.number(slot, h=h))
        return GameFlow(field, terms)

    def left(path: Any, field: Grad, h: Number, rates: Mapping[str, Number]) -> np.ndarray:
        return method.left(path, field, h) / h

    def moved(says: Statement, z: np.ndarray, field: VectorField, h: Number) -> np.ndarray:
        place = list(z)
        first = field.derivative(0).at(place, MPFR)
        turn = np.array([*field.derivative(1).at([*place, *first], MPFR), None], dtype=object)
        return z + says.number(start or "", h=h) * turn[:-1]

    return (
        in_one_step(f"{name} in one short step", drift, left),
        over_time(f"{name}, observed order", drift, method.move, start=moved if start else None),
    )
