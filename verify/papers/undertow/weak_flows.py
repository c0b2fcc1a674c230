"""The stochastic modified equation of momentum in the weak sense, by exact moments."""

from __future__ import annotations

from typing import Any

import sympy
from flint import fmpq

from derive import heavy_ball, modified_loss
from derive.batches.averages import WITH_REPLACEMENT, autocovariance
from derive.language.formula import BETA, H
from derive.quadratics.linearization import Z, mode_matrix
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import ONE_MINUS, PAIR, memory_fades
from verify.claims.checks.identities import identical
from verify.claims.checks.stated import bounded, tends
from verify.claims.checks.weak_moments import Equation, bounded_error, weak_errors
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Order, Point, Slot, Value
from verify.claims.statement import Statement, Type

Number = Any
BETAS = [fmpq(n, 10) for n in (-4, 1, 5, 9)]
HALF = fmpq(1, 2)
SLOTS: dict[str, Slot] = {
    "state": Value(BETA / ONE_MINUS),
    "force": Value(1 / ONE_MINUS),
    "weight": Value(H * (1 + BETA) / (4 * ONE_MINUS**2)),
    "spread": Value(H / ONE_MINUS**2),
}
"""The equation of momentum."""


def equation(says: Statement, h: Number, beta: Number, curvature: Number) -> Any:
    """Regularizer, diffusion and weight of v that stand in the slots."""
    found = {name: says.number(name, h=h, beta=beta) for name in SLOTS}
    pull = found["force"] * (1 - beta) * (found["weight"] * curvature * 2 + 1)
    return (pull - 1) / (curvature * 2), found["spread"], found["state"]


def moment_checks(of: Equation) -> tuple[Check, ...]:
    """Exactly in powers of h, by an order in balls, and at which momenta."""

    def lasts(says: Statement, point: Point, settings: Settings) -> bool:
        found = bounded_error("", of, [point["beta"]]).judge(says, settings)
        return memory_fades(heavy_ball, point) and bool(found.passed)

    def errors(says: Statement, settings: Settings) -> list[float]:
        return weak_errors(says, of, HALF, settings)

    return (
        bounded_error("moments in powers of h", of, BETAS),
        tends("observed weak order", errors, order="order"),
        bounded("moments and fading memory", lasts, kind=Kind.SERIES),
    )


@claim(
    "undertow.momentum-weak-equation",
    catalogue="E20 A27",
    where="the equation of momentum in the weak sense",
    printed=OURS,
)
def momentum_equation() -> Claim:
    r"""$y=x+\frac\beta{1-\beta}v$ moves by $-\frac h{1-\beta}\nabla f_k(x)$: no memory is left, and
    each batch moves it once, so that the variance of a step is $h^2/(1-\beta)^2\,\Sigma$, as for
    SGD at the effective learning rate. With $x=y+\frac{h\beta}{(1-\beta)^2}\nabla f$ and noise of
    mean 0 that is uncorrelated with the new batch, the mean step is that of heavy ball without
    noise, up to $O(h^3)$, and so is the drift, for $y$ as for $x$. At the start $v=0$; read as $x$
    the start-up leaves an error of order $h$.
    """

    def accumulated() -> sympy.Expr:
        """The sum of the autocovariances of the force over all lags."""
        force = autocovariance(WITH_REPLACEMENT, sympy.Integer(0))
        return H * force * (1 + 2 * BETA / ONE_MINUS)

    def at_rest() -> sympy.Expr:
        """On a mode without curvature y must not change while v fades."""
        matrix = mode_matrix(heavy_ball).subs(Z, 0)
        return matrix[0, 1] / (1 - matrix[1, 1])

    def regularizer() -> sympy.Expr:
        return H * modified_loss(heavy_ball, order=2).terms[PAIR].as_expr()

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On a quadratic with white noise, additive and multiplicative, $y:=x{+state}v$ of SGD "
            r"with momentum has at a fixed time the first two moments of "
            r"$dY:=-{force}\nabla(f{+weight}\lVert\nabla f\rVert^2)\,dt+dN$, $Y_0:=x_0$, "
            r"${spread}\,\Sigma$ the covariance of the noise $N$ over $dt$, up to {order}, for "
            r"{domain}.",
            {**SLOTS, "order": Order(2), "domain": FADING},
        ),
        checks=(
            on("weight", identical("modified loss by B-series", regularizer)),
            on("spread", identical("sum of the autocovariances", accumulated)),
            on("state", identical("a mode without curvature", at_rest)),
            *moment_checks(equation),
        ),
    )
