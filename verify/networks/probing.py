"""What chosen gradients tell of a black box: impulses, sums, scales, delays and zeros.

A black box shows only what it was driven to: behaviour that begins after `STEPS` steps, or at
gradients of other sizes than were tried, stays unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from verify.networks.boxes import Box, shape_of

STEPS = 12
DELAY = 3
SHOWN = 6
SAME = 1e-8
"""Increments that differ relatively by less are the same."""
MOST_POLES = 4
SMALL, LARGE = (2.0**-80, 2.0**-70), (2.0**40, 2.0**50)


@dataclass(frozen=True)
class Findings:
    """What a black box does.

    Args:
        repeatable: two runs on the same gradients are equal.
        linear: positions from 0 are linear in the gradients.
        small, large: the power by which the steps grow with all gradients, where these are tiny
            and where they are huge; None where it is neither 0 nor 1.
        elementwise: a coordinate moves by its own gradients alone.
        counts: it depends on the number of the step.
        decay: what becomes of weights without gradients: "none", "decoupled", "coupled".
        rate: the share of the weights that a decoupled decay takes in a step.
        kernel: of a linear one the weights of a unit gradient in its own and the later steps.
        first_kernel: the same of the first gradient, where it counts steps.
        poles: the factors by which its memory fades, exact where they are rational.
    """

    repeatable: bool
    linear: bool
    small: int | None
    large: int | None
    elementwise: bool
    counts: bool
    decay: str
    rate: Fraction | float | None
    kernel: tuple[Fraction | float, ...]
    first_kernel: tuple[Fraction | float, ...]
    poles: tuple[Fraction | float | complex, ...]

    @property
    def kind(self) -> tuple[object, ...]:
        """What two ways to write one rule have in common."""
        return self.linear, self.large, self.elementwise, self.counts and not self.linear

    def as_json(self) -> dict[str, Any]:
        numbers = {n: [str(v) for v in getattr(self, n)] for n in ("kernel", "first_kernel")}
        poles = [str(pole) for pole in self.poles]
        names = ("repeatable", "linear", "small", "large", "elementwise", "counts", "decay")
        rate = None if self.rate is None else str(self.rate)
        return {n: getattr(self, n) for n in names} | {"rate": rate} | numbers | {"poles": poles}


def increments(path: np.ndarray) -> np.ndarray:
    """The steps of a path, negative as gradients are."""
    return -np.diff(path, axis=0)


def apart(path: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far the increments of two paths differ, relative to them and to the positions."""
    left, right = increments(path), increments(other)
    scale = np.maximum(abs(left), abs(right)) + 1e-4 * abs(other[:-1]) + 1e-300
    with np.errstate(invalid="ignore"):
        found = abs(left - right) / scale
    return np.where(np.isfinite(found), found, np.inf)


def same(path: np.ndarray, other: np.ndarray) -> bool:
    """Whether two paths have the same increments, to the last digits of a double."""
    return bool(apart(path, other).max() < SAME)


def probe(box: Box, shape: tuple[int, ...] | None = None) -> Findings:
    """Drive a box with chosen gradients.

    Args:
        shape: of the eight parameters; the first that the box takes without it.
    Raises:
        BadInput: it fails in its first steps.
    """
    shape = shape or shape_of(box)
    draw = np.random.default_rng(7)
    zero = np.zeros(shape)
    a, b = (list(draw.standard_normal((STEPS, *shape))) for _ in range(2))
    with np.errstate(all="ignore"):
        of_a = box(zero, a)
        repeatable = np.array_equal(of_a, box(zero, a))
        decay, rate = _decay(box, np.linspace(1, 2, 8).reshape(shape))
        linear = _linear(box, zero, a, b)
        counts = not same(of_a, box(zero, [zero] * DELAY + a)[DELAY:])
        first, later = _kernel(box, zero, 0), _kernel(box, zero, DELAY)
        tried = 1 if decay == "coupled" and not linear else STEPS  # else x grows with another power
        small, large = (_degree(box, zero, a[:tried], scales) for scales in (SMALL, LARGE))
        touched = [g.copy() for g in a]
        for g in touched:
            g.flat[0] *= -3
        others = apart(of_a, box(zero, touched)).reshape(STEPS, -1)[:, 1:]
    return Findings(
        repeatable=repeatable,
        linear=linear,
        small=small,
        large=large,
        elementwise=bool(others.max() < SAME),
        counts=counts,
        decay=decay,
        rate=rate,
        kernel=_weights(later) if linear else (),
        first_kernel=_weights(first) if linear and counts else (),
        poles=_poles(later) if linear else (),
    )


