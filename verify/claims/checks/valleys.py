"""Checks of what is said about motion along a manifold of minimizers.

`pair_sum` and the step matrices are written out here; the limit map is run on random valleys. No
check but `identical` and `leading_symbol` knows the derivation.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import mpmath
import numpy as np
import sympy
from flint import arb, fmpq

from derive import heavy_ball
from derive.language.formula import BETA, MOMENTUM, STEP, H, Z
from derive.language.update_rule import Optimizer
from derive.valleys.zero_loss_manifold import CURVATURE, CURVATURES, effective_step, kernel
from verify.claims.checks.identities import noted
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.equality import apart, in_ring
from verify.claims.slots import Domain
from verify.models.limit_map import Rest
from verify.models.modes import ModeAt, heavy_ball_mode, kept
from verify.models.valleys import Jet, curved_valley, in_mpfr, in_mpmath, place
from verify.running.expression_losses import loss_from_expression
from verify.running.losses import Loss
from verify.running.numbers import MPMATH, evaluate, precision

LAMBDA = sympy.Symbol("lambda")
LAMBDA1, LAMBDA2 = sympy.symbols("lambda1 lambda2")
VALLEY = (*MOMENTUM, *STEP)
DESCENDS = Domain((sympy.Gt(Z, 0), sympy.Lt(Z, 2)))
"""Where gradient descent is stable, z being h lambda."""
SIDES = ((fmpq(1, 16), fmpq(1, 2)), (fmpq(1, 4), fmpq(3, 4)))
"""(h, beta) with h/(1-beta)^2 = 1/4 and 4, below and above 1: both sides of gamma = 1/2."""
MOST_DIGITS = 20
MEMORYLESS = ((fmpq(1, 4), fmpq(0)), (fmpq(1, 2), fmpq(0)))


@lru_cache(maxsize=1024)
def pair_sum(mode: ModeAt, h: fmpq, beta: fmpq, first: fmpq, second: fmpq) -> fmpq:
    """The sum over all later steps of the product of two modes' positions after one unit kick."""
    return kept(mode(h, beta, first), mode(h, beta, second))[0, 0]


def effective(mode: ModeAt, h: fmpq, beta: fmpq) -> fmpq:
    """How far one unit kick moves a flat mode in the end, downhill."""
    flat = mode(h, beta, fmpq(0))
    if flat.matrix.nrows() == 1:
        return -flat.kick[0, 0]
    return -(flat.kick[0, 0] + flat.matrix[0, 1] * flat.kick[1, 0] / (1 - flat.matrix[1, 1]))


