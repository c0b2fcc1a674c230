"""The Lyapunov function and the rates of the high-resolution equations: Shi et al. (2022)."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.language.formula import H
from verify.claims.checks.identities import exact, marked, noted
from verify.claims.checks.inertial import ROOT, VECTORS
from verify.claims.checks.stated import switches
from verify.claims.claim import OURS, RECALLED, Claim, Kind, Settings, claim
from verify.claims.slots import Point, Relation, Value
from verify.claims.statement import Statement, Type
from verify.papers.shi2022.equations import BENT
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import evaluate_taylor
from verify.running.losses import Loss
from verify.running.numbers import MPFR, precision
from verify.running.phase_flow import Motion
from verify.running.trajectories import vector

Number = Any
TERMS = {
    "moving": r"{moving}\lVert\dot X\rVert^2",
    "across": r"{+across}\langle\dot X,\nabla^2f\,\dot X\rangle",
    "pull": r"+({pull})\langle\nabla f,X-x^*\rangle",
    "slope": r"+({slope})\lVert\nabla f\rVert^2",
}
ALONG = r"$-\ddot X:=2\sqrt\mu\dot X+h\nabla^2f\,\dot X+(1+\sqrt\mu\,h)\nabla f$"
FALL = {
    "moving": Value(ROOT),
    "across": Value(H / 2),
    "pull": Value(ROOT * (1 + ROOT * H)),
    "slope": Value(H * (1 + ROOT * H) / 2),
}


def parts(loss: Loss, x: np.ndarray, v: np.ndarray, least: np.ndarray) -> dict[str, Number]:
    """What the slots stand beside."""
    grad = vector(loss.gradient.at(list(x), MPFR))
    bent = vector(loss.derivative(1).at([*x, *v], MPFR))
    return {
        "moving": sum(v * v),
        "across": sum(v * bent),
        "pull": sum(grad * (x - least)),
        "slope": sum(grad * grad),
    }


def rate_of_change(
    loss: Loss, x: np.ndarray, v: np.ndarray, least: np.ndarray, root: Number, h: Number
) -> Number:
    """The derivative of the Lyapunov function along the equation, of its squares by differences."""
    terms = {VECTORS[name]: -slot.expr for name, slot in BENT.items()}
    path = Motion(loss, terms, {"mu": root * root, "h": h}).around([*x, *v, h * 0], 5)
    speeds = [[i * c for i, c in enumerate(row)][1:] for row in path]

    def energy(t: Number) -> Number:
        place, speed = vector(evaluate_taylor(path, t)), vector(evaluate_taylor(speeds, t))
        grad = vector(loss.gradient.at(list(place), MPFR))
        w = speed + 2 * root * (place - least) + h * grad
        return (sum(speed * speed) + sum(w * w)) / 4

    tiny = MPFR.convert(fmpq(1, 10**20))
    falling = sum(vector(loss.gradient.at(list(x), MPFR)) * v)
    return (energy(tiny) - energy(-tiny)) / (2 * tiny) + (1 + root * h) * falling


@claim(
    "shi2022.lyapunov-function",
    catalogue="G06",
    where="the Lyapunov function of (1.11), as recalled",
    printed=RECALLED,
)
def lyapunov_function() -> Claim:
    r"""With $w=\dot X+2\sqrt\mu(X-x^*)+h\nabla f$ the equation says
    $\dot w=-(1+\sqrt\mu\,h)\nabla f$; the products of $\dot X$ and $\nabla f$ cancel.
    """

    def falls(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, worst = random.Random(settings.seed), 0.0
        with precision(70):
            for _ in range(3):
                loss = bounded_polynomial(draw, 2)
                root, h = (MPFR.convert(fmpq(draw.randint(1, 20), 8)) for _ in range(2))
                x, v, least = (
                    vector([MPFR.convert(c) for c in starting_point(draw, 2)]) for _ in range(3)
                )
                said = sum(
                    says.number(name, mu=root * root, h=h) * part
                    for name, part in parts(loss, x, v, least).items()
                )
                worst = max(worst, float(abs(rate_of_change(loss, x, v, least, root, h) + said)))
        return worst < 1e-30, f"{worst:.0e} off"

    def on_a_line(says: Statement, settings: Settings) -> tuple[bool, str]:
        x, v = sympy.symbols("x v")
        f = sympy.Function("f")(x)
        g, bent = sympy.diff(f, x), sympy.diff(f, x, 2)
        push = -2 * ROOT * v - H * bent * v - (1 + ROOT * H) * g
        energy = (1 + ROOT * H) * f + v**2 / 4 + (v + 2 * ROOT * x + H * g) ** 2 / 4
        stand = {"moving": v * v, "across": v * v * bent, "pull": g * x, "slope": g * g}
        rate = sympy.diff(energy, x) * v + sympy.diff(energy, v) * push
        told, written = (
            sympy.Add(*(form.expr(name) * part for name, part in stand.items()))
            for form in (says, marked(says))
        )
        left = sympy.expand(rate + told)
        jets = dict(zip((f, g, bent), sympy.symbols("f g b"), strict=True))
        noted((written + rate).xreplace(jets), sympy.Integer(0), left == 0)
        return left == 0, f"left over: {left}"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"Along {ALONG} the function "
            r"$\mathcal E:=(1+\sqrt\mu\,h)(f-f^*)+\frac14\lVert\dot X\rVert^2"
            r"+\frac14\lVert\dot X+2\sqrt\mu(X-x^*)+h\nabla f\rVert^2$ changes by "
            rf"$-\dot{{\mathcal E}}={''.join(TERMS.values())}$, for every smooth $f$ "
            r"and every $x^*$.",
            FALL,
        ),
        checks=(
            exact("along solutions", Kind.SIMULATION, falls),
            exact("in one variable", Kind.SYMBOLIC, on_a_line),
        ),
    )


@claim("shi2022.rate-on-quadratics", catalogue="G05", where="Theorems 1 and 2", printed=OURS)
def rate_on_quadratics() -> Claim:
    r"""On the mode of curvature $\mu$ the roots of the equation of Nesterov's method are
    $-\sqrt\mu$ and $-\sqrt\mu(1+\sqrt\mu\,h)$, and no mode of larger curvature decays more slowly.
    The printed exponent is an eighth of what quadratics allow, so it is safe there and not sharp.
    """

    def decays(says: Statement, exponent: fmpq, point: Point) -> bool:
        r, h = point["r"], point["h"]
        for stiffer in (fmpq(1), fmpq(9, 8), fmpq(2), fmpq(7)):
            lam, a = r * r * stiffer, exponent * r / 2
            friction = 2 * r + h * lam
            if friction < 2 * a or a * a - friction * a + (1 + r * h) * lam < 0:
                return False
        return True

    def value(says: Statement, draw: random.Random) -> tuple[fmpq, Point]:
        point = {"r": fmpq(draw.randint(1, 9), 4), "h": fmpq(draw.randint(1, 9), 16)}
        return says.number("exponent"), point

    def slowest(says: Statement, settings: Settings) -> tuple[bool, str]:
        r, z = sympy.symbols("r z", positive=True)
        mode = z**2 - (2 * r + H * r**2) * z + (1 + r * H) * r**2
        rates = [2 * root / r for root in sympy.roots(mode, z)]
        found = min(rates, key=lambda rate: rate.subs({r: 1, H: 1}))
        equal = sympy.simplify(found - says.expr("exponent")) == 0
        return noted(says.expr("exponent"), found, equal), f"{found} on the softest mode"

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            rf"On quadratics with curvatures from $\mu$ up, the solutions of {ALONG} have "
            r"$f(X)-f^*$ below a "
            r"multiple of $e^{-a\sqrt\mu\,t}$ where $a${relation}${exponent}$ and not else.",
            {"relation": Relation.AT_MOST, "exponent": Value(sympy.Integer(2), "threshold")},
        ),
        checks=(
            switches("Hurwitz's conditions on shifted modes", decays, value),
            exact("roots of the softest mode", Kind.SYMBOLIC, slowest),
        ),
    )