def _linear(box: Box, zero: np.ndarray, a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> bool:
    """Whether sums and multiples of gradients give those of the positions."""
    both = box(zero, [x - 3 * y for x, y in zip(a, b, strict=True)])
    sums = box(zero, a) - 3 * box(zero, b)
    return bool(np.abs(both - sums).max() < SAME * np.abs(sums).max())


def _degree(
    box: Box, zero: np.ndarray, a: Sequence[np.ndarray], scales: tuple[float, float]
) -> int | None:
    """0 or 1 where the steps grow so from gradients of the one scale to those of the other."""
    one, other = (box(zero, [c * g for g in a]) for c in scales)
    ratio = scales[1] / scales[0]
    return next((p for p in (0, 1) if same(other, ratio**p * one)), None)


def _decay(box: Box, start: np.ndarray) -> tuple[str, Fraction | float | None]:
    """What becomes of weights without gradients, and the share that a step takes where it stays."""
    path = box(start, [start * 0] * STEPS)
    if same(path, np.array([start] * (STEPS + 1))):
        return "none", None
    shares = 1 - path[1:] / path[:-1]
    share = float(shares.flat[0])
    if np.isfinite(shares).all() and np.ptp(shares) < 1e-12:
        return "decoupled", rational(share, 1e-13)
    return "coupled", None


def _kernel(box: Box, zero: np.ndarray, at: int) -> list[float]:
    """The weights of one unit gradient in its own step and the later ones."""
    unit = zero.copy()
    unit.flat[0] = 1
    gradients = [zero] * at + [unit] + [zero] * (2 * STEPS)
    found = increments(box(zero, gradients))[at:]
    return [float(step.flat[0]) for step in found]


def _weights(kernel: Sequence[float]) -> tuple[Fraction | float, ...]:
    error = 1e-14 * max(map(abs, kernel))
    return tuple(rational(weight, error) for weight in kernel[:SHOWN])


def _poles(kernel: Sequence[float]) -> tuple[Fraction | float | complex, ...]:
    """The factors of the shortest recurrence that the kernel follows after its first weight."""
    tail = np.array(kernel[1:])
    if not tail.any():
        return ()
    for order in range(1, MOST_POLES + 1):
        rows = np.array([tail[i : i + order + 1] for i in range(len(tail) - order)])
        known, last = rows[:, :order], rows[:, order]
        factors = np.linalg.lstsq(known, last, rcond=None)[0]
        if np.abs(known @ factors - last).max() < 1e-11 * np.abs(tail).max():
            roots = np.roots([1, *(-factors[::-1])])
            return tuple(_exact(root) for root in sorted(roots, key=abs, reverse=True))
    return ()


def _exact(root: complex) -> Fraction | float | complex:
    return complex(root) if abs(root.imag) > 1e-9 else rational(float(root.real), 1e-9)


def rational(value: float, error: float) -> Fraction | float:
    """The rational with a small denominator, or the shortest decimal, that a float is close to."""
    near = [Fraction(value).limit_denominator(1000)]
    near += [Fraction(f"{value:.{digits}g}") for digits in range(1, 14)]
    return next((n for n in near if abs(float(n) - value) <= error), value)
