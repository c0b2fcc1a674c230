"""The multipliers of a mode of heavy ball, from its step matrix: when they turn, how they decay."""

from __future__ import annotations

from collections.abc import Callable

import sympy
from flint import acb, acb_mat, arb, arb_mat, fmpq, fmpq_mat

from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.models.modes import heavy_ball_mode
from verify.running.numbers import precision
from verify.running.recording import recorder


def discriminant(h: fmpq, beta: fmpq, curvature: fmpq) -> fmpq:
    """Of the characteristic polynomial of the step matrix."""
    product, minus_sum, _ = heavy_ball_mode(h, beta, curvature).matrix.charpoly()
    return minus_sum**2 - 4 * product


def oscillates(h: fmpq, beta: fmpq, curvature: fmpq) -> bool:
    """Whether the multipliers are complex."""
    return bool(discriminant(h, beta, curvature) < 0)


def rates(h: fmpq, beta: fmpq, curvature: fmpq) -> tuple[arb, arb]:
    """-log|kappa| of the slower and of the faster multiplier, in the working precision."""
    product, minus_sum, _ = heavy_ball_mode(h, beta, curvature).matrix.charpoly()
    under = minus_sum**2 - 4 * product
    if under < 0:
        envelope = -arb(product).log() / 2
        return envelope, envelope
    sign = 1 if minus_sum < 0 else -1
    larger = (arb(-minus_sum) + sign * arb(under).sqrt()) / 2
    slow = -abs(larger).log()
    return slow, -arb(abs(product)).log() - slow


def eigenvalues(matrix: fmpq_mat) -> list[acb]:
    """Enclosed by FLINT from the matrix itself."""
    entries = [[acb(matrix[i, j]) for j in range(2)] for i in range(2)]
    return acb_mat(entries).eig()


def forgets(beta: fmpq, z: fmpq) -> bool:
    """Whether 2^48 steps from anywhere end near rest: the powers of the step matrix, in balls."""
    with precision(60):
        power = arb_mat(heavy_ball_mode(fmpq(1), beta, z).matrix)
        for _ in range(48):
            power = power * power
        return bool(sum((abs(entry) for entry in power.entries()), arb(0)) < fmpq(1, 1000))


def symbolic(name: str, derived: Callable[[], sympy.Expr]) -> Check:
    """Equality of algebraic expressions, decided by SymPy on their difference."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        wanted = derived()
        difference = sympy.radsimp(sympy.expand(candidate - wanted))
        zero = bool(difference == 0 or sympy.simplify(difference) == 0)
        if (log := recorder()) is not None:
            log.identity(candidate, wanted, zero)
        return Evidence(zero, "difference 0" if zero else f"difference {difference}")

    return Check(name, Kind.SYMBOLIC, judge)
