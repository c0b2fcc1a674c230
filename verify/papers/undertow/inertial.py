"""Beyond the high-resolution equations of momentum: the next terms, with their starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy
from flint import fmpq

from derive.language.formula import H
from verify.claims.checks.inertial import (
    CONVEX_NESTEROV,
    HEAVY_BALL,
    ITERATES,
    MU,
    NESTEROV,
    ROOT,
    Method,
    Opening,
    T,
    beside_equation,
    closeness,
    global_errors,
    written,
)
from verify.claims.checks.stated import observed
from verify.claims.claim import OURS, Claim, Settings, claim
from verify.claims.slots import Losses, Order, Slot, Value, When
from verify.claims.statement import Statement, Type

SQUARE = H**2
NEXT = {
    "friction": Value(2 * ROOT + 2 * MU * ROOT * SQUARE / 3),
    "force": Value(1 + ROOT * H + MU * SQUARE / 3),
}
NEXT_BALL = {**NEXT, "curv": Value(SQUARE / 12), "third": Value(-SQUARE / 12)}
NEXT_NESTEROV = {
    **NEXT,
    "bend": Value(H),
    "curv": Value(7 * SQUARE / 12),
    "third": Value(-7 * SQUARE / 12),
}
NEXT_CONVEX = {
    "friction": Value(3 / T + SQUARE / T**3),
    "force": Value(1 + 3 * H / (2 * T) + SQUARE / (4 * T**2)),
    "bend": Value(H),
    "curv": Value(7 * SQUARE / 12),
    "third": Value(-7 * SQUARE / 12),
}
START = Value(-3 * H / 2 + 2 * ROOT * SQUARE / 3)


def third_order(name: str, terms: Mapping[str, Slot], method: Method) -> Claim:
    """A closeness of order 3, start included."""
    return Claim(says=closeness(name, terms, 3, START), checks=beside_equation(method))


@claim(
    "undertow.heavy-ball-next", catalogue="G07", where="(1.10) of Shi et al., next", printed=OURS
)
def heavy_ball_next() -> Claim:
    r"""Through $h^2$ the even differences of heavy ball are
    $\ddot X+\frac{h^2}{12}X''''+2\sqrt\mu(\dot X+\frac{h^2}6X''')=-(1+\sqrt\mu\,h)\nabla f$. The
    higher derivatives are those of $\ddot X=-2\sqrt\mu\dot X-\nabla f$; the terms with
    $\nabla^2f\,\dot X$ cancel.
    """
    return third_order("heavy ball", NEXT_BALL, HEAVY_BALL)


@claim("undertow.nesterov-next", catalogue="G07", where="(1.11) of Shi et al., next", printed=OURS)
def nesterov_next() -> Claim:
    r"""Beside $1+\sqrt\mu\,h$ times heavy ball stands
    $-(1-\sqrt\mu\,h)(\nabla f(x_k)-\nabla f(x_{k-1}))$, which is
    $-(1-\sqrt\mu\,h)(h\nabla^2f\,\dot X-\frac{h^2}2(\nabla^3f[\dot X,\dot X]+\nabla^2f\,\ddot X))$.
    """
    return third_order("Nesterov's method", NEXT_NESTEROV, NESTEROV)


@claim("undertow.convex-next", catalogue="G07", where="(1.12) of Shi et al., next", printed=OURS)
def convex_next() -> Claim:
    r"""With $t=(k+\frac32)h$ all differences stay even; $\frac{h^2}{12}X''''+\frac{h^2}{2t}X'''$ is
    written out with $\ddot X=-\frac3t\dot X-\nabla f$. Near $t_0$ every further term is as large as
    the one before, so the order is stated from a fixed time on.
    """

    def errors(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        return global_errors(CONVEX_NESTEROV, says, Opening(begin=fmpq(1)))

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"From a fixed time on, and from two iterates on a solution, the iterates {ITERATES}, "
            rf"$\theta_k:=k/(k+3)$, $h:=\sqrt s$, are {{order}}-close, {{when}}, at the times "
            rf"$t_k:=(k+{{clock}})h$ to {written(NEXT_CONVEX)}, for {{losses}}.",
            {**NEXT_CONVEX, "order": Order(3), "when": When.EVERY_STEP}
            | {"clock": Value(sympy.Rational(3, 2)), "losses": Losses.EVERY},
        ),
        checks=(
            *beside_equation(CONVEX_NESTEROV, domain=False, everywhere=False),
            observed("observed order from a fixed time on", errors),
        ),
    )
