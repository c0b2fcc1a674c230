"""Up to which step heavy ball is stable on a mode, by its step matrix.

z is step size times curvature.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy
from flint import acb, acb_mat, arb, arb_mat, fmpq, fmpq_mat

from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.running.numbers import evaluate, precision
from verify.running.recording import recorder

RATIONAL_BETAS = [fmpq(n, 20) for n in range(1, 20)]


def step_matrix(beta: fmpq, z: fmpq) -> fmpq_mat:
    """One step of heavy ball on a mode, on (position, velocity): written out, not derived."""
    return fmpq_mat([[1 - z, beta], [-z, beta]])


def spectral_radius(beta: fmpq, z: fmpq) -> arb:
    """The largest modulus of an eigenvalue, enclosed by FLINT from the matrix itself."""
    matrix = step_matrix(beta, z)
    entries = [[acb(matrix[i, j]) for j in range(2)] for i in range(2)]
    return max((abs(e) for e in acb_mat(entries).eig()), key=lambda size: float(size.mid()))


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


def growth(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
    """2^n-th powers of the step matrix decay just below the candidate limit and grow just above."""
    for beta in RATIONAL_BETAS[::3]:
        limit = evaluate(candidate, {"beta": beta})
        for side, decays in ((fmpq(99, 100), True), (fmpq(101, 100), False)):
            power = step_matrix(beta, limit * side)
            scaled = [[arb(power[i, j]) for j in range(2)] for i in range(2)]
            grown = arb_mat(scaled) ** 4096
            size = max(abs(grown[i, j]) for i in range(2) for j in range(2))
            if (size < 1) != decays:
                return (
                    False,
                    f"at {side} of the limit, beta = {beta}, the size after 4096 steps is "
                    f"{size.str(3)}",
                )
    return True, "decay at 0.99, growth at 1.01 of the limit, 4096 steps, 7 beta"


def radius_at_limit(candidate: sympy.Expr, settings: Settings) -> Evidence:
    """The spectral radius is below 1 just under the candidate limit and above 1 just over it."""
    with precision(settings.digits):
        for beta in RATIONAL_BETAS:
            limit = evaluate(candidate, {"beta": beta})
            for side, stable in ((fmpq(999, 1000), True), (fmpq(1001, 1000), False)):
                radius = spectral_radius(beta, limit * side)
                if not (radius < 1 if stable else radius > 1):
                    return Evidence(
                        False, f"radius {radius.str(6)} at {side} of the limit, beta = {beta}"
                    )
    return Evidence(True, "radius crosses 1 within 0.1 % of the limit, 19 beta")
