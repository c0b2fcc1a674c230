"""The differential equation of Nesterov's method: Su, Boyd and Candès (2016)."""

from __future__ import annotations

import random
from collections.abc import Sequence

import mpmath
import sympy
from flint import fmpq

from verify.claims.checks.identities import exact
from verify.claims.checks.inertial import (
    CONVEX_NESTEROV,
    ITERATES,
    Opening,
    T,
    beside_equation,
    global_errors,
    written,
)
from verify.claims.checks.stated import compared, observed
from verify.claims.claim import Claim, Kind, Settings, claim, second_hand
from verify.claims.slots import Losses, Order, Relation, Value, When
from verify.claims.statement import Statement, Type
from verify.running.numbers import evaluate

EQUATION = {"friction": Value(3 / T), "force": Value(sympy.Integer(1))}
DISTANCE = sympy.Symbol("d")


@claim(
    "su2016.equation",
    catalogue="G04",
    where="the differential equation",
    printed=second_hand(r"order of the iterates to it", "claims-next, G04"),
)
def equation() -> Claim:
    r"""With $t=kh$ the method is $\ddot X+\frac3t\dot X+\nabla f=-h(\nabla^2f\,\dot X
    +\frac3{2t}\nabla f)+\frac{9h}{2t^2}\dot X+O(h^2)$; no other clock removes the terms of order
    $h$, as a clock changes the last one only.
    """

    def errors(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        return global_errors(CONVEX_NESTEROV, says, Opening(rest=True))

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"The iterates {ITERATES}, $\theta_k:=k/(k+3)$, $h:=\sqrt s$, are {{order}}-close, "
            rf"{{when}}, at the times $t_k:=kh$ to {written(EQUATION)} from rest at $x_0$, for "
            r"{losses}.",
            {**EQUATION, "order": Order(1), "when": When.EVERY_STEP, "losses": Losses.EVERY},
        ),
        checks=(
            *beside_equation(CONVEX_NESTEROV, domain=False, everywhere=False),
            observed("observed order", errors),
        ),
    )


def bound(says: Statement, distance: fmpq, time: fmpq) -> fmpq:
    """The stated bound on f(X) - f*."""
    return evaluate(says.expr("bound"), {"d": distance, "t": time})


def bowl(says: Statement, draw: random.Random) -> tuple[object, object]:
    """f(X) - f* beside the bound, on a quadratic, where X is a Bessel function of the time."""
    curvature, time = fmpq(draw.randint(1, 40), 8), fmpq(draw.randint(1, 60), 8)
    distance = fmpq(draw.randint(1, 9), 4)
    z = mpmath.sqrt(mpmath.mpf(int(curvature.p)) / int(curvature.q)) * float(time)
    gap = float(curvature) / 2 * (2 * mpmath.besselj(1, z) / z * float(distance)) ** 2
    return float(gap), float(bound(says, distance, time))


def corner(says: Statement) -> tuple[fmpq, fmpq]:
    """Both sides on f = 2|x| from x_0 = 2, where X = x_0 - t^2/4, at t = 2."""
    start, slope, time = fmpq(2), fmpq(2), fmpq(2)
    return slope * (start - slope * time**2 / 8), bound(says, start, time)


def attained(says: Statement, settings: Settings) -> tuple[bool, str]:
    """The bound is reached on f = c|x|, at every distance and time."""
    for start, time in ((fmpq(1), fmpq(2)), (fmpq(9, 4), fmpq(1, 3)), (fmpq(2), fmpq(5))):
        slope = 4 * start / time**2
        gap, most = slope * (start - slope * time**2 / 8), bound(says, start, time)
        if gap != most:
            return False, f"{gap} against {most}"
    return True, "equal on three corners"


@claim(
    "su2016.rate",
    catalogue="G04",
    where="the rate of the differential equation",
    printed=second_hand(r"f(X)-f^*\le2\|x_0-x^*\|^2/t^2", "claims-next, G04"),
)
def rate() -> Claim:
    r"""$t^2(f-f^*)+2\lVert X-x^*+\frac t2\dot X\rVert^2$ falls along the equation, by
    $2t(\langle\nabla f,X-x^*\rangle-(f-f^*))\ge0$. It stays what it is where $f$ is linear as far
    as $x^*$: on $f=c|x|$, $X=x_0-ct^2/8$, and at $t^2=4x_0/c$ both sides are $cx_0/2$. So no
    smaller multiple bounds all smooth $f$ either, as they come near to a corner.
    """
    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"Along $\ddot X:=-\frac3t\dot X-\nabla f$ from rest at $x_0$, for convex $f$ with a "
            r"gradient along the path and $d:=\lVert x_0-x^*\rVert$, "
            r"$f(X)-f^*${relation}${bound}$.",
            {"relation": Relation.AT_MOST, "bound": Value(2 * DISTANCE**2 / T**2)},
        ),
        checks=(
            compared(
                "quadratics in closed form, and a corner",
                bowl,
                attained=corner,
                kind=Kind.SIMULATION,
            ),
            exact("attained in a corner", Kind.ENUMERATION, attained),
        ),
    )
