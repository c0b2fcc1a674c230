"""Nesterov's method on convex functions beside its equation: Shi et al. (2022), (1.12)."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from flint import fmpq

from derive.language.formula import H
from verify.claims.checks.identities import exact, vanish
from verify.claims.checks.inertial import (
    CONVEX_NESTEROV,
    ITERATES,
    Method,
    Opening,
    T,
    beside_equation,
    global_errors,
    motion,
    nesterov_step,
    written,
)
from verify.claims.checks.stated import observed
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, second_hand
from verify.claims.slots import Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.running.losses import polynomial
from verify.running.numbers import MPFR, precision
from verify.running.trajectories import vector

EQUATION = {"friction": Value(3 / T), "force": Value(1 + 3 * H / (2 * T)), "bend": Value(H)}
STRAIGHT = {name: EQUATION[name] for name in ("friction", "force")}
LATER = Method(
    lambda x, last, grad, time, h, root: nesterov_step(
        x, last, grad, h, (time - h) / (time + 2 * h)
    ),
    lambda x, grad, h, root: x - h * h / 2 * grad(x),
    singular=True,
)


def on_clock(momentum: str, method: Method, clock: fmpq) -> Claim:
    """The order on the clock that is stated, and the order on that of the steps."""

    def pushed(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        return global_errors(method, says, Opening(push=-1))

    def at_steps(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        return global_errors(method, says, Opening(late=-clock))

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"The iterates {ITERATES}, $\theta_k:={momentum}$, $y_0:=x_0$, $h:=\sqrt s$, are "
            rf"{{order}}-close, {{when}}, at the times $t_k:=(k+{{clock}})h$ to "
            rf"{written(EQUATION)} "
            r"that starts from $x_0$ at $t_0$ with a velocity which is any multiple of "
            r"$h\nabla f(x_0)$, and {other}-close at the times $kh$, for {losses}.",
            {**EQUATION, "order": Order(2), "when": When.EVERY_STEP}
            | {"clock": Value(sympy.Rational(int(clock.p), int(clock.q))), "other": Order(1)}
            | {"losses": Losses.EVERY},
        ),
        checks=(
            *beside_equation(method, domain=False),
            observed("observed order from the printed velocity", pushed),
            observed("observed order at the times kh", at_steps, order="other", when=None),
        ),
    )


@claim(
    "shi2022.convex-equation",
    catalogue="G03",
    where="(1.12)",
    printed=second_hand(
        r"\nabla^2f\,\dot X+(1+\frac{3\sqrt s}{2t})\nabla f=0$ for", "claims-next, G03"
    ),
)
def convex_equation() -> Claim:
    r"""With $t=(k+\frac32)h$ the method is
    $t(x_{k+1}-2x_k+x_{k-1})+\frac{3h}2(x_{k+1}-x_{k-1})=-(t+\frac{3h}2)h^2\nabla f(x_k)
    -(t-\frac{3h}2)h^2(\nabla f(x_k)-\nabla f(x_{k-1}))$: its differences are even on this clock
    and on no other. A wrong velocity of order $h$ fades like $(h/t)^3$ and moves $x$ by order
    $h^2$.
    """
    return on_clock("k/(k+3)", CONVEX_NESTEROV, fmpq(3, 2))


@claim("shi2022.convex-equation-other-momentum", catalogue="G03", where="(1.12)", printed=OURS)
def other_momentum() -> Claim:
    r"""With $(k-1)/(k+2)$ in step $k$, from $k=0$ on, everything comes a step later, so that the
    same equation holds with $t=(k+\frac12)h$.
    """
    return on_clock("(k-1)/(k+2)", LATER, fmpq(1, 2))


@claim("shi2022.convex-start", catalogue="G03", where="(1.12), start", printed=OURS)
def convex_start() -> Claim:
    r"""With a constant gradient $g$ the differences $d_k=x_{k+1}-x_k$ satisfy
    $(k+3)d_k=k\,d_{k-1}-(k+3)h^2g$, so $d_k=-(k+4)h^2g/4$ and $x_k=x_0-(k^2+7k)h^2g/8$. The
    solutions of the equation are $-(t^2/8+ht/2+a+b/t^2)g$; the iterates have $b=0$, which is the
    velocity $-(t_0/4+h/2)g$ at $t_0=3h/2$.
    """
    loss = polynomial(1, (((1,), fmpq(3)),), "3x")

    def on_a_line(says: Statement, settings: Settings) -> tuple[bool, str]:
        worst = 0.0
        with precision(30):
            for h in map(MPFR.convert, (fmpq(1, 8), fmpq(1, 3))):
                grad, zero = loss.gradient_function(MPFR), h * 0
                path = [
                    vector([zero + 1]),
                    CONVEX_NESTEROV.first(vector([zero + 1]), grad, h, zero),
                ]
                for k in range(1, 12):
                    path.append(CONVEX_NESTEROV.step(path[-1], path[-2], grad, h * k, h, zero))
                start = MPFR.convert(says.number("clock")) * h
                times = [start + h * k for k in range(1, 13)]
                for name in ("right", "usual"):
                    flow = motion(says, loss, zero + 1, h)
                    state = [zero + 1, 3 * says.number(name, h=h), start]
                    try:
                        there = flow.path(state, times, digits=30)
                    except ArithmeticError as error:
                        return False, str(error)
                    for t, x, other in zip(times, path[1:], there, strict=True):
                        gap = says.number("gap", h=h, t=t) * 3 if name == "usual" else zero
                        worst = max(worst, float(abs(x - other - gap)[0]))
        return worst < 1e-25, f"{worst:.1e} off"

    def solves(says: Statement) -> tuple[sympy.Expr, ...]:
        begin = says.expr("clock") * H
        place, gap = -(T**2 / 8 + H * T / 2 - 33 * H**2 / 32), says.expr("gap")
        return (
            sympy.diff(place, T, 2)
            + says.expr("friction") * sympy.diff(place, T)
            + says.expr("force"),
            sympy.diff(gap, T, 2) + says.expr("friction") * sympy.diff(gap, T),
            place.subs(T, begin),
            gap.subs(T, begin),
            sympy.diff(place, T).subs(T, begin) - says.expr("right"),
            sympy.diff(gap, T).subs(T, begin) - says.expr("right") + says.expr("usual"),
        )

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"Where $\nabla f$ is constant, the iterates {ITERATES}, $\theta_k:=k/(k+3)$, "
            rf"$y_0:=x_0$, lie on {written(STRAIGHT)} at the times "
            r"$t_k:=(k+{clock})h$ from $x_0$ and $\dot X(t_0)={right}\nabla f$; from "
            r"$\dot X(t_0)={usual}\nabla f$ they are off by "
            r"$x_k-X(t_k)=({gap})\nabla f$ with $t:=t_k$.",
            STRAIGHT
            | {"clock": Value(sympy.Rational(3, 2)), "right": Value(-7 * H / 8), "usual": Value(-H)}
            | {"gap": Value(3 * H**2 / 32 - 27 * H**4 / (128 * T**2))},
        ),
        checks=(
            exact("along both solutions", Kind.SIMULATION, on_a_line),
            vanish("in closed form", solves),
        ),
    )
