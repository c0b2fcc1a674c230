"""Momentum methods as conformal symplectic maps: França, Sulam, Robinson and Vidal (2020)."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from flint import arb, fmpq

from derive.language.formula import H
from verify.claims.checks.identities import exact, meet, vanish
from verify.claims.checks.inertial import ROOT, Method, beside_equation, nesterov_step, written
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, second_hand
from verify.claims.slots import Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.running.families import bounded_polynomial, starting_point
from verify.running.losses import Loss
from verify.running.numbers import BALL, MPFR, Arithmetic, exp, precision
from verify.running.trajectories import vector

Number = Any
MASS, CURVATURE, FRICTION = sympy.symbols("m lambda gamma")
FADED = sympy.exp(-FRICTION * H)
SAYS = second_hand(
    r"precisely the conformal symplectic Euler discretization under", "claims-next, G08"
)
FLOW = {"friction": Value(2 * ROOT), "force": Value(sympy.Integer(1))}


def euler(
    grad: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    p: np.ndarray,
    friction: Number,
    h: Number,
    mass: Number,
) -> tuple[np.ndarray, np.ndarray]:
    """One step of conformal symplectic Euler."""
    p = exp(-friction * h) * p - h * grad(x)
    return x + h * p / mass, p


def drawn(
    draw: random.Random, size: int, numbers: Arithmetic
) -> tuple[Loss, np.ndarray, np.ndarray, Number, Number, Number]:
    """A loss, a place, a momentum, a friction, a step and a mass."""
    loss = bounded_polynomial(draw, size)
    x, p = (vector([numbers.convert(c) for c in starting_point(draw, size)]) for _ in range(2))
    friction, h, mass = (numbers.convert(fmpq(draw.randint(1, 30), 16)) for _ in range(3))
    return loss, x, p, friction, h, mass


@claim("franca2020.heavy-ball", catalogue="G08", where="heavy ball", printed=SAYS)
def heavy_ball() -> Claim:
    r"""The displacement of a step is $h/m$ times the new momentum, so that the last displacement
    enters with $e^{-\gamma h}$ and the gradient with $h\cdot h/m$.
    """

    def same(says: Statement, settings: Settings) -> Evidence:
        draw, pairs = random.Random(settings.seed), list[tuple[arb, arb]]()
        with precision(settings.digits):
            for _ in range(4):
                loss, x, p, friction, h, mass = drawn(draw, 2, BALL)
                grad = loss.gradient_function(BALL)
                at = {"gamma": friction, "h": h, "m": mass}
                fade, step = (says.number(name, **at) for name in ("fade", "step"))
                last, here = x - h * p / mass, x
                for _ in range(3):
                    x, p = euler(grad, x, p, friction, h, mass)
                    last, here = here, here + fade * (here - last) - step * grad(here)
                    pairs += zip(x, here, strict=True)
            return meet(pairs)

    def on_a_mode(says: Statement) -> tuple[sympy.Expr, ...]:
        step = sympy.Matrix(
            [[1 - H**2 * CURVATURE / MASS, H * FADED / MASS], [-H * CURVATURE, FADED]]
        )
        return (
            step.det() - says.expr("fade"),
            step.trace() - 1 - says.expr("fade") + says.expr("step") * CURVATURE,
        )

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Heavy ball $x_{k+1}:=x_k+\beta(x_k-x_{k-1})-\varepsilon\nabla f(x_k)$ with "
            r"$\beta={fade}$ and $\varepsilon={step}$ is conformal symplectic Euler "
            r"$p_{k+1}:=e^{-\gamma h}p_k-h\nabla f(x_k)$; $x_{k+1}:=x_k+hp_{k+1}/m$.",
            {"fade": Value(FADED), "step": Value(H**2 / MASS)},
        ),
        checks=(
            Check("both side by side", Kind.BALL, same),
            vanish("matrices on a mode", on_a_mode),
        ),
    )


def determinant(step: Any, x: np.ndarray, p: np.ndarray) -> Number:
    """The determinant of a step by (x, p), by difference quotients."""
    tiny, size = MPFR.convert(fmpq(1, 10**20)), len(x)
    rows: list[list[Number]] = []
    for unit in units(2 * size):
        moved = tiny * unit
        ahead, behind = (
            np.concatenate(step(x + sign * moved[:size], p + sign * moved[size:]))
            for sign in (1, -1)
        )
        rows.append(list((ahead - behind) / (2 * tiny)))
    return _det(rows)


def units(size: int) -> list[np.ndarray]:
    """The unit vectors."""
    return [vector([MPFR.convert(fmpq(int(i == j))) for j in range(size)]) for i in range(size)]


def _det(rows: list[list[Number]]) -> Number:
    if len(rows) == 1:
        return rows[0][0]
    minors = ([row[:i] + row[i + 1 :] for row in rows[1:]] for i in range(len(rows)))
    return sum((-1) ** i * rows[0][i] * _det(minor) for i, minor in enumerate(minors))


@claim("franca2020.contraction", catalogue="G08", where="Nesterov's method", printed=SAYS)
def contraction() -> Claim:
    r"""Both steps are shears but for one factor each: the momentum is multiplied by
    $e^{-\gamma h}$, and Nesterov's $x$ leaves the look-ahead $y$ by $-\frac{h^2}m\nabla f(y)$.
    """

    def agrees(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, worst = random.Random(settings.seed), 0.0
        with precision(70):
            for size in (1, 2, 3):
                loss, x, p, friction, h, mass = drawn(draw, size, MPFR)
                grad, fade = loss.gradient_function(MPFR), exp(-friction * h)

                def nesterov(
                    x: np.ndarray, p: np.ndarray, fade=fade, grad=grad, h=h, mass=mass
                ) -> tuple[np.ndarray, np.ndarray]:
                    p = fade * p - h * grad(x + h * fade * p / mass)
                    return x + h * p / mass, p

                ball = determinant(
                    lambda x, p, f=friction, h=h, m=mass, g=grad: euler(g, x, p, f, h, m), x, p
                )
                ahead = x + h * fade * p / mass
                at = {"gamma": friction, "h": h, "m": mass}
                wanted = says.number("factor", **at) ** size
                minus = says.number("minus", **at)
                bent = [
                    list(unit + minus * vector(loss.derivative(1).at([*ahead, *unit], MPFR)))
                    for unit in units(size)
                ]
                gaps = (ball - wanted, determinant(nesterov, x, p) - wanted * _det(bent))
                worst = max(worst, *(float(abs(g)) for g in gaps))
        return worst < 1e-25, f"{worst:.0e} off"

    def on_a_mode(says: Statement) -> tuple[sympy.Expr, ...]:
        x, p = sympy.symbols("x p")
        found = []
        for ahead in (0, H * FADED / MASS):
            new = FADED * p - H * CURVATURE * (x + ahead * p)
            found.append(sympy.Matrix([x + H * new / MASS, new]).jacobian([x, p]).det())
        factor = says.expr("factor")
        return (found[0] - factor, found[1] - factor * (1 + says.expr("minus") * CURVATURE))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In $d$ dimensions the Jacobian determinant of a step in $(x,p)$ is $({factor})^d$ "
            r"for heavy ball, and for Nesterov's method, whose gradient is taken at "
            r"$y:=x+he^{-\gamma h}p/m$, it is $({factor})^d\det(I{+minus}\nabla^2f(y))$.",
            {"factor": Value(FADED), "minus": Value(-(H**2) / MASS)},
        ),
        checks=(
            exact("difference quotients", Kind.SIMULATION, agrees),
            vanish("matrices on a mode", on_a_mode),
        ),
    )


FADING = Method(
    lambda x, last, grad, time, h, root: nesterov_step(x, last, grad, h, exp(-2 * root * h)),
    lambda x, grad, h, root: x - (1 + exp(-2 * root * h)) * h * h * grad(x),
)


@claim("franca2020.same-flow", catalogue="G08", where="Nesterov's method", printed=SAYS)
def same_flow() -> Claim:
    r"""Nesterov's method has the differences of heavy ball and a term $h\nabla^2f\,\dot X$ beside
    them, of the order of the error of either.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Nesterov's method with momentum $\beta:=e^{-\gamma h}$, $\gamma:=2\sqrt\mu$, and "
            rf"gradient step $h^2$ is {{order}}-close, {{when}}, at the times $t_k:=kh$ to "
            rf"{written(FLOW)} from rest at $x_0$, for {{losses}}.",
            {**FLOW, "order": Order(1), "when": When.EVERY_STEP, "losses": Losses.EVERY},
        ),
        checks=beside_equation(FADING, domain=False),
    )
