"""Nesterov's method as a discretized equation: Muehlebach and Jordan (2019)."""

from __future__ import annotations

import random

import sympy
from flint import arb

from verify.claims.checks.identities import meet, vanish
from verify.claims.claim import RECALLED, Check, Claim, Evidence, Kind, Settings, claim
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import BALL, evaluate, precision
from verify.running.trajectories import vector

KAPPA = sympy.Symbol("kappa", positive=True)
RATIO = (sympy.sqrt(KAPPA) - 1) / (sympy.sqrt(KAPPA) + 1)


@claim(
    "muehlebach2019.semi-implicit-euler",
    catalogue="G09",
    where="semi-implicit Euler, as recalled",
    printed=RECALLED,
)
def semi_implicit_euler() -> Claim:
    r"""A step of length $T$ multiplies the velocity by $1-2dT$, which at $T=1$ is the momentum, and
    the look-ahead $\beta\dot x$ is then the displacement that momentum alone would give. With a
    factor $1/\gamma^2$ on the force the same holds at $\gamma=1$: at $T=\gamma\ne1$ the velocity
    fades by $1-2d\gamma$.
    """

    def same(says: Statement, settings: Settings) -> Evidence:
        draw, pairs = random.Random(settings.seed), list[tuple[arb, arb]]()
        with precision(settings.digits):
            for _ in range(3):
                grad = bounded_polynomial(draw, 2).gradient_function(BALL)
                kappa, inverse = arb(draw.randint(5, 99)) / 4, arb(draw.randint(2, 20)) / 16
                friction, ahead = (says.number(n, kappa=kappa) for n in ("friction", "ahead"))
                step, momentum = arb(says.number("step")), arb(evaluate(RATIO, {"kappa": kappa}))
                x = vector([arb(c) for c in starting_point(draw, 2)])
                v, point, y = x * 0, x, x
                for _ in range(4):
                    before = y
                    y = point - inverse * grad(point)
                    point = y + momentum * (y - before)
                    v = v - step * (2 * friction * v + inverse * grad(x + ahead * v))
                    x = x + step * v
                    pairs += zip(x, y, strict=True)
            return meet(pairs)

    def on_a_mode(says: Statement) -> tuple[sympy.Expr, ...]:
        x, v, z = sympy.symbols("x v z")
        time = says.expr("step")
        new = v - time * (2 * says.expr("friction") * v + z * (x + says.expr("ahead") * v))
        own = sympy.Matrix([x + time * new, new]).jacobian([x, v])
        theirs = sympy.Matrix([[(1 + RATIO) * (1 - z), -RATIO * (1 - z)], [1, 0]])
        return (own.det() - theirs.det(), own.trace() - theirs.trace())

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"A step $v':=v-T(2dv+\nabla f(x+\beta v)/L)$; $x':=x+Tv'$ of length $T={step}$ with "
            r"$d={friction}$ and $\beta={ahead}$ from rest is one of Nesterov's method "
            r"$x':=y-\nabla f(y)/L$; $y':=x'+\alpha(x'-x)$ with "
            r"$\alpha:=(\sqrt\kappa-1)/(\sqrt\kappa+1)$, from $y_0:=x_0$.",
            {
                "step": Value(sympy.Integer(1)),
                "friction": Value(1 / (sympy.sqrt(KAPPA) + 1)),
                "ahead": Value(RATIO),
            },
        ),
        checks=(
            Check("both side by side", Kind.BALL, same),
            vanish("matrices on a mode", on_a_mode),
        ),
    )