@dataclass(frozen=True)
class Rested:
    """An optimizer at rest on a random valley."""

    loss: Loss
    rest: Rest
    place: Jet
    h: fmpq
    beta: fmpq
    digits: int

    @property
    def size(self) -> fmpq:
        """The displacement of the differences: its fourth power is below the accuracy asked."""
        return fmpq(1, 10 ** (self.digits // 4))

    @property
    def step(self) -> fmpq:
        """The effective step."""
        return self.h / (1 - self.beta) if self.rest.optimizer.memory else self.h

    @property
    def kick_size(self) -> fmpq:
        """A kick that displaces the limit by `size`."""
        return self.size / self.step

    @property
    def accuracy(self) -> mpmath.mpf:
        return mpmath.mpf(10) ** (-self.digits // 2)

    def value(self, candidate: sympy.Expr, **curvatures: mpmath.mpf) -> mpmath.mpf:
        """The candidate at this step size, momentum and curvature."""
        given = {"h": MPMATH.convert(self.h), "beta": MPMATH.convert(self.beta), **curvatures}
        return evaluate(candidate, given, MPMATH)

    def along(self, i: int) -> np.ndarray:
        return in_mpfr(self.place.mode(i))

    def part(self, observed: np.ndarray, modes: Sequence[int]) -> list[mpmath.mpf]:
        """The components of a vector along these modes."""
        entries = in_mpmath(observed)
        return [mpmath.fdot(entries, self.place.mode(i)) for i in modes]


Comparison = tuple[list[mpmath.mpf], list[mpmath.mpf]]
"""What the candidate says and what the runs show."""


@lru_cache(maxsize=8)
def trials(optimizer: Optimizer, seed: int, digits: int) -> tuple[sympy.Expr, list[Rested]]:
    """A random valley and the optimizer at rest on it; what claims ask alike is run once."""
    expr = curved_valley(random.Random(seed))
    loss, at = loss_from_expression(expr), [fmpq(0)] * 3
    found = place(loss, [mpmath.mpf(0)] * 3)
    scale, made = fmpq(1, 1 + int(max(found.curvatures))), list[Rested]()
    for step, beta in SIDES if optimizer.memory else MEMORYLESS:
        parameters = dict.fromkeys(optimizer.parameters, beta)
        rest = Rest(optimizer, loss, at, step * scale, parameters, digits + 8)
        made.append(Rested(loss, rest, found, step * scale, beta, digits))
    return expr, made


def on_valleys(
    name: str,
    compare: Callable[[sympy.Expr, Rested], Comparison],
    *,
    optimizer: Optimizer = heavy_ball,
    refutes: bool = False,
) -> Check:
    """The candidate against the optimizer's limit on a random valley in three dimensions, with
    parameters on both sides of gamma = 1/2, to half the digits.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        worst, digits = mpmath.mpf(0), min(settings.digits, MOST_DIGITS)
        with precision(digits):
            expr, made = trials(optimizer, settings.seed, digits)
            for trial in made:
                said, seen = compare(candidate, trial)
                size = max(abs(s) for s in seen)
                off = max(abs(a - b) for a, b in zip(said, seen, strict=True)) / size
                if not size > trial.accuracy:
                    return Evidence(None, "the valley shows nothing here")
                if not off < trial.accuracy:
                    where = f"h = {trial.h}, beta = {trial.beta}, {expr}"
                    return Evidence(False, f"off by {mpmath.nstr(off, 3)} at {where}")
                worst = max(worst, off)
        return Evidence(True, f"relative difference {mpmath.nstr(worst, 2)}, 2 pairs (h, beta)")

    return Check(name, Kind.SIMULATION, finite(judge), refutes)


def exactly(
    name: str,
    holds: Callable[[sympy.Expr, random.Random], tuple[bool, str]],
    *,
    kind: Kind = Kind.ENUMERATION,
    refutes: bool = False,
) -> Check:
    """A check in exact arithmetic on what is drawn from the seed."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        return Evidence(*holds(candidate, random.Random(settings.seed)))

    return Check(name, kind, finite(judge), refutes)


def finite(
    judge: Callable[[sympy.Expr, Settings], Evidence],
) -> Callable[[sympy.Expr, Settings], Evidence]:
    """A candidate without a value where the right formula has one is rejected."""

    def judged(candidate: sympy.Expr, settings: Settings) -> Evidence:
        if candidate.has(sympy.zoo, sympy.nan):
            return Evidence(False, "infinite everywhere")
        try:
            return judge(candidate, settings)
        except ZeroDivisionError:
            return Evidence(False, "infinite where the right formula is not")

    return judged


def identical_slopes(derived: Callable[[], sympy.Expr]) -> Check:
    """The candidate and what is derived have one derivative in lambda, decided exactly, and both
    vanish at 0.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        try:
            wanted = derived()
            if apart(candidate, wanted):
                noted(candidate, wanted, equal=False)
                return Evidence(False, "they differ")
            difference = in_ring(sympy.diff(candidate - wanted, LAMBDA))
        except ValueError as error:
            return Evidence(False, str(error))
        equal = noted(candidate, wanted, not difference and candidate.subs(LAMBDA, 0) == 0)
        return Evidence(equal, f"slopes differ by {difference}")

    return Check("integral of the derived slope", Kind.SYMBOLIC, judge)


LATE = 40
GAMMAS = (1, 2, 3)


def leading(
    right: Callable[[fmpq, fmpq, fmpq, fmpq], fmpq],
    *,
    gammas: Sequence[int] = GAMMAS,
    refutes: bool = False,
) -> Check:
    """The candidate over the exact value tends to 1 as h -> 0 with 1-beta = C h^gamma, for gamma =
    1/4, 1/2 and 3/4 (`gammas` in quarters, 0 for a fixed beta), in exact arithmetic.
    """

    def holds(candidate: sympy.Expr, draw: random.Random) -> tuple[bool, str]:
        first, second = fmpq(draw.randint(5, 9), 10), fmpq(draw.randint(11, 20), 10)
        c, h = fmpq(draw.randint(5, 15), 20), fmpq(1, 2 ** (4 * LATE))
        for quarters in gammas:
            beta = 1 - c * fmpq(1, 2 ** (LATE * quarters))
            point = {"h": h, "beta": beta, "lambda": second, "lambda1": first, "lambda2": second}
            true = right(h, beta, first, second)
            ratio = evaluate(candidate, point) / true
            if abs(ratio - 1) > fmpq(1, 2 ** (LATE // 2)):
                shown = arb(ratio).str(3, radius=False)
                return False, f"{shown} of the exact value at gamma = {quarters}/4"
        return True, f"ratio 1 to 2^-{LATE // 2} at h = 2^-{4 * LATE}"

    return exactly("leading order along beta = 1 - C h^gamma", holds, refutes=refutes)


def leading_symbol(derived: Callable[[], sympy.Expr], *, refutes: bool = False) -> Check:
    """With h = rho (1-beta)^2 the candidate over what is derived is 1 at beta -> 1 for every rho:
    rho -> 0 is gamma < 1/2, rho -> oo is gamma > 1/2.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        rho, q = sympy.symbols("rho q")
        places = {H: rho * q**2, BETA: 1 - q}
        wanted = derived().subs(places)
        top, bottom = sympy.fraction(sympy.cancel(candidate.subs(places) / wanted))
        limit = sympy.cancel(top.subs(q, 0) / bottom.subs(q, 0)) if bottom.subs(q, 0) != 0 else None
        parts = [sympy.Poly(part, q) for part in sympy.fraction(sympy.cancel(wanted))]
        above, below = (part.EC() * q ** part.EM()[0] for part in parts)
        equal = noted(candidate, above / below, limit == 1, h=places[H], beta=places[BETA])
        return Evidence(equal, f"ratio tends to {limit}")

    return Check("leading order of the derivation", Kind.SYMBOLIC, judge, refutes)


def mixed_kernel() -> sympy.Expr:
    """-e M(0, lambda) of heavy ball, as derived."""
    flat = kernel(heavy_ball).subs(dict(zip(CURVATURES, (0, CURVATURE), strict=True)))
    return -effective_step(heavy_ball) * flat


def mixed_exactly(h: fmpq, beta: fmpq, _: fmpq, curvature: fmpq) -> fmpq:
    """The mixed term of the drift for heavy ball."""
    e = effective(heavy_ball_mode, h, beta)
    return -e * pair_sum(heavy_ball_mode, h, beta, fmpq(0), curvature)


def label_noise_exactly(mode: ModeAt, h: fmpq, beta: fmpq, curvature: fmpq) -> fmpq:
    """What stands before c P_L grad Tr H: half of -e M(lambda, lambda) lambda."""
    return -effective(mode, h, beta) / 2 * pair_sum(mode, h, beta, curvature, curvature) * curvature
