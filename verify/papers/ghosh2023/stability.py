"""How large the effective step may be: Ghosh, Lyu, Zhang and Wang (2023), section 6."""

from __future__ import annotations

import random

import sympy
from flint import fmpq, fmpq_mat

from derive import heavy_ball
from derive.language.formula import BETA
from derive.quadratics.stability import stability_limit
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import identical
from verify.claims.checks.stated import switches
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import heavy_ball_mode
from verify.running.numbers import FLOAT

CURVATURE = sympy.Symbol("L")


def step_matrix(rate: fmpq, beta: fmpq, curvature: fmpq) -> fmpq_mat:
    """A step of heavy ball at this effective learning rate on a mode."""
    return heavy_ball_mode(rate * (1 - beta), beta, curvature).matrix


def converges(matrix: fmpq_mat) -> bool:
    """Whether both roots of the characteristic polynomial lie inside the unit circle."""
    product, minus_sum, _ = matrix.charpoly()
    return bool(abs(product) < 1 and 1 + product > abs(minus_sum))


def stays_bounded(matrix: fmpq_mat) -> bool:
    """Whether they lie in the closed disc, those on the circle being simple; the product of the
    roots is inside."""
    product, minus_sum, _ = matrix.charpoly()
    return bool(abs(product) < 1 and 1 + product >= abs(minus_sum))


@claim(
    "ghosh2023.largest-effective-rate",
    catalogue="A28",
    where="section 6, first paragraph, and footnote 3",
    printed=read(r"is stable as long as  $h \leq \frac{2+2\beta}{L}$"),
)
def largest_effective_rate() -> Claim:
    r"""The multipliers solve $\kappa^2-(1+\beta-h\lambda)\kappa+\beta$. They are inside the unit
    circle for $0<h\lambda<2(1+\beta)$; on the bound they are $-1$ and $-\beta$, so that the
    iterates stay bounded and do not settle; beyond it one is below $-1$. The effective learning
    rate is $h/(1-\beta)$. Read for the curvature it is the edge of stability, $2(1+\beta)/h$.
    """

    def by_jury() -> sympy.Expr:
        return stability_limit(heavy_ball) / (CURVATURE * ONE_MINUS)

    def threshold(says: Statement, draw: random.Random) -> tuple[fmpq, tuple[fmpq, fmpq]]:
        beta, curvature = fmpq(draw.randint(0, 19), 20), fmpq(draw.randint(1, 30), 7)
        return says.number("bound", beta=beta, L=curvature), (beta, curvature)

    def size_after(rate: float, beta: float, curvature: float) -> float:
        x, memory = 1.0, [0.0]
        for _ in range(4096):
            x, memory = heavy_ball.step(
                x, memory, lambda y: curvature * y, rate * (1 - beta), {"beta": beta}
            )
            if abs(x) > 1e9:
                break
        return abs(x)

    def three_modes(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for _ in range(3):
            bound, (beta, top) = threshold(says, draw)
            limit, momentum, largest = (FLOAT.convert(q) for q in (bound, beta, top))
            for part, wanted in ((0.95, True), (1.05, False)):
                modes = [largest * share for share in (0.1, 0.6, 1.0)]
                size = max(size_after(limit * part, momentum, mode) for mode in modes)
                if (size < 1) != wanted:
                    return Evidence(False, f"|x| = {size:.2g} at {part} of it, beta = {beta}")
        return Evidence(True, "three modes settle at 0.95 of it and one grows at 1.05, 3 beta")

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"On least squares whose largest curvature is $L$ the iterates of heavy ball stay "
            r"bounded from every start for effective learning rates $\eta:=h/(1-\beta)$ with "
            r"$\eta{relation}{bound}$, and settle for $\eta{settling}{bound}$.",
            {
                "relation": Relation.AT_MOST,
                "bound": Value(2 * (1 + BETA) / (CURVATURE * ONE_MINUS), "threshold"),
                "settling": Relation.BELOW,
            },
        ),
        checks=(
            on("bound", identical("Jury's conditions", by_jury)),
            switches(
                "bounded iterates",
                lambda says, rate, point: stays_bounded(step_matrix(rate, *point)),
                threshold,
            ),
            switches(
                "iterates that settle",
                lambda says, rate, point: converges(step_matrix(rate, *point)),
                threshold,
                relation="settling",
            ),
            Check("iterates of three modes", Kind.SIMULATION, three_modes),
        ),
    )
