"""Order, convergence and modes of the momentum flow of Papazov, Pesme and Flammarion (2024).

The flow is lambda x'' + x' + grad F = 0; the iteration is heavy ball with step size gamma.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import sympy
from flint import fmpq, fmpq_mat

from derive import heavy_ball
from derive.engine.momentum_flow import LAMBDA
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.momentum_grid import at, drawn
from verify.claims.checks.stated import switches
from verify.claims.claim import OURS, RECALLED, Check, Claim, Evidence, Kind, Settings, claim, on
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.written_fields import damped
from verify.papers.papazov2024.crossings import real_modes
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import RATIONAL, PowerSeries, power_series
from verify.running.trajectories import vector


@claim(
    "papazov2024.convergence",
    catalogue="D05",
    where="Proposition 2",
    printed=RECALLED,
)
def convergence() -> Claim:
    r"""$V=\frac\lambda2|\dot x|^2+F$ falls at the rate $|\dot x|^2$, so $|\dot x|^2$ is integrable.
    For a minimizer $z$ of a convex $F$ and $a=|x-z|^2/2$ convexity makes the last term at most
    $-(F(x)-F(z))$. Hence $F(x)-F(z)$ is integrable, $F(x)$ tends to its minimum as $V$ falls, $a$
    has a limit for every $z$, and the path converges to a minimizer (Álvarez 2000, Opial's lemma).
    """

    def by_hand() -> sympy.Expr:
        x, v, g, z = sympy.symbols("x v g z")
        acceleration = -(v + g) / LAMBDA
        left = LAMBDA * (v**2 + (x - z) * acceleration) + (x - z) * v
        return sympy.expand(left + (x - z) * g).coeff(v, 2)

    def along_flow(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            scale, x0 = drawn(draw), starting_point(draw, dimension)
            v0, z = starting_point(draw, dimension), starting_point(draw, dimension)
            length = 6
            rows = damped(loss).taylor([*x0, *v0], [1 / scale, 1 / scale], length + 2, RATIONAL)
            grad = loss.gradient_function(power_series(length))
            place = [_in_time(row) for row in rows[:dimension]]
            speed = [_in_time(row) for row in rows[dimension:]]
            slopes = grad(vector([PowerSeries(p.polynomial, length) for p in place]))
            square = sum((v * v for v in speed), speed[0] * 0)
            gap = sum(((p - c) ** 2 for p, c in zip(place, z, strict=True)), place[0] * 0) * fmpq(
                1, 2
            )
            pull = sum((s * (p - c) for s, p, c in zip(slopes, place, z, strict=True)), gap * 0)
            bend, slope = _rate(_rate(gap)), _rate(gap)
            rise, weight = (at(says.expr(n), {"lambda": scale}) for n in ("inertia", "rate"))
            first = bend * rise + slope - square * weight + pull
            work = sum((s * v for s, v in zip(slopes, speed, strict=True)), pull * 0)
            second = _rate(square) * (scale / says.number("two")) + work
            second = second + square * says.number("loss")
            left = [series[i] for series in (first, second) for i in range(length - 1)]
            if any(left):
                return False, f"another rate at lambda = {scale}"
        return True, "Taylor series of the flow agree through t^5, 3 random losses"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Along $\ddot x:=-(\dot x+\nabla F(x))/\lambda$ half the squared distance $a$ to any "
            r"point $z$ has ${inertia}\,\ddot a+\dot a={rate}\,\lvert\dot x\rvert^2-\langle\nabla "
            r"F(x),x-z\rangle$, and the rate of $\frac\lambda{{two}}\lvert\dot x\rvert^2+F(x)$ is "
            r"$-{loss}\,\lvert\dot x\rvert^2$; of these two the path's convergence to a minimizer "
            r"is a consequence where $F$ is convex and has one.",
            {
                "rate": Value(LAMBDA),
                "inertia": Value(LAMBDA, "inertia"),
                "two": Value(sympy.Integer(2), "divisor"),
                "loss": Value(sympy.Integer(1), "rate"),
            },
        ),
        checks=(
            on("rate", identical("expansion by hand", by_hand)),
            exact("Taylor series of the flow", Kind.SERIES, along_flow),
        ),
    )


def _in_time(row: Sequence[fmpq]) -> PowerSeries:
    """A power series in time, kept in the type that has one variable."""
    t = PowerSeries.step(len(row))
    return sum((t**i * c for i, c in enumerate(row)), t * 0)


def _rate(series: PowerSeries) -> PowerSeries:
    return PowerSeries(series.polynomial.derivative(), series.length - 1)


@claim(
    "papazov2024.no-oscillation",
    catalogue="D19",
    where="one quadratic mode",
    printed=OURS,
)
def no_oscillation() -> Claim:
    r"""$\lambda r^2+r+a$ has real roots exactly for $4a\lambda\le1$. The multipliers of heavy ball
    are real for $\gamma a$ up to $(1-\sqrt\beta)^2$, that is for $a\lambda$ up to
    $1/(1+\sqrt\beta)^2$, which tends to $1/4$ as $\beta$ tends to 1.
    """

    def threshold(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq]:
        inertia = drawn(draw)
        return says.number("bound", **{"lambda": inertia}), inertia

    def by_discriminant() -> sympy.Expr:
        rate, curvature = sympy.symbols("r a")
        found = sympy.discriminant(LAMBDA * rate**2 + rate + curvature, rate)
        return sympy.solve(found, curvature)[0]

    def real_multipliers(says: Statement, settings: Settings) -> Evidence:
        """Of a step of heavy ball with 1 - beta = 2^-40 at the step size of this lambda."""
        draw, rest = random.Random(settings.seed), fmpq(1, 2**40)
        for _ in range(10):
            bound, inertia = threshold(says, draw)
            step, beta = inertia * rest**2, 1 - rest
            for side, real in ((fmpq(999999999, 10**9), True), (fmpq(1000000001, 10**9), False)):
                rows = [
                    heavy_ball.step(x, [v], lambda y, a=bound * side: a * y, step, {"beta": beta})
                    for x, v in ((fmpq(1), fmpq(0)), (fmpq(0), fmpq(1)))
                ]
                low, middle, high = fmpq_mat([[x, v] for x, (v,) in rows]).charpoly()
                if (middle**2 >= 4 * low * high) != real:
                    return Evidence(False, f"heavy ball turns elsewhere, lambda = {inertia}")
        return Evidence(True, "heavy ball's multipliers turn complex within 1e-9 of it")

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"A mode of curvature $a$ of the flow $\ddot x:=-(\dot x+ax)/\lambda$ has real rates "
            r"for $a{relation}{bound}$, and oscillates beyond; so, in the limit, do heavy ball's "
            r"modes with $\gamma:=\lambda(1-\beta)^2$ as $\beta$ grows.",
            {"relation": Relation.AT_MOST, "bound": Value(1 / (4 * LAMBDA), "threshold")},
        ),
        checks=(
            on("bound", identical("discriminant", by_discriminant)),
            switches(
                "modes of the flow",
                lambda says, force, inertia: real_modes(inertia, force),
                threshold,
            ),
            Check("multipliers of heavy ball", Kind.ENUMERATION, real_multipliers),
        ),
    )
