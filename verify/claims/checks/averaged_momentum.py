"""What variance the iterates of an averaged momentum keep, by solving for the moments.

m <- beta m + (1-beta) g, x <- x - eta m, with the gradient g = lambda x + xi and xi of variance s.
"""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq, fmpq_mat

from derive import heavy_ball
from derive.quadratics.linearization import Z, mode_matrix
from verify.claims.checks.averaging import agrees
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact
from verify.claims.claim import Check, Kind, Settings

ETA, LAMBDA, SAMPLE = sympy.symbols("eta lambda s")


def stationary(eta: fmpq, pull: fmpq, noise: fmpq, beta: fmpq) -> fmpq:
    """The variance of x that one step of the averaged momentum keeps, by solving for it.

    m <- beta m + (1-beta)(pull x + xi), x <- x - eta m; the unknowns are Var x, Cov(x, m), Var m.
    """
    new = 1 - beta
    # the new m in terms of (x, m), the new x in terms of (x, m), and the noise in each
    m_row, m_noise = (new * pull, beta), new
    x_row, x_noise = (1 - eta * m_row[0], -eta * m_row[1]), -eta * m_noise
    rows, right = [], []
    for (a, an), (b, bn) in (
        ((x_row, x_noise), (x_row, x_noise)),
        ((x_row, x_noise), (m_row, m_noise)),
        ((m_row, m_noise), (m_row, m_noise)),
    ):
        rows.append([a[0] * b[0], a[0] * b[1] + a[1] * b[0], a[1] * b[1]])
        right.append([an * bn * noise])
    identity = [[fmpq(i == j) for j in range(3)] for i in range(3)]
    system = fmpq_mat(
        [[e - a for e, a in zip(*pair, strict=True)] for pair in zip(identity, rows, strict=True)]
    )
    return system.solve(fmpq_mat(right))[0, 0]


def stationary_cases(settings: Settings) -> list[dict[str, Any]]:
    """Random step size, curvature, noise and momentum."""
    draw = random.Random(settings.seed)
    return [
        {
            "eta": fmpq(draw.randint(1, 9), 10),
            "lambda": fmpq(draw.randint(1, 9), 5),
            "s": fmpq(draw.randint(1, 9)),
            "beta": fmpq(draw.randint(0, 19), 20),
        }
        for _ in range(12)
    ]


def solved(name: str, *, ratio: bool = False, refutes: bool = False) -> Check:
    """The candidate is the stationary variance, or its ratio to that without momentum."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for case in stationary_cases(settings):
            known = (case["eta"], case["lambda"], case["s"])
            wanted = stationary(*known, case["beta"])
            if ratio:
                wanted /= stationary(*known, fmpq(0))
            if not agrees(candidate, wanted, **case):
                shown = ", ".join(f"{name} = {number}" for name, number in case.items())
                return False, f"wrong at {shown}"
        return True, "equal to the solution of the moment equations at 12 points"

    return exact(name, Kind.SERIES, holds, refutes=refutes)


def lyapunov() -> sympy.Expr:
    """The stationary variance from the step matrix of heavy ball at h = eta (1 - beta)."""
    p, r, q = sympy.symbols("p r q")
    step = mode_matrix(heavy_ball).subs(Z, ETA * ONE_MINUS * LAMBDA)
    covariance = sympy.Matrix([[p, r], [r, q]])
    noise = (ETA * ONE_MINUS) ** 2 * SAMPLE * sympy.ones(2, 2)
    equations = list(step * covariance * step.T + noise - covariance)
    solution = sympy.solve(equations, [p, r, q], dict=True)[0]
    return sympy.factor(solution[p])
